package observe

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/netip"
	"os"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"gotest.tools/v3/assert"
)

// up returns a snapshot in which eth0, eth1, … have the given networks.
func up(gateway string, networks ...string) Snapshot {
	s := Snapshot{Gateway: gateway}
	for i, n := range networks {
		if n != "-" {
			s.Interfaces = append(s.Interfaces, Interface{Name: "eth" + string(rune('0'+i)), Network: n})
		}
	}
	return s
}

func TestNetworksShowsGapsAndOtherNames(t *testing.T) {
	s := up("", "web", "-", "db")
	s.Interfaces = append(s.Interfaces, Interface{Name: "lan0", Network: "cache"})
	assert.DeepEqual(t, s.Networks(), []string{"web", "-", "db", "lan0=cache"})
}

func TestFollows(t *testing.T) {
	want := []string{"web", "db", "cache"}
	for _, test := range []struct {
		start Snapshot
		want  bool
	}{
		{up("", "web", "db", "cache"), true},
		{up("", "web", "cache", "db"), false},
		{up("", "web", "db"), false},
		{up("", "web", "db", "cache", "logs"), false},
		{up("", "web", "-", "db", "cache"), false},
		{Snapshot{Failed: "no such network"}, false},
		{Snapshot{}, false},
	} {
		assert.Equal(t, test.start.Follows(want), test.want, "%v", test.start.Networks())
	}
}

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		stock, patched Tally
		want           Verdict
	}{
		{Tally{0, 20}, Tally{20, 20}, Pass},
		{Tally{19, 20}, Tally{20, 20}, Pass},
		{Tally{20, 20}, Tally{20, 20}, Inconclusive},
		{Tally{0, 20}, Tally{19, 20}, Fail},
		{Tally{20, 20}, Tally{19, 20}, Fail},
		{Tally{0, 0}, Tally{20, 20}, Inconclusive},
		{Tally{0, 20}, Tally{0, 0}, Fail},
	} {
		assert.Equal(t, Judge(test.stock, test.patched), test.want, "stock %v, patched %v", test.stock, test.patched)
	}
}

type fakeEngine map[string]string

func (e fakeEngine) Get(_ context.Context, path string, v any) error {
	answer, ok := e[path]
	if !ok {
		return errors.New("no such thing")
	}
	return json.Unmarshal([]byte(answer), v)
}

func (e fakeEngine) NetNS(int) string { return "/no/namespace" }

func TestReadFails(t *testing.T) {
	const router = "/containers/router/json"
	for _, test := range []struct {
		engine fakeEngine
		want   string
	}{
		{fakeEngine{}, "no such thing"},
		{fakeEngine{router: `{"State":{"Pid":0}}`}, "container router does not run"},
		{fakeEngine{router: `{"State":{"Pid":7}}`}, "no such thing"},
		{fakeEngine{
			router:      `{"State":{"Pid":7}}`,
			"/networks": `[{"Name":"web","IPAM":{"Config":[{"Subnet":"172.20.0.0"}]}}]`,
		}, "network web: "},
		{fakeEngine{
			router:      `{"State":{"Pid":7}}`,
			"/networks": `[{"Name":"web","IPAM":{"Config":[{"Subnet":"172.20.0.0/16"}]}}]`,
		}, "network namespace /no/namespace: "},
	} {
		_, err := Read(context.Background(), test.engine, "router")
		assert.ErrorContains(t, err, test.want)
	}
}

// A swarm's manager lists a network without the subnet that was allocated to it.
func TestSubnetsOfSwarm(t *testing.T) {
	names, err := Subnets(context.Background(), fakeEngine{
		"/networks":    `[{"Id":"ov","Name":"over","Scope":"swarm","IPAM":{}},{"Id":"br","Name":"web","Scope":"local","IPAM":{"Config":[{"Subnet":"172.20.0.0/16"}]}}]`,
		"/networks/ov": `{"Id":"ov","Name":"over","Scope":"swarm","IPAM":{"Config":[{"Subnet":"10.0.1.0/24"}]}}`,
	})
	assert.NilError(t, err)
	want := map[netip.Prefix]string{
		netip.MustParsePrefix("10.0.1.0/24"):   "over",
		netip.MustParsePrefix("172.20.0.0/16"): "web",
	}
	assert.Assert(t, maps.Equal(names, want), "got %v", names)
}

func TestReadNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("making a network namespace needs root")
	}
	runtime.LockOSThread() // and never unlocked, so that nothing else runs in the namespace
	ns, err := netns.New()
	assert.NilError(t, err)
	defer ns.Close()
	for name, address := range map[string]string{
		"eth0": "172.20.0.2/16", "eth2": "172.22.0.2/16", "eth10": "172.30.0.2/16", "lan0": "172.31.0.2/16", "eth3": "",
	} {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		link := &netlink.Bridge{LinkAttrs: attrs}
		assert.NilError(t, netlink.LinkAdd(link))
		assert.NilError(t, netlink.LinkSetUp(link))
		if address == "" {
			continue
		}
		a, err := netlink.ParseAddr(address)
		assert.NilError(t, err)
		assert.NilError(t, netlink.AddrAdd(link, a))
	}
	gateway := netip.MustParseAddr("172.30.0.1").AsSlice()
	eth10, err := netlink.LinkByName("eth10")
	assert.NilError(t, err)
	assert.NilError(t, netlink.RouteAdd(&netlink.Route{LinkIndex: eth10.Attrs().Index, Gw: gateway}))

	start, err := readNamespace("/proc/thread-self/ns/net", map[netip.Prefix]string{
		netip.MustParsePrefix("172.20.0.0/16"): "web",
		netip.MustParsePrefix("172.22.0.0/16"): "db",
		netip.MustParsePrefix("172.30.0.0/16"): "cache",
	})
	assert.NilError(t, err)
	assert.DeepEqual(t, start.Networks(), []string{"web", "-", "db", "-", "-", "-", "-", "-", "-", "-", "cache", "lan0=?"})
	assert.Equal(t, start.Gateway, "cache")
	assert.Equal(t, start.Interfaces[2].Index, eth10.Attrs().Index)
	assert.Equal(t, start.Interfaces[2].Address.String(), "172.30.0.2/16")
}
