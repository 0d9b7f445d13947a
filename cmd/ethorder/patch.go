package main

import (
	"errors"
	"fmt"
	"os"

	"ethorder/internal/release"
	"ethorder/internal/series"
	"ethorder/internal/stage"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
)

func init() { subcommands = append(subcommands, newPatchCommand()) }

func newPatchCommand() *cobra.Command {
	var tree, line string
	var dry bool
	cmd := &cobra.Command{
		Use:   "patch <release>",
		Short: "Make the patched tree of a release, or patch a checkout of yours",
		Args: func(cmd *cobra.Command, args []string) error {
			if line != "" && len(args) == 0 {
				return nil
			}
			return oneRelease(cmd, args)
		},
		RunE: runE(func(cmd *cobra.Command, repo stage.Repo, args []string) error {
			if (line != "" || dry) && tree == "" {
				return &stage.UsageError{Msg: "--line and --check are for a checkout of yours: name it with --tree"}
			}
			if tree != "" {
				var rel *release.Release
				if len(args) == 1 {
					r, err := release.Find(repo, args[0])
					if err != nil {
						return err
					}
					rel = &r
					if line == "" {
						line = r.Line
					}
				}
				return patchTree(cmd, repo, line, tree, rel, dry)
			}
			rel, unlock, err := locked(cmd, repo, args[0])
			if err != nil {
				return err
			}
			defer unlock()
			dir, err := series.Fetch(cmd.Context(), repo, rel, os.Getenv("MOBY_REPO"))
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), repo.Rel(dir))
			return nil
		}),
	}
	f := cmd.Flags()
	f.StringVar(&tree, "tree", "", "patch this git checkout of yours in place, uncommitted")
	f.StringVar(&line, "line", "", "take the series of this line, like 29.2, whatever the checkout's commit is")
	f.BoolVar(&dry, "check", false, "with --tree: only find out whether the series applies")
	cmd.AddCommand(newPatchCheckCommand())
	return cmd
}

func patchTree(cmd *cobra.Command, repo stage.Repo, line, tree string, rel *release.Release, dry bool) error {
	s, err := series.Load(repo, line)
	if err != nil {
		return &stage.UsageError{Msg: err.Error()}
	}
	offsets, err := s.Apply(cmd.Context(), tree, rel, dry)
	if errors.Is(err, series.ErrApplied) {
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
		RunE: runE(func(cmd *cobra.Command, repo stage.Repo, _ []string) error {
			report, err := series.Check(cmd.Context(), repo)
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
