package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"ethorder/internal/observe"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/tool"
)

// exitStatus is what main exits with on err.
func exitStatus(err error) int {
	var exit *tool.Exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.Status
	}
	return tool.Failed
}

func execute(args ...string) error {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(&bytes.Buffer{})
	root.SetErr(&bytes.Buffer{})
	defer func() {
		for _, cmd := range root.Commands() { // they are the same in each root
			cmd.Flags().VisitAll(func(f *pflag.Flag) {
				if f.Changed {
					_ = f.Value.Set(f.DefValue)
					f.Changed = false
				}
			})
		}
	}()
	return root.ExecuteContext(context.Background())
}

func TestABadCommandLineIsUsage(t *testing.T) {
	for _, args := range [][]string{
		{"demo", "--starts", "0"},
		{"demo", "--starts", "many"},
		{"demo", "--no-such-flag"},
		{"demo", "1.0.0"},
		{"demo", "29.7.1", "17.12.1"},
		{"lab"},
		{"lab", "--run", "(", "dockerd"},
		{"test", "everything"},
	} {
		err := execute(args...)
		assert.Equal(t, exitStatus(err), tool.Usage, "%v: %v", args, err)
	}
}

// What nobody has tried is not built without being asked for. The error has the command.
func TestAReleaseThatIsNotInTheTableNeedsUntested(t *testing.T) {
	root, err := repo.Find()
	assert.NilError(t, err)
	table, err := pins.Load(root)
	assert.NilError(t, err)
	near := table.Nearest("99.0.0")
	t.Setenv("MOBY_REPO", "")
	for args, next := range map[string]string{
		"patch 99.0.0":                                  "MOBY_REPO=<git clone of moby> scripts/patch 99.0.0 --untested",
		"patch 99.0.0 --tree moby --check":              "scripts/patch 99.0.0 --check --tree moby --untested",
		"build 99.0.0 --tree moby --stock":              "scripts/build 99.0.0 --stock --tree moby --untested",
		"verify 99.0.0 29.7.1 --tree moby --starts 4":   "scripts/verify 99.0.0 29.7.1 --starts 4 --tree moby --untested",
		"patch 99.0.0 --untested":                       "MOBY_REPO=<git clone of moby> scripts/patch 99.0.0 --untested",
		"verify 99.0.0 --tree moby --untested --record": "does not go with --untested",
		"build newest --untested":                       "not a Docker Engine version",
	} {
		err := execute(strings.Fields(args)...)
		assert.Equal(t, exitStatus(err), tool.Usage, "%s: %v", args, err)
		assert.Check(t, cmp.ErrorContains(err, next), args)
		if strings.Contains(next, "scripts/") {
			assert.Check(t, cmp.ErrorContains(err, "the nearest there is "+near.Name+", whose series is patch/"+near.Line))
		}
	}
	err = execute("patch", "99.0.0", "--untested", "--tree", t.TempDir())
	assert.ErrorContains(t, err, "is not a git clone")
}

func TestDemoShowsTheNewestReleaseThatHasAModule(t *testing.T) {
	root, err := repo.Find()
	assert.NilError(t, err)
	table, err := pins.Load(root)
	assert.NilError(t, err)
	name, err := demoRelease(root, nil)
	assert.NilError(t, err)
	shown, err := table.Find(name)
	assert.NilError(t, err)
	assert.Check(t, shown.Module != "", "%s has no module", name)
	for _, rel := range table {
		assert.Check(t, rel.Module == "" || pins.Compare(rel.Name, name) <= 0, "%s is newer than %s", rel.Name, name)
	}
	// Dockerfile.build cannot derive its default.
	dockerfile, err := os.ReadFile(root.Path("Dockerfile.build"))
	assert.NilError(t, err)
	assert.Check(t, strings.Contains(string(dockerfile), "ARG RELEASE="+name+"\n"))
}

// The tests run the oldest and the newest, and each line that builds from modules has
// its last release among those of --all.
func TestReleasesOfTheTestsAreDerived(t *testing.T) {
	rel := func(line, name string) pins.Release {
		return pins.Release{Name: name, Line: line, Module: "example.com/m"}
	}
	table := pins.Table{rel("1.0", "1.0.0"), {Name: "0.9.0", Line: "1.0"}, rel("1.0", "1.0.10"), rel("1.0", "1.0.9"), {Name: "2.0.0", Line: "2.0"}, rel("3.0", "3.1.0"), {Name: "3.2.0", Line: "3.0"}}
	oldest, newest := testReleases(table)
	assert.DeepEqual(t, []string{oldest, newest}, []string{"1.0.0", "3.1.0"})
	assert.DeepEqual(t, moduleReleases(table), []string{"1.0.10", "3.1.0"})
}

func TestDemoNetworksAreNotAlphabetical(t *testing.T) {
	for n := demoFirst; n <= len(demoNetworks); n++ {
		assert.Check(t, !slices.IsSorted(demoNetworks[:n]))
	}
}

func TestDemoExitStatusIsTheVerdict(t *testing.T) {
	for _, test := range []struct {
		stock, patched observe.Tally
		line           string
		exit           int
	}{
		{observe.Tally{Right: 1, Total: 8}, observe.Tally{Right: 8, Total: 8},
			"PASS: Docker Engine 29.7.1 came up in attach order in 8 of 8 starts patched, in 1 of 8 stock\n", 0},
		{observe.Tally{Right: 1, Total: 8}, observe.Tally{Right: 7, Total: 8},
			"FAIL: Docker Engine 29.7.1 came up in attach order in 7 of 8 starts patched, in 1 of 8 stock\n", tool.Failed},
		{observe.Tally{Right: 8, Total: 8}, observe.Tally{Right: 8, Total: 8},
			"INCONCLUSIVE: Docker Engine 29.7.1 came up in attach order in 8 of 8 starts patched, in 8 of 8 stock\n", tool.Inconclusive},
	} {
		var out bytes.Buffer
		d := demo{release: "29.7.1", out: &out}
		d.sides[0].tally, d.sides[1].tally = test.stock, test.patched
		err := d.verdict()
		assert.Equal(t, out.String(), test.line)
		assert.Equal(t, exitStatus(err), test.exit, "%v", err)
	}
}
