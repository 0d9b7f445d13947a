package source

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/tool"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
	"gotest.tools/v3/assert"
)

var ctx = context.Background()

func write(t *testing.T, path, text string) {
	t.Helper()
	assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
}

// fakeProxy serves one module from files, makes go use it alone, and returns a
// row that pins it.
func fakeProxy(t *testing.T) pins.Release {
	t.Helper()
	const path = "example.com/moby"
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOPROXY", "file://"+t.TempDir())
	t.Setenv("GONOSUMDB", "example.com")
	t.Cleanup(func() { _ = exec.Command("go", "clean", "-modcache").Run() })
	version, sum := addModule(t, path, "v1.2.3", map[string]string{
		"go.mod":              "module " + path + "\n\ngo 1.21\n",
		"cmd/dockerd/main.go": "package main\n\nfunc main() {}\n",
	})
	return pins.Release{
		Name: "1.2.3", Line: "1.2", Module: path, Version: version, Sum: sum,
		Tag: "v1.2.3", Commit: strings.Repeat("0", 40), Toolchain: runtime.Version(), Runc: "debian",
	}
}

// addModule makes the fake proxy serve a version of a module, and returns it and
// its checksum.
func addModule(t *testing.T, path, version string, files map[string]string) (string, string) {
	t.Helper()
	src := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(src, name), text)
	}
	at := filepath.Join(strings.TrimPrefix(os.Getenv("GOPROXY"), "file://"), path, "@v")
	write(t, filepath.Join(at, version+".info"), `{"Version":"`+version+`"}`)
	write(t, filepath.Join(at, version+".mod"), files["go.mod"])
	zip := filepath.Join(at, version+".zip")
	f, err := os.Create(zip)
	assert.NilError(t, err)
	assert.NilError(t, modzip.CreateFromDir(f, module.Version{Path: path, Version: version}, src))
	assert.NilError(t, f.Close())
	sum, err := dirhash.HashZip(zip, dirhash.Hash1)
	assert.NilError(t, err)
	return version, sum
}

// leftovers lists what is in out/<release> but the lock.
func leftovers(t *testing.T, root repo.Root, rel pins.Release) []string {
	t.Helper()
	var names []string
	entries, err := os.ReadDir(root.Out(rel.Name))
	if !os.IsNotExist(err) {
		assert.NilError(t, err)
	}
	for _, e := range entries {
		if e.Name() != ".lock" && e.Name() != "log" {
			names = append(names, e.Name())
		}
	}
	return names
}

func fetch(t *testing.T, root repo.Root, rel pins.Release, clone string) (string, error) {
	t.Helper()
	unlock, err := repo.Lock(ctx, root.Out(rel.Name))
	assert.NilError(t, err)
	defer unlock()
	return Fetch(ctx, root, rel, clone)
}

func TestModuleIsUnpackedWhenItsChecksumIsThePinnedOne(t *testing.T) {
	rel, root := fakeProxy(t), repo.Root(t.TempDir())
	dir, err := fetch(t, root, rel, "")
	assert.NilError(t, err)
	_, err = os.Stat(filepath.Join(dir, "cmd/dockerd/main.go"))
	assert.NilError(t, err)
	assert.DeepEqual(t, leftovers(t, root, rel), []string{"source", "source.stamp"})
}

func TestModuleWithAnotherChecksumIsNotUnpacked(t *testing.T) {
	rel, root := fakeProxy(t), repo.Root(t.TempDir())
	good := rel.Sum
	rel.Sum = "h1:" + strings.Repeat("A", 43) + "="
	_, err := fetch(t, root, rel, "")
	assert.ErrorContains(t, err, "checksum of example.com/moby@v1.2.3")
	assert.ErrorContains(t, err, good)
	assert.ErrorContains(t, err, rel.Sum)
	assert.Equal(t, len(leftovers(t, root, rel)), 0)
}

func TestModuleZipThatWasChangedInTheCacheIsNotUnpacked(t *testing.T) {
	rel, root := fakeProxy(t), repo.Root(t.TempDir())
	dir, err := fetch(t, root, rel, "")
	assert.NilError(t, err)
	assert.NilError(t, os.RemoveAll(dir))

	src := t.TempDir()
	write(t, filepath.Join(src, "go.mod"), "module example.com/moby\n")
	write(t, filepath.Join(src, "evil.go"), "package evil\n")
	zip := filepath.Join(os.Getenv("GOMODCACHE"), "cache/download/example.com/moby/@v/v1.2.3.zip")
	f, err := os.Create(zip)
	assert.NilError(t, err)
	assert.NilError(t, modzip.CreateFromDir(f, module.Version{Path: rel.Module, Version: rel.Version}, src))
	assert.NilError(t, f.Close())

	_, err = fetch(t, root, rel, "")
	assert.ErrorContains(t, err, "checksum of")
	_, err = os.Stat(dir)
	assert.Assert(t, os.IsNotExist(err))
}

func TestModuleThatIsNotThereIsAnError(t *testing.T) {
	rel, root := fakeProxy(t), repo.Root(t.TempDir())
	rel.Version = "v9.9.9"
	_, err := fetch(t, root, rel, "")
	assert.ErrorContains(t, err, "example.com/moby@v9.9.9")
	assert.Equal(t, len(leftovers(t, root, rel)), 0)
}

func TestReleaseWithoutModuleAsksForAClone(t *testing.T) {
	root := repo.Root(t.TempDir())
	_, err := fetch(t, root, pins.Release{Name: "1.2.3", Tag: "v1.2.3", Commit: strings.Repeat("0", 40)}, "")
	assert.ErrorContains(t, err, "MOBY_REPO")
}

// A release of which only the module is known does not come from a clone: asked for
// it from there, Fetch says so.
func TestReleaseWithoutCommitComesFromItsModule(t *testing.T) {
	rel, root := fakeProxy(t), repo.Root(t.TempDir())
	rel.Tag, rel.Commit = "", ""
	clone, _ := fakeClone(t)
	_, err := fetch(t, root, rel, clone)
	assert.ErrorContains(t, err, "1.2.3 comes from its Go module only, example.com/moby@v1.2.3")
	var usage *tool.Exit
	assert.Assert(t, errors.As(err, &usage) && usage.Status == tool.Usage)
	assert.Equal(t, len(leftovers(t, root, rel)), 0)

	assert.Equal(t, OrModule(rel, clone), "")
	assert.Equal(t, Kind(rel, clone), "module")
	_, err = fetch(t, root, rel, OrModule(rel, clone))
	assert.NilError(t, err)
	tree, err := Worktree{Repo: root, Clone: clone, Dir: t.TempDir()}.Make(ctx, rel)
	assert.NilError(t, err)
	_, err = os.Stat(filepath.Join(tree, "go.mod"))
	assert.NilError(t, err)

	rel.Commit = strings.Repeat("0", 40)
	assert.Equal(t, OrModule(rel, clone), clone)
	assert.Equal(t, Kind(rel, clone), "git")
}

func TestReleaseFromBeforeModulesNeedsPins(t *testing.T) {
	rel, root := fakeProxy(t), repo.Root(t.TempDir())
	rel.Name, rel.Module, rel.Tag = "18.09.9", "github.com/docker/docker", "v18.09.9"
	_, err := fetch(t, root, rel, "")
	assert.ErrorContains(t, err, "no pins for it")
	assert.ErrorContains(t, err, "MOBY_REPO=<clone> (tag v18.09.9)")
	assert.Equal(t, len(leftovers(t, root, rel)), 0)
}

// Every release with pins has a module in the table, a go.mod of moby's name, and
// what it replaces a module by.
func TestPinsAreOfReleasesWithAModule(t *testing.T) {
	table, err := pins.Load(repo.Root("../.."))
	assert.NilError(t, err)
	dirs, err := vendorPins.ReadDir("vendorpins")
	assert.NilError(t, err)
	for _, dir := range dirs {
		name := dir.Name()
		rel, err := table.Find(name)
		assert.NilError(t, err)
		assert.Assert(t, beforeModules(rel), "%s needs no pins", name)
		dir := filepath.Join(t.TempDir(), "source")
		assert.NilError(t, installPins(name, dir))
		got, err := readPins(dir)
		assert.NilError(t, err)
		assert.Assert(t, strings.HasPrefix(got, "module github.com/docker/docker\n"))
		for _, line := range strings.Split(got, "\n") {
			if _, stand, found := strings.Cut(line, "=> ../"); found {
				_, err := os.Stat(filepath.Join(filepath.Dir(dir), stand, "go.mod"))
				assert.NilError(t, err)
			}
		}
	}
}

func TestFromModulesAreThoseWithAllTheirPins(t *testing.T) {
	const module = "github.com/docker/docker"
	got := FromModules(pins.Table{
		{Name: "17.12.0"},                   // no module
		{Name: "17.12.1", Module: module},   // from before modules, with pins
		{Name: "20.10.27", Module: module},  // likewise, without
		{Name: "23.0.0", Module: module},    // pinned by upstream
		{Name: "23.0.9", Module: module},    // likewise, and not available
		{Name: "25.0.17", Module: module},   // likewise
		{Name: "29.8.1", Module: "moby/v2"}, // pinned by upstream
	})
	var names []string
	for _, rel := range got {
		names = append(names, rel.Name)
	}
	assert.DeepEqual(t, names, []string{"17.12.1", "23.0.0", "29.8.1"})
}

func TestDependencyThatIsNotThereAsksForAClone(t *testing.T) {
	rel, root := fakeProxy(t), repo.Root(t.TempDir())
	rel.Version, rel.Sum = addModule(t, rel.Module, "v1.2.4", map[string]string{
		"go.mod":              "module " + rel.Module + "\n\ngo 1.16\n\nrequire example.com/gone v1.0.0\n",
		"cmd/dockerd/main.go": "package main\n\nimport _ \"example.com/gone\"\n\nfunc main() {}\n",
	})
	_, err := fetch(t, root, rel, "")
	assert.ErrorContains(t, err, "example.com/gone")
	assert.ErrorContains(t, err, "MOBY_REPO=<clone> (tag v1.2.3)")
	assert.Equal(t, len(leftovers(t, root, rel)), 0)
}

func TestTreeIsMadeOnceAndAnEditedOneIsRefused(t *testing.T) {
	rel, root := fakeProxy(t), repo.Root(t.TempDir())
	dir, err := fetch(t, root, rel, "")
	assert.NilError(t, err)
	before, err := os.Stat(dir)
	assert.NilError(t, err)
	_, err = fetch(t, root, rel, "")
	assert.NilError(t, err)
	after, err := os.Stat(dir)
	assert.NilError(t, err)
	assert.Assert(t, os.SameFile(before, after), "an up to date tree was made again")

	write(t, filepath.Join(dir, "cmd/dockerd/main.go"), "package main // edited\n")
	_, err = fetch(t, root, rel, "")
	assert.ErrorContains(t, err, "was changed by hand")
	assert.ErrorContains(t, err, "rm -r "+dir)
}

// fakeClone makes a git repository with a tag, and returns it and a row that
// pins the tag's commit.
func fakeClone(t *testing.T) (string, pins.Release) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "cmd/dockerd/main.go"), "package main\n")
	git(t, dir, "init", "-q")
	git(t, dir, "add", ".")
	git(t, dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "stock")
	git(t, dir, "tag", "v1.2.3")
	return dir, pins.Release{Name: "1.2.3", Line: "1.2", Tag: "v1.2.3", Commit: git(t, dir, "rev-parse", "HEAD")}
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := tool.Git(ctx, dir, args...)
	assert.NilError(t, err)
	return strings.TrimSpace(out)
}

func TestCloneGivesThePinnedCommitAndIsNotChanged(t *testing.T) {
	clone, rel := fakeClone(t)
	root := repo.Root(t.TempDir())
	write(t, filepath.Join(clone, "cmd/dockerd/main.go"), "package main // work in progress\n")
	before, err := repo.HashTree(clone)
	assert.NilError(t, err)
	dir, err := fetch(t, root, rel, clone)
	assert.NilError(t, err)
	got, err := os.ReadFile(filepath.Join(dir, "cmd/dockerd/main.go"))
	assert.NilError(t, err)
	assert.Equal(t, string(got), "package main\n")
	after, err := repo.HashTree(clone)
	assert.NilError(t, err)
	assert.Equal(t, after, before)
}

func TestBareCloneServes(t *testing.T) {
	clone, rel := fakeClone(t)
	bare := filepath.Join(t.TempDir(), "bare.git")
	git(t, clone, "clone", "-q", "--bare", clone, bare)
	_, err := fetch(t, repo.Root(t.TempDir()), rel, bare)
	assert.NilError(t, err)
}

func TestCloneWhoseTagWasMovedIsRefused(t *testing.T) {
	clone, rel := fakeClone(t)
	root := repo.Root(t.TempDir())
	want := rel.Commit
	rel.Commit = strings.Repeat("1", 40)
	_, err := fetch(t, root, rel, clone)
	assert.ErrorContains(t, err, "tag v1.2.3")
	assert.ErrorContains(t, err, want)
	assert.ErrorContains(t, err, rel.Commit)
	assert.Equal(t, len(leftovers(t, root, rel)), 0)
}

func TestCloneWithoutTheCommitIsRefused(t *testing.T) {
	clone, rel := fakeClone(t)
	rel.Tag, rel.Commit = "v1.2.4", strings.Repeat("1", 40)
	_, err := fetch(t, repo.Root(t.TempDir()), rel, clone)
	assert.ErrorContains(t, err, "neither tag v1.2.4 nor commit 1111")
}

func TestDirectoryThatIsNoCloneIsRefused(t *testing.T) {
	clone, rel := fakeClone(t)
	for _, dir := range []string{t.TempDir(), filepath.Join(clone, "cmd")} {
		_, err := fetch(t, repo.Root(t.TempDir()), rel, dir)
		assert.ErrorContains(t, err, "is not a git clone")
	}
}

func TestInterruptedFetchLeavesNothing(t *testing.T) {
	rel, root := fakeProxy(t), repo.Root(t.TempDir())
	unlock, err := repo.Lock(ctx, root.Out(rel.Name))
	assert.NilError(t, err)
	defer unlock()
	stopped, stop := context.WithCancel(ctx)
	stop()
	_, err = Fetch(stopped, root, rel, "")
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, len(leftovers(t, root, rel)), 0)
}

func TestVendorModServesAsGoMod(t *testing.T) {
	dir := t.TempDir()
	ok, err := adoptVendorMod(dir)
	assert.NilError(t, err)
	assert.Assert(t, !ok, "a tree without either file has a go.mod")

	write(t, filepath.Join(dir, "vendor.mod"), "module example.com/moby\n")
	write(t, filepath.Join(dir, "vendor.sum"), "a sum\n")
	ok, err = adoptVendorMod(dir)
	assert.NilError(t, err)
	assert.Assert(t, ok)
	pins, err := readPins(dir)
	assert.NilError(t, err)
	assert.Equal(t, pins, "module example.com/moby\na sum\n")

	write(t, filepath.Join(dir, "go.mod"), "module example.com/own\n")
	ok, err = adoptVendorMod(dir)
	assert.NilError(t, err)
	assert.Assert(t, ok)
	pins, err = readPins(dir)
	assert.NilError(t, err)
	assert.Equal(t, pins, "module example.com/own\na sum\n")
}
