package trial

import (
	"errors"
	"fmt"
	"net"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// cable connects sandboxes: a bridge, in a network namespace of its own, with a pair of
// interfaces to each sandbox. The namespace has no name and no process. It lives as long as
// it is open here, so it goes when this process does, however that ends.
type cable struct {
	ns     netns.NsHandle
	handle *netlink.Handle // makes interfaces in ns
	bridge netlink.Link
	ends   int // that have been plugged in
}

func newCable() (_ *cable, err error) {
	c := &cable{}
	if c.ns, err = newNamespace(); err != nil {
		return nil, fmt.Errorf("network namespace between sandboxes: %w", err)
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.handle, err = netlink.NewHandleAt(c.ns); err != nil {
		return nil, err
	}
	c.bridge = &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "cable"}}
	if err := c.handle.LinkAdd(c.bridge); err != nil {
		return nil, fmt.Errorf("bridge between sandboxes: %w", err)
	}
	return c, c.handle.LinkSetUp(c.bridge)
}

// newNamespace makes a network namespace. The thread that does so is in it for a
// moment; the rest of the process never is.
func newNamespace() (netns.NsHandle, error) {
	runtime.LockOSThread()
	old, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		return netns.None(), err
	}
	defer old.Close()
	ns, err := netns.New()
	if err := errors.Join(err, netns.Set(old)); err != nil {
		return netns.None(), err // the thread stays locked, and ends with its goroutine
	}
	runtime.UnlockOSThread()
	return ns, nil
}

// plug gives the network namespace at path an interface on the cable, and returns its
// address, which is one that no engine chooses for a network.
func (c *cable) plug(path string) (address string, err error) {
	ns, err := netns.GetFromPath(path)
	if err != nil {
		return "", fmt.Errorf("network namespace %s: %w", path, err)
	}
	defer ns.Close()
	peers, err := netlink.NewHandleAt(ns)
	if err != nil {
		return "", err
	}
	defer peers.Close()
	c.ends++
	// Both ends are made where they are to be: the machine never has them.
	port := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: fmt.Sprintf("port%d", c.ends), MasterIndex: c.bridge.Attrs().Index},
		PeerName:      "cable",
		PeerNamespace: netlink.NsFd(ns),
	}
	if err := c.handle.LinkAdd(port); err != nil {
		return "", fmt.Errorf("interfaces between sandboxes: %w", err)
	}
	peer, err := peers.LinkByName("cable")
	if err != nil {
		return "", err
	}
	ip := &net.IPNet{IP: net.IPv4(192, 0, 2, byte(c.ends)), Mask: net.CIDRMask(24, 32)}
	return ip.IP.String(), errors.Join(c.handle.LinkSetUp(port), peers.AddrAdd(peer, &netlink.Addr{IPNet: ip}), peers.LinkSetUp(peer))
}

// close removes the namespace, with its interfaces and their other ends.
func (c *cable) close() {
	if c.handle != nil {
		c.handle.Close()
	}
	_ = c.ns.Close()
}
