package patch

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/sirupsen/logrus"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/tool"
)

// Options say what to patch.
type Options struct {
	Root    repo.Root
	Release *pins.Release // may be nil with Line
	// Clone is a git clone of moby to take the release from, "" for its module.
	Clone string
	// Worktree is a checkout of the user's to patch, "" for a tree in out/.
	Worktree string
	Line     string // whose series to take, "" for that of the release
	DryRun   bool   // whether to change nothing
	Commit   bool   // whether to commit each patch to Worktree
	Out      io.Writer
}

// Run patches a tree.
func (o Options) Run(ctx context.Context) error {
	if o.Worktree == "" {
		if o.Line != "" || o.Commit {
			return tool.Usagef("--line and --commit are for a checkout of yours: name it with --worktree")
		}
		return o.make(ctx)
	}
	if o.Commit && (o.Release == nil || o.DryRun) {
		return tool.Usagef("--commit goes with a release, and not with --dry-run")
	}
	if o.Line == "" {
		o.Line = o.Release.Line
	}
	s, err := Load(o.Root, o.Line)
	if err != nil {
		return tool.Usagef("%w", err)
	}
	if o.Commit {
		if err := s.Commit(ctx, o.Worktree, *o.Release); err != nil {
			return err
		}
		fmt.Fprintf(o.Out, "%s: %d commits on top of %s, one a patch\nedit, amend or rebase them, then: scripts/patch refresh %s --worktree %s\n",
			o.Worktree, len(s.Patches), o.Release.Tag, o.Line, o.Worktree)
		return nil
	}
	offsets, err := s.Apply(ctx, o.Worktree, o.Release, o.DryRun)
	if errors.Is(err, ErrApplied) {
		fmt.Fprintln(o.Out, err)
		return nil
	}
	if err != nil {
		return err
	}
	for _, offset := range offsets {
		logrus.Infof("%s: hunk %s of %s is %d lines off", offset.Patch, offset.Hunk, offset.File, offset.Lines)
	}
	did := "applied"
	if o.DryRun {
		did = "applies"
	}
	fmt.Fprintf(o.Out, "%s: the series of line %s %s, %d patches, %d hunks at an offset\n", o.Worktree, o.Line, did, len(s.Patches), len(offsets))
	return nil
}

// make makes the patched tree of the release in out/.
func (o Options) make(ctx context.Context) error {
	if o.DryRun {
		s, err := Load(o.Root, o.Release.Line)
		for _, p := range s.Patches {
			fmt.Fprintf(o.Out, "would apply patch/%s/%s\n", o.Release.Line, p)
		}
		return err
	}
	unlock, err := repo.Lock(ctx, o.Root.Out(o.Release.Name))
	if err != nil {
		return err
	}
	defer unlock()
	dir, err := Fetch(ctx, o.Root, *o.Release, o.Clone)
	if err == nil {
		fmt.Fprintln(o.Out, o.Root.Rel(dir))
	}
	return err
}

// BeginLine begins a line for a release that no series fits, on a checkout of moby at the
// release, from the series of another line, by default that of the nearest release. It
// prints what is left to do by hand, which is an error.
func BeginLine(ctx context.Context, root repo.Root, name, from, worktree string, out io.Writer) error {
	if !pins.IsVersion(name) {
		return tool.Usagef("%q is not a Docker Engine version like 29.8.1", name)
	}
	table, err := pins.Load(root)
	if err != nil {
		return err
	}
	row, err := Row(ctx, table, name, worktree)
	if err != nil {
		return err
	}
	if from == "" {
		from = row.Line
	}
	if err := table.CheckLine(from); err != nil {
		return err
	}
	s, err := Load(root, from)
	if err != nil {
		return err
	}
	row.Line = from
	err = s.Begin(ctx, worktree, row)
	if errors.Is(err, ErrFits) {
		fmt.Fprintf(out, "the series of line %s fits %s as it is; nothing was changed. Its row in patch/releases.tsv, if it has none:\n%s\n", from, name, row.Row())
		return nil
	}
	var failed *ApplyError
	if !errors.As(err, &failed) {
		return err
	}
	row.Line = table.NewLine(name)
	fmt.Fprintf(out, `%v
what applies is committed or in the work tree of %[2]s, and these hunks are beside their files, as .rej
next:
  1. put each hunk where it belongs, and delete the .rej files
  2. git -C %[2]s add -A && git -C %[2]s am --continue     (it stops again at the next patch that does not apply)
  3. give the release its row in patch/releases.tsv:
%[3]s
  4. scripts/patch refresh %[4]s --worktree %[2]s
to give up: git -C %[2]s am --abort; git -C %[2]s reset --hard %[5]s; and delete the .rej files
`, failed, worktree, row.Row(), row.Line, row.Tag)
	return fmt.Errorf("the series of line %s does not fit %s: %s must be resolved by hand", from, name, root.Rel(failed.Patch))
}

// PrintLint checks the series of every line, and prints what it finds.
func PrintLint(ctx context.Context, root repo.Root, out io.Writer) error {
	found, err := Lint(ctx, root)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		what  string
		lines []string
	}{{"ok", found.Applied}, {"skipped", found.Skipped}, {"problem", found.Problems}} {
		for _, line := range part.lines {
			fmt.Fprintf(out, "%-8s %s\n", part.what, line)
		}
	}
	if n := len(found.Problems); n > 0 {
		return fmt.Errorf("%d problems in the patches", n)
	}
	return nil
}
