package patch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ethorder/internal/pins"
	"ethorder/internal/tool"
)

// Commit applies the series to a git checkout of the user, a commit a patch with
// the patch's message, author and date. It refuses a checkout with uncommitted
// changes and one that is not at the commit of rel, and changes nothing unless
// every patch applies.
func (s Series) Commit(ctx context.Context, tree string, rel pins.Release) error {
	tree, err := checkoutAt(ctx, tree, rel)
	if err != nil {
		return err
	}
	if _, err := s.Try(ctx, tree); err != nil {
		return fmt.Errorf("%w\nnothing was changed", err)
	}
	if err := s.am(ctx, tree); err != nil {
		if _, undo := tool.Git(ctx, tree, append(slices.Clone(committer), "am", "--abort")...); undo != nil {
			return fmt.Errorf("%w\nand it could not be taken back: %w", err, undo)
		}
		return fmt.Errorf("%w\nnothing was changed", err)
	}
	return nil
}

// checkoutAt returns the root of a git checkout of moby to which patches can be
// committed, on top of the commit of rel.
func checkoutAt(ctx context.Context, tree string, rel pins.Release) (string, error) {
	tree, err := checkout(ctx, tree)
	if err != nil {
		return "", err
	}
	if err := rel.CheckCommit(); err != nil {
		return "", fmt.Errorf("%w to commit patches on top of", err)
	}
	if err := clean(ctx, tree); err != nil {
		return "", err
	}
	head, err := commitID(ctx, tree, "HEAD")
	if err != nil {
		return "", err
	}
	if head != rel.Commit {
		// Commits in between would become patches when they are exported.
		return "", fmt.Errorf("%s is at commit %s, want %s (%s) itself, to commit the patches on top of it\nnext: git -C %s switch -c ethorder-%s %s",
			tree, head, rel.Commit, rel.Tag, tree, rel.Name, rel.Tag)
	}
	return tree, nil
}

// committer is who commits the patches: not the user, so that a commit is the
// same wherever it is made. The hooks of the checkout are for work on moby.
var committer = []string{
	"-c", "committer.name=ethorder maintainers", "-c", "committer.email=maintainers@ethorder.invalid",
	"-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false",
}

// am commits the patches with git am. It takes no hunk whose context differs,
// as git apply does; at a patch that does not apply it stops and stays.
func (s Series) am(ctx context.Context, tree string, options ...string) error {
	args := slices.Concat(committer, []string{"am", "--quiet", "--no-3way", "--no-scissors", "--whitespace=nowarn", "--committer-date-is-author-date"}, options, []string{"--"}, s.paths())
	_, err := tool.Git(ctx, tree, args...)
	return err
}

// commitID returns the id of a commit that a name stands for.
func commitID(ctx context.Context, tree, name string) (string, error) {
	id, err := tool.Git(ctx, tree, "rev-parse", "--verify", "--quiet", name+"^{commit}")
	return strings.TrimSpace(id), err
}

// gitPath returns where git keeps a file of a checkout's repository.
func gitPath(ctx context.Context, tree, name string) (string, error) {
	p, err := tool.Git(ctx, tree, "rev-parse", "--git-path", name)
	p = strings.TrimSpace(p)
	if err == nil && !filepath.IsAbs(p) {
		p = filepath.Join(tree, p)
	}
	return p, err
}

// clean returns an error when a checkout has changes that are not committed, or when git
// is in the middle of a rebase or an am: HEAD is not all of the commits then. Files that
// git does not know do not count.
func clean(ctx context.Context, tree string) error {
	for _, name := range []string{"rebase-merge", "rebase-apply"} {
		dir, err := gitPath(ctx, tree, name)
		if err != nil {
			return err
		}
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		what := "rebase"
		if _, err := os.Stat(filepath.Join(dir, "applying")); err == nil {
			what = "am"
		}
		return fmt.Errorf("%s is in the middle of a git %s, so that its HEAD does not have all the commits\nnext: git -C %s %s --continue, or --abort", tree, what, tree, what)
	}
	dirty, err := tool.Git(ctx, tree, "--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
	if err == nil && dirty != "" {
		err = fmt.Errorf("%s has uncommitted changes:\n%snext: git -C %s stash, or commit them", tree, dirty, tree)
	}
	return err
}
