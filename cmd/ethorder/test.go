package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ethorder/internal/check"
	"ethorder/internal/release"
	"ethorder/internal/source"
	"ethorder/internal/stage"
)

// testReleases are the releases whose engines the tests build and run: the oldest and
// the newest that build from Go modules.
func testReleases(table release.Table) (oldest, newest string) {
	rows := source.FromModules(table)
	byVersion := func(a, b release.Release) int { return release.Compare(a.Name, b.Name) }
	return slices.MinFunc(rows, byVersion).Name, slices.MaxFunc(rows, byVersion).Name
}

// moduleReleases are the last releases of each line that build from Go modules.
// internal/source/pins says why others do not.
func moduleReleases(table release.Table) []string {
	var last []string
	for _, line := range table.Lines() {
		if rows := source.FromModules(table.Releases(line)); len(rows) > 0 {
			_, newest := testReleases(rows)
			last = append(last, newest)
		}
	}
	return last
}

func init() {
	var only string
	var all, record bool
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Check everything that must hold, and count",
		Args:  orUsage(cobra.NoArgs),
		RunE: runE(func(cmd *cobra.Command, repo stage.Repo, _ []string) error {
			filter, err := regexp.Compile(only)
			if err != nil {
				return &stage.UsageError{Msg: err.Error()}
			}
			if record && !all {
				return &stage.UsageError{Msg: "--record writes down what --all finds: give both"}
			}
			checks, err := allChecks(cmd.Context(), repo, all, record)
			if err != nil {
				return err
			}
			checks = slices.DeleteFunc(checks, func(c check.Check) bool { return !filter.MatchString(c.Name) })
			count := check.Run(cmd.Context(), cmd.ErrOrStderr(), repo.Path(), checks)
			fmt.Fprintln(cmd.OutOrStdout(), count)
			if count.Failed > 0 {
				return fmt.Errorf("not everything holds: the last lines of what failed are above; run it alone with: scripts/test --only %q", "NAME")
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&only, "only", "", "run only the checks whose name matches `REGEXP`")
	cmd.Flags().BoolVar(&all, "all", false, "also check and run the last release of every line that builds from Go modules, and upstream's own tests")
	cmd.Flags().BoolVar(&record, "record", false, "with --all, write what was found below patch/ and to the tables of the READMEs")
	subcommands = append(subcommands, cmd)
}

// allChecks returns the checks: the quick ones first, and those that need engines
// after the ones that build them. Those of every line may record what they find.
func allChecks(ctx context.Context, repo stage.Repo, all, record bool) ([]check.Check, error) {
	tool, err := os.Executable()
	if err != nil {
		return nil, err
	}
	goFiles, err := tracked(ctx, repo, "*.go")
	if err != nil {
		return nil, err
	}
	scripts, err := tracked(ctx, repo, "scripts", ".ci")
	if err != nil {
		return nil, err
	}
	table, err := release.Load(repo)
	if err != nil {
		return nil, err
	}
	oldest, newest := testReleases(table)
	run := []string{oldest, newest}
	checks := []check.Check{
		{Name: "gofmt", Command: append([]string{"gofmt", "-l"}, goFiles...), Silent: true},
		// Not ./...: trees below out/ that have no go.mod would belong to it.
		{Name: "vet", Command: []string{"go", "vet", ".", "./cmd/...", "./internal/...", "./e2e/..."}},
		{Name: "shellcheck", Command: append([]string{"shellcheck"}, scripts...)},
		{Name: "series", Command: []string{tool, "patch", "check"}},
		{Name: "unit tests", Command: []string{"go", "test", "-json", ".", "./cmd/...", "./internal/..."}, GoTest: true},
		{Name: "mutants of the rule", Command: []string{"go", "run", "./internal/mutate"}},
	}
	for _, release := range run {
		checks = append(checks,
			check.Check{Name: "build " + release, Command: []string{tool, "build", release, "--runc"}},
			check.Check{Name: "build " + release + " stock", Command: []string{tool, "build", release, "--stock"}},
		)
	}
	if all {
		// The vendor directories made for engines before 23.0 lack what only tests
		// need, which go vet asks for.
		last := moduleReleases(table)
		vettable := slices.DeleteFunc(slices.Clone(last), func(name string) bool { return release.Compare(name, "23.0") < 0 })
		checks = append(checks, check.Check{Name: "matrix of every line", Command: append([]string{tool, "matrix"}, vettable...)})
		toRecord := func(command ...string) []string {
			if record {
				command = append(command, "--record")
			}
			return command
		}
		for _, release := range vettable {
			checks = append(checks, check.Check{Name: "upstream's tests of " + release, Command: toRecord(tool, "upstream", release)})
		}
		for _, release := range last {
			if !slices.Contains(run, release) { // they play the same scenarios below
				checks = append(checks, check.Check{Name: "verify " + release, Command: toRecord(tool, "verify", release)})
			}
			checks = append(checks, check.Check{Name: "promise on " + release, Command: toRecord(tool, "prove", release)})
		}
	} else {
		for _, release := range run {
			checks = append(checks, check.Check{Name: "promise on " + release, Command: []string{tool, "prove", release, "--suite", "upgrade,faults,random"}})
		}
	}
	const main = "^interfaces come up in attach order$"
	return append(checks,
		check.Check{
			Name:    "libnetwork",
			Command: []string{"go", "test", "-json", "-timeout=60m", "./e2e/libnetwork/..."},
			GoTest:  true,
		},
		check.Check{
			Name:    "engines", // alone, as it looks at the whole machine
			Env:     []string{"ETHORDER_E2E=" + strings.Join(run, " ")},
			Command: []string{"go", "test", "-json", "-count=1", "-timeout=60m", "./e2e"},
			GoTest:  true,
		},
		check.Check{
			Name: "container build " + oldest,
			Command: []string{"sh", "-c", `"$1" build "$2" --container && "$1" lab --run "$3" "out/$2/container/dockerd"`,
				"sh", tool, oldest, main},
		},
	), nil
}

// tracked returns the files of the repository that match.
func tracked(ctx context.Context, repo stage.Repo, patterns ...string) ([]string, error) {
	out, err := stage.Git(ctx, repo.Path(), append([]string{"ls-files", "--"}, patterns...)...)
	return strings.Fields(out), err
}
