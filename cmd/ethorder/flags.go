package main

import (
	"fmt"
	"os"
	"strings"

	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/source"
	"ethorder/internal/tool"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// runE wraps a stage: an error that is the user's or the machine's gets its own
// exit status.
func runE(run func(cmd *cobra.Command, root repo.Root, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		root, err := repo.Find()
		if err == nil {
			err = run(cmd, root, args)
		}
		return err
	}
}

// oneRelease is the argument check of a stage.
func oneRelease(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return &tool.Exit{Status: tool.Usage, Err: fmt.Errorf("%s takes one release, like 29.7.1; got %q", cmd.Name(), args)}
	}
	return nil
}

// find returns the row of a release. One that is not in the table gets, if untested is
// set, the row of the nearest with the commit that the clone has of it; else the error
// is the command to run.
func find(cmd *cobra.Command, root repo.Root, name, clone string, untested bool) (pins.Release, error) {
	table, err := pins.Load(root)
	if err != nil {
		return pins.Release{}, err
	}
	rel, err := table.Find(name)
	if err == nil || !pins.IsVersion(name) {
		return rel, err
	}
	near := table.Nearest(name)
	if !untested || clone == "" {
		return rel, tool.Usagef(
			"release %s is not in patch/releases.tsv, and no series was tried on it; the nearest there is %s, whose series is patch/%s\nnext, to go on with that: %s",
			name, near.Name, near.Line, untestedCommand(cmd, clone))
	}
	if rel, err = patch.Row(cmd.Context(), table, name, clone); err == nil {
		logrus.Warnf("%s is untested: it gets the series of line %s, as %s does, on commit %s (%s) of %s", name, near.Line, near.Name, rel.Commit, rel.Tag, clone)
	}
	return rel, err
}

// untestedCommand is the command that was given, with --untested, and with a place for
// a clone if there is none.
func untestedCommand(cmd *cobra.Command, clone string) string {
	words := append([]string{"scripts/" + cmd.Name()}, cmd.Flags().Args()...)
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		switch {
		case !f.Changed || f.Name == "untested":
		case f.Value.Type() == "bool":
			words = append(words, "--"+f.Name)
		default:
			words = append(words, "--"+f.Name, f.Value.String())
		}
	})
	if clone == "" {
		words = append([]string{"MOBY_REPO=<git clone of moby>"}, words...)
	}
	return strings.Join(append(words, "--untested"), " ")
}

// untestedFlag adds --untested to a stage.
func untestedFlag(cmd *cobra.Command, untested *bool) {
	cmd.Flags().BoolVar(untested, "untested", false, "go on with a release that is not in patch/releases.tsv, by its tag in the clone that --tree or $MOBY_REPO names and with the series of the nearest release")
}

// cloneFor returns the clone to take a release from. One that only $MOBY_REPO names
// is not meant for a release that has no commit.
func cloneFor(cmd *cobra.Command, rel pins.Release, clone string) string {
	if cmd.Flags().Changed("tree") {
		return clone
	}
	return source.OrModule(rel, clone)
}

// cloneFlag adds --tree to a stage that takes its source from a git clone.
func cloneFlag(cmd *cobra.Command, clone *string) {
	cmd.Flags().StringVar(clone, "tree", os.Getenv("MOBY_REPO"), "git clone of moby, bare or not, to take the pinned commit from; it is not changed ($MOBY_REPO)")
}
