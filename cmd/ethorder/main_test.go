package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/tool"
)

// status is the exit status of an error.
func status(err error) int {
	var exit *tool.Exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.Status
	}
	return tool.Failed
}

// execute runs the command line, and returns what it printed to stdout.
func execute(t *testing.T, args ...string) (string, error) {
	var out bytes.Buffer
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&bytes.Buffer{})
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestABadCommandLineIsUsage(t *testing.T) {
	for _, args := range [][]string{
		{"no-such-command"},
		{"demo", "--starts", "0"},
		{"demo", "--starts", "many"},
		{"demo", "--no-such-flag"},
		{"demo", "1.0.0"},
		{"demo", "29.7.1", "17.12.1"},
		{"verify", "--starts", "0"},
		{"verify", "--host", "ssh://host"},
		{"verify", "29.8.1"},
		{"inspect"},
		{"build"},
		{"build", "29.8.1", "--base", "image"},
		{"build", "29.8.1", "--compare"},
		{"build", "17.12.1", "--container", "--stock"},
		{"deb", "bookworm", "trixie"},
		{"deb", "../bookworm"},
		{"deb", "12"},
		{"patch"},
		{"patch", "29.8.1", "--line", "29.2"},
		{"patch", "29.8.1", "--commit"},
		{"patch", "29.8.1", "--worktree", "moby", "--commit", "--dry-run"},
		{"patch", "refresh", "29.2"},
		{"patch", "new", "29.9.0"},
		{"compose-order", "compose.yaml"},
		{"compose-order", "-f", "no-such-file.yaml"},
		{"trial"},
		{"trial", "29.8.1", "--run", "("},
		{"trial", "29.8.1", "--starts", "0"},
		{"trial", "29.8.1", "--suite", "everything"},
		{"trial", "29.8.1", "--record", "--dockerd", "dockerd"},
		{"matrix", "--jobs", "0"},
		{"upstream"},
		{"check", "everything"},
		{"check", "--record"},
		{"check", "--only", "("},
	} {
		_, err := execute(t, args...)
		assert.Equal(t, status(err), tool.Usage, "%v: %v", args, err)
	}
}

func TestDryRunsOnlySayWhatTheyWouldDo(t *testing.T) {
	t.Setenv("MOBY_REPO", "")
	for args, want := range map[string]string{
		"trial 29.8.1 --suite crash --dry-run":         "29.8.1, crash: kill -9 of dockerd",
		"trial 17.12.1 --dry-run --run eth10":          "17.12.1, core: eth10 comes after eth9 with seventeen networks\n",
		"check --dry-run --only ^vet":                  "vet: go vet . ./cmd/...",
		"matrix 29.8.1 --again --dry-run":              "29.8.1\n",
		"upstream 29.8.1 --dry-run":                    "29.8.1: daemon/libnetwork\n",
		"build 29.8.1 --dry-run":                       "would build out/29.8.1/patched/dockerd, from the module of the release, with go1.",
		"patch 29.8.1 --dry-run":                       "would apply patch/29.2/",
		"trial 29.8.1 --dry-run --suite race --run ^$": "",
	} {
		out, err := execute(t, strings.Fields(args)...)
		assert.NilError(t, err, args)
		assert.Check(t, strings.Contains(out, want) && (want != "" || out == ""), "%s: %s", args, out)
	}
}

// The error about a release that nobody has tried says which series is near, and how to go
// on with it.
func TestAReleaseThatIsNotInTheTableNeedsUntested(t *testing.T) {
	root, err := repo.Find()
	assert.NilError(t, err)
	table, err := pins.Load(root)
	assert.NilError(t, err)
	near := table.Nearest("99.0.0")
	t.Setenv("MOBY_REPO", "")
	for args, next := range map[string]string{
		"patch 99.0.0":                                      "MOBY_REPO=<git clone of moby> scripts/ethorder patch 99.0.0 --untested",
		"patch 99.0.0 --worktree moby --dry-run":            "scripts/ethorder patch 99.0.0 --dry-run --worktree moby --untested",
		"build 99.0.0 --moby-repo moby --stock":             "scripts/ethorder build 99.0.0 --moby-repo moby --stock --untested",
		"trial 99.0.0 29.7.1 --moby-repo moby --starts 4":   "scripts/ethorder trial 99.0.0 29.7.1 --moby-repo moby --starts 4 --untested",
		"patch 99.0.0 --untested":                           "MOBY_REPO=<git clone of moby> scripts/ethorder patch 99.0.0 --untested",
		"trial 99.0.0 --moby-repo moby --untested --record": "does not go with --untested",
		"build newest --untested":                           "not a Docker Engine version",
	} {
		_, err := execute(t, strings.Fields(args)...)
		assert.Equal(t, status(err), tool.Usage, "%s: %v", args, err)
		assert.Check(t, cmp.ErrorContains(err, next), args)
		if strings.Contains(next, "scripts/") {
			assert.Check(t, cmp.ErrorContains(err, "the nearest there is "+near.Name+", whose series is patch/"+near.Line))
		}
	}
	_, err = execute(t, "patch", "99.0.0", "--untested", "--worktree", t.TempDir())
	assert.ErrorContains(t, err, "is not a git clone")
}

// Every command and every flag says what it is for.
func TestHelp(t *testing.T) {
	for _, cmd := range newRootCommand().Commands() {
		if cmd.Name() == "help" || cmd.Name() == "completion" || cmd.Hidden {
			continue
		}
		assert.Check(t, cmd.Long != "" && cmd.Short != "" && cmd.GroupID != "", cmd.Name())
		for _, line := range strings.Split(cmd.Long, "\n") {
			assert.Check(t, len(line) <= 96, "%s: %s", cmd.Name(), line)
		}
	}
}

// The help of trial names each suite, with what it tries.
func TestHelpNamesTheSuites(t *testing.T) {
	text := strings.Join(strings.Fields(help("trial")), " ")
	for _, s := range suites {
		name := s.Name
		if s.OptIn {
			name += " (only if named)"
		}
		assert.Check(t, cmp.Contains(text, name+" "+s.Guarantee))
	}
}
