package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ethorder/internal/gate"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/source"
	"ethorder/internal/tool"
)

// testReleases are the releases whose engines the tests build and run: the oldest and
// the newest that build from Go modules.
func testReleases(table pins.Table) (oldest, newest string) {
	rows := source.FromModules(table)
	byVersion := func(a, b pins.Release) int { return pins.Compare(a.Name, b.Name) }
	return slices.MinFunc(rows, byVersion).Name, slices.MaxFunc(rows, byVersion).Name
}

// moduleReleases are the last releases of each line that build from Go modules.
// internal/source/vendorpins says why others do not.
func moduleReleases(table pins.Table) []string {
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
		RunE: runE(func(cmd *cobra.Command, root repo.Root, _ []string) error {
			filter, err := regexp.Compile(only)
			if err != nil {
				return tool.Usagef("%s", err.Error())
			}
			if record && !all {
				return tool.Usagef("--record writes down what --all finds: give both")
			}
			checks, err := allChecks(cmd.Context(), root, all, record)
			if err != nil {
				return err
			}
			checks = slices.DeleteFunc(checks, func(c gate.Check) bool { return !filter.MatchString(c.Name) })
			count := gate.Run(cmd.Context(), cmd.ErrOrStderr(), root.Path(), checks)
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
func allChecks(ctx context.Context, root repo.Root, all, record bool) ([]gate.Check, error) {
	tool, err := os.Executable()
	if err != nil {
		return nil, err
	}
	goFiles, err := tracked(ctx, root, "*.go")
	if err != nil {
		return nil, err
	}
	scripts, err := tracked(ctx, root, "scripts", ".ci")
	if err != nil {
		return nil, err
	}
	table, err := pins.Load(root)
	if err != nil {
		return nil, err
	}
	oldest, newest := testReleases(table)
	run := []string{oldest, newest}
	checks := []gate.Check{
		{Name: "gofmt", Command: append([]string{"gofmt", "-l"}, goFiles...), Silent: true},
		// Not ./...: trees below out/ that have no go.mod would belong to it.
		{Name: "vet", Command: []string{"go", "vet", ".", "./cmd/...", "./internal/...", "./e2e/..."}},
		{Name: "shellcheck", Command: append([]string{"shellcheck"}, scripts...)},
		{Name: "series", Command: []string{tool, "patch", "check"}},
		{Name: "unit tests", Command: []string{"go", "test", "-json", ".", "./cmd/...", "./internal/..."}, GoTest: true},
		{Name: "mutants of the rule", Command: []string{"go", "test", "-json", "./e2e/mutants"}, GoTest: true},
	}
	for _, release := range run {
		checks = append(checks,
			gate.Check{Name: "build " + release, Command: []string{tool, "build", release, "--runc"}},
			gate.Check{Name: "build " + release + " stock", Command: []string{tool, "build", release, "--stock"}},
		)
	}
	if all {
		// The vendor directories made for engines before 23.0 lack what only tests
		// need, which go vet asks for.
		last := moduleReleases(table)
		vettable := slices.DeleteFunc(slices.Clone(last), func(name string) bool { return pins.Compare(name, "23.0") < 0 })
		checks = append(checks, gate.Check{Name: "matrix of every line", Command: append([]string{tool, "matrix"}, vettable...)})
		toRecord := func(command ...string) []string {
			if record {
				command = append(command, "--record")
			}
			return command
		}
		for _, release := range vettable {
			checks = append(checks, gate.Check{Name: "upstream's tests of " + release, Command: toRecord(tool, "upstream", release)})
		}
		for _, release := range last {
			if !slices.Contains(run, release) { // they play the same scenarios below
				checks = append(checks, gate.Check{Name: "verify " + release, Command: toRecord(tool, "verify", release)})
			}
			checks = append(checks, gate.Check{Name: "promise on " + release, Command: toRecord(tool, "prove", release)})
		}
	} else {
		for _, release := range run {
			checks = append(checks, gate.Check{Name: "promise on " + release, Command: []string{tool, "prove", release, "--suite", "upgrade,faults,random"}})
		}
	}
	const main = "^interfaces come up in attach order$"
	return append(checks,
		gate.Check{
			Name:    "libnetwork",
			Command: []string{"go", "test", "-json", "-timeout=60m", "./e2e/libnetwork/..."},
			GoTest:  true,
		},
		gate.Check{
			Name:    "engines", // alone, as it looks at the whole machine
			Env:     []string{"ETHORDER_E2E=" + strings.Join(run, " ")},
			Command: []string{"go", "test", "-json", "-count=1", "-timeout=60m", "./e2e"},
			GoTest:  true,
		},
		gate.Check{
			Name: "container build " + oldest,
			Command: []string{"sh", "-c", `"$1" build "$2" --container && "$1" lab --run "$3" "out/$2/container/dockerd"`,
				"sh", tool, oldest, main},
		},
	), nil
}

// tracked returns the files of the repository that match.
func tracked(ctx context.Context, root repo.Root, patterns ...string) ([]string, error) {
	out, err := tool.Git(ctx, root.Path(), append([]string{"ls-files", "--"}, patterns...)...)
	return strings.Fields(out), err
}
