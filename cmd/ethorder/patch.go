package main

import (
	"errors"
	"fmt"
	"os"

	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/source"
	"ethorder/internal/tool"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
)

func init() { subcommands = append(subcommands, newPatchCommand()) }

func newPatchCommand() *cobra.Command {
	var tree, line string
	var dry, commit, untested bool
	cmd := &cobra.Command{
		Use:   "patch <release>",
		Short: "Make the patched tree of a release, or patch a checkout of yours",
		Args: func(cmd *cobra.Command, args []string) error {
			if line != "" && len(args) == 0 {
				return nil
			}
			return oneRelease(cmd, args)
		},
		RunE: runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
			if (line != "" || dry || commit) && tree == "" {
				return tool.Usagef("--line, --check and --commit are for a checkout of yours: name it with --tree")
			}
			if tree != "" {
				var rel *pins.Release
				if len(args) == 1 {
					r, err := find(cmd, root, args[0], tree, untested)
					if err != nil {
						return err
					}
					rel = &r
					if line == "" {
						line = r.Line
					}
				}
				if commit {
					if rel == nil || dry {
						return tool.Usagef("--commit goes with a release, and not with --check")
					}
					return commitTree(cmd, root, line, tree, *rel)
				}
				return patchTree(cmd, root, line, tree, rel, dry)
			}
			clone := os.Getenv("MOBY_REPO")
			rel, err := find(cmd, root, args[0], clone, untested)
			if err != nil {
				return err
			}
			unlock, err := repo.Lock(cmd.Context(), root.Out(rel.Name))
			if err != nil {
				return err
			}
			defer unlock()
			dir, err := patch.Fetch(cmd.Context(), root, rel, source.OrModule(rel, clone))
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), root.Rel(dir))
			return nil
		}),
	}
	f := cmd.Flags()
	f.StringVar(&tree, "tree", "", "patch this git checkout of yours in place, uncommitted")
	f.StringVar(&line, "line", "", "take the series of this line, like 29.2, whatever the checkout's commit is")
	f.BoolVar(&dry, "check", false, "with --tree: only find out whether the series applies")
	untestedFlag(cmd, &untested)
	f.BoolVar(&commit, "commit", false, "with --tree: make a commit of each patch, to edit them")
	cmd.AddCommand(newPatchCheckCommand(), newPatchRefreshCommand(), newPatchNewCommand())
	return cmd
}

// commitTree commits a series to a checkout of the user.
func commitTree(cmd *cobra.Command, root repo.Root, line, tree string, rel pins.Release) error {
	s, err := patch.Load(root, line)
	if err != nil {
		return tool.Usagef("%s", err.Error())
	}
	if _, err := s.Commit(cmd.Context(), tree, rel); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %d commits on top of %s, one a patch\nedit, amend or rebase them, then: scripts/patch refresh %s --tree %s\n",
		tree, len(s.Patches), rel.Tag, line, tree)
	return nil
}

func newPatchRefreshCommand() *cobra.Command {
	var tree string
	var force bool
	cmd := &cobra.Command{
		Use:   "refresh <line>",
		Short: "Make the series of a line from the commits of a checkout of yours",
		Args:  orUsage(cobra.ExactArgs(1)),
		RunE: runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
			if tree == "" {
				return tool.Usagef("name the checkout that has the patches as commits with --tree; scripts/patch <release> --tree <checkout> --commit makes them")
			}
			changes, err := patch.Refresh(cmd.Context(), root, args[0], tree, force)
			for _, c := range changes {
				fmt.Fprintf(cmd.OutOrStdout(), "%-9s  patch/%s/%s\n", c.What, args[0], c.Patch)
			}
			return err
		}),
	}
	cmd.Flags().StringVar(&tree, "tree", "", "git checkout of moby that has the patches as commits on top of the release that is the base of the series")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite changes below patch/ that are not committed")
	return cmd
}

func newPatchNewCommand() *cobra.Command {
	var tree, from string
	cmd := &cobra.Command{
		Use:   "new <release>",
		Short: "Begin a line for a release that no series fits",
		Args:  oneRelease,
		RunE: runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
			if tree == "" {
				return tool.Usagef("name a git checkout of moby at the release with --tree")
			}
			return beginLine(cmd, root, args[0], from, tree)
		}),
	}
	cmd.Flags().StringVar(&tree, "tree", "", "git checkout of moby at the release; the patches are committed to it")
	cmd.Flags().StringVar(&from, "from", "", "begin with the series of this `LINE`, by default that of the nearest release")
	return cmd
}

// beginLine begins a line for a release, and says what is left to do by hand.
func beginLine(cmd *cobra.Command, root repo.Root, name, from, tree string) error {
	out := cmd.OutOrStdout()
	if !pins.IsVersion(name) {
		return tool.Usagef("%q is not a Docker Engine version like 29.7.1", name)
	}
	table, err := pins.Load(root)
	if err != nil {
		return err
	}
	row, err := patch.Row(cmd.Context(), table, name, tree)
	if err != nil {
		return err
	}
	if from == "" {
		from = row.Line
	}
	if err := table.CheckLine(from); err != nil {
		return err
	}
	s, err := patch.Load(root, from)
	if err != nil {
		return err
	}
	row.Line = from
	err = s.Begin(cmd.Context(), tree, row)
	if errors.Is(err, patch.ErrFits) {
		fmt.Fprintf(out, "the series of line %s fits %s as it is; nothing was changed. Its row in patch/releases.tsv, if it has none:\n%s\n", from, name, row.Row())
		return nil
	}
	var failed *patch.ApplyError
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
  4. scripts/patch refresh %[4]s --tree %[2]s
to give up: git -C %[2]s am --abort; git -C %[2]s reset --hard %[5]s; and delete the .rej files
`, failed, tree, row.Row(), row.Line, row.Tag)
	return fmt.Errorf("the series of line %s does not fit %s by itself: %s needs a hand", from, name, root.Rel(failed.Patch))
}

func patchTree(cmd *cobra.Command, root repo.Root, line, tree string, rel *pins.Release, dry bool) error {
	s, err := patch.Load(root, line)
	if err != nil {
		return tool.Usagef("%s", err.Error())
	}
	offsets, err := s.Apply(cmd.Context(), tree, rel, dry)
	if errors.Is(err, patch.ErrApplied) {
		fmt.Fprintln(cmd.OutOrStdout(), err)
		return nil
	}
	if err != nil {
		return err
	}
	for _, o := range offsets {
		logrus.Infof("%s: hunk %s of %s is %d lines off", o.Patch, o.Hunk, o.File, o.Lines)
	}
	did := "applied"
	if dry {
		did = "applies"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: the series of line %s %s, %d patches, %d hunks at an offset\n", tree, line, did, len(s.Patches), len(offsets))
	return nil
}

func newPatchCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check the series of every line",
		Args:  cobra.NoArgs,
		RunE: runE(func(cmd *cobra.Command, root repo.Root, _ []string) error {
			report, err := patch.Check(cmd.Context(), root)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			for _, l := range report.Applied {
				fmt.Fprintln(out, "ok      ", l)
			}
			for _, l := range report.Skipped {
				fmt.Fprintln(out, "skipped ", l)
			}
			for _, l := range report.Problems {
				fmt.Fprintln(out, "problem ", l)
			}
			if n := len(report.Problems); n > 0 {
				return fmt.Errorf("%d problems in the patch series", n)
			}
			return nil
		}),
	}
}
