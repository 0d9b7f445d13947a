package build

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/tool"

	slsa "github.com/in-toto/in-toto-golang/in_toto/slsa_provenance/v1"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

var ctx = context.Background()

func write(t *testing.T, path, text string) {
	t.Helper()
	assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
}

const (
	mainGo = `package main

import (
	"fmt"

	"github.com/docker/docker/dockerversion"
)

func main() { fmt.Printf("Docker version %s, build %s\n", dockerversion.Version, dockerversion.GitCommit) }
`
	constants = `// +build !autogen

package dockerversion

const (
	GitCommit          string = "library-import"
	Version            string = "library-import"
	IAmStatic          string = "library-import"
	ContainerdCommitID string = "library-import"
	PlatformName       string = ""
)
`
	variables = `package dockerversion

var (
	GitCommit = "library-import"
	Version   = "library-import"
)
`
)

// fakeUpstream makes a git clone of a dockerd that can say its version, and a
// repository with its pin and a series of one patch.
func fakeUpstream(t *testing.T, versions string, modules bool) (repo.Root, Options) {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs gcc")
	}
	clone, root := t.TempDir(), repo.Root(t.TempDir())
	git := func(args ...string) string {
		out, err := tool.Git(ctx, clone, append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		assert.NilError(t, err)
		return strings.TrimSpace(out)
	}
	write(t, filepath.Join(clone, "cmd/dockerd/main.go"), mainGo)
	write(t, filepath.Join(clone, "dockerversion/version_lib.go"), versions)
	write(t, filepath.Join(clone, "hack/dockerfile/binaries-commits"), "#!/bin/sh\nCONTAINERD_COMMIT=abc123 # v1\n")
	if modules {
		write(t, filepath.Join(clone, "go.mod"), "module github.com/docker/docker\n\ngo 1.21\n")
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "stock")
	git("tag", "v1.2.3")
	commit := git("rev-parse", "HEAD")
	write(t, filepath.Join(clone, "cmd/dockerd/main.go"), strings.Replace(mainGo, `%s\n"`, `%s, patched\n"`, 1))
	git("commit", "-qam", "daemon: say so")
	write(t, root.Path("patch/1.2/0001.patch"), git("format-patch", "--stdout", "-1")+"\n")
	write(t, root.Path("patch/1.2/series"), "# base: 1.2.3\n0001.patch\n")
	write(t, root.Path("patch/releases.tsv"),
		"release\tline\tmodule\tversion\tsum\ttag\tcommit\ttoolchain\trunc\trunc-sum\n"+
			"1.2.3\t1.2\t-\t-\t-\tv1.2.3\t"+commit+"\t"+runtime.Version()+"\tdebian\t-\n")
	rel, err := pins.Find(root, "1.2.3")
	assert.NilError(t, err)
	return root, Options{Release: rel, Clone: clone}
}

func says(t *testing.T, bin string) string {
	t.Helper()
	out, err := exec.Command(bin).Output()
	assert.NilError(t, err)
	return strings.TrimSpace(string(out))
}

func TestEngineIsBuiltAndSaysItsVersion(t *testing.T) {
	for _, tc := range []struct {
		name, versions string
		modules        bool
	}{
		{"variables in a module", variables, true},
		{"constants in a module", constants, true},
		{"constants in a GOPATH", constants, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root, o := fakeUpstream(t, tc.versions, tc.modules)
			build := ", build " + o.Release.Commit[:7]

			bin, err := Engine(ctx, root, o)
			assert.NilError(t, err)
			assert.Equal(t, bin, root.Out("1.2.3/patched/dockerd"))
			assert.Equal(t, says(t, bin), "Docker version 1.2.3"+Suffix+build+", patched")
			assert.NilError(t, verify(bin))

			o.StockVersion = true
			bin, err = Engine(ctx, root, o)
			assert.NilError(t, err)
			assert.Equal(t, says(t, bin), "Docker version 1.2.3"+build+", patched")

			o.Stock = true
			bin, err = Engine(ctx, root, o)
			assert.NilError(t, err)
			assert.Equal(t, bin, root.Out("1.2.3/stock/dockerd"))
			assert.Equal(t, says(t, bin), "Docker version 1.2.3"+build)

			// Nothing to do the next time.
			before, err := os.Stat(bin)
			assert.NilError(t, err)
			_, err = Engine(ctx, root, o)
			assert.NilError(t, err)
			after, err := os.Stat(bin)
			assert.NilError(t, err)
			assert.Assert(t, os.SameFile(before, after))
		})
	}
}

// Of a release whose commit is not known, the engine says what upstream's library does.
func TestEngineOfAReleaseWithoutCommitHasUpstreamsOwn(t *testing.T) {
	for name, versions := range map[string]string{"variables": variables, "constants": constants} {
		t.Run(name, func(t *testing.T) {
			b := builder{tree: t.TempDir(), version: "1.2.3"}
			write(t, filepath.Join(b.tree, "dockerversion/version_lib.go"), versions)
			xflags, overlay, err := b.stampVersion(b.tree, t.TempDir(), "example.com/v")
			assert.NilError(t, err)
			if overlay == "" {
				assert.Equal(t, xflags, " -X example.com/v.Version=1.2.3 -X example.com/v.BuildTime= -X example.com/v.IAmStatic=false")
				return
			}
			lib, err := os.ReadFile(filepath.Join(filepath.Dir(overlay), "version_lib.go"))
			assert.NilError(t, err)
			assert.Assert(t, cmp.Contains(string(lib), `GitCommit          string = "library-import"`))
			assert.Assert(t, cmp.Contains(string(lib), `Version            string = "1.2.3"`))
		})
	}
}

func TestProvenanceSaysWhatAnEngineWasMadeOf(t *testing.T) {
	root, o := fakeUpstream(t, constants, true)
	o.Image = "base:1@sha256:abc"
	bin, err := Engine(ctx, root, o)
	assert.NilError(t, err)
	digests, err := inputs(bin)
	assert.NilError(t, err)
	patch, err := os.ReadFile(root.Path("patch/1.2/0001.patch"))
	assert.NilError(t, err)
	gcc, err := exec.Command("gcc", "-print-file-name=libc.so.6").Output()
	assert.NilError(t, err)
	libc, err := repo.HashFile(strings.TrimSpace(string(gcc)))
	assert.NilError(t, err)
	for name, want := range map[string]string{"patch/1.2/0001.patch": repo.HashBytes(patch), "libc.so.6": libc, "base": "abc"} {
		assert.Check(t, cmp.Equal(digests[name]["sha256"], want), name)
		delete(digests, name)
	}
	assert.Check(t, cmp.Equal(digests["moby"]["gitCommit"], o.Release.Commit))
	delete(digests, "moby")
	assert.DeepEqual(t, slices.Sorted(maps.Keys(digests)), []string{"Scrt1.o", "as", "build tags", "cc1", "compile", "crti.o", "ld", "libc_nonshared.a", "libgcc.a", "link"})

	text, err := os.ReadFile(root.Out("1.2.3/patched/provenance.json"))
	assert.NilError(t, err)
	var s statement
	assert.NilError(t, json.Unmarshal(text, &s))
	sum, err := repo.HashFile(bin)
	assert.NilError(t, err)
	assert.DeepEqual(t, s.Subject, []slsa.ResourceDescriptor{resource("dockerd", sum)})
	tree, err := repo.HashTree(root.Out("1.2.3/source"))
	assert.NilError(t, err)
	assert.DeepEqual(t, s.Predicate.BuildDefinition.ResolvedDependencies[0].Annotations, map[string]any{"tree": tree})
	mbox, err := os.ReadFile(root.Out("1.2.3/patched/series.mbox"))
	assert.NilError(t, err)
	assert.Equal(t, string(mbox), string(patch))

	o.Stock = true
	bin, err = Engine(ctx, root, o)
	assert.NilError(t, err)
	digests, err = inputs(bin)
	assert.NilError(t, err)
	_, ok := digests["patch/1.2/0001.patch"]
	assert.Assert(t, !ok)
	_, err = os.Stat(root.Out("1.2.3/stock/series.mbox"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestSourceOfAModule(t *testing.T) {
	got := stockSource(repo.Root(t.TempDir()), Options{Release: pins.Release{
		Module: "github.com/docker/docker", Version: "v17.12.1-ce+incompatible", Sum: "h1:AAH/",
	}})
	assert.Equal(t, got.URI, "pkg:golang/github.com/docker/docker@v17.12.1-ce%2Bincompatible")
	assert.DeepEqual(t, map[string]string(got.Digest), map[string]string{"dirHash": "0001ff"})
}

// Two builds may differ only if what compiled them does.
func TestCompare(t *testing.T) {
	root := repo.Root(t.TempDir())
	made := func(name, content, libc string) string {
		write(t, root.Out(name, "dockerd"), content)
		var s statement
		s.Predicate.BuildDefinition.ResolvedDependencies = []slsa.ResourceDescriptor{resource("cc1", "1"), resource("libc.so.6", libc)}
		text, err := json.Marshal(s)
		assert.NilError(t, err)
		write(t, root.Out(name, provenanceFile), string(text))
		return root.Out(name, "dockerd")
	}
	host := made("host", "one", "2")
	assert.NilError(t, compare(root, host, made("same", "one", "3")))

	err := compare(root, host, made("libc", "two", "3"))
	var exit *tool.Exit
	assert.Assert(t, errors.As(err, &exit) && exit.Status == tool.CannotRun, "%v", err)
	assert.ErrorIs(t, err, ErrOtherInputs)
	assert.ErrorContains(t, err, ": libc.so.6\n")

	err = compare(root, host, made("unlike", "two", "2"))
	assert.ErrorContains(t, err, "although their inputs are the same")
	assert.Assert(t, !errors.As(err, &exit))
}

func TestEngineThatDoesNotCompileLeavesTheLogAndNothingElse(t *testing.T) {
	root, o := fakeUpstream(t, constants, true)
	o.Tags = "autogen" // without the file that has the constants then
	_, err := Engine(ctx, root, o)
	assert.ErrorContains(t, err, "compile dockerd 1.2.3"+Suffix+" failed")
	assert.ErrorContains(t, err, "build constraints exclude all Go files")
	log := root.Out("1.2.3/log/build-patched-dockerd.log")
	assert.ErrorContains(t, err, log)
	_, err = os.Stat(log)
	assert.NilError(t, err)
	for _, pattern := range []string{"patched/*", ".tmp-*"} {
		left, err := filepath.Glob(root.Out("1.2.3", pattern))
		assert.NilError(t, err)
		assert.Equal(t, len(left), 0)
	}
}

func TestVerifyFindsAnotherFile(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "dockerd")
	write(t, bin, "one")
	write(t, bin+".sha256", repo.HashBytes([]byte("one"))+"  dockerd\n")
	assert.NilError(t, verify(bin))
	write(t, bin, "two")
	assert.ErrorContains(t, verify(bin), "checksum of the dockerd")
}

func TestContextHasAllThatTheContainerCannotFetch(t *testing.T) {
	root, o := fakeUpstream(t, constants, true)
	rel, tmp := o.Release, t.TempDir()
	elsewhere := filepath.Join(t.TempDir(), "zip")
	write(t, elsewhere, "zipped")
	write(t, filepath.Join(tmp, "out", "proxy", "real"), "")
	assert.NilError(t, os.Symlink(elsewhere, filepath.Join(tmp, "out", "proxy", "link")))
	for _, name := range []string{"go.sum", "cmd/x", "scripts/build", "out/1.2.3/source/x", "out/1.2.3/source.stamp", "out/1.2.3/other"} {
		write(t, root.Path(name), "")
	}
	write(t, root.Path("go.mod"), "module m\n\ngo 1.24\n\nrequire n v0.0.0\n\nreplace n => ./internal/n\n")
	write(t, root.Path("internal/n/go.mod"), "module n\n\ngo 1.24\n")
	write(t, root.Path("internal/n/n.go"), "package n\n")
	write(t, root.Path("rule.go"), "package m\n\nimport _ \"n\"\n")
	write(t, root.Path("Dockerfile.build"), "# FROM\nARG BASE=x\nFROM ${BASE} AS build\nRUN y\n\nFROM scratch\nCOPY z\n")
	rel.Toolchain = baseGo // which the base has
	path, err := buildContext(ctx, root, rel, madeBase, "l=1", tmp)
	assert.NilError(t, err)

	f, err := os.Open(path)
	assert.NilError(t, err)
	defer f.Close()
	got := map[string]string{}
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		assert.NilError(t, err)
		assert.Equal(t, h.Linkname, "")
		b, err := io.ReadAll(r)
		assert.NilError(t, err)
		got[h.Name] = string(b)
	}
	assert.Equal(t, got["Dockerfile"], "# FROM\nARG BASE=x\nFROM ${BASE} AS build\nLABEL l=1\nRUN y\n\nFROM scratch\nLABEL l=1\nCOPY z\n")
	assert.Equal(t, got["out/proxy/link"], "zipped")
	for _, name := range []string{"rule.go", "go.mod", "go.sum", "cmd/x", "internal/n/n.go", "scripts/build", "patch/1.2/series", "out/1.2.3/source/x", "out/1.2.3/source.stamp", "vendor/n/n.go"} {
		_, ok := got[name]
		assert.Check(t, ok, "%s is missing", name)
	}
	_, ok := got["out/1.2.3/other"]
	assert.Check(t, !ok)
}

// fakeDocker puts a docker on the PATH that writes its arguments to the returned
// file, and knows the given images.
func fakeDocker(t *testing.T, images ...string) string {
	t.Helper()
	bin := t.TempDir()
	calls := filepath.Join(bin, "calls")
	script := "#!/bin/sh\necho \"$*\" >>" + calls + "\ncase \"$*\" in\n"
	for _, i := range images {
		script += "*inspect*" + i + ") exit 0;;\n"
	}
	script += "*inspect*) exit 1;;\npull*) echo 'no such host' >&2; exit 1;;\nesac\n"
	write(t, filepath.Join(bin, "docker"), script)
	assert.NilError(t, os.Chmod(filepath.Join(bin, "docker"), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	return calls
}

func calls(t *testing.T, file, prefix string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	assert.NilError(t, err)
	var found []string
	for _, l := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(l, prefix) {
			found = append(found, l)
		}
	}
	return found
}

// lateDocker puts a docker on the PATH, in a folder that it returns, that has two images
// and a container. An image cannot go while one came from it, and a build ends when the
// container is gone.
func lateDocker(t *testing.T) string {
	bin := t.TempDir()
	t.Chdir(bin)
	write(t, "docker", `#!/bin/sh
cd `+bin+`
case "$*" in
build) while [ -e step ]; do sleep 0.1; done; echo "non-zero code: 137" >&2; exit 1;;
"image ls --all --quiet --filter label=l=1") ls child parent 2>/dev/null;;
"container ls --all --quiet --filter label=l=1") ls step 2>/dev/null;;
"image rm --force --no-prune child parent") rm child; echo "parent has dependent child images" >&2; exit 1;;
"image rm --force --no-prune parent") rm parent;;
"container rm --force step") rm step;;
*) echo "$*" >>unexpected; exit 1;;
esac
exit 0
`)
	assert.NilError(t, os.Chmod("docker", 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	for _, name := range []string{"child", "parent", "step"} {
		write(t, name, "")
	}
	return bin
}

func TestWhatABuildMadeIsRemoved(t *testing.T) {
	bin := lateDocker(t)
	removeMade(ctx, repo.Root(bin), "l=1")
	for _, name := range []string{"child", "parent", "step", "unexpected"} {
		_, err := os.Stat(name)
		assert.ErrorIs(t, err, os.ErrNotExist, name)
	}
}

func TestInterruptedBuildEndsWithItsStep(t *testing.T) {
	bin := lateDocker(t)
	stopped, stop := context.WithCancel(ctx)
	time.AfterFunc(300*time.Millisecond, stop)
	err := runBuild(stopped, repo.Root(bin), "l=1", false, tool.Cmd{Dir: bin, What: "build", Args: []string{"docker", "build"}})
	assert.ErrorIs(t, err, context.Canceled)
	for _, name := range []string{"step", "unexpected"} {
		_, err := os.Stat(name)
		assert.ErrorIs(t, err, os.ErrNotExist, name)
	}
}

func TestBaseImage(t *testing.T) {
	root := repo.Root(t.TempDir())
	for _, tc := range []struct {
		name, ask, want string
		there           []string
		builds          int
	}{
		{"the default is there", "", madeBase, []string{defaultBase}, 1},
		{"the made one is there", "", madeBase, []string{defaultBase, madeBase}, 0},
		{"the one asked for is there", "mine", "mine", []string{defaultBase, "mine"}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := fakeDocker(t, tc.there...)
			image, added, err := baseImage(ctx, root, tc.ask, t.TempDir())
			assert.NilError(t, err)
			assert.Equal(t, image, tc.want)
			assert.Equal(t, len(added), tc.builds)
			assert.Equal(t, len(calls(t, file, "pull")), 0)
			assert.Equal(t, len(calls(t, file, "build")), tc.builds)
		})
	}
	t.Run("the one asked for cannot be pulled", func(t *testing.T) {
		fakeDocker(t, defaultBase)
		_, _, err := baseImage(ctx, root, "mine", t.TempDir())
		assert.ErrorContains(t, err, "docker pull --quiet mine")
		assert.ErrorContains(t, err, "no such host")
	})
}
