package patch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/tool"

	"gotest.tools/v3/assert"
)

var ctx = context.Background()

func write(t *testing.T, path, text string) {
	t.Helper()
	assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
}

func edit(t *testing.T, path, old, new string) {
	t.Helper()
	b, err := os.ReadFile(path)
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(b), old), "%s has no %q", path, old)
	write(t, path, strings.Replace(string(b), old, new, 1))
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := tool.Git(ctx, dir, append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
	assert.NilError(t, err)
	return strings.TrimSpace(out)
}

const (
	sequenceGo = "package ethorder\n\ntype AttachSequence uint64\n"
	epheapGo   = "package ethorder\n\ntype epHeap []*endpoint\n"
	stock      = "package libnetwork\n\n// one\n// two\n// three\nvar order = \"random\"\n// four\n// five\n// six\n"
)

// fake is a tiny upstream, and a repository like this one with a series for it.
type fake struct {
	root     repo.Root
	upstream string // git checkout at the stock commit
	rel      pins.Release
}

// newFake makes an upstream with one libnetwork file and one daemon file, and
// two patches for it, written by git itself.
func newFake(t *testing.T) fake {
	t.Helper()
	f := fake{root: repo.Root(t.TempDir()), upstream: t.TempDir()}
	write(t, f.root.Path("sequence.go"), sequenceGo)
	write(t, f.root.Path("epheap.go"), epheapGo)

	up := func(name string) string { return filepath.Join(f.upstream, name) }
	write(t, up("cmd/dockerd/main.go"), "package main\n")
	write(t, up("libnetwork/sandbox.go"), stock)
	write(t, up("daemon/daemon.go"), "package daemon\n")
	git(t, f.upstream, "init", "-q")
	git(t, f.upstream, "add", ".")
	git(t, f.upstream, "commit", "-qm", "stock")
	git(t, f.upstream, "tag", "v1.2.3")
	f.rel = pins.Release{Name: "1.2.3", Line: "1.2", Tag: "v1.2.3", Commit: git(t, f.upstream, "rev-parse", "HEAD")}

	edit(t, up("libnetwork/sandbox.go"), "random", "attach")
	write(t, up("libnetwork/sequence.go"), strings.Replace(sequenceGo, "ethorder", "libnetwork", 1))
	write(t, up("libnetwork/epheap.go"), strings.Replace(epheapGo, "ethorder", "libnetwork", 1))
	git(t, f.upstream, "add", ".")
	git(t, f.upstream, "commit", "-qm", "libnetwork: order by attach\n\nWhy.\n\nApplies-to: 1.2\nUpstream: none")
	edit(t, up("daemon/daemon.go"), "package daemon\n", "package daemon\n\nvar numbers = true\n")
	git(t, f.upstream, "commit", "-qam", "daemon: number\n\nWhy.\n\nApplies-to: 1.2\nUpstream: none")
	git(t, f.upstream, "format-patch", "-q", "--zero-commit", "-N", "--no-signature", "-o", f.root.Path("patch/1.2"), "v1.2.3")
	git(t, f.upstream, "checkout", "-q", "v1.2.3")

	f.series(t, "# base: 1.2.3", f.patches(t)[0], f.patches(t)[1])
	write(t, f.root.Path("patch/releases.tsv"),
		"release\tline\tmodule\tversion\tsum\ttag\tcommit\ttoolchain\trunc\trunc-sum\n"+
			"1.2.3\t1.2\t-\t-\t-\tv1.2.3\t"+f.rel.Commit+"\tgo1.21.13\tdebian\t-\n")
	return f
}

func (f fake) series(t *testing.T, lines ...string) {
	write(t, f.root.Path("patch/1.2/series"), strings.Join(lines, "\n")+"\n")
}

func (f fake) patches(t *testing.T) []string {
	paths, err := filepath.Glob(f.root.Path("patch/1.2/*.patch"))
	assert.NilError(t, err)
	var names []string
	for _, p := range paths {
		names = append(names, filepath.Base(p))
	}
	return names
}

// share moves a patch to those that all lines have, and returns its file name.
func (f fake) share(t *testing.T, i int) string {
	names := f.patches(t)
	shared := names[i]
	b, err := os.ReadFile(f.root.Path("patch/1.2", shared))
	assert.NilError(t, err)
	write(t, f.root.Path("patch/common", shared), string(b))
	assert.NilError(t, os.Remove(f.root.Path("patch/1.2", shared)))
	names[i] = "../common/" + shared
	f.series(t, "# base: 1.2.3", names[0], names[1])
	return shared
}

func (f fake) load(t *testing.T) Series {
	s, err := Load(f.root, "1.2")
	assert.NilError(t, err)
	return s
}

func (f fake) fetch(t *testing.T) (string, error) {
	unlock, err := repo.Lock(ctx, f.root.Out(f.rel.Name))
	assert.NilError(t, err)
	defer unlock()
	return Fetch(ctx, f.root, f.rel, f.upstream)
}

func (f fake) sandbox(t *testing.T) string {
	b, err := os.ReadFile(filepath.Join(f.upstream, "libnetwork/sandbox.go"))
	assert.NilError(t, err)
	return string(b)
}

func TestFetchAppliesTheSeriesToACopy(t *testing.T) {
	f := newFake(t)
	// A repository around out/, as there is in real life: git apply must not
	// take its work tree for the one to patch.
	git(t, string(f.root), "init", "-q")
	dir, err := f.fetch(t)
	assert.NilError(t, err)
	b, err := os.ReadFile(filepath.Join(dir, "libnetwork/sandbox.go"))
	assert.NilError(t, err)
	assert.Equal(t, string(b), strings.Replace(stock, "random", "attach", 1))
	_, err = os.Stat(filepath.Join(dir, "libnetwork/epheap.go"))
	assert.NilError(t, err)
	assert.Equal(t, f.sandbox(t), stock)
	assert.Equal(t, git(t, f.upstream, "status", "--porcelain"), "")

	// A new version of a patch makes the tree again.
	edit(t, f.root.Path("patch/1.2", f.patches(t)[1]), "numbers = true", "numbers = false")
	_, err = f.fetch(t)
	assert.NilError(t, err)
	b, err = os.ReadFile(filepath.Join(dir, "daemon/daemon.go"))
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(b), "false"))
}

// What gofmt would change is refused, and results of the series go on referring to it
// once that is put right.
func TestFetchRefusesWhatGofmtWouldChange(t *testing.T) {
	f := newFake(t)
	digest := func() string {
		d, err := f.load(t).Digest()
		assert.NilError(t, err)
		return d
	}
	before := digest()
	patch := f.root.Path("patch/1.2", f.patches(t)[1])
	edit(t, patch, "numbers = true", "numbers  = true")
	_, err := f.fetch(t)
	assert.ErrorContains(t, err, "gofmt would change daemon/daemon.go")
	_, err = os.Stat(Dir(f.root, f.rel))
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.Equal(t, digest(), before)

	edit(t, patch, "numbers  = true", "numbers = false")
	_, err = f.fetch(t)
	assert.NilError(t, err)
	assert.Assert(t, digest() != before)
}

func TestFetchOfAPatchThatDoesNotFitSaysWhichAndLeavesNothing(t *testing.T) {
	f := newFake(t)
	edit(t, f.root.Path("patch/1.2", f.patches(t)[0]), ` // three`, ` // thirteen`)
	_, err := f.fetch(t)
	var failed *ApplyError
	assert.Assert(t, errors.As(err, &failed))
	assert.ErrorContains(t, err, f.patches(t)[0])
	assert.ErrorContains(t, err, "patch failed: libnetwork/sandbox.go:3")
	assert.ErrorContains(t, err, "thirteen")
	assert.ErrorContains(t, err, "git apply --reject")
	for _, name := range []string{"patched-source", "patched-source.stamp"} {
		_, err = os.Stat(f.root.Out("1.2.3", name))
		assert.Assert(t, os.IsNotExist(err))
	}
	tmp, err := filepath.Glob(f.root.Out("1.2.3", ".tmp-*"))
	assert.NilError(t, err)
	assert.Equal(t, len(tmp), 0)
}

func TestApplyToACheckoutOfTheUser(t *testing.T) {
	f := newFake(t)
	s := f.load(t)
	_, err := s.Apply(ctx, f.upstream, &f.rel, true)
	assert.NilError(t, err)
	assert.Equal(t, f.sandbox(t), stock, "a dry run changed the tree")

	offsets, err := s.Apply(ctx, f.upstream, &f.rel, false)
	assert.NilError(t, err)
	assert.Equal(t, len(offsets), 0)
	assert.Equal(t, f.sandbox(t), strings.Replace(stock, "random", "attach", 1))

	_, err = s.Apply(ctx, f.upstream, &f.rel, false)
	assert.ErrorIs(t, err, ErrApplied)

	git(t, f.upstream, "add", ".")
	git(t, f.upstream, "commit", "-qm", "patched")
	_, err = s.Apply(ctx, f.upstream, &f.rel, false)
	assert.ErrorIs(t, err, ErrApplied)
}

func TestApplyOnTopOfOwnCommitsReportsTheOffset(t *testing.T) {
	f := newFake(t)
	edit(t, filepath.Join(f.upstream, "libnetwork/sandbox.go"), "package libnetwork\n", "package libnetwork\n\n// mine\n")
	git(t, f.upstream, "commit", "-qam", "mine")
	offsets, err := f.load(t).Apply(ctx, f.upstream, &f.rel, false)
	assert.NilError(t, err)
	assert.DeepEqual(t, offsets, []Offset{{Patch: f.patches(t)[0], File: "libnetwork/sandbox.go", Hunk: "1", Lines: 2}})
}

func TestApplyRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		spoil      func(t *testing.T, f *fake) (tree string)
	}{
		{"a dirty tree", "uncommitted changes:\n M daemon/daemon.go", func(t *testing.T, f *fake) string {
			edit(t, filepath.Join(f.upstream, "daemon/daemon.go"), "package daemon", "package daemon // mine")
			return f.upstream
		}},
		{"another release", "nor on top of it", func(t *testing.T, f *fake) string {
			git(t, f.upstream, "checkout", "-q", "--orphan", "other")
			git(t, f.upstream, "commit", "-qm", "other")
			return f.upstream
		}},
		{"a tree that is not moby", "no cmd/dockerd", func(t *testing.T, f *fake) string {
			git(t, f.upstream, "rm", "-q", "-r", "cmd")
			return f.upstream
		}},
		{"a directory without git", "not the root of a git checkout", func(t *testing.T, f *fake) string { return t.TempDir() }},
		{"a bare clone", "not the root of a git checkout", func(t *testing.T, f *fake) string {
			bare := filepath.Join(t.TempDir(), "bare")
			git(t, f.upstream, "clone", "-q", "--bare", f.upstream, bare)
			return bare
		}},
		{"a series of which the second patch does not fit", "nothing was changed", func(t *testing.T, f *fake) string {
			edit(t, f.root.Path("patch/1.2", f.patches(t)[1]), " package daemon", " package other")
			return f.upstream
		}},
		{"a file in the way", "nothing was changed", func(t *testing.T, f *fake) string {
			write(t, filepath.Join(f.upstream, "libnetwork/epheap.go"), "package mine\n")
			return f.upstream
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t)
			tree := tc.spoil(t, &f)
			before, err := repo.HashTree(f.upstream)
			assert.NilError(t, err)
			_, err = f.load(t).Apply(ctx, tree, &f.rel, false)
			assert.ErrorContains(t, err, tc.want)
			after, err := repo.HashTree(f.upstream)
			assert.NilError(t, err)
			assert.Equal(t, after, before)
		})
	}
}

// A line alone says which series to take, whatever the checkout is a commit of.
func TestApplyOfALineTakesAnyCommit(t *testing.T) {
	f := newFake(t)
	git(t, f.upstream, "checkout", "-q", "--orphan", "nightly")
	git(t, f.upstream, "commit", "-qm", "a merge of last night")
	_, err := f.load(t).Apply(ctx, f.upstream, nil, true)
	assert.NilError(t, err)
	assert.Equal(t, f.sandbox(t), stock)
	_, err = f.load(t).Apply(ctx, f.upstream, nil, false)
	assert.NilError(t, err)
	assert.Assert(t, f.sandbox(t) != stock)
}

func TestNothingIsComparedWithAReleaseThatHasNoCommit(t *testing.T) {
	f := newFake(t)
	f.rel.Tag, f.rel.Commit, f.rel.Module = "", "", "example.com/m"
	_, err := f.load(t).Apply(ctx, f.upstream, &f.rel, true)
	assert.ErrorContains(t, err, "1.2.3 comes from its Go module only")
	assert.ErrorContains(t, err, "scripts/patch --line 1.2 --worktree "+f.upstream)
	err = f.load(t).Commit(ctx, f.upstream, f.rel)
	assert.ErrorContains(t, err, "1.2.3 comes from its Go module only")

	// Such a row is not the base of what is on top of no release.
	git(t, f.upstream, "checkout", "-q", "--orphan", "other")
	git(t, f.upstream, "commit", "-qm", "other")
	none := Series{Line: "1.2"}
	_, err = none.base(ctx, f.upstream, pins.Table{f.rel})
	assert.ErrorContains(t, err, "not on top of any release")
	_, err = f.load(t).base(ctx, f.upstream, pins.Table{f.rel})
	assert.ErrorContains(t, err, `"# base: 1.2.3": 1.2.3 comes from its Go module only`)
}

func TestRowOfAReleaseThatOnlyACloneHas(t *testing.T) {
	f := newFake(t)
	table := pins.Table{
		{Name: "1.2.3", Line: "1.2", Module: "example.com/m", Version: "v1.2.3", Sum: "h1:", Toolchain: "go1.21.13", Runc: "debian"},
		{Name: "2.0.0", Line: "2.0"},
	}
	git(t, f.upstream, "commit", "-q", "--allow-empty", "-m", "1.9.0")
	commit := git(t, f.upstream, "rev-parse", "HEAD")
	git(t, f.upstream, "checkout", "-q", "v1.2.3") // a clone need not be at the release
	_, err := Row(ctx, table, "1.9.0", f.upstream)
	assert.ErrorContains(t, err, "has no tag of release 1.9.0 (docker-v1.9.0, v1.9.0, v1.9.0-ce)")
	assert.ErrorContains(t, err, "tag docker-v1.9.0")
	for _, tag := range []string{"v1.9.0-ce", "v1.9.0", "docker-v1.9.0"} {
		git(t, f.upstream, "tag", "-a", "-m", "release", tag, commit)
		bare := filepath.Join(t.TempDir(), "bare")
		git(t, f.upstream, "clone", "-q", "--bare", f.upstream, bare)
		for _, clone := range []string{f.upstream, bare} {
			row, err := Row(ctx, table, "1.9.0", clone)
			assert.NilError(t, err)
			assert.DeepEqual(t, row, pins.Release{Name: "1.9.0", Line: "1.2", Tag: tag, Commit: commit, Toolchain: "go1.21.13", Runc: "debian"})
		}
	}
	f.rel, err = Row(ctx, table, "1.9.0", f.upstream)
	assert.NilError(t, err)
	dir, err := f.fetch(t)
	assert.NilError(t, err)
	assert.Equal(t, dir, f.root.Out("1.9.0/patched-source"))
	_, err = Row(ctx, table, "1.9.0", t.TempDir())
	assert.ErrorContains(t, err, "is not a git clone")
}

func TestSharedPatchIsOneOfTheSeries(t *testing.T) {
	f := newFake(t)
	first := f.share(t, 0)
	s := f.load(t)
	assert.DeepEqual(t, s.Patches, []string{"../common/" + first, f.patches(t)[0]})
	assert.Equal(t, s.Path(s.Patches[0]), f.root.Path("patch/common", first))
	_, err := f.fetch(t)
	assert.NilError(t, err)
	r, err := Lint(ctx, f.root)
	assert.NilError(t, err)
	assert.DeepEqual(t, r.Problems, []string(nil))

	edit(t, f.root.Path("patch/common", first), "Applies-to: 1.2\n", "")
	r, err = Lint(ctx, f.root)
	assert.NilError(t, err)
	assert.DeepEqual(t, r.Problems, []string{"patch/common/" + first + ": its message has no Applies-to: trailer"})
}

// Up to 18.05, libnetwork has an epHeap of its own.
func TestHeapIsInstalledAsAttachHeapUpTo1805(t *testing.T) {
	f := newFake(t)
	theirs := strings.Replace(epheapGo, "ethorder", "libnetwork", 1)
	ours := strings.ReplaceAll(theirs, "epHeap", "attachHeap")
	for _, tc := range []struct {
		line, text string
		same       bool
	}{
		{"17.06", ours, true},
		{"18.05", ours, true},
		{"18.06", ours, false},
		{"27.0", ours, false},
		{"18.06", theirs, true},
		{"17.06", strings.Replace(ours, "[]*", "[]", 1), false},
	} {
		err := Series{Line: tc.line}.sameAsRoot(f.root, "epheap.go", []byte(tc.text))
		assert.Equal(t, err == nil, tc.same, "%s, %q: %v", tc.line, tc.text, err)
	}
}

func TestHeapIsNotInstalledFrom28On(t *testing.T) {
	f := newFake(t)
	first := f.root.Path("patch/1.2", f.patches(t)[0])
	b, err := os.ReadFile(first)
	assert.NilError(t, err)
	write(t, first, strings.ReplaceAll(string(b), "/epheap.go", "/heap.go"))
	for line, want := range map[string][]string{"27.0": {"patch/27.0/series: no patch installs epheap.go"}, "28.0": nil} {
		s := f.load(t)
		s.Line = line
		var r Report
		assert.NilError(t, s.lintPatches(ctx, f.root, &r))
		assert.DeepEqual(t, r.Problems, want)
	}
}

func TestLintPassesASoundSeries(t *testing.T) {
	f := newFake(t)
	r, err := Lint(ctx, f.root)
	assert.NilError(t, err)
	assert.DeepEqual(t, r.Problems, []string(nil))
	assert.Equal(t, len(r.Skipped), 1, "there is no source tree yet")

	_, err = f.fetch(t)
	assert.NilError(t, err)
	r, err = Lint(ctx, f.root)
	assert.NilError(t, err)
	assert.DeepEqual(t, r, Report{Applied: []string{"patch/1.2 on 1.2.3: applies, no fuzz, no offset"}})
}

func TestLintFinds(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		spoil      func(t *testing.T, f fake, first, second string)
	}{
		{"a line without series", "has no series", func(t *testing.T, f fake, first, second string) {
			assert.NilError(t, os.Remove(f.root.Path("patch/1.2/series")))
		}},
		{"a line without release", "patch/9.9: no release", func(t *testing.T, f fake, first, second string) {
			write(t, f.root.Path("patch/9.9/series"), "")
		}},
		{"an empty series", "names no patch", func(t *testing.T, f fake, first, second string) { f.series(t, "# base: 1.2.3") }},
		{"a missing patch", "names 0003-none.patch, which is missing", func(t *testing.T, f fake, first, second string) {
			f.series(t, "# base: 1.2.3", first, second, "0003-none.patch")
		}},
		{"a patch elsewhere", "is neither a file name nor one in ../common/", func(t *testing.T, f fake, first, second string) {
			f.series(t, "# base: 1.2.3", "../1.2/"+first)
		}},
		{"a shared patch that the line does not name", "patch/1.2/series: does not name ../common/0001-shared.patch, which all lines have", func(t *testing.T, f fake, first, second string) {
			write(t, f.root.Path("patch/common/0001-shared.patch"), "")
		}},
		{"a missing shared patch", "names ../common/0001-shared.patch, which is missing", func(t *testing.T, f fake, first, second string) {
			f.series(t, "# base: 1.2.3", "../common/0001-shared.patch", first, second)
		}},
		{"an unlisted patch", "not named in patch/1.2/series", func(t *testing.T, f fake, first, second string) {
			f.series(t, "# base: 1.2.3", first)
		}},
		{"a patch named twice", "-number.patch twice", func(t *testing.T, f fake, first, second string) {
			f.series(t, "# base: 1.2.3", first, second, second)
		}},
		{"a patch that git cannot parse", "git cannot parse it: error: corrupt patch", func(t *testing.T, f fake, first, second string) {
			edit(t, f.root.Path("patch/1.2", second), "@@ -1 +1,3 @@", "@@ -1 +1,7 @@")
		}},
		{"no message", "format of git am", func(t *testing.T, f fake, first, second string) {
			edit(t, f.root.Path("patch/1.2", second), "\n---\n", "\n")
		}},
		{"a real commit id", "commit id of zeros", func(t *testing.T, f fake, first, second string) {
			edit(t, f.root.Path("patch/1.2", second), "From 0", "From 1")
		}},
		{"a numbered subject", "no subject like", func(t *testing.T, f fake, first, second string) {
			edit(t, f.root.Path("patch/1.2", second), "[PATCH]", "[PATCH 2/2]")
		}},
		{"no author", "has no From: line", func(t *testing.T, f fake, first, second string) {
			edit(t, f.root.Path("patch/1.2", second), "From: a", "By: a")
		}},
		{"no Applies-to", "no Applies-to: trailer", func(t *testing.T, f fake, first, second string) {
			edit(t, f.root.Path("patch/1.2", second), "Applies-to: 1.2\n", "")
		}},
		{"an empty Upstream", "no Upstream: trailer", func(t *testing.T, f fake, first, second string) {
			edit(t, f.root.Path("patch/1.2", second), "Upstream: none", "Upstream:")
		}},
		{"an installed file that is not the root's", `installs libnetwork/sequence.go, which differs from sequence.go at the root: line 2 below the package clause: got "type AttachSequence uint64", want "type AttachSequence uint32"`,
			func(t *testing.T, f fake, first, second string) {
				edit(t, f.root.Path("sequence.go"), "uint64", "uint32")
			}},
		{"a root file with a line more", "differs from epheap.go at the root", func(t *testing.T, f fake, first, second string) {
			write(t, f.root.Path("epheap.go"), epheapGo+"\n")
		}},
		{"a series that does not install epheap.go", "no patch installs epheap.go", func(t *testing.T, f fake, first, second string) {
			edit(t, f.root.Path("patch/1.2", first), "+++ b/libnetwork/epheap.go", "+++ b/libnetwork/heap.go")
		}},
		{"an offset at the base", "is 1 lines off in 1.2.3, the base of the series", func(t *testing.T, f fake, first, second string) {
			edit(t, f.root.Path("patch/1.2", first), "@@ -3,7 +3,7 @@", "@@ -2,7 +2,7 @@")
		}},
		{"context that differs", "patch failed: libnetwork/sandbox.go:3", func(t *testing.T, f fake, first, second string) {
			edit(t, f.root.Path("patch/1.2", first), " // three", " // thirteen")
		}},
		{"a base that is no release of the line", `"# base: 1.2.4" is not a release of line 1.2`, func(t *testing.T, f fake, first, second string) {
			f.series(t, "# base: 1.2.4", first, second)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t)
			_, err := f.fetch(t) // so that there is a source tree
			assert.NilError(t, err)
			tc.spoil(t, f, f.patches(t)[0], f.patches(t)[1])
			r, err := Lint(ctx, f.root)
			assert.NilError(t, err)
			for _, p := range r.Problems {
				if strings.Contains(p, tc.want) {
					return
				}
			}
			t.Fatalf("problems are %q, want one with %q", r.Problems, tc.want)
		})
	}
}

func TestPatchesApplyInsideAnotherRepository(t *testing.T) {
	f := newFake(t)
	s := f.load(t)
	// There git apply skips every file and reports success, when nothing keeps
	// it from finding that repository.
	outer := t.TempDir()
	git(t, outer, "init", "-q")
	dir := filepath.Join(outer, "in", "it")
	assert.NilError(t, os.CopyFS(dir, os.DirFS(f.upstream)))
	assert.NilError(t, os.RemoveAll(filepath.Join(dir, ".git")))
	_, err := s.apply(ctx, dir, false)
	assert.NilError(t, err)
	b, err := os.ReadFile(filepath.Join(dir, "libnetwork/sandbox.go"))
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(b), "attach"))
}
