package patch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/source"
	"ethorder/internal/tool"
)

// Dir returns where the patched tree of a release is, or goes.
func Dir(root repo.Root, rel pins.Release) string { return root.Out(rel.Name, "patched-source") }

// Fetch makes the patched tree of a release unless it is up to date, and returns
// its directory: the stock tree, which is made when it is missing, and the
// series of the release's line. clone is as in source.Fetch. The caller holds
// the lock of the release.
func Fetch(ctx context.Context, root repo.Root, rel pins.Release, clone string) (string, error) {
	if err := tool.Need("git"); err != nil {
		return "", err
	}
	s, err := Load(root, rel.Line)
	if err != nil {
		return "", err
	}
	key, err := s.Key()
	if err != nil {
		return "", fmt.Errorf("series of line %s: %w; next: scripts/patch lint", rel.Line, err)
	}
	src, err := source.Fetch(ctx, root, rel, clone)
	if err != nil {
		return "", err
	}
	dir := Dir(root, rel)
	stamp := repo.Stamp{"source": repo.ReadStamp(src).Key(), "series": key}
	_, err = stamp.Make(root, "patch "+rel.Name, root.Out(rel.Name), dir, 512, func(tmp string) (repo.Made, error) {
		tree := filepath.Join(tmp, "patched")
		offsets, err := s.applyToCopy(ctx, src, tree)
		note := fmt.Sprintf("%d patches of line %s, %s", len(s.Patches), s.Line, describe(offsets))
		return repo.Made{Path: tree, Note: note}, err
	})
	return dir, err
}

// applyToCopy applies the series to a copy of a stock tree.
func (s Series) applyToCopy(ctx context.Context, src, tree string) ([]Offset, error) {
	if err := os.CopyFS(tree, os.DirFS(src)); err != nil {
		return nil, err
	}
	offsets, err := s.apply(ctx, tree, false)
	if failed := new(ApplyError); errors.As(err, &failed) {
		failed.Dir = src
		return nil, fmt.Errorf("%w\nnothing was changed; to see what fits and what does not: cp -r %s /tmp/try && cd /tmp/try && GIT_CEILING_DIRECTORIES=/tmp git apply --reject -v %s",
			err, src, failed.Patch)
	}
	if err != nil {
		return nil, err
	}
	return offsets, s.checkFormat(ctx, src, tree)
}

func describe(offsets []Offset) string {
	if len(offsets) == 0 {
		return "no offset"
	}
	return fmt.Sprintf("%d hunks at an offset", len(offsets))
}

// ErrApplied is the answer of Apply for a tree that has the series already.
var ErrApplied = errors.New("the series is applied already")

// Apply applies the series to a git checkout of the user, in place and
// uncommitted; with dry, it only finds out whether it would. It refuses a
// checkout that has the series (ErrApplied), one with uncommitted changes, and one
// that is not at the commit of rel, when rel is not nil, or on top of it. Nothing is
// changed unless every patch applies.
func (s Series) Apply(ctx context.Context, tree string, rel *pins.Release, dry bool) ([]Offset, error) {
	tree, err := checkout(ctx, tree)
	if err != nil {
		return nil, err
	}
	if s.Applied(ctx, tree) {
		return nil, fmt.Errorf("%s: %w; to take it off again: git -C %s checkout . && git -C %s clean -n", tree, ErrApplied, tree, tree)
	}
	if rel != nil {
		if err := rel.CheckCommit(); err != nil {
			return nil, fmt.Errorf("%w to compare %s with\nnext, whatever its commit is: scripts/patch --line %s --worktree %s", err, tree, rel.Line, tree)
		}
		head, err := tool.Git(ctx, tree, "rev-parse", "HEAD")
		if err != nil {
			return nil, err
		}
		if _, err := tool.Git(ctx, tree, "merge-base", "--is-ancestor", rel.Commit, "HEAD"); err != nil {
			return nil, fmt.Errorf("%s is at commit %s, which is not %s (%s) nor on top of it\nnext: git -C %s checkout %s, or name the line alone: --line %s --worktree %s",
				tree, strings.TrimSpace(head), rel.Commit, rel.Tag, tree, rel.Tag, rel.Line, tree)
		}
	}
	if err := clean(ctx, tree); err != nil {
		return nil, err
	}
	offsets, err := s.Try(ctx, tree)
	if err != nil {
		return nil, fmt.Errorf("%w\nnothing was changed", err)
	}
	if dry {
		return offsets, nil
	}
	return s.apply(ctx, tree, false)
}

// checkout returns the root of a git checkout of moby.
func checkout(ctx context.Context, tree string) (string, error) {
	if err := tool.Need("git"); err != nil {
		return "", err
	}
	tree, err := filepath.Abs(tree)
	if err != nil {
		return "", err
	}
	top, err := tool.Git(ctx, tree, "rev-parse", "--show-toplevel")
	if err != nil {
		return "", tool.Usagef("%s is not the root of a git checkout with a work tree, so there would be no way back; make it one: git -C %s init && git -C %s add -Af . && git -C %s commit -qm stock",
			tree, tree, tree, tree)
	}
	tree = strings.TrimSpace(top)
	if _, err := os.Stat(filepath.Join(tree, "cmd", "dockerd")); err != nil {
		return "", tool.Usagef("%s is not a checkout of moby: it has no cmd/dockerd", tree)
	}
	return tree, nil
}
