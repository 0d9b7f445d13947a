package main

import (
	"fmt"

	"ethorder/internal/build"
	"ethorder/internal/repo"
	"ethorder/internal/tool"

	"github.com/spf13/cobra"
)

func init() { subcommands = append(subcommands, newBuildCommand()) }

func newBuildCommand() *cobra.Command {
	var o build.Options
	var runc, container, removeBase, untested bool
	var base string
	cmd := &cobra.Command{
		Use:   "build <release>",
		Short: "Build the patched dockerd of a release, or the stock one",
		Args:  oneRelease,
		RunE: runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
			if (base != "" || removeBase) && !container {
				return tool.Usagef("--base and --remove-base go with --container")
			}
			if container {
				if o != (build.Options{}) || runc || untested {
					return tool.Usagef("--container builds the patched engine from its Go module, with the default tags: no --stock, --stock-version, --tags, --runc, --tree, --untested nor MOBY_REPO with it")
				}
				bin, err := build.Container(cmd.Context(), root, args[0], base, removeBase)
				if err == nil {
					fmt.Fprintln(cmd.OutOrStdout(), root.Rel(bin))
				}
				return err
			}
			var err error
			if o.Release, err = find(cmd, root, args[0], o.Clone, untested); err != nil {
				return err
			}
			o.Clone = cloneFor(cmd, o.Release, o.Clone)
			bin, err := build.Engine(cmd.Context(), root, o)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), root.Rel(bin))
			if !runc {
				return nil
			}
			bin, err = build.RuncOf(cmd.Context(), root, o.Release)
			if err == nil && bin != "" {
				fmt.Fprintln(cmd.OutOrStdout(), root.Rel(bin))
			}
			return err
		}),
	}
	cloneFlag(cmd, &o.Clone)
	untestedFlag(cmd, &untested)
	f := cmd.Flags()
	f.BoolVar(&o.Stock, "stock", false, "build the engine as upstream made it")
	f.BoolVar(&o.StockVersion, "stock-version", false, "let the patched engine call itself <release>, without "+build.Suffix)
	f.StringVar(&o.Tags, "tags", "", "build tags, in the place of the default ones, which leave btrfs, devicemapper and zfs out")
	f.BoolVar(&container, "container", false, "build in a container without a network, by Dockerfile.build")
	f.StringVar(&base, "base", "", "with --container: image to build on; by default a pinned golang image, or one made of Debian packages where that cannot be pulled")
	f.BoolVar(&removeBase, "remove-base", false, "with --container: remove the base image again, if it was not there before")
	f.BoolVar(&runc, "runc", false, "build the pinned runc too, where Debian's is too old")
	return cmd
}
