package engine

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A lab is a tree of processes in mount, process, network and IPC namespaces of
// its own. Its first process is this program, started again under the name
// labName. That process prepares the namespaces, and it waits. When its standard
// input ends, because the lab is closed or the program that opened it is gone, it
// kills what still runs in the lab and removes what the lab left on the machine.
const labName = "ethorder-lab"

const cgroupRoot = "/sys/fs/cgroup"

// hostData is where the machine's engine keeps its state.
const hostData = "/var/lib/docker"

func init() {
	if os.Args[0] != labName {
		return
	}
	// What follows kills every process in sight, and mounts on /.
	if os.Getpid() != 1 || len(os.Args) != 2 {
		fmt.Fprintf(os.Stderr, "%s is only run by ethorder, as the first process of a lab; next: scripts/demo --help\n", labName)
		os.Exit(2)
	}
	if err := lab(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// lab is the life of a lab's first process. The folder dir is the lab's own: it
// is what can be written in the lab, besides /run.
func lab(dir string) error {
	go reap()
	err := prepare(dir)
	if err == nil {
		fmt.Println("ready")
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
	if e := remove(dir); err == nil {
		err = e
	}
	return err
}

// reap collects orphans, which are the duty of a first process.
func reap() {
	for {
		if _, err := unix.Wait4(-1, nil, 0, nil); err != nil {
			time.Sleep(20 * time.Millisecond) // there are none
		}
	}
}

type mount struct {
	source, target, fstype string
	flags                  uintptr
	data                   string
}

func (m mount) do() error {
	if err := unix.Mount(m.source, m.target, m.fstype, m.flags, m.data); err != nil {
		return fmt.Errorf("mount %q on %s, type %q, flags %#x: %w", m.source, m.target, m.fstype, m.flags, err)
	}
	return nil
}

// prepare makes the machine read-only as seen from the lab, apart from the folder
// dir, and puts files and folders that an engine shares with the rest of a
// machine (/run, /etc/docker, /var/lib/docker, the cgroups, …) out of its sight.
func prepare(dir string) error {
	hostEtc := filepath.Join(dir, "host-etc")
	if err := os.Mkdir(hostEtc, 0o755); err != nil {
		return err
	}
	// What the machine unmounts later is to go here too, and nothing the other way.
	if err := (mount{target: "/", flags: unix.MS_REC | unix.MS_SLAVE}).do(); err != nil {
		return err
	}
	for _, path := range []string{"/run", "/sys"} { // with all that is mounted below
		_ = unix.Unmount(path, unix.MNT_DETACH)
	}
	mounts := []mount{
		{source: dir, target: dir, flags: unix.MS_BIND},
		{source: "/etc", target: hostEtc, flags: unix.MS_BIND},
		{source: "proc", target: "/proc", fstype: "proc"},
		{source: "sysfs", target: "/sys", fstype: "sysfs"},
		{source: "tmpfs", target: "/run", fstype: "tmpfs", data: "mode=755"},
		{source: "tmpfs", target: cgroupRoot, fstype: "tmpfs", data: "mode=755"},
		{target: "/", flags: unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY},
	}
	// Engines keep files of an overlay's load balancer there, whatever their data root is
	// (defaultPrefix in libnetwork's sandbox_dns_unix.go), and where an engine runs on the
	// machine, it is a mount of its own, which is not read-only with the root.
	if _, err := os.Stat(hostData); err == nil {
		mounts = append(mounts, mount{source: "tmpfs", target: hostData, fstype: "tmpfs", data: "mode=711"})
	}
	for _, m := range mounts {
		if err := m.do(); err != nil {
			return err
		}
	}
	if err := mountCgroups(); err != nil {
		return err
	}
	if err := prepareEtc(hostEtc, filepath.Join(dir, "etc")); err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}

// mountCgroups mounts the cgroup hierarchies that a container engine cannot do
// without, and those that the machine has. They are all of cgroup v1, also on a
// machine that has v2, as an engine of 2017 knows no other.
func mountCgroups() error {
	hierarchies := []string{"devices", "freezer"}
	lines, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return err
	}
	for _, line := range strings.Fields(string(lines)) {
		fields := strings.SplitN(line, ":", 3) // number, controllers, path
		if len(fields) == 3 && fields[1] != "" && !slices.Contains(hierarchies, fields[1]) {
			hierarchies = append(hierarchies, fields[1])
		}
	}
	for _, controllers := range hierarchies {
		name, isNamed := strings.CutPrefix(controllers, "name=")
		m := mount{source: "cgroup", target: filepath.Join(cgroupRoot, name), fstype: "cgroup", data: controllers}
		if isNamed {
			m.data = "none," + controllers
		}
		if err := os.Mkdir(m.target, 0o755); err != nil {
			return err
		}
		if err := m.do(); err != nil {
			return err
		}
	}
	return nil
}

// prepareEtc mounts a folder on /etc that is the same, without the machine's
// settings for engines and for name resolution.
func prepareEtc(hostEtc, etc string) error {
	entries, err := os.ReadDir(hostEtc)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(etc, "docker"), 0o755); err != nil {
		return err
	}
	for _, e := range entries {
		switch e.Name() {
		case "docker", "containerd", "cni", "cdi", "resolv.conf":
			continue
		}
		if err := os.Symlink(filepath.Join(hostEtc, e.Name()), filepath.Join(etc, e.Name())); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(etc, "resolv.conf"), []byte("nameserver 127.0.0.1\n"), 0o644); err != nil {
		return err
	}
	return mount{source: etc, target: "/etc", flags: unix.MS_BIND}.do()
}

// remove ends every process of the lab and removes its cgroups and its folder.
func remove(dir string) error {
	_ = unix.Kill(-1, unix.SIGKILL) // in this process namespace
	parents, err := filepath.Glob(filepath.Join(cgroupRoot, "*", cgroupParent(dir)))
	if err != nil {
		return err
	}
	for _, parent := range parents {
		for i := 0; removeTree(parent) != nil; i++ {
			if i == 100 {
				return fmt.Errorf("%s: processes of the lab do not end", parent)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	// What is mounted below the folder goes with it; and as nothing runs any more,
	// the rest of the machine need not be read-only.
	_ = unix.Unmount(dir, unix.MNT_DETACH)
	_ = mount{target: "/", flags: unix.MS_BIND | unix.MS_REMOUNT}.do()
	return os.RemoveAll(dir)
}

// removeTree removes a cgroup and those below it. The files in a cgroup cannot
// be removed: they go with it.
func removeTree(path string) error {
	entries, err := os.ReadDir(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(path, e.Name())); err != nil {
				return err
			}
		}
	}
	return os.Remove(path)
}

// cgroupParent is the cgroup, below the root of each hierarchy, that holds the
// cgroups of a lab's containers.
func cgroupParent(dir string) string {
	return "/" + filepath.Base(dir)
}
