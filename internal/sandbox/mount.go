package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const cgroupRoot = "/sys/fs/cgroup"

// layers is a folder of the sandbox's /run that holds what is written to covered folders.
const layers = "/run/ethorder"

// covered are the folders of the machine in which an engine, or a test of one, finds settings and
// keeps its state, and the entries of them that must not be seen. Engines keep the files of an
// overlay's load balancer in /var/lib/docker, whatever their data root is (defaultPrefix in
// libnetwork's sandbox_dns_unix.go).
var covered = []struct {
	path  string
	empty []string
}{
	{"/etc", []string{"docker", "containerd", "cni", "cdi"}},
	{"/var/lib", []string{"docker"}},
}

type mount struct {
	source, target, fstype string
	flags                  uintptr
	data                   string
}

// do mounts. It makes the target where there is none.
func (m mount) do() error {
	if err := os.MkdirAll(m.target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(m.source, m.target, m.fstype, m.flags, m.data); err != nil {
		return fmt.Errorf("mount %q on %s, type %q, flags %#x: %w", m.source, m.target, m.fstype, m.flags, err)
	}
	return nil
}

// isolate makes the machine's root file system read-only in this mount namespace, and hides what an
// engine shares with the rest of a machine: /run, /etc/docker, /var/lib/docker, the name servers in
// /etc/resolv.conf and the cgroups. What is written to /run, /etc and /var/lib, and to the folders
// that replaced names, which are empty at first, is kept in memory. The folder dir, which must not
// be in /run, stays as it is.
func isolate(dir string, replaced ...string) error {
	// What the machine unmounts later is to go here too, and nothing the other way.
	if err := (mount{target: "/", flags: unix.MS_REC | unix.MS_SLAVE}).do(); err != nil {
		return err
	}
	for _, path := range []string{"/run", "/sys"} { // with all that is mounted below
		_ = unix.Unmount(path, unix.MNT_DETACH)
	}
	kept := filepath.Join(layers, "dir") // while what dir is in is replaced
	mounts := []mount{
		{source: "tmpfs", target: "/run", fstype: "tmpfs", data: "mode=755"},
		{source: dir, target: kept, flags: unix.MS_BIND},
		{source: "sysfs", target: "/sys", fstype: "sysfs"}, // shows the interfaces of the namespace it is mounted in
	}
	for _, path := range replaced {
		mounts = append(mounts, mount{source: "tmpfs", target: path, fstype: "tmpfs", data: "mode=1777"})
	}
	for _, m := range mounts {
		if err := m.do(); err != nil {
			return err
		}
	}
	for _, c := range covered {
		if err := cover(c.path, c.empty); err != nil {
			return err
		}
	}
	if err := (mount{source: kept, target: dir, flags: unix.MS_MOVE}).do(); err != nil {
		return err
	}
	if err := os.Remove("/etc/resolv.conf"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // it may be a link to what is hidden
	}
	if err := os.WriteFile("/etc/resolv.conf", []byte("nameserver 127.0.0.1\n"), 0o644); err != nil {
		return err
	}
	return mount{target: "/", flags: unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY}.do()
}

// expose undoes of isolate what keeps the folder dir from being removed.
func expose(dir string) {
	_ = unix.Unmount(dir, unix.MNT_DETACH)
	for _, c := range covered {
		_ = unix.Unmount(c.path, unix.MNT_DETACH)
	}
	_ = mount{target: "/", flags: unix.MS_BIND | unix.MS_REMOUNT}.do()
}

// cover mounts an overlay on a folder. Writes go to the upper layer, which begins with the entries
// that are to be empty folders.
func cover(path string, empty []string) error {
	upper, work := filepath.Join(layers, path, "upper"), filepath.Join(layers, path, "work")
	if err := os.MkdirAll(work, 0o755); err != nil {
		return err
	}
	for _, name := range empty {
		name = filepath.Join(upper, name)
		if err := os.MkdirAll(name, 0o755); err != nil {
			return err
		}
		// Such a folder hides the one of the lower layer, and is not merged with it.
		if err := unix.Setxattr(name, "trusted.overlay.opaque", []byte("y"), 0); err != nil {
			return fmt.Errorf("hide %s: %w", name, err)
		}
	}
	return mount{
		source: "overlay", target: path, fstype: "overlay",
		data: fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", path, upper, work),
	}.do()
}

// mountCgroups mounts the cgroup hierarchies that a container engine cannot do without, and those
// that the machine has. They are all of cgroup v1, also on a machine that has v2, as an engine of
// 2017 knows no other.
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
	if err := (mount{source: "tmpfs", target: cgroupRoot, fstype: "tmpfs", data: "mode=755"}).do(); err != nil {
		return err
	}
	for _, controllers := range hierarchies {
		name, isNamed := strings.CutPrefix(controllers, "name=")
		m := mount{source: "cgroup", target: filepath.Join(cgroupRoot, name), fstype: "cgroup", data: controllers}
		if isNamed {
			m.data = "none," + controllers
		}
		if err := m.do(); err != nil {
			return err
		}
	}
	return nil
}
