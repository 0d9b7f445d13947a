package tool

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
)

// Cmd is a command to run.
type Cmd struct {
	Dir  string   // working directory
	Env  []string // additions to the environment
	Log  string   // file that keeps all its output; "" keeps only the end
	What string   // what it does, for people: "compile dockerd"
	Args []string // command and arguments

	Stdin io.Reader // nil is empty
	Merge bool      // return stderr along with stdout
}

// progressEvery is the time between two lines that say a command still runs.
var progressEvery = 10 * time.Second

// killAfter is how long an interrupted command has to clean up.
var killAfter = 10 * time.Second

// Run runs a command to its end and returns what it wrote to stdout. While it
// runs, and if the log is a terminal, a line there says every ten seconds for how
// long, and what it last wrote. On failure the error has the end of its output. When ctx ends, the
// command and its children are interrupted, and killed after ten seconds.
func Run(ctx context.Context, c Cmd) (string, error) {
	out := &output{}
	if c.Log != "" {
		if err := os.MkdirAll(filepath.Dir(c.Log), 0o755); err != nil {
			return "", err
		}
		f, err := os.Create(c.Log)
		if err != nil {
			return "", err
		}
		defer f.Close()
		fmt.Fprintf(f, "cd %s\n%s %s\n", c.Dir, strings.Join(c.Env, " "), strings.Join(c.Args, " "))
		out.log = f
	}
	var stdout bytes.Buffer
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = append(cleanEnv(), c.Env...)
	cmd.Stdout = io.MultiWriter(&stdout, out)
	cmd.Stderr = out
	cmd.Stdin = c.Stdin
	if c.Merge {
		cmd.Stderr = cmd.Stdout // the same writer, so one write at a time
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = killAfter

	start := time.Now()
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
				if !IsTerminal(logrus.StandardLogger().Out) {
					continue
				}
				lines, last := out.state()
				logrus.Infof("%s: %s, %d lines of output, now: %s", c.What, elapsed(start), lines, last)
			}
		}
	}()
	err := cmd.Run()
	if err == nil {
		return stdout.String(), nil
	}
	if ctx.Err() != nil {
		// What is left of the group did not end by itself.
		if cmd.Process != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
		return "", fmt.Errorf("%s: stopped after %s: %w", c.What, elapsed(start), context.Cause(ctx))
	}
	msg := fmt.Sprintf("%s failed (%v) after %s\nin %s: %s\n%s", c.What, err, elapsed(start), c.Dir, strings.Join(c.Args, " "), out.tail())
	if c.Log != "" {
		msg += "\nall of its output: " + c.Log
	}
	return stdout.String(), &CmdError{Msg: msg, Output: out.tail(), Err: err}
}

// CmdError is a command that failed.
type CmdError struct {
	Msg    string
	Output string // the end of what it wrote
	Err    error
}

func (e *CmdError) Error() string { return e.Msg }
func (e *CmdError) Unwrap() error { return e.Err }

// cleanEnv is the environment without what would make go and git work on
// something else than the directory they run in, or compile in another way.
func cleanEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		switch k, _, _ := strings.Cut(kv, "="); k {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_NAMESPACE",
			"GOFLAGS", "GO111MODULE", "GOOS", "GOARCH", "GOBIN", "LC_ALL", "LANGUAGE",
			"CC", "CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_LDFLAGS", "GOAMD64", "GOEXPERIMENT", "GOFIPS140":
			continue
		}
		env = append(env, kv)
	}
	return append(env, "LC_ALL=C", "GOWORK=off")
}

func elapsed(start time.Time) string {
	return time.Since(start).Round(time.Second).String()
}

// output keeps the end of what a command writes.
type output struct {
	mu    sync.Mutex
	log   *os.File
	buf   []byte
	lines int
}

const keepBytes = 8 << 10

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.log != nil {
		if _, err := o.log.Write(p); err != nil {
			return 0, err
		}
	}
	o.lines += bytes.Count(p, []byte("\n"))
	o.buf = append(o.buf, p...)
	if len(o.buf) > 2*keepBytes {
		o.buf = append([]byte(nil), o.buf[len(o.buf)-keepBytes:]...)
	}
	return len(p), nil
}

func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return LastLines(string(o.buf), 25)
}

// LastLines returns the last lines of a text, at most n, without the end of the last one.
func LastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// colour is what some commands, docker build among them, put between lines.
var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

// state is the number of lines so far, and the last that says something.
func (o *output) state() (int, string) {
	t := strings.TrimSpace(colour.ReplaceAllString(o.tail(), ""))
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lines, t[strings.LastIndexByte(t, '\n')+1:]
}
