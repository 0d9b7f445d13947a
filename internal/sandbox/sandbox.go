// Package sandbox runs programs that make interfaces, firewall rules, cgroups and mounts, and write
// to the folders of a Docker Engine, without any of it reaching the machine. A Docker Engine that
// already runs on the machine neither sees them nor is changed.
//
// There are two kinds. Start makes a sandbox with processes, cgroups and a life of its own, for an
// engine. Exec runs one program in new network and mount namespaces, for upstream's tests. Both
// hide the same of the machine: see isolate. They take root and Linux.
package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// closeTimeout is how long a sandbox may take to end what runs in it.
const closeTimeout = 30 * time.Second

// Sandbox is a tree of processes in mount, process, network and IPC namespaces of its own. It must
// be closed. If the program that started it is gone, the sandbox closes by itself.
type Sandbox struct {
	dir   string
	first *exec.Cmd // its first process, see Init
	input io.Closer // the first process lives until this is closed
}

// Start makes a sandbox. Its programs can write to the folder dir, which is removed with it. The
// name of dir is also the name of its cgroups. Init must have been called.
func Start(dir string) (*Sandbox, error) {
	if !initialized {
		return nil, errors.New("a program that starts sandboxes must call sandbox.Init first")
	}
	var stderr bytes.Buffer
	cmd := exec.Command("/proc/self/exe", dir)
	cmd.Args[0] = firstName
	cmd.Stderr = &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC,
		Setpgid:    true, // Ctrl-C is for this process alone: it closes the sandbox
	}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("make the sandbox's namespaces: %w", err)
	}
	if line, _ := bufio.NewReader(output).ReadString('\n'); line != ready+"\n" {
		_ = cmd.Wait()
		return nil, fmt.Errorf("prepare the sandbox: %s", strings.TrimSpace(stderr.String()))
	}
	return &Sandbox{dir: dir, first: cmd, input: input}, nil
}

// Command returns a command that runs a program in the sandbox. Its environment is empty, its
// working directory is /, and a Ctrl-C does not reach it.
func (s *Sandbox) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{
		fmt.Sprintf("--target=%d", s.first.Process.Pid), "--root", "--mount", "--pid", "--net", "--ipc", "--", program,
	}, args...)...)
	cmd.Dir = "/"
	cmd.Env = []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// Path returns a path of the sandbox as one of the machine. They differ for what is mounted in the
// sandbox.
func (s *Sandbox) Path(path string) string {
	return fmt.Sprintf("/proc/%d/root%s", s.first.Process.Pid, path)
}

// CgroupParent is the cgroup, below the root of each hierarchy, that is removed with the sandbox. A
// program that makes cgroups must make them in there.
func (s *Sandbox) CgroupParent() string { return cgroupParent(s.dir) }

func cgroupParent(dir string) string { return "/" + filepath.Base(dir) }

// Close ends every process of the sandbox and removes its cgroups and its folder. It does no harm
// to close a sandbox again.
func (s *Sandbox) Close() error {
	_ = s.input.Close()
	// The kernel ends every process of the sandbox with its first one.
	late := time.AfterFunc(closeTimeout, func() { _ = s.first.Process.Kill() })
	defer late.Stop()
	_ = s.first.Wait()
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("remove the sandbox: %w", err)
	}
	return nil
}
