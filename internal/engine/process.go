package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"ethorder/internal/tool"
)

// process is a program that runs in the sandbox.
type process struct {
	name string        // the path of its binary
	cmd  *exec.Cmd     // the nsenter that waits for the program
	log  string        // the file with its output
	done chan struct{} // closed when it has ended
}

// start starts a program of the sandbox's bin folder in the sandbox.
func (e *Engine) start(name string, args ...string) (*process, error) {
	link := filepath.Join(e.dir, "bin", name)
	program, err := os.Readlink(link)
	if err != nil {
		return nil, err
	}
	p := &process{name: program, log: e.logFile(name), done: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = e.Command(context.Background(), link, args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Command returns a command that runs a program in the sandbox, with the environment of an engine.
func (e *Engine) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := e.sandbox.Command(ctx, program, args...)
	cmd.Env = []string{
		"PATH=" + filepath.Join(e.dir, "bin"), "TMPDIR=" + filepath.Join(e.dir, "tmp"), "HOME=" + e.dir,
		// Else 29.0 refuses a docker command that is older than API 1.44, as Debian's is.
		"DOCKER_MIN_API_VERSION=1.24",
	}
	return cmd
}

// StartContainerd starts the engine's containerd, which must not run, and waits
// until it answers: the oldest engines do not wait for it.
func (e *Engine) StartContainerd(ctx context.Context) (err error) {
	if e.containerd, err = e.start("containerd", "--config", filepath.Join(e.dir, "containerd.toml")); err != nil {
		return err
	}
	return e.await(ctx, e.containerd, e.containerdAnswers)
}

// StartDockerd starts the engine's dockerd, which must not run, and waits until
// it answers.
func (e *Engine) StartDockerd(ctx context.Context) (err error) {
	args := append([]string{
		"--host=" + e.URL(),
		"--data-root=" + filepath.Join(e.dir, "data"),
		"--exec-root=" + filepath.Join(e.dir, "exec"),
		"--pidfile=/run/docker.pid",
		"--containerd=" + e.containerdSocket(),
		// The images are one file each, and vfs works on every file system.
		"--storage-driver=vfs",
		"--cgroup-parent=" + e.sandbox.CgroupParent(),
		"--exec-opt=native.cgroupdriver=cgroupfs",
	}, e.config.Args...)
	if e.dockerd, err = e.start("dockerd", args...); err != nil {
		return err
	}
	return e.await(ctx, e.dockerd, e.dockerdAnswers)
}

func (e *Engine) containerdAnswers(ctx context.Context) error {
	connection, err := (&net.Dialer{}).DialContext(ctx, "unix", e.containerdSocket())
	if err == nil {
		_ = connection.Close()
	}
	return err
}

func (e *Engine) dockerdAnswers(ctx context.Context) error {
	_, err := e.api.Send(ctx, http.MethodGet, "/_ping", nil)
	return err
}

// await waits until a process of the sandbox answers.
func (e *Engine) await(ctx context.Context, p *process, answers func(context.Context) error) error {
	err := tool.Wait(ctx, startTimeout, 5*time.Millisecond, p.name+" to answer", func(ctx context.Context) error {
		err := answers(ctx)
		if e.containerd.ended() || p.ended() {
			return tool.StopWaiting(err)
		}
		return err
	})
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case e.containerd.ended():
		return e.failure(e.containerd.name+" ended before the engine answered", e.containerd)
	case p.ended():
		return e.failure(p.name+" ended before it answered", p)
	}
	return e.failure(err.Error(), p)
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Signal sends a signal to the engine's dockerd and waits until it has ended.
func (e *Engine) Signal(signal syscall.Signal) error { return e.signal(e.dockerd, signal) }

// SignalContainerd sends a signal to the engine's containerd and waits until it
// has ended. What runs in the engine's containers goes on.
func (e *Engine) SignalContainerd(signal syscall.Signal) error { return e.signal(e.containerd, signal) }

func (e *Engine) signal(p *process, signal syscall.Signal) error {
	pid, err := p.pid()
	if err != nil {
		return err
	}
	if err := unix.Kill(pid, signal); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTimeout):
		return e.failure(fmt.Sprintf("%s has not ended %v after %v", p.name, stopTimeout, signal), p)
	}
}

func (p *process) pid() (int, error) {
	nsenter := p.cmd.Process.Pid
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", nsenter, nsenter))
	if err != nil {
		return 0, fmt.Errorf("%s does not run: %w", p.name, err)
	}
	var pid int
	if _, err := fmt.Sscan(string(children), &pid); err != nil {
		return 0, fmt.Errorf("%s does not run: %w", p.name, err)
	}
	return pid, nil
}

// CPU returns the time that the cores have spent on the engine's dockerd.
func (e *Engine) CPU() (time.Duration, error) {
	pid, err := e.dockerd.pid()
	if err != nil {
		return 0, err
	}
	var used unix.Timespec
	// The clock of another process, see clock_getcpuclockid(3): its complement, and CPUCLOCK_SCHED.
	if err := unix.ClockGettime(int32(^pid<<3|2), &used); err != nil {
		return 0, fmt.Errorf("read the CPU clock of %s: %w", e.dockerd.name, err)
	}
	return time.Duration(used.Nano()), nil
}

// Restart ends the engine's dockerd in an orderly way and starts it again.
func (e *Engine) Restart(ctx context.Context) error {
	return e.RestartAfter(ctx, func() error { return nil })
}

// RestartAfter is Restart, and calls change while no dockerd runs.
func (e *Engine) RestartAfter(ctx context.Context, change func() error) error {
	if err := e.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	return e.StartDockerd(ctx)
}

// Replace ends the engine's dockerd in an orderly way and starts another one on
// the same containers.
func (e *Engine) Replace(ctx context.Context, dockerd string) error {
	return e.RestartAfter(ctx, func() error {
		link := filepath.Join(e.dir, "bin", "dockerd")
		if err := os.Remove(link); err != nil {
			return err
		}
		if err := os.Symlink(dockerd, link); err != nil {
			return err
		}
		e.config.Dockerd = dockerd
		return nil
	})
}

// orEnded adds to an error what the engine logged last, if it has ended. Of nil it returns nil.
func (e *Engine) orEnded(err error) error {
	if err != nil && e.dockerd.ended() {
		return errors.Join(err, e.failure("the engine has ended", e.dockerd))
	}
	return err
}

// failure returns an error that ends with what the process logged last.
func (e *Engine) failure(what string, p *process) error {
	log, _ := os.ReadFile(p.log)
	return fmt.Errorf("%s; the last lines of its log, all of it in %s:\n  %s", what, p.log, strings.ReplaceAll(tool.LastLines(string(log), 15), "\n", "\n  "))
}
