package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ethorder/internal/gate"
	"ethorder/internal/moby"
	"ethorder/internal/repo"
	"ethorder/internal/report"
	"ethorder/internal/sandbox"
	"ethorder/internal/source"
	"ethorder/internal/tool"
	"ethorder/internal/trial"
	"ethorder/internal/trial/random"
)

// suites are all that trial can run.
var suites = append(slices.Clone(trial.Suites), random.Suite)

func checkCommand() *cobra.Command {
	var only string
	var all, record, dry bool
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "Run all checks of this repository (scripts/test)",
		Example: "  sudo scripts/test\n  sudo scripts/test --only 'unit tests'",
		Args:    cobra.NoArgs,
		RunE: runE(func(cmd *cobra.Command, root repo.Root, _ []string) error {
			if record && !all {
				return tool.Usagef("--record records the results of --all: give both")
			}
			filter, err := regexp.Compile(only)
			if err != nil {
				return tool.Usagef("--only: %w", err)
			}
			ethorder, err := os.Executable()
			if err != nil {
				return err
			}
			checks, err := gate.Checks(cmd.Context(), root, ethorder, all, record)
			if err != nil {
				return err
			}
			checks = slices.DeleteFunc(checks, func(c gate.Check) bool { return !filter.MatchString(c.Name) })
			if dry {
				for _, c := range checks {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", c.Name, strings.Join(c.Command, " "))
				}
				return nil
			}
			if err := installPackages(cmd, root, "debootstrap", "iproute2", "libdevmapper1.02.1", "shellcheck"); err != nil {
				return err
			}
			count := gate.Run(cmd.Context(), cmd.ErrOrStderr(), root.Path(), checks)
			fmt.Fprintln(cmd.OutOrStdout(), count)
			if count.Failed > 0 {
				return fmt.Errorf("%d checks failed, and their last lines are above; to run one alone: scripts/test --only %q", count.Failed, "NAME")
			}
			return nil
		}),
	}
	f := cmd.Flags()
	f.StringVar(&only, "only", "", "run only the checks whose name matches `REGEXP`")
	f.BoolVar(&all, "all", false, "run all suites but clients and race on the last release of each line that builds from a Go module, and upstream's own tests; this takes a day")
	f.BoolVar(&record, "record", false, "with --all: write the results to results/ and docs/")
	f.BoolVar(&dry, "dry-run", false, "only list the checks")
	return cmd
}

func trialCommand() *cobra.Command {
	var o trial.Options
	var dry bool
	cmd := &cobra.Command{
		Use:     "trial <release>...",
		Short:   "Run trials on the stock and the patched engine of releases",
		Example: "  sudo scripts/ethorder trial 29.8.1 --suite core\n  sudo scripts/ethorder trial 27.5.1 --suite crash --scale 10 --record",
		Args:    cobra.MinimumNArgs(1),
	}
	from := addSources(cmd).addUntested()
	cmd.RunE = runE(func(cmd *cobra.Command, root repo.Root, args []string) (err error) {
		if o.Record && from.untested {
			return tool.Usagef("--record is for releases of patch/releases.tsv: it does not go with --untested")
		}
		if o.Releases, err = from.findAll(root, args); err != nil {
			return err
		}
		o.Known, o.Root, o.Clone, o.Out = suites, root, from.of, cmd.OutOrStdout()
		if dry {
			return o.List()
		}
		var packages []string
		if len(o.Suites) == 0 || slices.Contains(o.Suites, trial.Compose.Name) {
			packages = []string{"docker-compose"}
		}
		if err := installPackages(cmd, root, packages...); err != nil {
			return err
		}
		return trial.Run(cmd.Context(), o)
	})
	f := cmd.Flags()
	f.StringSliceVar(&o.Suites, "suite", nil, "run only the suites `NAME,...`")
	_ = cmd.RegisterFlagCompletionFunc("suite", completeSuites)
	f.StringVar(&o.Filter, "run", "", "run only the trials whose name matches `REGEXP`")
	f.StringVar(&o.Dockerd, "dockerd", "", "use the dockerd in `FILE` as the patched engine")
	f.IntVar(&o.Starts, "starts", 20, "start the container of a scenario `N` times")
	f.IntVar(&o.Scale, "scale", 1, "make random trials `N` times as long")
	f.Uint64Var(&o.Seed, "seed", 0, "seed random trials with `N`, to repeat a run (default a new one)")
	f.BoolVar(&o.Record, "record", false, "write the results to results/ and docs/")
	f.BoolVar(&dry, "dry-run", false, "only list the trials")
	return cmd
}

func benchCommand() *cobra.Command {
	var b trial.Bench
	var record, heap bool
	cmd := &cobra.Command{
		Use:     "bench <release>",
		Short:   "Time the stock and the patched engine of a release side by side",
		Example: "  sudo scripts/bench 29.8.1\n  sudo scripts/bench 27.5.1 --networks 8 --containers 10 --pairs 1",
		Args:    cobra.ExactArgs(1),
	}
	from := addSources(cmd)
	cmd.RunE = runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
		rows, err := from.findAll(root, args)
		if err != nil {
			return err
		}
		if err := installPackages(cmd, root); err != nil {
			return err
		}
		if heap {
			text, err := moby.BenchHeap(cmd.Context(), root, rows[0], from.of(rows[0]))
			fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		}
		b.Root, b.Release, b.Clone = root, rows[0], from.of(rows[0])
		found, err := b.Run(cmd.Context())
		if err != nil {
			return err
		}
		found.Command = "sudo scripts/bench " + strings.Join(os.Args[2:], " ")
		fmt.Fprint(cmd.OutOrStdout(), found)
		if !record {
			return nil
		}
		return errors.Join(report.RecordBench(root, found), report.WriteTables(root, trial.Known(suites)))
	})
	f := cmd.Flags()
	f.IntSliceVar(&b.Networks, "networks", []int{1, 8, 32, 128, 250}, "give the container `N,...` networks, in turn")
	f.IntVar(&b.Containers, "containers", 200, "have the daemon find `N` containers when it starts")
	f.IntVar(&b.Pairs, "pairs", 3, "time `N` pairs of new engines")
	f.IntVar(&b.Rounds, "rounds", 5, "have each pair do everything `N` times")
	f.BoolVar(&heap, "heap", false, "instead, benchmark the heap inside the release's patched libnetwork")
	f.BoolVar(&record, "record", false, "write the times to results/ and docs/performance.md")
	return cmd
}

func matrixCommand() *cobra.Command {
	var record, dry bool
	var m moby.Matrix
	cmd := &cobra.Command{
		Use:   "matrix [release...]",
		Short: "Apply, compile and vet the series of every release",
		Args:  cobra.ArbitraryArgs,
	}
	from := addSources(cmd)
	cmd.RunE = runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
		if m.Jobs < 1 {
			return tool.Usagef("--jobs %d: want at least 1", m.Jobs)
		}
		m.Root, m.Releases, m.Clone, m.Out = root, args, from.clone, cmd.OutOrStdout()
		if dry {
			return m.List()
		}
		found, err := m.Run(cmd.Context())
		if record && found != nil {
			err = errors.Join(err, report.RecordMatrix(root, found), report.WriteTables(root, trial.Known(suites)))
		}
		return err
	})
	f := cmd.Flags()
	f.IntVar(&m.Jobs, "jobs", 2, "check `N` releases at a time")
	f.BoolVar(&m.Again, "again", false, "also check releases that have passed before")
	f.BoolVar(&record, "record", false, "write the results to results/matrix.tsv and docs/support.md")
	f.BoolVar(&dry, "dry-run", false, "only list the releases that would be checked")
	return cmd
}

func upstreamCommand() *cobra.Command {
	var libnetwork string
	var record, dry bool
	cmd := &cobra.Command{
		Use:   "upstream <release>...",
		Short: "Run upstream's own tests in the stock and the patched trees of releases",
		Args:  cobra.MinimumNArgs(1),
	}
	from := addSources(cmd)
	cmd.RunE = runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
		rows, err := from.findAll(root, args)
		if err != nil {
			return err
		}
		if dry {
			return moby.ListPackages(root, rows, cmd.OutOrStdout())
		}
		ethorder, err := os.Executable()
		if err != nil {
			return err
		}
		dir := root.Out("upstream")
		r := moby.Runner{
			Worktree: source.Worktree{Repo: root, Clone: from.clone, Dir: dir}, Libnetwork: libnetwork,
			Isolate: strconv.Quote(ethorder) + " isolate " + strconv.Quote(dir),
		}
		return r.RunAll(cmd.Context(), rows, func(o report.Upstream) error {
			fmt.Fprintln(cmd.OutOrStdout(), strings.Join(append([]string{o.String()}, o.Problems...), "\n    "))
			if !record {
				return nil
			}
			return errors.Join(report.RecordUpstream(root, o), report.WriteTables(root, trial.Known(suites)))
		})
	})
	f := cmd.Flags()
	f.StringVar(&libnetwork, "libnetwork", os.Getenv("LIBNETWORK_REPO"), "take libnetwork's tests from this git `CLONE` of docker/libnetwork (default $LIBNETWORK_REPO)")
	f.BoolVar(&record, "record", false, "write the results to results/ and docs/support.md")
	f.BoolVar(&dry, "dry-run", false, "only list the packages whose tests would run")
	return cmd
}

func isolateCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "isolate DIR PROGRAM [argument...]",
		Short:              "Run a program in its own namespaces, with one folder of the machine",
		Hidden:             true,
		DisableFlagParsing: true,
		Args:               cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return sandbox.Exec(args[0], args[1:])
		},
	}
}
