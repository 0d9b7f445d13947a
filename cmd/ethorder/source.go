package main

import (
	"fmt"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/source"

	"github.com/spf13/cobra"
)

func init() { subcommands = append(subcommands, newSourceCommand()) }

func newSourceCommand() *cobra.Command {
	var clone string
	cmd := &cobra.Command{
		Use:   "source <release>",
		Short: "Make the verified stock tree of a release",
		Args:  oneRelease,
		RunE: runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
			rel, err := pins.Find(root, args[0])
			if err != nil {
				return err
			}
			unlock, err := repo.Lock(cmd.Context(), root.Out(rel.Name))
			if err != nil {
				return err
			}
			defer unlock()
			dir, err := source.Fetch(cmd.Context(), root, rel, cloneFor(cmd, rel, clone))
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), root.Rel(dir))
			return nil
		}),
	}
	cloneFlag(cmd, &clone)
	return cmd
}
