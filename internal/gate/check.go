// Package gate runs checks, most of them commands and Go tests, and counts them.
// A check that was skipped is never counted as passed.
package gate

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"gotest.tools/gotestsum/testjson"

	"ethorder/internal/tool"
)

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

// Check is something that must hold.
type Check struct {
	Name    string
	Env     []string // additions to the environment
	Command []string // passes if it exits with 0, and is skipped if with tool.CannotRun
	// If the command is "go test -json", each of its tests is a check.
	GoTest bool
	// The command must print nothing.
	Silent bool
	// The command runs at the same time as those beside it that may do so, too.
	Together bool
}

// Run runs the checks in dir, reports on w, and returns how they went. What failed is told
// of once more at the end, as it may be an hour of output further up, or cut off from a log.
// Each command ends when ctx does.
func Run(ctx context.Context, w io.Writer, dir string, checks []Check) (total Count) {
	w = &locked{w: w}
	var failures strings.Builder
	begin := time.Now()
	for first := 0; first < len(checks) && ctx.Err() == nil; {
		next := first + 1
		for checks[first].Together && next < len(checks) && checks[next].Together {
			next++
		}
		counts, reasons := make([]Count, next-first), make([]strings.Builder, next-first)
		var group sync.WaitGroup
		for i := first; i < next; i++ {
			group.Add(1)
			go func() {
				defer group.Done()
				c := checks[i]
				fmt.Fprintf(w, "[%d/%d, %s] %s\n", i+1, len(checks), since(begin), c.Name)
				count := c.run(ctx, w, &reasons[i-first], dir)
				if ctx.Err() != nil {
					count = Count{Failed: 1}
				}
				counts[i-first] = count
				fmt.Fprintf(w, "[%d/%d, %s] %s: %v\n", i+1, len(checks), since(begin), c.Name, count)
			}()
		}
		group.Wait()
		for i, count := range counts {
			total.Passed += count.Passed
			total.Failed += count.Failed
			total.Skipped += count.Skipped
			if count.Failed > 0 {
				fmt.Fprintf(&failures, "failed: %s\n", checks[first+i].Name)
				if reasons[i].Len() > 0 {
					fmt.Fprintln(&failures, tool.LastLines(reasons[i].String(), tailLines))
				}
			}
		}
		first = next
	}
	fmt.Fprint(w, failures.String())
	return total
}

// locked is a writer for several goroutines, each of which writes whole lines.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// tailLines is how many lines of what failed are told of once more.
const tailLines = 30

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
		_ = cmd.Wait() // the exit status is read below
		_ = writer.Close()
	}()
	var (
		count   Count
		printed int
	)
	if c.GoTest {
		g := goTest{w: w, failed: both, parents: map[string]bool{}, logged: map[string]string{}}
		_, err := testjson.ScanTestOutput(testjson.ScanConfig{Stdout: reader, Handler: &g, IgnoreNonJSONOutputLines: true})
		if count = g.count; err != nil {
			fmt.Fprintf(both, "    %v\n", err)
			count.Failed++
		}
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
	case exit == tool.CannotRun:
		return Count{Skipped: 1}
	case exit != 0 || c.Silent && printed > 0:
		return Count{Failed: 1}
	default:
		return Count{Passed: 1}
	}
}

// goTest shows and counts the tests of go test -json that have no subtests. On failed
// it shows the ones that failed with all their output, on w the skipped ones with the
// reason, and of those that passed the ones that took long, with what they logged.
type goTest struct {
	w, failed io.Writer
	count     Count
	parents   map[string]bool   // tests that have subtests
	logged    map[string]string // what the tests that run have logged, each on a line
}

// Err shows a line that is no event: the progress of a test, or a compiler.
func (g *goTest) Err(text string) error {
	_, err := fmt.Fprintf(g.w, "    %s\n", text)
	return err
}

var logLine = regexp.MustCompile(`^\s+\w+_test\.go:\d+(: .*)`)

// Event counts and shows what has ended.
func (g *goTest) Event(e testjson.TestEvent, run *testjson.Execution) error {
	name := strings.TrimPrefix(e.Package+"."+e.Test, "ethorder/")
	test := e.Test != "" && !g.parents[name]
	switch e.Action {
	case "":
		return g.Err(string(e.Bytes()))
	case testjson.ActionRun:
		for parent := testjson.TestName(e.Test).Parent(); parent != ""; parent = testjson.TestName(parent).Parent() {
			g.parents[strings.TrimSuffix(name, e.Test)+parent] = true
		}
	case testjson.ActionBuild:
		fmt.Fprintf(g.failed, "    %s", e.Output)
	case testjson.ActionOutput:
		if m := logLine.FindStringSubmatch(e.Output); m != nil {
			g.logged[name] += m[1]
		}
	case testjson.ActionFail:
		// A package has failed with its tests, or did not build.
		fmt.Fprintf(g.failed, "    FAILED %s\n", name)
		p := run.Package(e.Package)
		show(g.failed, p.OutputLines(p.LastFailedByName(e.Test)))
		if test {
			g.count.Failed++
		}
	case testjson.ActionSkip:
		if test {
			fmt.Fprintf(g.w, "    skipped %s\n", name)
			skipped := run.Package(e.Package).Skipped
			show(g.w, run.OutputLines(skipped[len(skipped)-1]))
			g.count.Skipped++
		}
	case testjson.ActionPass:
		if test {
			if e.Elapsed >= 5 {
				fmt.Fprintf(g.w, "    passed %s (%.0fs)%s\n", name, e.Elapsed, g.logged[name])
			}
			g.count.Passed++
		}
		delete(g.logged, name)
	}
	return nil
}

// show writes what a test printed.
func show(w io.Writer, output []string) {
	for _, line := range output {
		if !strings.HasPrefix(line, "=== ") {
			fmt.Fprintf(w, "    %s", line)
		}
	}
}
