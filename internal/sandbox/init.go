package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ethorder/internal/tool"
)

// The first process of a sandbox is this program, started again under the name firstName. It says
// ready when the sandbox is prepared.
const (
	firstName = "ethorder-sandbox"
	ready     = "ready"
)

// removeTimeout is how long killed processes may take to leave a cgroup.
const removeTimeout = 5 * time.Second

var initialized bool

// Init is the first thing that the main of a program calls that starts sandboxes. Where the program
// was started as the first process of a sandbox, Init is the whole life of that process, and does
// not return: it prepares the namespaces, and it waits. When its standard input ends, because the
// sandbox is closed or the program that started it is gone, it kills what still runs in the sandbox
// and removes what the sandbox left on the machine.
func Init() {
	initialized = true
	if os.Args[0] != firstName {
		return
	}
	// What follows kills every process in sight, and mounts on /.
	if os.Getpid() != 1 || len(os.Args) != 2 {
		fmt.Fprintf(os.Stderr, "%s is only run by ethorder, as the first process of a sandbox; next: scripts/demo --help\n", firstName)
		os.Exit(tool.Usage)
	}
	if err := live(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(tool.Failed)
	}
	os.Exit(0)
}

func live(dir string) error {
	go reap()
	err := prepare(dir)
	if err == nil {
		fmt.Println(ready)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
	return errors.Join(err, remove(dir))
}

// reap collects orphans, which are the duty of a first process.
func reap() {
	for {
		if _, err := unix.Wait4(-1, nil, 0, nil); err != nil {
			time.Sleep(20 * time.Millisecond) // there are none
		}
	}
}

var loopback = &netlink.Device{LinkAttrs: netlink.LinkAttrs{Name: "lo"}}

func prepare(dir string) error {
	if err := isolate(dir); err != nil {
		return err
	}
	if err := (mount{source: "proc", target: "/proc", fstype: "proc"}).do(); err != nil {
		return err
	}
	if err := mountCgroups(); err != nil {
		return err
	}
	return netlink.LinkSetUp(loopback)
}

func remove(dir string) error {
	_ = unix.Kill(-1, unix.SIGKILL) // in this process namespace
	parents, err := filepath.Glob(filepath.Join(cgroupRoot, "*", cgroupParent(dir)))
	if err != nil {
		return err
	}
	for _, parent := range parents {
		err := tool.Wait(context.Background(), removeTimeout, 50*time.Millisecond, "killed processes to leave "+parent,
			func(context.Context) error { return removeCgroup(parent) })
		if err != nil {
			return err
		}
	}
	// Nothing runs any more that must be isolated. What is mounted below dir goes with it.
	expose(dir)
	return os.RemoveAll(dir)
}

// removeCgroup removes a cgroup and those below it. The files in a cgroup cannot be removed: they
// go with it.
func removeCgroup(path string) error {
	entries, err := os.ReadDir(path)
	if os.IsNotExist(err) {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() {
			err = errors.Join(err, removeCgroup(filepath.Join(path, e.Name())))
		}
	}
	return errors.Join(err, os.Remove(path))
}
