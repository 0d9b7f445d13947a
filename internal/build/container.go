package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
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
	// defaultBase is the base image of Dockerfile.build.
	defaultBase = "golang:1.26.8-bookworm"
	// baseGo is the Go of defaultBase, and of the image made in its place.
	baseGo = "go1.26.8"
	// madeBase is defaultBase with the libraries, or where that cannot be pulled, an image made
	// of Debian packages.
	madeBase = "ethorder-build-base:" + suite + "-" + baseGo + "-libraries"
	suite    = "bookworm"
)

// basePackages are the Debian packages of madeBase, beside those of libraries.
var basePackages = []string{"ca-certificates", "gcc", "git", "libc6-dev", "pkg-config"}

// ContainerOptions say how to build in a container.
type ContainerOptions struct {
	Release pins.Release
	// Base is the image to build on; "" is one with the libraries, made from the default base
	// if that can be pulled, else of Debian packages.
	Base       string
	RemoveBase bool
	BuildKit   bool // in the place of the legacy builder, which leaves no build cache behind
	Compare    bool // build on this machine too, and fail if that gives another file
}

// Path returns where Container puts the engine.
func (o ContainerOptions) Path(root repo.Root) string {
	dir := "container"
	if o.BuildKit {
		dir += "-buildkit"
	}
	return root.Out(o.Release.Name, dir, "dockerd")
}

// Container builds the patched engine of a release in a container, by
// Dockerfile.build, and returns its path. The container has no network: the
// sources, the tool's modules and the toolchain are fetched and verified here
// first. Every image and container that this makes is removed again, the base only with
// RemoveBase, unless it was there before.
//
// With Compare, the error is ErrOtherInputs if the two files differ, but were made by other
// compilers or C libraries.
func Container(ctx context.Context, root repo.Root, o ContainerOptions) (string, error) {
	dst, err := inContainer(ctx, root, o)
	if err != nil || !o.Compare {
		return dst, err
	}
	host, err := Engine(ctx, root, Options{Release: o.Release})
	if err != nil {
		return "", err
	}
	return dst, compare(root, host, dst)
}

func inContainer(ctx context.Context, root repo.Root, o ContainerOptions) (string, error) {
	rel := o.Release
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
	// The rest takes minutes, and must not keep other builds waiting.
	dst := o.Path(root)
	out := filepath.Dir(dst)
	unlock, err := repo.Lock(ctx, out)
	if err != nil {
		return "", err
	}
	defer unlock()
	stamp, err := containerStamp(ctx, root, rel, src, o.Base)
	if err != nil {
		return "", err
	}
	_, err = stamp.Make(root, "build "+rel.Name+" in a container", out, dst, 4096, func(tmp string) (repo.Made, error) {
		bin := filepath.Join(tmp, "dockerd")
		base, added, err := baseImage(ctx, root, o.Base, tmp)
		if err != nil {
			return repo.Made{}, err
		}
		if o.RemoveBase && len(added) > 0 {
			defer func() {
				if _, err := docker(context.WithoutCancel(ctx), root, slices.Concat([]string{"image", "rm"}, added)...); err != nil {
					logrus.Warn(err)
				}
			}()
		}
		// Seen where an engine's store of networks had lost a key: it makes images, and fails
		// the first step that runs something.
		if _, err := docker(ctx, root, "run", "--rm", "--network", "none", base, "sh", "-c", "true"); err != nil {
			return repo.Made{}, tool.CannotRunf("the Docker Engine of this machine does not start a container: %v\nnext: restart it (systemctl restart docker)", err)
		}
		if err := dockerBuild(ctx, root, rel, base, o.BuildKit, tmp); err != nil {
			return repo.Made{}, err
		}
		got, err := inputs(bin)
		if err != nil {
			return repo.Made{}, err
		}
		if tags := got[buildTags][buildTags]; tags != stamp["tags"] {
			logrus.Warnf("%s lacks libraries: the engine has the build tags %q, one built on this machine has %q; see %s",
				base, tags, stamp["tags"], root.Rel(root.Out(rel.Name, "log", "container.log")))
		}
		beside := []string{filepath.Join(tmp, provenanceFile), filepath.Join(tmp, seriesFile)}
		return repo.Made{Path: bin, Beside: beside, Note: "on " + base}, verify(bin)
	})
	return dst, err
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
func containerStamp(ctx context.Context, root repo.Root, rel pins.Release, src, base string) (repo.Stamp, error) {
	s, err := patch.Load(root, rel.Line)
	if err != nil {
		return nil, err
	}
	key, err := s.Key()
	if err != nil {
		return nil, err
	}
	libs, err := link(ctx, root, src, libraries)
	if err != nil {
		return nil, err
	}
	dockerfile, err := repo.HashFile(root.Path("Dockerfile.build"))
	return repo.Stamp{
		"source": repo.ReadStamp(src).Key(), "series": key, "toolchain": rel.Toolchain, "version": rel.Name + Suffix,
		"tags": strings.Join(libs.tags, " "), "flags": stampFlags(pieFlags), "provenance": provenanceForm,
		"dockerfile": dockerfile, "base": base,
	}, err
}

// dockerBuild runs docker build, puts dockerd and what lies beside it into tmp, and
// removes the images and containers that it made.
func dockerBuild(ctx context.Context, root repo.Root, rel pins.Release, base string, buildKit bool, tmp string) error {
	mark := "ethorder.build=" + strings.TrimLeft(filepath.Base(tmp), ".-") // no other build has it
	archive, err := buildContext(ctx, root, rel, base, mark, tmp)
	if err != nil {
		return err
	}
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	defer removeMade(ctx, root, mark)
	iidfile := filepath.Join(tmp, "image")
	if err := runBuild(ctx, root, mark, buildKit, tool.Cmd{
		Dir: tmp, Stdin: f, Log: root.Out(rel.Name, "log", "container.log"),
		What: "build " + rel.Name + " in a container",
		Args: []string{
			"docker", "build", "--network", "none", "--force-rm", "--iidfile", iidfile,
			"--build-arg", "BASE=" + base, "--build-arg", "RELEASE=" + rel.Name, "-",
		},
	}); err != nil {
		return err
	}
	image, err := os.ReadFile(iidfile)
	if err != nil {
		return err
	}
	id, err := docker(ctx, root, "create", "--network", "none", string(image), "/dockerd")
	if err != nil {
		return err
	}
	for _, f := range []string{"dockerd", "dockerd.sha256", provenanceFile, seriesFile} {
		if _, err := docker(ctx, root, "cp", strings.TrimSpace(id)+":/"+f, filepath.Join(tmp, f)); err != nil {
			return err
		}
	}
	return nil
}

// runBuild runs docker build. A legacy builder that is interrupted goes on with its step, and the
// image of that would stay. So the build ends when the container of a step is gone.
func runBuild(ctx context.Context, root repo.Root, label string, buildKit bool, c tool.Cmd) error {
	if buildKit {
		c.Env = []string{"DOCKER_BUILDKIT=1", "BUILDX_BUILDER=default"} // a builder of the user's has other images
		_, err := tool.Run(ctx, c)
		return err
	}
	c.Env = []string{"DOCKER_BUILDKIT=0"}
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, func() {
		logrus.Info("interrupted; waiting for the builder to end its step")
		for ; running.Err() == nil; time.Sleep(time.Second) {
			_, _ = remove(running, root, "container", label) // again in a second
		}
	})()
	_, err := tool.Run(running, c)
	end()
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", c.What, context.Cause(ctx))
	}
	return err
}

func docker(ctx context.Context, root repo.Root, args ...string) (string, error) {
	return tool.Run(ctx, tool.Cmd{Dir: string(root), What: "docker " + args[0], Args: append([]string{"docker"}, args...)})
}

// removeMade removes the containers and images that have the label, also when ctx has
// ended. An image that was there before stays, even if it has no name and only images
// of this build came from it.
func removeMade(ctx context.Context, root repo.Root, label string) {
	err := tool.Wait(context.WithoutCancel(ctx), time.Minute, time.Second, "the engine to remove them", func(ctx context.Context) error {
		containers, err := remove(ctx, root, "container", label)
		images, errImages := remove(ctx, root, "image", label, "--no-prune")
		if err = errors.Join(err, errImages); err == nil && containers+images != "" {
			err = fmt.Errorf("found %s", strings.Fields(containers+images))
		}
		return err
	})
	if err != nil {
		logrus.Warnf("containers or images of this build are left, with the label %s: %v", label, err)
	}
}

// remove removes the containers or images that have the label, and returns what it found.
// An image goes once no other comes from it.
func remove(ctx context.Context, root repo.Root, kind, label string, options ...string) (found string, err error) {
	found, err = docker(ctx, root, kind, "ls", "--all", "--quiet", "--filter", "label="+label)
	if ids := strings.Fields(found); len(ids) > 0 {
		_, err = docker(ctx, root, slices.Concat([]string{kind, "rm", "--force"}, options, ids)...)
	}
	return found, err
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

// ErrOtherInputs is the answer for two files that need not be the same.
var ErrOtherInputs = errors.New("these of its inputs differ")

// compare returns an error if two builds of a release, a and b, are not the same file.
func compare(root repo.Root, a, b string) error {
	sumA, errA := repo.HashFile(a)
	sumB, errB := repo.HashFile(b)
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	if sumA == sumB {
		logrus.Infof("%s and %s are the same file (sha256 %s…)", root.Rel(a), root.Rel(b), repo.Short(sumA))
		return nil
	}
	fromA, errA := inputs(a)
	fromB, errB := inputs(b)
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	var others []string
	for _, name := range slices.Sorted(maps.Keys(fromA)) {
		if !maps.Equal(fromA[name], fromB[name]) {
			others = append(others, name)
		}
	}
	what := fmt.Sprintf("%s (sha256 %s…) is another file than %s (sha256 %s…)", root.Rel(b), repo.Short(sumB), root.Rel(a), repo.Short(sumA))
	if others != nil {
		return tool.CannotRunf("%s, as %w: %s\nnext: build both on the same Debian release (--base), with the same libraries and updates", what, ErrOtherInputs, strings.Join(others, ", "))
	}
	return fmt.Errorf("%s, although their inputs are the same: compare their %s", what, provenanceFile)
}

// toolchainProxy fetches the toolchain, whose checksum go compares with the
// public database, and lays it out for GOPROXY=file://.
func toolchainProxy(ctx context.Context, toolchain, dir string) error {
	const path = "golang.org/toolchain"
	version := "v0.0.1-" + toolchain + ".linux-" + runtime.GOARCH
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

// buildContext writes the archive that docker build gets: this repository, the verified
// source tree, and what go would otherwise fetch. In the Dockerfile, all stages begin
// with the label, so that each of their images has it.
func buildContext(ctx context.Context, root repo.Root, rel pins.Release, base, label, tmp string) (string, error) {
	if _, err := tool.Run(ctx, tool.Cmd{
		Dir: string(root), What: "fetch the modules of the tool",
		Args: []string{"go", "mod", "vendor", "-e", "-o", filepath.Join(tmp, "vendor")},
	}); err != nil {
		return "", err
	}
	proxy := filepath.Join(tmp, "out", "proxy")
	if err := os.MkdirAll(proxy, 0o755); err != nil {
		return "", err
	}
	if rel.Toolchain != baseGo || base != madeBase {
		if err := toolchainProxy(ctx, rel.Toolchain, proxy); err != nil {
			return "", err
		}
	}
	dockerfile, err := os.ReadFile(root.Path("Dockerfile.build"))
	if err != nil {
		return "", err
	}
	dockerfile = fromLine.ReplaceAll(dockerfile, []byte("$0\nLABEL "+label))
	if err := os.WriteFile(filepath.Join(tmp, "Dockerfile"), dockerfile, 0o644); err != nil {
		return "", err
	}
	ours, err := filepath.Glob(root.Path("*.go"))
	if err != nil {
		return "", err
	}
	for i := range ours {
		ours[i] = filepath.Base(ours[i])
	}
	src := root.Rel(source.Dir(root, rel))
	archive := filepath.Join(tmp, "context.tar")
	// The links are those of the toolchain, which lead out.
	args := append([]string{"tar", "-c", "-f", archive, "--dereference", "--owner=0", "--group=0", "--numeric-owner"}, ours...)
	args = append(args, "go.mod", "go.sum", "cmd", "internal", "patch", "scripts", src, repo.StampPath(src),
		"-C", tmp, "Dockerfile", "vendor", "out/proxy")
	_, err = tool.Run(ctx, tool.Cmd{Dir: string(root), What: "pack the build context", Args: args})
	return archive, err
}

var fromLine = regexp.MustCompile(`(?m)^FROM .*$`)

// baseImage returns the image to build on, and those images that were not there before. Unless
// the user has asked for one, it has the libraries, which a build without a network cannot get.
func baseImage(ctx context.Context, root repo.Root, base, tmp string) (image string, added []string, err error) {
	pull := func(image string) error {
		if haveImage(ctx, root, image) {
			return nil
		}
		_, err := docker(ctx, root, "pull", "--quiet", image)
		if err == nil {
			added = append(added, image)
		}
		return err
	}
	if base != "" {
		return base, added, pull(base)
	}
	if haveImage(ctx, root, madeBase) {
		return madeBase, nil, nil
	}
	err = pull(defaultBase)
	if err == nil {
		_, err = tool.Run(ctx, tool.Cmd{
			Dir: string(root), Log: root.Out("log", "base.log"), What: "install the libraries in " + defaultBase,
			Stdin: strings.NewReader("FROM " + defaultBase + "\nRUN apt-get -q update && apt-get -q -y install --no-install-recommends " + strings.Join(headerPackages(), " ") + "\n"),
			Args:  []string{"docker", "build", "--force-rm", "--tag", madeBase, "-"},
		})
	}
	if ctx.Err() != nil {
		return "", added, ctx.Err()
	}
	if failed := new(tool.CmdError); errors.As(err, &failed) {
		logrus.Infof("%s cannot be had (%s); making %s of Debian packages", defaultBase, strings.TrimSpace(failed.Output), madeBase)
		err = debootstrap(ctx, root, tmp)
	}
	return madeBase, append([]string{madeBase}, added...), err
}

func haveImage(ctx context.Context, root repo.Root, image string) bool {
	_, err := docker(ctx, root, "image", "inspect", "--format", "{{.Id}}", image)
	return err == nil
}

// debootstrap makes the image madeBase: Debian's gcc, git and libraries, and the Go of
// baseGo.
func debootstrap(ctx context.Context, root repo.Root, tmp string) error {
	if os.Geteuid() != 0 {
		return tool.CannotRunf("making a base image of Debian packages takes root: run this with sudo, or name an image with --base")
	}
	if _, err := tool.Run(ctx, tool.Cmd{Dir: string(root), What: "install debootstrap", Args: []string{root.Path("scripts", "packages"), "debootstrap"}}); err != nil {
		return err
	}
	if err := tool.Need("debootstrap"); err != nil {
		return err
	}
	gocmd, err := tool.Go(ctx, baseGo)
	if err != nil {
		return err
	}
	// What builds nothing stays out: some storage drivers copy an image at
	// every step of a build.
	_, err = tool.Run(ctx, tool.Cmd{
		Dir: tmp, Log: root.Out("log", "debootstrap.log"), What: "make " + madeBase,
		Args: []string{"bash", "-c", `set -euo pipefail
			suite=$1 image=$2 goroot=$3 mirror=$4 packages=$5
			debootstrap --variant=minbase --include="$packages" "$suite" base $mirror
			rm -rf base/var/cache/apt/archives/*.deb base/var/lib/apt/lists/* base/usr/share/{doc,locale,man}
			mkdir -p base/usr/local/go
			cp -r "$goroot"/{bin,lib,pkg,src,go.env,VERSION} base/usr/local/go/
			tar -C base -c . | docker import --change "ENV PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" - "$image"`,
			"bash", suite, madeBase, filepath.Dir(filepath.Dir(gocmd)), tool.DebianSite(ctx, "Debian", ""),
			strings.Join(slices.Concat(basePackages, headerPackages()), ",")},
	})
	return err
}
