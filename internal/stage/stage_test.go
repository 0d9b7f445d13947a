package stage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

var ctx = context.Background()

func write(t *testing.T, path, text string) {
	t.Helper()
	assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
}

func TestRunReturnsStdoutAndQuotesTheEndOfAFailure(t *testing.T) {
	out, err := Run(ctx, Cmd{What: "say", Args: []string{"sh", "-c", "echo out; echo err >&2"}})
	assert.NilError(t, err)
	assert.Equal(t, out, "out\n")

	log := filepath.Join(t.TempDir(), "a", "run.log")
	_, err = Run(ctx, Cmd{What: "break", Log: log, Args: []string{"sh", "-c", "seq 1000; echo the reason >&2; exit 3"}})
	assert.ErrorContains(t, err, "break failed (exit status 3)")
	assert.ErrorContains(t, err, "the reason")
	assert.ErrorContains(t, err, log)
	assert.Assert(t, !strings.Contains(err.Error(), "\n900\n"), "the error quotes all of the output")
	b, err := os.ReadFile(log)
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(b), "\n900\n"), "the log lacks output")
}

func TestRunStopsTheChildrenToo(t *testing.T) {
	killAfter = 500 * time.Millisecond // a shell's background jobs ignore interrupts
	defer func() { killAfter = 10 * time.Second }()
	pidfile := filepath.Join(t.TempDir(), "pid")
	stopped, stop := context.WithCancel(ctx)
	go func() {
		for {
			if b, _ := os.ReadFile(pidfile); len(b) > 0 {
				stop()
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	start := time.Now()
	_, err := Run(stopped, Cmd{What: "wait", Args: []string{"sh", "-c", "sleep 60 & echo $! >" + pidfile + "; wait"}})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Assert(t, time.Since(start) < 30*time.Second)
	b, err := os.ReadFile(pidfile)
	assert.NilError(t, err)
	pid := strings.TrimSpace(string(b))
	for range 100 { // until it is gone, or waits to be collected
		state, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the child %s still runs", pid)
}

func TestRunHidesTheRepositoryOfACallingHook(t *testing.T) {
	t.Setenv("GIT_DIR", "/nowhere")
	t.Setenv("GOFLAGS", "-mod=nonsense")
	out, err := Run(ctx, Cmd{What: "env", Args: []string{"sh", "-c", "echo $GIT_DIR$GOFLAGS"}})
	assert.NilError(t, err)
	assert.Equal(t, out, "\n")
}

func TestNeedNamesThePackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := Need("git", "gcc")
	var cannot *CannotRunError
	assert.Assert(t, errors.As(err, &cannot))
	assert.ErrorContains(t, err, "apt-get install git gcc libc6-dev")
}

func TestNeedFreeLooksAtTheDiskOfADirectoryToBe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	assert.NilError(t, NeedFree(dir, 1))
	var cannot *CannotRunError
	assert.Assert(t, errors.As(NeedFree(dir, 1<<40), &cannot))
}

func TestLockWaitsForTheOtherAndForCtrlC(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	unlock, err := Lock(ctx, dir)
	assert.NilError(t, err)
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = Lock(short, dir)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	unlock()
	unlock, err = Lock(ctx, dir)
	assert.NilError(t, err)
	unlock()
}

func TestTempDirRemovesWhatAKilledProcessLeft(t *testing.T) {
	dir := t.TempDir()
	old, err := TempDir(dir)
	assert.NilError(t, err)
	write(t, filepath.Join(old, "half-made"), "")
	now, err := TempDir(dir)
	assert.NilError(t, err)
	assert.Assert(t, old != now)
	_, err = os.Stat(old)
	assert.Assert(t, os.IsNotExist(err))
}

func TestUpToDate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tree")
	write(t, filepath.Join(dir, "a"), "1")
	want := func() Stamp { return Stamp{"from": "x"} }

	_, err := want().UpToDate(dir)
	assert.ErrorContains(t, err, "has no stamp")

	s := want()
	assert.NilError(t, s.Seal(dir))
	assert.NilError(t, s.Write(dir))
	ok, err := want().UpToDate(dir)
	assert.NilError(t, err)
	assert.Assert(t, ok)

	ok, err = Stamp{"from": "y"}.UpToDate(dir)
	assert.NilError(t, err)
	assert.Assert(t, !ok, "made from something else")

	write(t, filepath.Join(dir, "b"), "")
	_, err = want().UpToDate(dir)
	assert.ErrorContains(t, err, "was changed by hand")

	assert.NilError(t, os.RemoveAll(dir))
	ok, err = want().UpToDate(dir)
	assert.NilError(t, err)
	assert.Assert(t, !ok, "the tree is gone")
}

func TestHashTreeSeesNamesContentsAndLinks(t *testing.T) {
	dir := t.TempDir()
	seen := map[string]string{}
	step := func(what string) {
		sum, err := HashTree(dir)
		assert.NilError(t, err)
		if other, ok := seen[sum]; ok {
			t.Fatalf("%s: same digest as %s", what, other)
		}
		seen[sum] = what
	}
	step("empty")
	write(t, filepath.Join(dir, "a"), "1")
	step("a file")
	write(t, filepath.Join(dir, "a"), "2")
	step("other content")
	assert.NilError(t, os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "b")))
	step("other name")
	assert.NilError(t, os.Symlink("b", filepath.Join(dir, "l")))
	step("a link")
	sum, err := HashTree(dir)
	assert.NilError(t, err)
	write(t, filepath.Join(dir, ".git", "index"), "")
	again, err := HashTree(dir)
	assert.NilError(t, err)
	assert.Equal(t, again, sum)
}

func TestReplaceKeepsTheOldTreeUntilTheNewIsThere(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "tree", "old"), "")
	write(t, filepath.Join(dir, "tmp", "new", "new"), "")
	assert.NilError(t, Replace(filepath.Join(dir, "tmp", "new"), filepath.Join(dir, "tree"), filepath.Join(dir, "tmp")))
	_, err := os.Stat(filepath.Join(dir, "tree", "new"))
	assert.NilError(t, err)
	_, err = os.Stat(filepath.Join(dir, "tree", "old"))
	assert.Assert(t, errors.Is(err, syscall.ENOENT))
}
