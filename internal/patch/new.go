package patch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/sirupsen/logrus"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/source"
	"ethorder/internal/tool"
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

// FindRow returns the row of a release. One that is not in the table gets the row of the
// nearest, with the commit that the clone has of it. Without a clone, that is an error which
// says that next is the command to run.
func FindRow(ctx context.Context, root repo.Root, name, clone, next string) (pins.Release, error) {
	table, err := pins.Load(root)
	if err != nil {
		return pins.Release{}, err
	}
	rel, err := table.Find(name)
	if err == nil || !pins.IsVersion(name) {
		return rel, err
	}
	near := table.Nearest(name)
	if clone == "" {
		return rel, tool.Usagef(
			"release %s is not in patch/releases.tsv, and no series was tried on it; the nearest there is %s, whose series is patch/%s\nto use that series: %s",
			name, near.Name, near.Line, next)
	}
	if rel, err = Row(ctx, table, name, clone); err == nil {
		logrus.Warnf("%s is untested: it gets the series of line %s, as %s does, on commit %s (%s) of %s", name, near.Line, near.Name, rel.Commit, rel.Tag, clone)
	}
	return rel, err
}
