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
		Use:   "check",
		Short: "Check everything that must hold, and count",
		Long: `Checks format, vet, shellcheck, the patches, unit and property tests; builds the stock and the patched
engine of the oldest and of the newest release that build from Go modules, and tries them, also at
random and with faults; and builds one in a container, where a Docker Engine runs. scripts/test runs it.

It shows what it does on stderr, at the end once more the last lines of what failed, and on stdout one
line: how many checks passed, failed, and were skipped as this machine cannot run them. The first run
takes half an hour on two cores and 6 GB of disk, 2 of it in out/, later ones 15 minutes. Debian
packages that are missing are installed, see scripts/packages. Without root, what needs it is skipped.`,
		Example: "  sudo scripts/test\n  sudo scripts/test --only 'unit tests'",
		Args:    orUsage(cobra.NoArgs),
		RunE: runE(func(cmd *cobra.Command, root repo.Root, _ []string) error {
			if record && !all {
				return tool.Usagef("--record writes down what --all finds: give both")
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
			if err := installPackages(cmd, root, "debootstrap", "iproute2", "shellcheck"); err != nil {
				return err
			}
			count := gate.Run(cmd.Context(), cmd.ErrOrStderr(), root.Path(), checks)
			fmt.Fprintln(cmd.OutOrStdout(), count)
			if count.Failed > 0 {
				return fmt.Errorf("%d checks failed: the last lines of what failed are above; run one alone with: scripts/test --only %q", count.Failed, "NAME")
			}
			return nil
		}),
	}
	f := cmd.Flags()
	f.StringVar(&only, "only", "", "run only the checks whose name matches `REGEXP`")
	f.BoolVar(&all, "all", false, "also try the last release of every line that builds from a Go module with all suites, and run upstream's own tests, which takes a day")
	f.BoolVar(&record, "record", false, "with --all: put what is found into results/ and docs/")
	f.BoolVar(&dry, "dry-run", false, "only list the checks")
	return cmd
}

func trialCommand() *cobra.Command {
	var o trial.Options
	var dry bool
	var about strings.Builder
	for _, s := range suites {
		fmt.Fprintf(&about, "\n  %-11s %s", s.Name, s.Guarantee)
		if s.OptIn {
			about.WriteString(" (only if named)")
		}
	}
	cmd := &cobra.Command{
		Use:   "trial <release>...",
		Short: "Try the guarantees on the stock and the patched engine of releases",
		Long: `Builds the stock and the patched engine of each release, runs both in sandboxes, and makes the trials of
suites on both. A trial fails if the patched engine breaks a guarantee. In the first of core, the stock
engine must get a start wrong: else nothing is shown. It takes root. A Docker Engine that runs on the
machine is not touched. Ctrl-C leaves nothing behind. The suites:
` + about.String(),
		Example: "  sudo scripts/ethorder trial 29.8.1 --suite core\n  sudo scripts/ethorder trial 27.5.1 --suite crash --scale 10 --record",
		Args:    orUsage(cobra.MinimumNArgs(1)),
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
		if err := installPackages(cmd, root, "docker-compose"); err != nil {
			return err
		}
		return trial.Run(cmd.Context(), o)
	})
	f := cmd.Flags()
	f.StringSliceVar(&o.Suites, "suite", nil, "run only the suites `NAME,...`")
	f.StringVar(&o.Filter, "run", "", "make only the trials whose name matches `REGEXP`")
	f.StringVar(&o.Dockerd, "dockerd", "", "take the dockerd in `FILE` for the patched one")
	f.IntVar(&o.Starts, "starts", 20, "start the container of a scenario `N` times")
	f.IntVar(&o.Scale, "scale", 1, "make random trials `N` times as long")
	f.Uint64Var(&o.Seed, "seed", 0, "repeat random trials that were made with seed `N` (default a new one)")
	f.BoolVar(&o.Record, "record", false, "put what is found into results/ and docs/")
	f.BoolVar(&dry, "dry-run", false, "only list the trials")
	return cmd
}

func matrixCommand() *cobra.Command {
	var record, dry bool
	var m moby.Matrix
	cmd := &cobra.Command{
		Use:   "matrix [release...]",
		Short: "Apply, compile and vet the series of every release",
		Long: `Finds out of every release, or of the given ones, whether its series applies without fuzz, whether the
files that it installs are those at the root, whether the packages that it touches compile, and whether
go vet finds nothing in them that it does not find in the stock tree. Prints a line a release.

What was found good is not checked again, so that an interrupted run goes on where it was. Without a
clone of moby, releases that have no Go module are left out. It takes two to five minutes on two cores
for the first release of a minor version, half a minute for each other, some hours for all, and 2 GB.`,
		Args: orUsage(cobra.ArbitraryArgs),
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
	f.BoolVar(&m.Again, "again", false, "also check what was found good already")
	f.BoolVar(&record, "record", false, "put what is found into results/matrix.tsv and docs/support.md")
	f.BoolVar(&dry, "dry-run", false, "only list the releases that would be checked")
	return cmd
}

func upstreamCommand() *cobra.Command {
	var libnetwork string
	var record, dry bool
	cmd := &cobra.Command{
		Use:   "upstream <release>...",
		Short: "Run upstream's own tests in the stock and in the patched tree of releases",
		Long: `Runs upstream's own tests of the packages in patch/upstream-tests.tsv, in the stock and in the patched
tree of each release, and compares: what passes in the stock tree must pass in the patched one, and so
must the tests that the series adds. Prints a line a release.

The tests run in a sandbox and do not reach the machine. It takes root. Engines before 23.0 need a clone
of moby, and those up to 20.10 one of docker/libnetwork too: they vendor it without its tests.`,
		Args: orUsage(cobra.MinimumNArgs(1)),
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
	f.StringVar(&libnetwork, "libnetwork", os.Getenv("LIBNETWORK_REPO"), "git `CLONE` of docker/libnetwork (default $LIBNETWORK_REPO)")
	f.BoolVar(&record, "record", false, "put what is found into results/ and docs/support.md")
	f.BoolVar(&dry, "dry-run", false, "only list the packages whose tests would run")
	return cmd
}

func isolateCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "isolate DIR PROGRAM [argument...]",
		Short:              "Run a program in namespaces of its own, with a folder visible",
		Hidden:             true,
		DisableFlagParsing: true,
		Args:               orUsage(cobra.MinimumNArgs(2)),
		RunE: func(_ *cobra.Command, args []string) error {
			return sandbox.Exec(args[0], args[1:])
		},
	}
}
