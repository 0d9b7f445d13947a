package observe

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
)

// Inside is what cmd/probe has seen of the network namespace that it runs in.
type Inside struct {
	Interfaces map[string][]netip.Prefix // the addresses of each
	Routes     []Route
}

// Route is an IPv4 route of the main table.
type Route struct {
	Interface   string
	Destination netip.Prefix // 0.0.0.0/0 is the default
}

// ParseInside reads what "probe net" prints.
func ParseInside(output []byte) (in Inside, err error) {
	var printed struct {
		Interfaces map[string][]netip.Prefix
		Routes     string
	}
	if err := json.Unmarshal(output, &printed); err != nil {
		return in, fmt.Errorf("the probe printed %q: %w", output, err)
	}
	in.Interfaces = printed.Interfaces
	lines := strings.Split(strings.TrimSpace(printed.Routes), "\n")
	for _, line := range lines[1:] { // the first is the heading
		var name, skip string
		var d, mask uint32 // with the first byte of the address as the lowest
		if _, err := fmt.Sscanf(line, "%s %x %s %s %s %s %s %x", &name, &d, &skip, &skip, &skip, &skip, &skip, &mask); err != nil {
			return in, fmt.Errorf("the route %q: %w", line, err)
		}
		address := netip.AddrFrom4([4]byte{byte(d), byte(d >> 8), byte(d >> 16), byte(d >> 24)})
		in.Routes = append(in.Routes, Route{name, netip.PrefixFrom(address, bits.OnesCount32(mask))})
	}
	return in, nil
}

// Snapshot returns the interfaces in networks, of which it gets the names by their subnets.
func (in Inside) Snapshot(networks map[netip.Prefix]string) (s Snapshot) {
	for name, addresses := range in.Interfaces {
		for _, a := range addresses {
			if a.Addr().Is4() && name != "lo" {
				s.Interfaces = append(s.Interfaces, Interface{Name: name, Address: a, Network: cmp.Or(networks[a.Masked()], "?")})
			}
		}
	}
	slices.SortFunc(s.Interfaces, byNumber)
	for _, r := range in.Routes {
		i := slices.IndexFunc(s.Interfaces, func(i Interface) bool { return i.Name == r.Interface })
		if r.Destination.Bits() == 0 && i >= 0 {
			s.Gateway = s.Interfaces[i].Network
		}
	}
	return s
}
