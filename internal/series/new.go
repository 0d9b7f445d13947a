package series

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"ethorder/internal/release"
	"ethorder/internal/stage"
)

// ErrFits is the answer of Begin for a checkout that the series fits as it is.
var ErrFits = errors.New("the series fits as it is")

// Begin begins a line for a release that no series fits, from this series: it
// commits the patches to a git checkout of the user that is at the release, up to
// the first that does not apply. Of that one, what applies is in the work tree, the
// rest in files that end in .rej, and git am waits. The error is an *ApplyError
// then, and ErrFits if every patch applies, in which case nothing is changed.
func (s Series) Begin(ctx context.Context, tree string) error {
	tree, err := checkout(ctx, tree)
	if err != nil {
		return err
	}
	if err := errors.Join(atRest(ctx, tree), clean(ctx, tree)); err != nil {
		return err
	}
	_, err = s.Try(ctx, tree)
	if err == nil {
		return ErrFits
	}
	var failed *ApplyError
	if !errors.As(err, &failed) {
		return err
	}
	if err := s.am(ctx, tree, "--reject"); err == nil {
		return fmt.Errorf("git am took what git apply does not: %w", failed)
	}
	waits, err := gitPath(ctx, tree, "rebase-apply")
	if err != nil {
		return err
	}
	if _, err := os.Stat(waits); err != nil {
		return fmt.Errorf("git am did not begin in %s: %w", tree, failed)
	}
	return failed
}

// Row returns a row of patch/releases.tsv for a release that a checkout is at: with
// the commit and the tag of its HEAD, and what builds the nearest release.
func Row(ctx context.Context, table release.Table, name, tree string) (release.Release, error) {
	r := table.Nearest(name)
	r.Name, r.Module, r.Version, r.Sum = name, "", "", ""
	tree, err := checkout(ctx, tree)
	if err != nil {
		return r, err
	}
	if r.Commit, err = commitID(ctx, tree, "HEAD"); err != nil {
		return r, err
	}
	out, err := stage.Git(ctx, tree, "tag", "--points-at", "HEAD")
	if err != nil {
		return r, err
	}
	tags := strings.Fields(out)
	for _, tag := range []string{"docker-v" + name, "v" + name, "v" + name + "-ce"} {
		if slices.Contains(tags, tag) {
			r.Tag = tag
			return r, nil
		}
	}
	return r, fmt.Errorf("%s is at commit %s, which has no tag of release %s (its tags: %s)\nnext: git -C %s checkout docker-v%s",
		tree, r.Commit, name, strings.Join(tags, ", "), tree, name)
}
