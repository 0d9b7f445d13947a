package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"ethorder/internal/moby"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/report"
	"ethorder/internal/sandbox"
	"ethorder/internal/source"
	"ethorder/internal/tool"
)

func init() {
	var clone, libnetwork string
	var record bool
	cmd := &cobra.Command{
		Use:   "upstream <release>...",
		Short: "Run upstream's own tests in the stock and the patched tree of releases, and compare",
		Args:  orUsage(cobra.MinimumNArgs(1)),
		RunE: runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
			if os.Geteuid() != 0 {
				return tool.CannotRunf("upstream's tests make interfaces and mounts: run this as root (sudo ./scripts/upstream)")
			}
			if err := tool.Need("git", "tar", "go", "gcc", "iptables"); err != nil {
				return err
			}
			ctx := cmd.Context()
			dir := root.Out("upstream")
			unlock, err := repo.Lock(ctx, dir)
			if err != nil {
				return err
			}
			defer unlock()
			tool, err := os.Executable()
			if err != nil {
				return err
			}
			r := moby.Runner{
				Worktree:   source.Worktree{Repo: root, Clone: clone, Dir: dir},
				Libnetwork: libnetwork,
				Isolate:    strconv.Quote(tool) + " isolate " + strconv.Quote(dir),
			}
			worse := 0
			for _, name := range args {
				rel, err := pins.Find(root, name)
				if err != nil {
					return err
				}
				o, err := r.Run(ctx, rel)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				fmt.Fprintln(cmd.OutOrStdout(), o)
				for _, problem := range o.Problems {
					fmt.Fprintf(cmd.OutOrStdout(), "    %s\n", problem)
				}
				worse += o.Worse
				if record {
					if err := errors.Join(report.RecordUpstream(root, o), writeTables(root)); err != nil {
						return err
					}
				}
			}
			if worse > 0 {
				return fmt.Errorf("%d tests did not end as in the stock tree; what they printed is in %s", worse, root.Rel(root.Out("<release>", "log", "upstream-*")))
			}
			return nil
		}),
	}
	cloneFlag(cmd, &clone)
	cmd.Flags().StringVar(&libnetwork, "libnetwork", os.Getenv("LIBNETWORK_REPO"), "git `clone` of docker/libnetwork, for the tests of engines up to 20.10 (default $LIBNETWORK_REPO)")
	cmd.Flags().BoolVar(&record, "record", false, "write what was found to results/<release>.json and docs/support.md")

	isolated := &cobra.Command{
		Use:                "isolate DIR PROGRAM [argument...]",
		Short:              "Run a program in namespaces of its own, with a folder visible",
		Hidden:             true,
		DisableFlagParsing: true,
		Args:               orUsage(cobra.MinimumNArgs(2)),
		RunE: func(_ *cobra.Command, args []string) error {
			return sandbox.Exec(args[0], args[1:])
		},
	}
	subcommands = append(subcommands, cmd, isolated)
}
