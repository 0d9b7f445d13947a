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

// Exec becomes argv in a network namespace of its own, with an interface but no way out, and in a
// mount namespace that hides what a sandbox hides, and also /tmp, as tests write to fixed names in
// it. The folder dir stays as it is. Exec returns only if it fails.
func Exec(dir string, argv []string) error {
	working, err := os.Getwd()
	if err != nil {
		return err
	}
	runtime.LockOSThread() // both namespaces are the thread's, and exec keeps those
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("new namespaces: %w", err)
	}
	if err := errors.Join(isolate(dir, "/tmp"), makeUplink()); err != nil {
		return err
	}
	// Until it is entered again, the working directory is the machine's, and read-only. It is not
	// there to be entered if it is in /tmp and not in dir.
	if err := os.Chdir(working); err != nil && !errors.Is(err, fs.ErrNotExist) {
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

// makeUplink gives the namespace lo and an interface with a private address. There is no default
// route, so that name lookups fail at once.
func makeUplink() error {
	uplink := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "uplink"}}
	if err := netlink.LinkAdd(uplink); err != nil {
		return fmt.Errorf("add uplink: %w", err)
	}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(192, 168, 250, 2), Mask: net.CIDRMask(24, 32)}}
	return errors.Join(netlink.LinkSetUp(loopback), netlink.AddrAdd(uplink, address), netlink.LinkSetUp(uplink))
}
