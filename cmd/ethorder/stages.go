package main

import (
	"errors"
	"fmt"
	"os"

	"ethorder/internal/release"
	"ethorder/internal/stage"

	"github.com/spf13/cobra"
)

// runE wraps a stage: an error that is the user's or the machine's gets its own
// exit status.
func runE(run func(cmd *cobra.Command, repo stage.Repo, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		repo, err := stage.FindRepo()
		if err == nil {
			err = run(cmd, repo, args)
		}
		var usage *stage.UsageError
		var cannot *stage.CannotRunError
		switch {
		case errors.As(err, &usage):
			return &exitError{exitUsage, err}
		case errors.As(err, &cannot):
			return &exitError{exitCannotRun, err}
		}
		return err
	}
}

// oneRelease is the argument check of a stage.
func oneRelease(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return &exitError{exitUsage, fmt.Errorf("%s takes one release, like 29.7.1; got %q", cmd.Name(), args)}
	}
	return nil
}

// locked finds the release and locks its directory.
func locked(cmd *cobra.Command, repo stage.Repo, name string) (release.Release, func(), error) {
	rel, err := release.Find(repo, name)
	if err != nil {
		return rel, nil, err
	}
	unlock, err := stage.Lock(cmd.Context(), repo.Out(rel.Name))
	return rel, unlock, err
}

// cloneFlag adds --tree to a stage that takes its source from a git clone.
func cloneFlag(cmd *cobra.Command, clone *string) {
	cmd.Flags().StringVar(clone, "tree", os.Getenv("MOBY_REPO"), "git clone of moby, bare or not, to take the pinned commit from; it is not changed ($MOBY_REPO)")
}
