package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/order"
	"ethorder/internal/release"
	"ethorder/internal/stage"
)

// exitStatus is what main exits with on err.
func exitStatus(err error) int {
	var exit *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	}
	return exitFailed
}

func execute(args ...string) error {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(&bytes.Buffer{})
	root.SetErr(&bytes.Buffer{})
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
		assert.Equal(t, exitStatus(err), exitUsage, "%v: %v", args, err)
	}
}

func TestDemoShowsTheNewestReleaseThatHasAModule(t *testing.T) {
	repo, err := stage.FindRepo()
	assert.NilError(t, err)
	name, err := demoRelease(repo, nil)
	assert.NilError(t, err)
	assert.Check(t, strings.HasPrefix(name, "29."), name)
	shown, err := release.Find(repo, name)
	assert.NilError(t, err)
	assert.Check(t, shown.Module != "", "%s has no module", name)
}

func TestDemoNetworksAreNotAlphabetical(t *testing.T) {
	for n := demoFirst; n <= len(demoNetworks); n++ {
		assert.Check(t, !slices.IsSorted(demoNetworks[:n]))
	}
}

func TestDemoExitStatusIsTheVerdict(t *testing.T) {
	for _, test := range []struct {
		stock, patched order.Tally
		line           string
		exit           int
	}{
		{order.Tally{Right: 1, Total: 8}, order.Tally{Right: 8, Total: 8},
			"PASS: Docker Engine 29.7.1 came up in attach order in 8 of 8 starts patched, in 1 of 8 stock\n", 0},
		{order.Tally{Right: 1, Total: 8}, order.Tally{Right: 7, Total: 8},
			"FAIL: Docker Engine 29.7.1 came up in attach order in 7 of 8 starts patched, in 1 of 8 stock\n", exitFailed},
		{order.Tally{Right: 8, Total: 8}, order.Tally{Right: 8, Total: 8},
			"INCONCLUSIVE: Docker Engine 29.7.1 came up in attach order in 8 of 8 starts patched, in 8 of 8 stock\n", exitInconclusive},
	} {
		var out bytes.Buffer
		d := demo{release: "29.7.1", out: &out}
		d.sides[0].tally, d.sides[1].tally = test.stock, test.patched
		err := d.verdict()
		assert.Equal(t, out.String(), test.line)
		assert.Equal(t, exitStatus(err), test.exit, "%v", err)
	}
}
