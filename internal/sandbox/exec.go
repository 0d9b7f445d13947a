// Package isolate runs programs that make interfaces and firewall rules, and write
// to the folders of a Docker Engine, without any of it reaching the machine.
package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Exec becomes argv in a network namespace of its own, with an interface
// but no way out, and in a mount namespace that hides what the tests of
// libnetwork write: /run/docker/netns, /var/lib/docker, /etc/resolv.conf,
// /etc/docker, and fixed names in /tmp. The folder dir stays as it is. It takes root,
// and returns only if that fails.
func Exec(dir string, argv []string) error {
	runtime.LockOSThread() // both namespaces are the thread's, and exec keeps those
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("new namespaces: %w", err)
	}
	if err := errors.Join(isolateFiles(dir), makeUplink()); err != nil {
		return err
	}
	// Where the host says so, new interfaces have no IPv6. The tests need it.
	for _, conf := range []string{"all", "default"} {
		err := os.WriteFile("/proc/sys/net/ipv6/conf/"+conf+"/disable_ipv6", []byte("0"), 0o644)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return fmt.Errorf("exec %s: %w", argv[0], unix.Exec(argv[0], argv, os.Environ()))
}

func isolateFiles(dir string) error {
	mount := func(source, target, fstype string, flags uintptr, data string) error {
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(source, target, fstype, flags, data); err != nil {
			return fmt.Errorf("mount %s on %s: %w", fstype, target, err)
		}
		return nil
	}
	for _, m := range []struct {
		source, target, fstype string
		flags                  uintptr
		data                   string
	}{
		{"", "/", "", unix.MS_REC | unix.MS_PRIVATE, ""},
		{"sysfs", "/sys", "sysfs", 0, ""}, // shows the interfaces of the namespace it is mounted in
		{"tmpfs", "/run", "tmpfs", 0, ""},
		{dir, "/run/dir", "", unix.MS_BIND, ""},
		{"tmpfs", "/tmp", "tmpfs", 0, "mode=1777"},
		{"/run/dir", dir, "", unix.MS_BIND, ""},
		{"tmpfs", "/var/lib", "tmpfs", 0, ""},
		{"tmpfs", "/run/etc", "tmpfs", 0, ""},
	} {
		if err := mount(m.source, m.target, m.fstype, m.flags, m.data); err != nil {
			return err
		}
	}
	if err := errors.Join(os.Mkdir("/run/etc/upper", 0o755), os.Mkdir("/run/etc/work", 0o755)); err != nil {
		return err
	}
	return mount("overlay", "/etc", "overlay", 0, "lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work")
}

// makeUplink gives the namespace lo and an interface with a private address. There
// is no default route, so that name lookups fail at once.
func makeUplink() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	uplink := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "uplink"}}
	if err := netlink.LinkAdd(uplink); err != nil {
		return fmt.Errorf("add uplink: %w", err)
	}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(192, 168, 250, 2), Mask: net.CIDRMask(24, 32)}}
	return errors.Join(netlink.LinkSetUp(lo), netlink.AddrAdd(uplink, address), netlink.LinkSetUp(uplink))
}
