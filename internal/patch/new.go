package patch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"ethorder/internal/pins"
	"ethorder/internal/source"
)

// ErrFits is the answer of Begin for a checkout that the series fits as it is.
var ErrFits = errors.New("the series fits as it is")

// Begin begins a line for a release that no series fits, from this series: it
// commits the patches to a git checkout of the user that is at rel, up to the first
// that does not apply. Of that one, what applies is in the work tree, the rest in
// files that end in .rej, and git am waits. The error is an *ApplyError then, and
// ErrFits if every patch applies, in which case nothing is changed.
func (s Series) Begin(ctx context.Context, tree string, rel pins.Release) error {
	tree, err := checkoutAt(ctx, tree, rel)
	if err != nil {
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

// Row returns a row for a release that patch/releases.tsv need not have: that of the
// nearest release, with the tag and the commit that a git clone of moby has of it.
func Row(ctx context.Context, table pins.Table, name, clone string) (pins.Release, error) {
	r := table.Nearest(name)
	r.Name, r.Module, r.Version, r.Sum = name, "", "", ""
	clone, err := source.Clone(ctx, clone)
	if err != nil {
		return r, err
	}
	tags := []string{"docker-v" + name, "v" + name, "v" + name + "-ce"}
	for _, r.Tag = range tags {
		if r.Commit, err = commitID(ctx, clone, "refs/tags/"+r.Tag); err == nil || ctx.Err() != nil {
			return r, err
		}
	}
	return r, fmt.Errorf("%s has no tag of release %s (%s)\nnext: git -C %s fetch --depth 1 <moby's repository> tag %s",
		clone, name, strings.Join(tags, ", "), clone, tags[0])
}
