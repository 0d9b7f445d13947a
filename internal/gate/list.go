package gate

import (
	"context"
	"slices"
	"strings"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/source"
	"ethorder/internal/tool"
)

// OldestAndNewest returns the oldest and the newest release that build from a Go module,
// whose engines the checks run.
func OldestAndNewest(table pins.Table) (oldest, newest string) {
	rows := source.FromModules(table)
	byVersion := func(a, b pins.Release) int { return pins.Compare(a.Name, b.Name) }
	return slices.MinFunc(rows, byVersion).Name, slices.MaxFunc(rows, byVersion).Name
}

// lastOfLines returns the last release of each line that builds from a Go module.
func lastOfLines(table pins.Table) (last []string) {
	for _, line := range table.Lines() {
		if rows := source.FromModules(table.Releases(line)); len(rows) > 0 {
			_, newest := OldestAndNewest(rows)
			last = append(last, newest)
		}
	}
	return last
}

// Checks returns all that must hold, with the path of the program itself: in half an hour,
// or with all also of the last release of every line, which takes a day. What the latter
// finds is recorded if record is set.
func Checks(ctx context.Context, root repo.Root, ethorder string, all, record bool) ([]Check, error) {
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
	oldest, newest := OldestAndNewest(table)
	checks := []Check{
		{Name: "gofmt", Command: append([]string{"gofmt", "-l"}, goFiles...), Silent: true},
		// Not ./...: trees below out/ that have no go.mod would belong to it.
		{Name: "vet", Command: []string{"go", "vet", ".", "./cmd/...", "./internal/...", "./e2e/..."}},
		{Name: "shellcheck", Command: append([]string{"shellcheck"}, scripts...)},
		{Name: "series", Command: []string{ethorder, "patch", "lint"}},
		{Name: "unit tests", Command: []string{"go", "test", "-json", ".", "./cmd/...", "./internal/..."}, GoTest: true},
	}
	if all {
		checks = append(checks, everyLine(ethorder, lastOfLines(table), record)...)
	} else {
		// What compiles fills the time in which engines wait, so all of it runs together.
		for _, release := range []string{newest, oldest} {
			for _, suites := range []string{"core,random,drop-in", "fault,upgrade"} {
				checks = append(checks, Check{Name: suites + " on " + release, Command: []string{
					ethorder, "trial", release, "--suite", suites, "--starts", "4",
				}, Together: true})
			}
		}
	}
	checks = append(checks,
		Check{
			Name:    "libnetwork",
			Command: []string{"go", "test", "-json", "-timeout=60m", "./e2e/libnetwork/..."},
			GoTest:  true, Together: true,
		},
		Check{
			Name:    "mutants of the rule",
			Command: []string{"go", "test", "-json", "-timeout=60m", "./e2e/mutants"},
			GoTest:  true, Together: true,
		},
		Check{
			Name: "container build " + oldest,
			Command: []string{"sh", "-c", `"$1" build "$2" --container && "$1" trial "$2" --suite core --run "$3" --dockerd "out/$2/container/dockerd"`,
				"sh", ethorder, oldest, "^interfaces come up in attach order$"},
			Together: true,
		},
		Check{
			Name:    "machine is unchanged", // alone, as it looks at the whole machine
			Env:     []string{"ETHORDER_E2E=" + oldest},
			Command: []string{"go", "test", "-json", "-count=1", "-timeout=60m", "-run=Host", "./e2e"},
			GoTest:  true,
		},
		Check{
			Name:    "container build " + oldest + " is the same file",
			Command: []string{ethorder, "build", oldest, "--container", "--compare"},
		},
	)
	if all {
		checks = append(checks, Check{
			Name:    "container build " + oldest + " on BuildKit",
			Env:     []string{"ETHORDER_E2E=" + oldest},
			Command: []string{"go", "test", "-json", "-count=1", "-timeout=60m", "-run=BuildKit", "./e2e"},
			GoTest:  true,
		})
	}
	return checks, nil
}

// everyLine returns the checks of the last release of every line.
func everyLine(ethorder string, last []string, record bool) (checks []Check) {
	// The vendor directories made for engines before 23.0 lack what only tests need, which
	// go vet asks for.
	vettable := slices.DeleteFunc(slices.Clone(last), func(name string) bool { return pins.Compare(name, "23.0") < 0 })
	add := func(name string, command ...string) {
		command = append([]string{ethorder}, command...)
		if record {
			command = append(command, "--record")
		}
		checks = append(checks, Check{Name: name, Command: command})
	}
	add("matrix of every line", append([]string{"matrix"}, vettable...)...)
	for _, release := range vettable {
		add("upstream's tests of "+release, "upstream", release)
	}
	for _, release := range last {
		add("trials on "+release, "trial", release)
	}
	return checks
}

// tracked returns the files of the repository that match patterns.
func tracked(ctx context.Context, root repo.Root, patterns ...string) ([]string, error) {
	out, err := tool.Git(ctx, root.Path(), append([]string{"ls-files", "--"}, patterns...)...)
	return strings.Fields(out), err
}
