package build

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/source"
	"ethorder/internal/tool"

	"github.com/sirupsen/logrus"
)

const (
	// defaultBase is the base image, as in Dockerfile.build.
	defaultBase = "golang:1.26.8-bookworm"
	// baseGo is the Go of defaultBase, and of the image made in its place.
	baseGo = "go1.26.8"
	// madeBase is the image that is made of Debian packages where defaultBase
	// cannot be pulled.
	madeBase = "ethorder-build-base:" + suite + "-" + baseGo
	suite    = "bookworm"
)

// Container builds the patched engine of a release in a container, by
// Dockerfile.build, and returns its path. The container has no network: the
// sources, the tool's modules and the toolchain are fetched and verified here
// first. base is the image to build on; "" is the default one, pulled if it can
// be, else made of Debian packages. Every image and container that this makes is
// removed again, the base too with removeBase, unless it was there before.
func Container(ctx context.Context, root repo.Root, name, base string, removeBase bool) (string, error) {
	rel, err := pins.Find(root, name)
	if err != nil {
		return "", err
	}
	if err := tool.Need("go", "git", "docker"); err != nil {
		return "", err
	}
	if _, err := docker(ctx, root, "version", "--format", "{{.Server.Version}}"); err != nil {
		return "", tool.CannotRunf("no Docker Engine answers: %v", err)
	}
	src, err := lockedSource(ctx, root, rel)
	if err != nil {
		return "", err
	}
	// The rest takes minutes, and must not keep other stages waiting.
	out := root.Out(rel.Name, "container")
	unlock, err := repo.Lock(ctx, out)
	if err != nil {
		return "", err
	}
	defer unlock()
	stamp, err := containerStamp(root, rel, src, base)
	if err != nil {
		return "", err
	}
	dst := filepath.Join(out, "dockerd")
	if ok, err := stamp.UpToDate(dst); ok || err != nil {
		if ok {
			logrus.Infof("%s is up to date, %s", root.Rel(dst), compare(root, rel, dst, stamp))
		}
		return dst, err
	}
	if err := repo.NeedFree(root.Out(), 4096); err != nil {
		return "", err
	}
	start := time.Now()
	tmp, err := repo.TempDir(out)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)

	base, pulled, err := baseImage(ctx, root, base, tmp)
	if err != nil {
		return "", err
	}
	if removeBase && pulled {
		defer func() {
			if _, err := docker(context.WithoutCancel(ctx), root, "image", "rm", base); err != nil {
				logrus.Warn(err)
			}
		}()
	}
	bin := filepath.Join(tmp, "dockerd")
	if err := dockerBuild(ctx, root, rel, src, base, tmp); err != nil {
		return "", err
	}
	if err := verify(bin); err != nil {
		return "", err
	}
	if err := install(bin, dst, tmp, stamp); err != nil {
		return "", err
	}
	logrus.Infof("build %s in a container: %s, %s, %s", rel.Name, root.Rel(dst), compare(root, rel, dst, stamp), time.Since(start).Round(time.Second))
	return dst, nil
}

// lockedSource makes the stock tree, and holds the release's lock meanwhile.
func lockedSource(ctx context.Context, root repo.Root, rel pins.Release) (string, error) {
	unlock, err := repo.Lock(ctx, root.Out(rel.Name))
	if err != nil {
		return "", err
	}
	defer unlock()
	return source.Fetch(ctx, root, rel, "")
}

// containerStamp is what a container build is made from.
func containerStamp(root repo.Root, rel pins.Release, src, base string) (repo.Stamp, error) {
	s, err := patch.Load(root, rel.Line)
	if err != nil {
		return nil, err
	}
	key, err := s.Key()
	if err != nil {
		return nil, err
	}
	dockerfile, err := repo.HashFile(root.Path("Dockerfile.build"))
	return repo.Stamp{
		"source": repo.ReadStamp(src).Key(), "series": key, "toolchain": rel.Toolchain, "version": rel.Name + Suffix,
		"tags": Tags, "flags": allFlags,
		"dockerfile": dockerfile, "base": base,
	}, err
}

// dockerBuild runs docker build, puts dockerd and its checksum into tmp, and
// removes the images and the container that it made.
func dockerBuild(ctx context.Context, root repo.Root, rel pins.Release, src, base, tmp string) error {
	vendor, proxy := filepath.Join(tmp, "vendor"), filepath.Join(tmp, "proxy")
	if _, err := tool.Run(ctx, tool.Cmd{
		Dir: string(root), What: "fetch the modules of the tool", Args: []string{"go", "mod", "vendor", "-e", "-o", vendor},
	}); err != nil {
		return err
	}
	if err := os.MkdirAll(proxy, 0o755); err != nil {
		return err
	}
	if rel.Toolchain != baseGo || base != defaultBase && base != madeBase {
		if err := toolchainProxy(ctx, rel.Toolchain, proxy); err != nil {
			return err
		}
	}
	before, err := docker(ctx, root, "image", "ls", "-aq", "--no-trunc")
	if err != nil {
		return err
	}
	image := "ethorder-build:" + strings.TrimLeft(filepath.Base(tmp), ".-") // a name that no other run has
	log := root.Out(rel.Name, "log", "container.log")
	defer removeMade(ctx, root, image, log, before)

	// The archive is written while docker reads it.
	r, w := io.Pipe()
	defer r.Close()
	go func() {
		w.CloseWithError(writeContext(w, root, rel, src, vendor, proxy))
	}()
	if _, err := tool.Run(ctx, tool.Cmd{
		Dir: tmp, Env: dockerEnv(), Stdin: r, Log: log, What: "build " + rel.Name + " in a container",
		Args: []string{
			"docker", "build", "--network", "none", "--force-rm", "-f", "Dockerfile.build", "-t", image,
			"--build-arg", "BASE=" + base, "--build-arg", "RELEASE=" + rel.Name, "-",
		},
	}); err != nil {
		return err
	}
	id, err := docker(ctx, root, "create", "--network", "none", image, "/dockerd")
	if err != nil {
		return err
	}
	id = strings.TrimSpace(id)
	defer func() {
		if _, err := docker(context.WithoutCancel(ctx), root, "container", "rm", id); err != nil {
			logrus.Warn(err)
		}
	}()
	for _, f := range []string{"dockerd", "dockerd.sha256"} {
		if _, err := docker(ctx, root, "cp", id+":/"+f, filepath.Join(tmp, f)); err != nil {
			return err
		}
	}
	return nil
}

// dockerEnv selects the legacy builder, unless the user selects one: it leaves
// no build cache behind.
func dockerEnv() []string {
	if os.Getenv("DOCKER_BUILDKIT") != "" {
		return nil
	}
	return []string{"DOCKER_BUILDKIT=0"}
}

func docker(ctx context.Context, root repo.Root, args ...string) (string, error) {
	return tool.Run(ctx, tool.Cmd{Dir: string(root), What: "docker " + args[0], Args: append([]string{"docker"}, args...)})
}

// step is the line in which the legacy builder names the image of a step.
var step = regexp.MustCompile(`(?m)^ ---> ([0-9a-f]{12})$`)

// removeMade removes the tagged image and those of the steps that the log names,
// but none that was there before, also when ctx has ended. BuildKit makes none
// for steps.
func removeMade(ctx context.Context, root repo.Root, image, log, before string) {
	ctx = context.WithoutCancel(ctx)
	b, err := os.ReadFile(log)
	if err != nil {
		return // docker build did not start
	}
	made := []string{image}
	// The last first: an image cannot go before its children.
	steps := step.FindAllStringSubmatch(string(b), -1)
	for i := len(steps) - 1; i >= 0; i-- {
		if id := steps[i][1]; !strings.Contains(before, "sha256:"+id) && !slices.Contains(made, id) {
			made = append(made, id)
		}
	}
	// After an interrupt, docker takes a moment to stop and remove the container
	// of the step that ran.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Second) {
		made = slices.DeleteFunc(made, func(id string) bool {
			// Those that the removal of a child took along are gone already.
			if !haveImage(ctx, root, id) {
				return true
			}
			_, err = docker(ctx, root, "image", "rm", id)
			return err == nil
		})
		if len(made) == 0 {
			return
		}
		if time.Now().After(deadline) {
			logrus.Warnf("images of this build are left: %s\n%v", strings.Join(made, " "), err)
			return
		}
	}
}

// verify compares a file with the checksum beside it.
func verify(path string) error {
	got, err := repo.HashFile(path)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(path + ".sha256")
	if err != nil {
		return err
	}
	if want, _, _ := strings.Cut(string(b), " "); got != want {
		return fmt.Errorf("checksum of the dockerd that came out of the container: got %s, want %s as it was in there", got, want)
	}
	return nil
}

// compare says whether the host's own build of the same patches gave the same
// binary.
func compare(root repo.Root, rel pins.Release, bin string, want repo.Stamp) string {
	host := Path(root, rel.Name, true)
	tree := repo.ReadStamp(patch.Dir(root, rel))
	have := repo.ReadStamp(host)
	if have == nil || have["source"] != tree.Key() || tree["series"] != want["series"] || tree["source"] != want["source"] {
		return "no host build of the same patches to compare it with"
	}
	a, errA := repo.HashFile(bin)
	b, errB := repo.HashFile(host)
	if err := errors.Join(errA, errB); err != nil {
		return err.Error()
	}
	if a != b {
		return fmt.Sprintf("sha256 %s…, and %s has %s…: the C compilers or libraries differ", a[:12], root.Rel(host), b[:12])
	}
	return "the same file as " + root.Rel(host) + " (sha256 " + a[:12] + "…)"
}

// toolchainProxy fetches the toolchain, whose checksum go compares with the
// public database, and lays it out for GOPROXY=file://.
func toolchainProxy(ctx context.Context, toolchain, dir string) error {
	const path = "golang.org/toolchain"
	version := "v0.0.1-" + toolchain + ".linux-amd64"
	out, err := tool.Run(ctx, tool.Cmd{Dir: os.TempDir(), What: "fetch the toolchain " + toolchain, Args: []string{"go", "mod", "download", "-json", path + "@" + version}})
	if err != nil {
		return err
	}
	var info struct{ Info, GoMod, Zip string }
	if err := json.Unmarshal([]byte(out), &info); err != nil {
		return err
	}
	at := filepath.Join(dir, path, "@v")
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	for ext, file := range map[string]string{".info": info.Info, ".mod": info.GoMod, ".zip": info.Zip} {
		if err := os.Symlink(file, filepath.Join(at, version+ext)); err != nil {
			return err
		}
	}
	return nil
}

// writeContext writes the archive that docker build gets: this repository, the
// verified source tree, and what go would otherwise fetch.
func writeContext(w io.Writer, root repo.Root, rel pins.Release, src, vendor, proxy string) error {
	t := tar.NewWriter(w)
	add := func(path, name string) error { return addTree(t, path, name) }
	files := []string{"Dockerfile.build", "go.mod", "go.sum", "cmd", "internal", "patch", "scripts"}
	ours, err := filepath.Glob(root.Path("*.go"))
	if err != nil {
		return err
	}
	for _, f := range ours {
		files = append(files, filepath.Base(f))
	}
	for _, f := range files {
		if err := add(root.Path(f), f); err != nil {
			return err
		}
	}
	at := filepath.Join("out", rel.Name, "source")
	for path, name := range map[string]string{
		src: at, repo.StampPath(src): repo.StampPath(at), vendor: "vendor", proxy: "out/proxy",
	} {
		if err := add(path, name); err != nil {
			return err
		}
	}
	return t.Close()
}

// addTree adds a file or a tree to an archive. Symbolic links within a tree stay
// what they are, but for those that lead out by an absolute path.
func addTree(t *tar.Writer, path, name string) error {
	return filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		link := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if link, err = os.Readlink(p); err != nil {
				return err
			}
			if filepath.IsAbs(link) {
				if info, err = os.Stat(p); err != nil {
					return err
				}
			}
		}
		h, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(path, p)
		if err != nil {
			return err
		}
		h.Name = filepath.ToSlash(filepath.Join(name, rel))
		h.Uid, h.Gid, h.Uname, h.Gname = 0, 0, "", ""
		if err := t.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
			return err
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(t, f)
		return err
	})
}

// baseImage returns the image to build on, and whether it was not there before.
func baseImage(ctx context.Context, root repo.Root, base, tmp string) (image string, added bool, err error) {
	want := base
	if want == "" {
		want = defaultBase
	}
	if haveImage(ctx, root, want) {
		return want, false, nil
	}
	if base == "" && haveImage(ctx, root, madeBase) {
		return madeBase, false, nil
	}
	if want != madeBase {
		_, err := docker(ctx, root, "pull", "--quiet", want)
		if err == nil {
			return want, true, nil
		}
		if base != "" || ctx.Err() != nil {
			return "", false, err
		}
		var failed *tool.CmdError
		if errors.As(err, &failed) {
			logrus.Infof("%s cannot be pulled (%s); making %s of Debian packages", want, strings.TrimSpace(failed.Output), madeBase)
		}
	}
	return madeBase, true, debootstrap(ctx, root, tmp)
}

func haveImage(ctx context.Context, root repo.Root, image string) bool {
	_, err := docker(ctx, root, "image", "inspect", "--format", "{{.Id}}", image)
	return err == nil
}

// debootstrap makes the image madeBase: Debian's gcc and git, and the Go of
// baseGo.
func debootstrap(ctx context.Context, root repo.Root, tmp string) error {
	if os.Geteuid() != 0 {
		return tool.CannotRunf("making a base image of Debian packages takes root; run this with sudo, or name an image with --base")
	}
	if tool.Need("debootstrap") != nil {
		if _, err := tool.Run(ctx, tool.Cmd{Dir: string(root), What: "install debootstrap", Args: []string{root.Path("scripts", "packages"), "debootstrap"}}); err != nil {
			return err
		}
		if err := tool.Need("debootstrap"); err != nil {
			return err
		}
	}
	gocmd, err := tool.Go(ctx, baseGo)
	if err != nil {
		return err
	}
	base := filepath.Join(tmp, "base")
	args := []string{"debootstrap", "--variant=minbase", "--include=ca-certificates,gcc,git,libc6-dev", suite, base}
	if mirror := debianMirror(ctx); mirror != "" {
		args = append(args, mirror)
	}
	if _, err := tool.Run(ctx, tool.Cmd{Dir: tmp, Log: root.Out("log", "debootstrap.log"), What: "debootstrap " + suite, Args: args}); err != nil {
		return err
	}
	goroot := filepath.Dir(filepath.Dir(gocmd))
	// What builds nothing stays out: some storage drivers copy an image at
	// every step of a build.
	_, err = tool.Run(ctx, tool.Cmd{
		Dir: tmp, What: "import " + madeBase,
		Args: []string{"sh", "-c", `set -e
			rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/* "$1"/usr/share/doc "$1"/usr/share/locale "$1"/usr/share/man
			mkdir -p "$1/usr/local/go"
			cp -r "$2"/bin "$2"/lib "$2"/pkg "$2"/src "$2"/go.env "$2"/VERSION "$1/usr/local/go/"
			tar -C "$1" -c . | docker import --change "ENV PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" - "$3"`,
			"sh", base, goroot, madeBase},
	})
	return err
}

// debianMirror returns the address from which apt on this machine gets the
// suite, or "" for debootstrap's default.
func debianMirror(ctx context.Context) string {
	out, err := tool.Run(ctx, tool.Cmd{Dir: "/", What: "ask apt for its mirror", Args: []string{
		"apt-get", "indextargets", "--format", "$(SITE) $(CODENAME) $(LABEL) $(SUITE)", "Created-By: Packages",
	}})
	if err != nil {
		return ""
	}
	for _, line := range strings.Split(out, "\n") {
		if f := strings.Fields(line); len(f) >= 3 && f[1] == suite && f[2] == "Debian" {
			return f[0]
		}
	}
	return ""
}
