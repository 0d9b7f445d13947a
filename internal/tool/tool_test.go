package tool

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

var ctx = context.Background()

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

func TestRunHidesWhatChangesGitAndGo(t *testing.T) {
	t.Setenv("GIT_DIR", "/nowhere")
	t.Setenv("GOFLAGS", "-mod=nonsense")
	t.Setenv("GOAMD64", "v3")
	out, err := Run(ctx, Cmd{What: "env", Args: []string{"sh", "-c", "echo $GIT_DIR$GOFLAGS$GOAMD64"}})
	assert.NilError(t, err)
	assert.Equal(t, out, "\n")
}

func TestNeedNamesThePackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := Need("git", "gcc")
	var cannot *Exit
	assert.Assert(t, errors.As(err, &cannot) && cannot.Status == CannotRun)
	assert.ErrorContains(t, err, "apt-get install git gcc libc6-dev")
}
