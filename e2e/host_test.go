package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	"gotest.tools/v3/poll"

	"ethorder/internal/build"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
)

// TestHostIsUnchanged checks that a run of the demo leaves nothing on the machine,
// however it ends.
func TestHostIsUnchanged(t *testing.T) {
	release := os.Getenv("ETHORDER_E2E")
	if release == "" {
		t.Skip("runs real engines: needs root and ETHORDER_E2E=17.12.1, as scripts/test sets it")
	}
	root, err := repo.Find()
	assert.NilError(t, err)
	rel, err := pins.Find(root, release)
	assert.NilError(t, err)
	tool := filepath.Join(t.TempDir(), "ethorder")
	out, err := exec.Command("go", "build", "-C", root.Path(), "-o", tool, "./cmd/ethorder").CombinedOutput()
	assert.NilError(t, err, "%s", out)
	for _, patched := range []bool{false, true} {
		_, err := build.Engine(t.Context(), root, build.Options{Release: rel, Stock: !patched})
		assert.NilError(t, err)
	}
	dockerd := build.Path(root, release, true)

	const playing = "$ docker start router" // the demo says so when both engines run

	for _, test := range []struct {
		name  string
		wait  string                         // what the demo has said
		end   func(t *testing.T, demo *demo) // ends it then
		exit  int                            // its exit status; -1 if a signal ended it
		error string                         // what it says at the end
	}{
		{
			name: "after a demo",
			exit: 0,
		}, {
			name:  "after Ctrl-C",
			wait:  playing,
			end:   func(t *testing.T, demo *demo) { demo.signal(t, -demo.cmd.Process.Pid, syscall.SIGINT) },
			exit:  130,
			error: "interrupted; the engines and their sandboxes are gone",
		}, {
			name:  "after Ctrl-C while an engine starts",
			wait:  "patched/dockerd in a sandbox",
			end:   func(t *testing.T, demo *demo) { demo.signal(t, -demo.cmd.Process.Pid, syscall.SIGINT) },
			exit:  130,
			error: "interrupted; the engines and their sandboxes are gone",
		}, {
			name:  "after an engine is killed",
			wait:  playing,
			end:   func(t *testing.T, demo *demo) { demo.signal(t, demo.find(t, dockerd), syscall.SIGKILL) },
			exit:  1,
			error: "the engine has ended",
		}, {
			name: "after the demo is killed",
			wait: playing,
			end:  func(t *testing.T, demo *demo) { demo.signal(t, demo.cmd.Process.Pid, syscall.SIGKILL) },
			exit: -1,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := look(t)
			demo := startDemo(t, tool, root, release)
			if test.end != nil {
				poll.WaitOn(t, demo.said(test.wait), poll.WithTimeout(2*time.Minute), poll.WithDelay(10*time.Millisecond))
				test.end(t, demo)
			}
			_ = demo.cmd.Wait()
			assert.Equal(t, demo.cmd.ProcessState.ExitCode(), test.exit, "%s", demo.output.String())
			assert.Check(t, strings.Contains(demo.output.String(), test.error), "%s", demo.output.String())
			poll.WaitOn(t, demo.gone, poll.WithTimeout(20*time.Second))
			after := look(t)
			for name := range before {
				assert.Check(t, is.Equal(before[name], after[name]), "%s", name)
			}
		})
	}
}

// demo is a demo that runs, with a folder of its own for its sandboxes.
type demo struct {
	cmd       *exec.Cmd
	output    output
	sandboxes string
	seen      []string // the names of its sandboxes
}

func startDemo(t *testing.T, tool string, root repo.Root, release string) *demo {
	sandboxes, err := os.MkdirTemp("/tmp", "t")
	assert.NilError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(sandboxes) })
	d := &demo{cmd: exec.Command(tool, "demo", release, "--starts", "3"), sandboxes: sandboxes}
	d.cmd.Env = append(os.Environ(), "TMPDIR="+sandboxes, "ETHORDER_ROOT="+root.Path())
	d.cmd.Stdout, d.cmd.Stderr = &d.output, &d.output
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	assert.NilError(t, d.cmd.Start())
	return d
}

// said waits for the demo to print something.
func (d *demo) said(text string) poll.Check {
	return func(poll.LogT) poll.Result {
		if strings.Contains(d.output.String(), text) {
			return poll.Success()
		}
		return poll.Continue("the demo has not said %q yet, but: %s", text, d.output.String())
	}
}

// signal sends a signal, to a process group if pid is negative.
func (d *demo) signal(t *testing.T, pid int, signal syscall.Signal) {
	t.Helper()
	sandboxes, err := os.ReadDir(d.sandboxes)
	assert.NilError(t, err)
	assert.Check(t, len(sandboxes) > 0, "no sandbox runs")
	for _, sandbox := range sandboxes {
		d.seen = append(d.seen, sandbox.Name())
	}
	assert.NilError(t, syscall.Kill(pid, signal))
}

// find returns the id of the demo's process that runs the given program.
func (d *demo) find(t *testing.T, program string) int {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	assert.NilError(t, err)
	for _, link := range links {
		if exe, _ := os.Readlink(link); exe != program {
			continue
		}
		environ, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "environ"))
		if bytes.Contains(environ, []byte("TMPDIR="+d.sandboxes)) {
			var pid int
			_, err := fmt.Sscanf(link, "/proc/%d/exe", &pid)
			assert.NilError(t, err)
			return pid
		}
	}
	t.Fatalf("no process of the demo runs %s", program)
	return 0
}

// gone waits until the demo's sandboxes have no folder, no cgroup and no process.
func (d *demo) gone(poll.LogT) poll.Result {
	sandboxes, err := os.ReadDir(d.sandboxes)
	if err != nil {
		return poll.Error(err)
	}
	if len(sandboxes) > 0 {
		return poll.Continue("folders of sandboxes are left: %v", sandboxes)
	}
	for _, sandbox := range d.seen {
		cgroups, _ := filepath.Glob("/sys/fs/cgroup/*/" + sandbox)
		if len(cgroups) > 0 {
			return poll.Continue("cgroups of sandboxes are left: %v", cgroups)
		}
	}
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, command := range commands {
		if text, _ := os.ReadFile(command); bytes.Contains(text, []byte(d.sandboxes)) {
			return poll.Continue("a process of a sandbox is left: %s: %q", command, text)
		}
	}
	return poll.Success()
}

// look returns what can be seen of the machine that an engine changes, or that a
// person with an engine on the machine would mind.
func look(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"interfaces": run(t, "ip", "address"),
		"routes":     run(t, "ip", "route", "show", "table", "all"),
		"iptables":   run(t, "iptables-save"),
		"ip6tables":  run(t, "ip6tables-save"),
		"namespaces": run(t, "ip", "netns"),
		"containers": docker(t, "ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.State}}"),
		"networks":   docker(t, "network", "ls", "--no-trunc"),
		"images":     docker(t, "image", "ls", "--all", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"),
		"mounts":     run(t, "cat", "/proc/self/mountinfo"),
		"forwarding": run(t, "cat", "/proc/sys/net/ipv4/ip_forward"),
		"/etc":       tree(t, "/etc"),
		"/opt":       tree(t, "/opt"),
		"/run":       tree(t, "/run/docker", "/run/docker.sock", "/run/docker.pid", "/run/containerd", "/run/runc", "/run/netns", "/run/xtables.lock"),
		"/var/lib":   tree(t, "/var/lib/docker/containers", "/var/lib/docker/network", "/var/lib/cni"),
		"home":       tree(t, filepath.Join(os.Getenv("HOME"), ".docker")),
		"cgroups":    tree(t, "/sys/fs/cgroup/devices/docker", "/sys/fs/cgroup/docker"),
	}
}

// changing is what counters and clocks change in the output of run.
var changing = regexp.MustCompile(`(?m)^#.*$|\[\d+:\d+\]|valid_lft \d+sec preferred_lft \d+sec|expires \d+sec`)

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	assert.NilError(t, err, "%s %v", name, args)
	return changing.ReplaceAllString(string(out), "")
}

// docker asks the machine's own engine, if one runs there.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).Output()
	if err != nil {
		return "no engine runs"
	}
	lines := strings.Split(string(out), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// tree lists files with their size and time.
func tree(t *testing.T, roots ...string) string {
	t.Helper()
	var b strings.Builder
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err == nil {
				fmt.Fprintln(&b, path, info.Mode(), info.Size(), info.ModTime())
			}
			return nil
		})
		assert.NilError(t, err)
	}
	return b.String()
}

// output is what a program prints, to be read while it prints.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}
