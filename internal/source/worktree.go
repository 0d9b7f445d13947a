package source

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/tool"
)

// Worktree makes the stock trees of releases in one place, one after the other, so
// that go need not compile again what they have in common.
type Worktree struct {
	Repo  repo.Root
	Clone string // git clone of moby to take the sources from that have a commit; "" are Go modules
	Dir   string // is made, and holds the tree
}

// Make makes the stock tree of a release in the place of what is there, and returns
// its directory.
func (w Worktree) Make(ctx context.Context, rel pins.Release) (string, error) {
	if Kind(rel, w.Clone) == "module" {
		return w.unpack(ctx, rel)
	}
	return w.checkout(ctx, rel)
}

func (w Worktree) tree() string { return filepath.Join(w.Dir, "tree") }

// checkout makes a tree from the clone. Only files that differ from those of the
// last checkout are written.
func (w Worktree) checkout(ctx context.Context, rel pins.Release) (string, error) {
	if err := verify(ctx, rel, w.Clone); err != nil {
		return "", err
	}
	if err := os.MkdirAll(w.tree(), 0o755); err != nil {
		return "", err
	}
	gitDir, err := tool.Git(ctx, w.Clone, "rev-parse", "--absolute-git-dir")
	if err != nil {
		return "", err
	}
	for _, args := range [][]string{{"read-tree", "--reset", "-u", rel.Commit}, {"clean", "-ffdxq"}} {
		// With an index of its own the clone is not changed.
		_, err := tool.Run(ctx, tool.Cmd{
			Dir: w.tree(), What: "check out " + rel.Tag,
			Env: []string{"GIT_INDEX_FILE=" + filepath.Join(w.Dir, "index"), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"},
			Args: append([]string{
				"git", "-c", "safe.directory=*", "-c", "core.autocrlf=false", "-c", "core.bare=false", "-c", "core.sparseCheckout=false",
				"--git-dir=" + strings.TrimSpace(gitDir), "--work-tree=" + w.tree(),
			}, args...),
		})
		if err != nil {
			return "", err
		}
	}
	_, err = adoptVendorMod(w.tree())
	return w.tree(), err
}

// unpack makes a tree from the release's module.
func (w Worktree) unpack(ctx context.Context, rel pins.Release) (string, error) {
	src := Dir(w.Repo, rel)
	_, err := os.Stat(repo.StampPath(src))
	had := err == nil
	unlock, err := repo.Lock(ctx, w.Repo.Out(rel.Name))
	if err != nil {
		return "", err
	}
	defer unlock()
	if src, err = Fetch(ctx, w.Repo, rel, ""); err != nil {
		return "", err
	}
	if err := os.RemoveAll(w.tree()); err != nil {
		return "", err
	}
	if err := os.CopyFS(w.tree(), os.DirFS(src)); err != nil {
		return "", err
	}
	if had {
		return w.tree(), nil
	}
	// A hundred trees fill a disk. Engines and logs of the release stay.
	return w.tree(), errors.Join(os.Remove(repo.StampPath(src)), os.RemoveAll(src))
}
