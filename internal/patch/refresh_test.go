package patch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ethorder/internal/pins"
	"ethorder/internal/repo"

	"gotest.tools/v3/assert"
)

// newCommitted is a fake whose repository is in git, and whose upstream has the
// series as commits.
func newCommitted(t *testing.T) fake { return newFake(t).committed(t) }

func (f fake) committed(t *testing.T) fake {
	t.Helper()
	git(t, string(f.root), "init", "-q")
	write(t, f.root.Path(".gitignore"), "/out/\n")
	git(t, string(f.root), "add", ".")
	git(t, string(f.root), "commit", "-qm", "all")
	err := f.load(t).Commit(ctx, f.upstream, f.rel)
	assert.NilError(t, err)
	// Whatever form newFake wrote the patches in, this is the one that stays.
	_, err = Refresh(ctx, f.root, "1.2", f.upstream, false)
	assert.NilError(t, err)
	git(t, string(f.root), "add", ".")
	git(t, string(f.root), "commit", "-q", "--allow-empty", "-m", "refresh")
	return f
}

func (f fake) status(t *testing.T) string {
	return git(t, string(f.root), "status", "--porcelain", "--untracked-files=all")
}

func (f fake) refresh(t *testing.T) []string {
	t.Helper()
	changes, err := Refresh(ctx, f.root, "1.2", f.upstream, false)
	assert.NilError(t, err)
	var words []string
	for _, c := range changes {
		words = append(words, c.What)
	}
	return words
}

func TestRefreshWithoutAnEditChangesNothing(t *testing.T) {
	f := newCommitted(t)
	assert.DeepEqual(t, f.refresh(t), []string{"unchanged", "unchanged"})
	assert.Equal(t, f.status(t), "")

	// Nor do the settings of whoever runs it.
	git(t, f.upstream, "config", "diff.noprefix", "true")
	git(t, f.upstream, "config", "core.abbrev", "40")
	git(t, f.upstream, "config", "format.signature", "x")
	assert.DeepEqual(t, f.refresh(t), []string{"unchanged", "unchanged"})
	assert.Equal(t, f.status(t), "")
}

// With two lines of context, a series fits releases that differ in the third.
func TestRefreshMakesTwoLinesOfContext(t *testing.T) {
	f := newCommitted(t)
	b, err := os.ReadFile(f.load(t).Path(f.patches(t)[0]))
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(b), "@@ -4,5 +4,5 @@ package libnetwork\n // two\n // three\n-var order"), "%s", b)
}

func TestRefreshKeepsASharedPatchWhereItIs(t *testing.T) {
	f := newFake(t)
	first := f.share(t, 0)
	f = f.committed(t)
	assert.DeepEqual(t, f.refresh(t), []string{"unchanged", "unchanged"})
	assert.Equal(t, f.status(t), "")
	edit(t, filepath.Join(f.upstream, "daemon/daemon.go"), "numbers = true", "numbers = 12")
	git(t, f.upstream, "commit", "-qa", "--amend", "--no-edit")
	assert.DeepEqual(t, f.refresh(t), []string{"unchanged", "rewritten"})
	assert.Equal(t, f.status(t), "M patch/1.2/"+f.patches(t)[0])
	git(t, string(f.root), "commit", "-qam", "12")

	// Another text of the shared patch goes to where it is, and over no work there.
	second := git(t, f.upstream, "rev-parse", "HEAD")
	git(t, f.upstream, "reset", "-q", "--hard", "HEAD^")
	git(t, f.upstream, "commit", "-q", "--amend", "-m", "libnetwork: order by attach\n\nBecause.\n\nApplies-to: 1.2\nUpstream: none")
	git(t, f.upstream, "cherry-pick", second)
	edit(t, f.root.Path("patch/common", first), "Why.", "Mine.")
	_, err := Refresh(ctx, f.root, "1.2", f.upstream, false)
	assert.ErrorContains(t, err, "patch/common has uncommitted changes, which would be overwritten")
	git(t, string(f.root), "checkout", "-q", ".")
	assert.DeepEqual(t, f.refresh(t), []string{"rewritten", "unchanged"})
	assert.Equal(t, f.status(t), "M patch/common/"+first)
	assert.DeepEqual(t, f.load(t).Patches, []string{"../common/" + first, f.patches(t)[0]})
}

func TestRefreshKeepsASharedPatchForOtherLines(t *testing.T) {
	f := newFake(t)
	shared := f.share(t, 1)
	f = f.committed(t)
	git(t, f.upstream, "reset", "-q", "--hard", "HEAD^")
	assert.DeepEqual(t, f.refresh(t), []string{"unchanged", "removed"})
	assert.DeepEqual(t, f.load(t).Patches, f.patches(t))
	_, err := os.Stat(f.root.Path("patch/common", shared))
	assert.NilError(t, err)
}

func TestRefreshOfAnAmendedCommitRewritesItsPatchAlone(t *testing.T) {
	f := newCommitted(t)
	edit(t, filepath.Join(f.upstream, "daemon/daemon.go"), "numbers = true", "numbers = 12")
	git(t, f.upstream, "commit", "-qa", "--amend", "--no-edit")
	assert.DeepEqual(t, f.refresh(t), []string{"unchanged", "rewritten"})
	diff := git(t, string(f.root), "diff", "-U0")
	assert.Assert(t, strings.Contains(diff, "\n-+var numbers = true\n++var numbers = 12"), diff)
	dir, err := f.fetchPatched(t)
	assert.NilError(t, err)
	b, err := os.ReadFile(filepath.Join(dir, "daemon/daemon.go"))
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(b), "numbers = 12"))
}

// fetchPatched applies the series as it is now to the stock commit.
func (f fake) fetchPatched(t *testing.T) (string, error) {
	dir := filepath.Join(t.TempDir(), "clone")
	git(t, f.upstream, "clone", "-q", f.upstream, dir)
	git(t, dir, "checkout", "-q", f.rel.Commit)
	_, err := f.load(t).ApplyTo(ctx, dir)
	return dir, err
}

func TestRefreshFollowsAddedAndRemovedCommits(t *testing.T) {
	f := newCommitted(t)
	write(t, filepath.Join(f.upstream, "daemon/daemon_test.go"), "package daemon\n")
	git(t, f.upstream, "add", ".")
	git(t, f.upstream, "commit", "-qm", "daemon: test it\n\nWhy.\n\nApplies-to: 1.2\nUpstream: none")
	assert.DeepEqual(t, f.refresh(t), []string{"unchanged", "unchanged", "added"})
	assert.Equal(t, len(f.load(t).Patches), 3)
	git(t, string(f.root), "add", ".")
	git(t, string(f.root), "commit", "-qm", "three")

	git(t, f.upstream, "reset", "-q", "--hard", "HEAD^")
	assert.DeepEqual(t, f.refresh(t), []string{"unchanged", "unchanged", "removed"})
	assert.Equal(t, len(f.load(t).Patches), 2)
	assert.Equal(t, len(f.patches(t)), 2)
	assert.Equal(t, f.load(t).Base, "1.2.3")
}

func TestRefreshRefuses(t *testing.T) {
	for _, test := range []struct {
		name, want string
		spoil      func(t *testing.T, f fake)
	}{
		{"a dirty tree", "has uncommitted changes", func(t *testing.T, f fake) {
			edit(t, filepath.Join(f.upstream, "daemon/daemon.go"), "true", "false")
		}},
		{"a tree at another commit", "not on top of any release", func(t *testing.T, f fake) {
			git(t, f.upstream, "checkout", "-q", "--orphan", "other")
			git(t, f.upstream, "commit", "-qm", "other")
		}},
		{"a tree without the patches", "with no commit to make a patch of", func(t *testing.T, f fake) {
			git(t, f.upstream, "checkout", "-q", "v1.2.3")
		}},
		{"a merge", "has merge commits", func(t *testing.T, f fake) {
			git(t, f.upstream, "checkout", "-q", "-b", "side", "v1.2.3")
			git(t, f.upstream, "commit", "-q", "--allow-empty", "-m", "side")
			git(t, f.upstream, "checkout", "-q", "-")
			git(t, f.upstream, "merge", "-q", "--no-ff", "-m", "merge", "side")
		}},
		{"a changed root file", "differs from sequence.go at the root", func(t *testing.T, f fake) {
			edit(t, filepath.Join(f.upstream, "libnetwork/sequence.go"), "uint64", "uint32")
			git(t, f.upstream, "commit", "-qa", "--fixup=HEAD")
			git(t, f.upstream, "reset", "-q", "--soft", "v1.2.3")
			git(t, f.upstream, "commit", "-qm", "libnetwork: all\n\nApplies-to: 1.2\nUpstream: none")
		}},
		{"changes that would be lost", "has uncommitted changes, which would be overwritten", func(t *testing.T, f fake) {
			edit(t, f.root.Path("patch/1.2", f.patches(t)[1]), "Why.", "Because.")
		}},
		{"a missing series", "has no series", func(t *testing.T, f fake) {
			assert.NilError(t, os.Remove(f.root.Path("patch/1.2/series")))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newCommitted(t)
			test.spoil(t, f)
			before := f.status(t)
			_, err := Refresh(ctx, f.root, "1.2", f.upstream, false)
			assert.ErrorContains(t, err, test.want)
			assert.Equal(t, f.status(t), before, "something was changed")
		})
	}
	_, err := Refresh(ctx, newCommitted(t).root, "1.3", newFake(t).upstream, false)
	assert.ErrorContains(t, err, "nearest known: 1.2")
}

func TestCommitRefusesATreeThatIsNotAtTheRelease(t *testing.T) {
	f := newFake(t)
	git(t, f.upstream, "commit", "-q", "--allow-empty", "-m", "own")
	head := git(t, f.upstream, "rev-parse", "HEAD")
	err := f.load(t).Commit(ctx, f.upstream, f.rel)
	assert.ErrorContains(t, err, "want "+f.rel.Commit)
	assert.Equal(t, git(t, f.upstream, "rev-parse", "HEAD"), head)
}

func TestBeginShowsTheHunkAndGoesOnByHand(t *testing.T) {
	f := newCommitted(t)
	s := f.load(t)
	git(t, f.upstream, "checkout", "-q", "v1.2.3")
	assert.Assert(t, errors.Is(s.Begin(ctx, f.upstream, f.rel), ErrFits))

	// The next release has another text beside the change.
	edit(t, filepath.Join(f.upstream, "libnetwork/sandbox.go"), "// three", "// drei")
	git(t, f.upstream, "commit", "-qam", "1.3.0")
	git(t, f.upstream, "tag", "v1.3.0")
	table, err := pins.Load(f.root)
	assert.NilError(t, err)
	row, err := Row(ctx, table, "1.3.0", f.upstream)
	assert.NilError(t, err)
	assert.Equal(t, row.Tag, "v1.3.0")
	assert.Equal(t, row.Commit, git(t, f.upstream, "rev-parse", "HEAD"))
	assert.ErrorContains(t, s.Begin(ctx, f.upstream, f.rel), "want "+f.rel.Commit)

	err = s.Begin(ctx, f.upstream, row)
	var failed *ApplyError
	assert.Assert(t, errors.As(err, &failed), "%v", err)
	assert.ErrorContains(t, err, s.Patches[0])
	assert.ErrorContains(t, err, "libnetwork/sandbox.go")
	assert.ErrorContains(t, err, "// three")
	_, err = os.Stat(filepath.Join(f.upstream, "libnetwork/sandbox.go.rej"))
	assert.NilError(t, err)
	assert.ErrorContains(t, s.Begin(ctx, f.upstream, row), "in the middle of a git am")

	// By hand, as the command says.
	assert.NilError(t, os.Remove(filepath.Join(f.upstream, "libnetwork/sandbox.go.rej")))
	edit(t, filepath.Join(f.upstream, "libnetwork/sandbox.go"), "random", "attach")
	git(t, f.upstream, "add", "-A")
	git(t, f.upstream, "am", "--continue")
	path := f.root.Path("patch/releases.tsv")
	b, err := os.ReadFile(path)
	assert.NilError(t, err)
	row.Line = table.NewLine("1.3.0")
	write(t, path, string(b)+row.Row()+"\n")
	changes, err := Refresh(ctx, f.root, "1.3", f.upstream, false)
	assert.NilError(t, err)
	assert.Equal(t, len(changes), 2)
	now, err := Load(repo.Root(f.root), "1.3")
	assert.NilError(t, err)
	assert.Equal(t, now.Base, "1.3.0")
}
