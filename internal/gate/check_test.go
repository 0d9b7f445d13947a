package gate

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

func TestRunCountsCommands(t *testing.T) {
	var w bytes.Buffer
	sh := func(script string) []string { return []string{"sh", "-c", script} }
	count := Run(context.Background(), &w, t.TempDir(), []Check{
		{Name: "good", Command: sh("echo fine")},
		{Name: "bad", Command: sh("echo the reason >&2; exit 1")},
		{Name: "not here", Command: sh("exit 77")},
		{Name: "silent", Command: sh("true"), Silent: true},
		{Name: "not silent", Command: sh("echo a.go"), Silent: true},
		{Name: "killed", Command: sh("kill -9 $$")},
		{Name: "missing", Command: []string{"/no/program"}},
		{Name: "environment", Command: sh("test $A = b"), Env: []string{"A=b"}},
	})
	assert.Equal(t, count, Count{Passed: 3, Failed: 4, Skipped: 1})
	assert.Equal(t, count.String(), "3 passed, 4 failed, 1 skipped")
	assert.Check(t, is.Contains(w.String(), "] not here: 0 passed, 0 failed, 1 skipped\n"))
	const end = `failed: bad
    the reason
failed: not silent
    a.go
failed: killed
failed: missing
    fork/exec /no/program: no such file or directory
`
	shown, ended := strings.CutSuffix(w.String(), end)
	assert.Check(t, ended && strings.HasSuffix(shown, "] environment: 1 passed, 0 failed\n"), w.String())
	assert.Check(t, is.Contains(shown, "    the reason\n"))
}

// Each of the first two waits for the other. The next one begins when both have ended.
func TestRunRunsChecksTogether(t *testing.T) {
	meet := func(mine, other string) []string {
		return []string{"sh", "-c", "touch " + mine + "; until [ -e " + other + " ]; do sleep 0.01; done; touch " + mine + "-ended"}
	}
	var w bytes.Buffer
	count := Run(context.Background(), &w, t.TempDir(), []Check{
		{Name: "alone", Command: []string{"true"}},
		{Name: "one", Command: meet("a", "b"), Together: true},
		{Name: "other", Command: meet("b", "a"), Together: true},
		{Name: "next", Command: []string{"sh", "-c", "test -e a-ended && test -e b-ended"}},
	})
	assert.Equal(t, count, Count{Passed: 4}, w.String())
}

func TestRunEndsWithTheLastLinesOfWhatFailed(t *testing.T) {
	var w bytes.Buffer
	Run(context.Background(), &w, t.TempDir(), []Check{
		{Name: "long", Command: []string{"sh", "-c", "seq 100; exit 1"}},
		{Name: "good", Command: []string{"true"}},
	})
	_, end, _ := strings.Cut(w.String(), "] good: 1 passed, 0 failed\n")
	lines := strings.Split(strings.TrimSpace(end), "\n")
	assert.Equal(t, len(lines), 1+tailLines, end)
	assert.Equal(t, lines[0], "failed: long")
	assert.Equal(t, lines[tailLines], "    100")
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	count := Run(ctx, &bytes.Buffer{}, t.TempDir(), []Check{
		{Name: "long", Command: []string{"sleep", "100"}},
		{Name: "never", Command: []string{"true"}},
	})
	assert.Equal(t, count, Count{Failed: 1})
}

func TestRunCountsGoTests(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module m\n",
		"a/a_test.go": `package a
import "testing"
func TestGood(t *testing.T) {}
func TestBad(t *testing.T) { t.Log("the reason"); t.Fail() }
func TestSkipped(t *testing.T) { t.Skip("no root") }
func TestParent(t *testing.T) {
	t.Run("one", func(t *testing.T) { t.Run("two", func(t *testing.T) {}) })
	t.Run("three", func(t *testing.T) { t.Skip("not here") })
}
func TestAllSkipped(t *testing.T) { t.Run("x/y", func(t *testing.T) { t.Skip("none") }) }`,
	} {
		path := filepath.Join(dir, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	check := Check{Name: "tests", GoTest: true, Command: []string{"go", "test", "-json", "./..."}}
	var w bytes.Buffer
	assert.Equal(t, Run(context.Background(), &w, dir, []Check{check}), Count{Passed: 2, Failed: 1, Skipped: 3}, w.String())
	assert.Check(t, is.Contains(w.String(), "skipped m/a.TestSkipped\n"))
	shown, end, _ := strings.Cut(w.String(), "failed: tests\n")
	for _, text := range []string{shown, end} {
		assert.Check(t, is.Contains(text, "FAILED m/a.TestBad\n"))
		assert.Check(t, is.Contains(text, "the reason"))
	}
	assert.Check(t, !strings.Contains(end, "skipped"), end)

	assert.NilError(t, os.WriteFile(filepath.Join(dir, "a", "b_test.go"), []byte("package a\nvar x int = `no`\n"), 0o644))
	w.Reset()
	assert.Equal(t, Run(context.Background(), &w, dir, []Check{check}), Count{Failed: 1}, w.String())
	shown, end, _ = strings.Cut(w.String(), "failed: tests\n")
	assert.Check(t, is.Contains(shown, "cannot use"))
	assert.Check(t, is.Contains(end, "cannot use"))
}
