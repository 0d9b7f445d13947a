// Package check runs checks, most of them commands and Go tests, and counts them.
// A check that was skipped is never counted as passed.
package gate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Skipped is the exit status of a command that cannot run on this machine.
const Skipped = 77

// Count is how checks went.
type Count struct {
	Passed, Failed, Skipped int
}

func (c Count) String() string {
	s := fmt.Sprintf("%d passed, %d failed", c.Passed, c.Failed)
	if c.Skipped > 0 {
		s += fmt.Sprintf(", %d skipped", c.Skipped)
	}
	return s
}

func (c *Count) add(o Count) {
	c.Passed += o.Passed
	c.Failed += o.Failed
	c.Skipped += o.Skipped
}

// Check is something that must hold.
type Check struct {
	Name    string
	Env     []string // additions to the environment
	Command []string // passes if it exits with 0, and is skipped if with Skipped
	// If the command is "go test -json", each of its tests is a check.
	GoTest bool
	// The command must print nothing.
	Silent bool
}

// Run runs the checks one after the other in dir, reports on w, and returns how
// they went. What failed is told of once more at the end, as it may be an hour of
// output further up, or cut off from a log. Each command ends when ctx does.
func Run(ctx context.Context, w io.Writer, dir string, checks []Check) Count {
	var (
		total    Count
		failures strings.Builder
	)
	begin := time.Now()
	for i, c := range checks {
		fmt.Fprintf(w, "[%d/%d, %s] %s\n", i+1, len(checks), since(begin), c.Name)
		var reason tail
		count := c.run(ctx, w, &reason, dir)
		if ctx.Err() != nil {
			count = Count{Failed: 1}
		}
		total.add(count)
		fmt.Fprintf(w, "[%d/%d, %s] %s: %v\n", i+1, len(checks), since(begin), c.Name, count)
		if count.Failed > 0 {
			fmt.Fprintf(&failures, "failed: %s\n%s", c.Name, reason.String())
		}
		if ctx.Err() != nil {
			break
		}
	}
	fmt.Fprint(w, failures.String())
	return total
}

// tail is a writer that keeps the last lines.
type tail struct{ lines []string }

// tailLines is how many lines a tail keeps.
const tailLines = 30

func (t *tail) Write(p []byte) (int, error) {
	t.lines = slices.AppendSeq(t.lines, strings.Lines(string(p)))
	t.lines = t.lines[max(0, len(t.lines)-tailLines):]
	return len(p), nil
}

func (t *tail) String() string { return strings.Join(t.lines, "") }

func since(t time.Time) string { return time.Since(t).Round(time.Second).String() }

// run runs the check, reports on w, and on reason again what tells why it failed.
func (c Check) run(ctx context.Context, w, reason io.Writer, dir string) Count {
	both := io.MultiWriter(w, reason)
	cmd := exec.CommandContext(ctx, c.Command[0], c.Command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = time.Minute
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		fmt.Fprintf(both, "    %v\n", err)
		return Count{Failed: 1}
	}
	go func() {
		writer.CloseWithError(errors.Join(cmd.Wait(), io.EOF))
	}()
	var (
		count   Count
		printed int
	)
	if c.GoTest {
		count = goTest(w, both, reader)
	} else {
		scanner := bufio.NewScanner(reader)
		for scanner.Scan() {
			printed++
			fmt.Fprintf(both, "    %s\n", scanner.Text())
		}
	}
	_, _ = io.Copy(io.Discard, reader) // waits for the end
	return c.result(count, printed, cmd.ProcessState.ExitCode())
}

// result is the count of a check from those of its tests, the lines that it
// printed and its exit status.
func (c Check) result(tests Count, printed, exit int) Count {
	switch {
	case c.GoTest && exit != 0 && tests.Failed == 0:
		tests.Failed = 1 // it does not build, or it was ended
		return tests
	case c.GoTest:
		return tests
	case exit == Skipped:
		return Count{Skipped: 1}
	case exit != 0 || c.Silent && printed > 0:
		return Count{Failed: 1}
	default:
		return Count{Passed: 1}
	}
}

// event is a line that go test -json prints.
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64
	Output  string
}

// goTest reads what go test -json prints, and counts the tests that have no
// subtests. On failed it shows the ones that failed with all their output, on w the
// skipped ones with the reason, and of those that passed the ones that took long, with
// what they logged.
func goTest(w, failed io.Writer, r io.Reader) Count {
	var count Count
	output := map[string][]string{}
	parents := map[string]bool{}
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var e event
		if err := json.Unmarshal(scanner.Bytes(), &e); err != nil || e.Action == "" {
			fmt.Fprintf(w, "    %s\n", scanner.Text()) // the progress of a test, or a compiler
			continue
		}
		name := strings.TrimPrefix(e.Package+"."+e.Test, "ethorder/")
		switch e.Action {
		case "run":
			if i := strings.LastIndex(name, "/"); i >= 0 && e.Test != "" {
				for ; i >= 0; i = strings.LastIndex(name[:i], "/") {
					parents[name[:i]] = true
				}
			}
		case "build-output":
			fmt.Fprintf(failed, "    %s", e.Output)
		case "output":
			output[name] = append(output[name], e.Output)
		case "pass", "fail", "skip":
			count.add(e.result(w, failed, name, parents[name], output[name]))
			delete(output, name)
		}
	}
	return count
}

// result counts the end of a test or of a package, and shows it.
func (e event) result(w, failed io.Writer, name string, isParent bool, output []string) Count {
	show := func(w io.Writer) {
		for _, line := range output {
			if !slices.ContainsFunc([]string{"=== RUN", "=== PAUSE", "=== CONT", "=== NAME"}, func(p string) bool {
				return strings.HasPrefix(line, p)
			}) {
				fmt.Fprintf(w, "    %s", line)
			}
		}
	}
	switch {
	case e.Action == "fail":
		fmt.Fprintf(failed, "    FAILED %s\n", name)
		show(failed)
		if e.Test == "" || isParent {
			return Count{} // its tests were counted, or it did not build
		}
		return Count{Failed: 1}
	case e.Test == "" || isParent:
		return Count{}
	case e.Action == "skip":
		fmt.Fprintf(w, "    skipped %s\n", name)
		show(w)
		return Count{Skipped: 1}
	}
	if e.Elapsed >= 5 {
		fmt.Fprintf(w, "    passed %s (%.0fs)%s\n", name, e.Elapsed, logged(output))
	}
	return Count{Passed: 1}
}

var logLine = regexp.MustCompile(`^\s+\w+_test\.go:\d+(: .*)`)

// logged returns what a test has logged, on a line.
func logged(output []string) string {
	var s string
	for _, line := range output {
		if m := logLine.FindStringSubmatch(line); m != nil {
			s += m[1]
		}
	}
	return s
}
