// Package observe reads in which order the interfaces of a container came up, and compares it with
// the order in which its networks were attached.
package observe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// Getter asks a Docker Engine's API, and decodes what it answers into v.
type Getter interface {
	Get(ctx context.Context, path string, v any) error
}

// Engine is what Read needs of a Docker Engine.
type Engine interface {
	Getter
	// NetNS returns the path of the network namespace of a process.
	NetNS(pid int) string
}

// Interface is a network interface of a container.
type Interface struct {
	Name    string // as eth0
	Index   int    // its ifindex
	Address netip.Prefix
	Network string // the name of the network that Address belongs to
}

// Snapshot is what was found in a container after it started.
type Snapshot struct {
	Interfaces []Interface // by number: eth2 before eth10
	Gateway    string      // the network of the default gateway; empty if there is none
	Failed     string      // why the container did not start; empty if it did
}

// ErrNotRunning is what Read says of a container that has no process.
var ErrNotRunning = errors.New("does not run")

// Read looks into the network namespace of a running container: it takes names
// and addresses from the kernel, and only the networks' subnets from the engine.
func Read(ctx context.Context, engine Engine, container string) (Snapshot, error) {
	var details struct{ State struct{ Pid int } }
	if err := engine.Get(ctx, "/containers/"+container+"/json", &details); err != nil {
		return Snapshot{}, err
	}
	if details.State.Pid == 0 {
		return Snapshot{}, fmt.Errorf("container %s %w", container, ErrNotRunning)
	}
	networks, err := Subnets(ctx, engine)
	if err != nil {
		return Snapshot{}, err
	}
	return readNamespace(engine.NetNS(details.State.Pid), networks)
}

// Subnets returns the name of the network of each subnet that the engine has.
func Subnets(ctx context.Context, engine Getter) (map[netip.Prefix]string, error) {
	var networks []struct {
		ID, Name, Scope string
		IPAM            struct{ Config []struct{ Subnet string } }
	}
	if err := engine.Get(ctx, "/networks", &networks); err != nil {
		return nil, err
	}
	for i, n := range networks {
		// The list of a swarm's manager has the subnets that the user asked for, not
		// those that were allocated (BasicNetworkFromGRPC in daemon/cluster/convert of 17.12).
		if n.Scope == "swarm" {
			if err := engine.Get(ctx, "/networks/"+n.ID, &networks[i]); err != nil {
				return nil, err
			}
		}
	}
	names := make(map[netip.Prefix]string)
	for _, n := range networks {
		for _, c := range n.IPAM.Config {
			subnet, err := netip.ParsePrefix(c.Subnet)
			if err != nil {
				return nil, fmt.Errorf("network %s: %w", n.Name, err)
			}
			names[subnet.Masked()] = n.Name
		}
	}
	return names, nil
}

// readNamespace reads the network namespace at path.
func readNamespace(path string, networks map[netip.Prefix]string) (Snapshot, error) {
	ns, err := netns.GetFromPath(path)
	if err != nil {
		return Snapshot{}, fmt.Errorf("network namespace %s: %w", path, err)
	}
	defer ns.Close()
	handle, err := netlink.NewHandleAt(ns)
	if err != nil {
		return Snapshot{}, fmt.Errorf("network namespace %s: %w", path, err)
	}
	defer handle.Close()

	var found Snapshot
	links, err := handle.LinkList()
	if err != nil {
		return Snapshot{}, fmt.Errorf("list the interfaces in %s: %w", path, err)
	}
	for _, link := range links {
		attrs := link.Attrs()
		addresses, err := handle.AddrList(link, netlink.FAMILY_ALL)
		if err != nil {
			return Snapshot{}, fmt.Errorf("list the addresses of %s in %s: %w", attrs.Name, path, err)
		}
		addresses = slices.DeleteFunc(addresses, func(a netlink.Addr) bool { return a.IP.To4() == nil && a.IP.IsLinkLocalUnicast() })
		if attrs.Name == "lo" || len(addresses) == 0 {
			continue // some kernels put tunnel devices into every namespace
		}
		// That of IPv4 counts, where there is one.
		slices.SortStableFunc(addresses, func(a, b netlink.Addr) int { return len(a.Mask) - len(b.Mask) })
		address, err := netip.ParsePrefix(addresses[0].IPNet.String())
		if err != nil {
			return Snapshot{}, err
		}
		found.Interfaces = append(found.Interfaces, Interface{
			Name:    attrs.Name,
			Index:   attrs.Index,
			Address: address,
			Network: cmp.Or(networks[address.Masked()], "?"),
		})
	}
	slices.SortFunc(found.Interfaces, byNumber)

	routes, err := handle.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return Snapshot{}, fmt.Errorf("list the routes in %s: %w", path, err)
	}
	for _, route := range routes {
		if route.Gw == nil || (route.Dst != nil && route.Dst.IP != nil && !route.Dst.IP.IsUnspecified()) {
			continue
		}
		for _, i := range found.Interfaces {
			if i.Index == route.LinkIndex {
				found.Gateway = i.Network
			}
		}
	}
	return found, nil
}

// byNumber compares interfaces: eth2 comes before eth10, and other names come last.
func byNumber(a, b Interface) int {
	return cmp.Or(cmp.Compare(number(a.Name), number(b.Name)), strings.Compare(a.Name, b.Name))
}

// number returns N for ethN, and a large number for any other name.
func number(name string) int {
	if n, err := strconv.Atoi(strings.TrimPrefix(name, "eth")); err == nil {
		return n
	}
	return 1 << 20
}

// Networks returns the network of eth0, of eth1, and so on. A number that no
// interface has is "-". Interfaces with other names are at the end, as NAME=NETWORK.
func (s Snapshot) Networks() []string {
	var networks []string
	for _, i := range s.Interfaces {
		n := number(i.Name)
		if n == 1<<20 {
			networks = append(networks, i.Name+"="+i.Network)
			continue
		}
		for len(networks) < n {
			networks = append(networks, "-")
		}
		networks = append(networks, i.Network)
	}
	return networks
}

// Follows returns true if the interfaces are exactly eth0, eth1, … and their
// networks are want, in this order.
func (s Snapshot) Follows(want []string) bool {
	return slices.Equal(s.Networks(), want)
}

// Tally counts starts.
type Tally struct {
	Right int // those whose interfaces followed the attach order
	Total int
}

// Add counts one start.
func (t *Tally) Add(right bool) {
	t.Total++
	if right {
		t.Right++
	}
}

func (t Tally) String() string { return fmt.Sprintf("%d of %d", t.Right, t.Total) }

// Verdict is what starts of a stock and of a patched engine show.
type Verdict string

// The verdicts.
const (
	Pass         Verdict = "PASS"         // the patched engine keeps the order, the stock engine does not
	Fail         Verdict = "FAIL"         // the patched engine does not keep the order
	Inconclusive Verdict = "INCONCLUSIVE" // the stock engine kept the order too, so that nothing is shown
)

// Judge returns the verdict on the starts of a stock and of a patched engine.
func Judge(stock, patched Tally) Verdict {
	switch {
	case patched.Total == 0 || patched.Right < patched.Total:
		return Fail
	case stock.Right == stock.Total:
		return Inconclusive
	default:
		return Pass
	}
}
