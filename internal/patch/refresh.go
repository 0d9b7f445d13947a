package patch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/tool"

	"github.com/sirupsen/logrus"
)

// Change is what a refresh did to a patch.
type Change struct {
	What  string // unchanged, rewritten, added or removed
	Patch string // file name
	text  []byte // what it is now
}

// Refresh makes the series of a line from a git checkout: every commit on top of
// the commit of the series' base becomes a patch. A line that has no directory
// yet gets one, with the release of the line that the checkout is on top of as
// its base. A patch whose commit is as it was stays the same file, byte for
// byte. With force, changes below patch/ that are not committed are overwritten.
// On an error nothing is changed, unless a file could not be written.
func Refresh(ctx context.Context, root repo.Root, line, tree string, force bool) ([]Change, error) {
	tree, err := checkout(ctx, tree)
	if err != nil {
		return nil, err
	}
	table, err := pins.Load(root)
	if err != nil {
		return nil, err
	}
	if err := table.CheckLine(line); err != nil {
		return nil, err
	}
	was := Series{Line: line, Dir: root.Path("patch", line)}
	if _, err := os.Stat(was.Dir); err == nil {
		if was, err = Load(root, line); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := clean(ctx, tree); err != nil {
		return nil, err
	}
	base, err := was.base(ctx, tree, table)
	if err != nil {
		return nil, err
	}
	head, err := onTop(ctx, tree, base)
	if err != nil {
		return nil, err
	}

	unlock, err := repo.Lock(ctx, root.Out())
	if err != nil {
		return nil, err
	}
	defer unlock()
	tmp, err := os.MkdirTemp("", "ethorder-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	now, err := export(ctx, tree, base.Commit, head, tmp)
	if err != nil {
		return nil, err
	}
	now.Line, now.Base = line, base.Name
	if err := now.share(root); err != nil {
		return nil, err
	}
	if err := now.valid(ctx, root, tree, base); err != nil {
		return nil, err
	}
	return now.install(ctx, root, was, force)
}

// valid returns an error unless the patches that were made of a checkout's commits pass
// lint.
func (s Series) valid(ctx context.Context, root repo.Root, tree string, base pins.Release) error {
	var report Report
	if err := s.lintPatches(ctx, root, &report); err != nil || report.Problems == nil {
		return err
	}
	return fmt.Errorf("the commits of %s do not make a valid series; patch/%s was not changed:\n  %s\n"+
		"next: git -C %s rebase -i %s (fix them with amend, reword or fixup)\n"+
		"a file that comes from the root of this repository is edited there first; the commit that installs it then gets the same text",
		tree, s.Line, strings.Join(report.Problems, "\n  "), tree, base.Tag)
}

// install puts the series in the place of what it was, and returns what changed. Unless
// it is forced, it overwrites nothing that is not committed.
func (s Series) install(ctx context.Context, root repo.Root, was Series, force bool) ([]Change, error) {
	all, err := s.changes(was)
	if err != nil {
		return nil, err
	}
	changes := slices.DeleteFunc(slices.Clone(all), func(c Change) bool { return c.What == "unchanged" })
	if len(changes) == 0 {
		return all, nil
	}
	for _, c := range changes {
		// Of a patch in the folder of the line, the list of the patches may be changed too.
		if err := committed(ctx, root, filepath.Dir(was.Path(c.Patch))); err != nil && !force {
			return nil, err
		}
	}
	old, err := os.ReadFile(was.Path("series"))
	if errors.Is(err, fs.ErrNotExist) {
		old, err = []byte("# base: "+s.Base+"\n"), os.Mkdir(was.Dir, 0o755)
	}
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		switch {
		case c.What != "removed":
			err = os.WriteFile(was.Path(c.Patch), c.text, 0o644)
		case !strings.HasPrefix(c.Patch, common): // other lines need the shared ones
			err = os.RemoveAll(was.Path(c.Patch))
		}
		if err != nil {
			return nil, err
		}
	}
	return all, os.WriteFile(was.Path("series"), []byte(relist(string(old), was.Patches, s.Patches)), 0o644)
}

// base returns the release that the commits of a checkout are on top of. It has
// to be the base of the series: on another release the same patches have other
// line numbers.
func (s Series) base(ctx context.Context, tree string, table pins.Table) (pins.Release, error) {
	// A series is a few commits, so that a release far below is not its base.
	out, err := tool.Git(ctx, tree, "rev-list", "--first-parent", "--max-count=200", "HEAD")
	if err != nil {
		return pins.Release{}, err
	}
	history := strings.Fields(out)
	var found pins.Release
	is := fmt.Sprintf("HEAD of %s is %s, not on top of any release", tree, history[0])
	for _, c := range history {
		if i := slices.IndexFunc(table, func(r pins.Release) bool { return r.Commit == c }); i >= 0 {
			found = table[i]
			is = fmt.Sprintf("HEAD of %s is %s, on top of %s (%s)", tree, history[0], found.Commit, found.Tag)
			break
		}
	}
	want := table.Releases(s.Line)
	if s.Patches != nil {
		r, err := table.Find(s.Base)
		if err == nil {
			err = r.CheckCommit()
		}
		if err != nil {
			return r, fmt.Errorf(`patch/%s/series: "# base: %s": %w`, s.Line, s.Base, err)
		}
		want = pins.Table{r}
	}
	var commits []string
	for _, r := range want {
		if r.Commit != "" && r.Commit == found.Commit {
			return r, nil
		}
		if r.Commit != "" {
			commits = append(commits, fmt.Sprintf("%s (%s)", r.Commit, r.Tag))
		}
	}
	err = fmt.Errorf("%s; patch/%s needs it on top of %s", is, s.Line, strings.Join(commits, " or "))
	switch base := want[0]; {
	case s.Patches == nil:
		return found, err
	case found.Line == s.Line:
		return base, fmt.Errorf(`%w`+"\n"+`next: git -C %s rebase --onto %s %s; or name %s after "# base:" in patch/%s/series and commit that`,
			err, tree, base.Tag, found.Tag, found.Name, s.Line)
	default:
		return base, fmt.Errorf("%w\nnext: git -C %s switch -c ethorder-%s %s && scripts/patch %s --worktree %s --commit",
			err, tree, base.Name, base.Tag, base.Name, tree)
	}
}

// onTop returns HEAD of a checkout, whose commits above base can be a series.
func onTop(ctx context.Context, tree string, base pins.Release) (head string, err error) {
	head, err = commitID(ctx, tree, "HEAD")
	if err != nil {
		return "", err
	}
	if head == base.Commit {
		return "", fmt.Errorf("%s is at %s (%s) itself, with no commit to make a patch of\nnext: scripts/patch %s --worktree %s --commit, then edit", tree, head, base.Tag, base.Name, tree)
	}
	merges, err := tool.Git(ctx, tree, "log", "--merges", "--no-decorate", "--format=  %H %s", base.Commit+".."+head)
	if err != nil {
		return "", err
	}
	if merges != "" {
		return "", fmt.Errorf("%s has merge commits above %s, which no patch can hold:\n%snext: git -C %s rebase %s", tree, base.Tag, merges, tree, base.Tag)
	}
	unknown, err := tool.Git(ctx, tree, "--no-optional-locks", "ls-files", "--others", "--exclude-standard")
	if err != nil {
		return "", err
	}
	if n := strings.Count(unknown, "\n"); n > 0 {
		logrus.Warnf("%d files in %s are not in git, and so in no patch: git -C %s status", n, tree, tree)
	}
	return head, nil
}

// export writes the commits from base to head as patches below tmp. It works in
// a repository of its own that borrows the objects of the checkout, so that
// neither settings nor attributes there change how a patch looks.
func export(ctx context.Context, tree, base, head, tmp string) (Series, error) {
	s := Series{Dir: filepath.Join(tmp, "patches")}
	dir := filepath.Join(tmp, "export")
	if err := borrow(ctx, tree, dir); err != nil {
		return s, err
	}
	// Everything that a newer git or the environment may see otherwise is
	// named. Ten digits are enough for moby, so that ids do not grow with it.
	if _, err := tool.Git(ctx, dir, "-c", "core.attributesFile=/dev/null", "format-patch", "--quiet",
		"--zero-commit", "--no-numbered", "--no-signature", "--no-encode-email-headers", "--no-base", "--no-notes",
		"--filename-max-length=64", "--abbrev=10", "--unified=2", "--inter-hunk-context=0", "--diff-algorithm=myers",
		"--indent-heuristic", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color",
		"--output-directory", s.Dir, base+".."+head); err != nil {
		return s, err
	}
	paths, err := filepath.Glob(s.Path("*.patch")) // sorted
	if err != nil {
		return s, err
	}
	if paths == nil {
		return s, fmt.Errorf("the commits of %s change no file", tree)
	}
	for _, p := range paths {
		s.Patches = append(s.Patches, filepath.Base(p))
	}
	// What the patches make of the base must be what the commits made of it.
	var got string
	for _, args := range [][]string{
		{"read-tree", base},
		append([]string{"apply", "--cached", "--whitespace=nowarn"}, paths...),
		{"write-tree"},
	} {
		if got, err = tool.Git(ctx, dir, args...); err != nil {
			return s, err
		}
	}
	want, err := tool.Git(ctx, dir, "rev-parse", head+"^{tree}")
	if err == nil && got != want {
		err = fmt.Errorf("the patches made from %s give the tree %s, want %s, that of its HEAD", tree, strings.TrimSpace(got), strings.TrimSpace(want))
	}
	return s, err
}

// borrow makes a bare repository that has the objects of a checkout.
func borrow(ctx context.Context, tree, dir string) error {
	if _, err := tool.Git(ctx, filepath.Dir(dir), "init", "--quiet", "--bare", "--template=", dir); err != nil {
		return err
	}
	objects, err := gitPath(ctx, tree, "objects")
	if err != nil {
		return err
	}
	shallow, err := gitPath(ctx, tree, "shallow")
	if err != nil {
		return err
	}
	if b, err := os.ReadFile(shallow); err == nil {
		if err := os.WriteFile(filepath.Join(dir, "shallow"), b, 0o644); err != nil {
			return err
		}
	}
	info := filepath.Join(dir, "objects", "info")
	return errors.Join(os.MkdirAll(info, 0o755), os.WriteFile(filepath.Join(info, "alternates"), []byte(objects+"\n"), 0o644))
}

// share moves the patches that all lines have to where the others of the series see
// them in common.
func (s Series) share(root repo.Root) error {
	for i, p := range s.Patches {
		if _, err := os.Stat(root.Path("patch", "x", common+p)); err != nil {
			continue
		}
		s.Patches[i] = common + p
		if err := errors.Join(os.MkdirAll(s.Path(common), 0o755), os.Rename(s.Path(p), s.Path(common+p))); err != nil {
			return err
		}
	}
	return nil
}

// changes compares the series with what it was. A patch that was there and that the
// series did not name is added.
func (s Series) changes(was Series) ([]Change, error) {
	var changes []Change
	for _, p := range s.Patches {
		now, err := os.ReadFile(s.Path(p))
		if err != nil {
			return nil, err
		}
		what := "added"
		if slices.Contains(was.Patches, p) {
			before, err := os.ReadFile(was.Path(p))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			what = "rewritten"
			if err == nil && bytes.Equal(now, before) {
				what = "unchanged"
			}
		}
		changes = append(changes, Change{what, p, now})
	}
	for _, p := range was.Patches {
		if !slices.Contains(s.Patches, p) {
			changes = append(changes, Change{What: "removed", Patch: p})
		}
	}
	return changes, nil
}

// committed returns an error when a directory of this repository has changes
// that are not committed: there would be no way back to them.
func committed(ctx context.Context, root repo.Root, dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	dirty, err := tool.Git(ctx, string(root), "--no-optional-locks", "status", "--porcelain", "--untracked-files=all", "--", dir)
	if err != nil {
		return fmt.Errorf("%s would be overwritten, and git cannot tell whether it is committed\nnext: --force overwrites it\n%w", root.Rel(dir), err)
	}
	if dirty != "" {
		return fmt.Errorf("%s has uncommitted changes, which would be overwritten:\n%snext: commit them, or overwrite them with --force", root.Rel(dir), dirty)
	}
	return nil
}

// relist returns the text of a series file with other patches in it. Comments
// stay above the patch that they are above.
func relist(text string, was, now []string) string {
	var b strings.Builder
	for _, line := range strings.SplitAfter(text, "\n") {
		p := strings.TrimSpace(line)
		if !slices.Contains(was, p) {
			b.WriteString(line)
			continue
		}
		// Names begin with their number, so patches that stay keep their order.
		if i := slices.Index(now, p); i >= 0 {
			for _, p := range now[:i+1] {
				b.WriteString(p + "\n")
			}
			now = now[i+1:]
		}
	}
	for _, p := range now {
		b.WriteString(p + "\n")
	}
	return b.String()
}
