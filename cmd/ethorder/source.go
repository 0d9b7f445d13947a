package main

import (
	"fmt"

	"ethorder/internal/release"
	"ethorder/internal/source"
	"ethorder/internal/stage"

	"github.com/spf13/cobra"
)

func init() { subcommands = append(subcommands, newSourceCommand()) }

func newSourceCommand() *cobra.Command {
	var clone string
	cmd := &cobra.Command{
		Use:   "source <release>",
		Short: "Make the verified stock tree of a release",
		Args:  oneRelease,
		RunE: runE(func(cmd *cobra.Command, repo stage.Repo, args []string) error {
			rel, err := release.Find(repo, args[0])
			if err != nil {
				return err
			}
			unlock, err := stage.Lock(cmd.Context(), repo.Out(rel.Name))
			if err != nil {
				return err
			}
			defer unlock()
			dir, err := source.Fetch(cmd.Context(), repo, rel, cloneFor(cmd, rel, clone))
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), repo.Rel(dir))
			return nil
		}),
	}
	cloneFlag(cmd, &clone)
	return cmd
}
