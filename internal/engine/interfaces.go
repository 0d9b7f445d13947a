package engine

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// NetNS returns the path of the network namespace of a process of the sandbox, given
// its id in the sandbox, which is what the engine reports.
func (e *Engine) NetNS(pid int) string {
	return e.Inside(fmt.Sprintf("/proc/%d/ns/net", pid))
}

// Parent is the name of the interface that AddParent makes.
const Parent = "parent"

// AddParent makes an interface in the sandbox that can be the parent of macvlan networks.
func (e *Engine) AddParent() error {
	return e.Interfaces(func(h *netlink.Handle) error {
		parent := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: Parent}, PeerName: Parent + "-peer"}
		if err := h.LinkAdd(parent); err != nil {
			return err
		}
		return h.LinkSetUp(parent)
	})
}

// RemoveParent removes that interface.
func (e *Engine) RemoveParent() error {
	return e.Interfaces(func(h *netlink.Handle) error {
		return h.LinkDel(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: Parent}})
	})
}

// Interfaces calls f with a handle on the sandbox's interfaces.
func (e *Engine) Interfaces(f func(*netlink.Handle) error) error {
	ns, err := netns.GetFromPath(e.NetNS(1))
	if err != nil {
		return err
	}
	defer ns.Close()
	handle, err := netlink.NewHandleAt(ns)
	if err != nil {
		return err
	}
	defer handle.Close()
	return f(handle)
}
