// Package v17_12 drives the libnetwork of 17.12.1 through its public API, as a
// daemon of that time does when it starts a container.
//
// The same test is built against the stock package, where it fails on the order,
// and, with the build tag patched, against the patched one, where it passes. The
// test of the folder above does both, in a network namespace of its own:
//
//	sudo go test -v -run Heap ./e2e/libnetwork
package v17_12

import (
	"fmt"
	"math/rand"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/pkg/reexec"
	"github.com/docker/libnetwork"
	"github.com/docker/libnetwork/config"
	"github.com/docker/libnetwork/netlabel"
	"github.com/docker/libnetwork/options"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// starts is how often the container is started.
const starts = 20

// TestMain is also where libnetwork's helper processes begin.
func TestMain(m *testing.M) {
	if reexec.Init() {
		return
	}
	os.Exit(m.Run())
}

// attachment is a network that is attached to the container.
type attachment struct {
	network libnetwork.Network
	subnet  *net.IPNet
}

func TestHeapEthsComeUpInAttachOrder(t *testing.T) {
	if os.Getenv("LIBNETWORK_TEST_ISOLATED") == "" {
		t.Skip("needs a network namespace of its own; run it with: go test -v -run Heap ./e2e/libnetwork")
	}
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewSource(seed))

	bridge := options.Generic{"EnableIPForwarding": true, "EnableIPTables": true}
	c, err := libnetwork.New(
		config.OptionDataDir(t.TempDir()),
		config.OptionDriverConfig("bridge", map[string]interface{}{netlabel.GenericData: bridge}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()

	var attached []attachment
	for i, name := range []string{"web", "net10", "db", "net9", "alpha", "net1", "mail", "backup"} {
		attached = append(attached, newAttachment(t, c, name, i+1))
	}

	inOrder := 0
	for i := 1; i <= starts; i++ {
		if i == starts/2 {
			// The user disconnects a network in the middle, and connects it again.
			again := attached[3]
			attached = append(append(attached[:3:3], attached[4:]...), again)
			t.Logf("start %d: %s is attached again", i, again.network.Name())
		}
		joins := rng.Perm(len(attached))
		var order []string // by name or by id
		for _, a := range attached {
			order = append(order, []string{a.network.Name(), a.network.ID()}[rng.Intn(2)])
		}
		eths, gateway := start(t, c, attached, joins, order)
		var want, joined []string
		for j := range attached {
			want = append(want, attached[j].network.Name())
			joined = append(joined, attached[joins[j]].network.Name())
		}
		verdict := "in attach order"
		if reflect.DeepEqual(eths, want) {
			inOrder++
		} else {
			verdict = fmt.Sprintf("want %v", want)
		}
		t.Logf("start %d: joined %v, eths %v, gateway %s: %s", i, joined, eths, gateway, verdict)
	}
	t.Logf("in attach order: %d of %d starts", inOrder, starts)
	if inOrder != starts {
		t.Fatalf("the eths come up in attach order in %d of %d starts, want all; see the starts above", inOrder, starts)
	}
}

func newAttachment(t *testing.T, c libnetwork.NetworkController, name string, subnetNumber int) attachment {
	subnet := &net.IPNet{IP: net.IPv4(10, 90, byte(subnetNumber), 0).To4(), Mask: net.CIDRMask(24, 32)}
	n, err := c.NewNetwork("bridge", name, "",
		libnetwork.NetworkOptionGeneric(options.Generic{netlabel.GenericData: options.Generic{"BridgeName": "br-" + name}}),
		libnetwork.NetworkOptionIpam("default", "", []*libnetwork.IpamConf{{PreferredPool: subnet.String()}}, nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	return attachment{network: n, subnet: subnet}
}

// start starts the container once: a new sandbox, which is told the attach order,
// which its endpoints join in the order of joins, and which is then given a
// namespace. It returns the networks of eth0, eth1, … and of the default gateway,
// read in the namespace.
func start(t *testing.T, c libnetwork.NetworkController, attached []attachment, joins []int, order []string) (eths []string, gateway string) {
	dir := t.TempDir()
	sb, err := c.NewSandbox("container",
		libnetwork.OptionUseExternalKey(),
		libnetwork.OptionHostname("container"),
		libnetwork.OptionHostsPath(filepath.Join(dir, "hosts")),
		libnetwork.OptionResolvConfPath(filepath.Join(dir, "resolv.conf")),
		optionAttachOrder(order))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range joins {
		ep, err := attached[i].network.CreateEndpoint("container")
		if err != nil {
			t.Fatal(err)
		}
		if err := ep.Join(sb); err != nil {
			t.Fatal(err)
		}
	}

	ns, closeNS := newNamespace(t)
	if err := sb.SetKey(ns); err != nil {
		t.Fatal(err)
	}
	eths, gateway = read(t, ns, attached)
	if err := sb.Delete(); err != nil { // and its endpoints
		t.Fatal(err)
	}
	closeNS()
	return eths, gateway
}

// newNamespace returns the path of a new network namespace, which is there until
// closeNS is called.
func newNamespace(t *testing.T) (path string, closeNS func()) {
	paths, done := make(chan string), make(chan bool)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
			t.Error(err)
		}
		paths <- fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), syscall.Gettid())
		<-done
	}()
	return <-paths, func() { close(done) }
}

// read returns the networks of the eths in the namespace, and of its default
// gateway, by their addresses.
func read(t *testing.T, path string, attached []attachment) (eths []string, gateway string) {
	ns, err := netns.GetFromPath(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	handle, err := netlink.NewHandleAt(ns, syscall.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer handle.Delete()

	networkOf := func(ip net.IP) string {
		for _, a := range attached {
			if a.subnet.Contains(ip) {
				return a.network.Name()
			}
		}
		return fmt.Sprintf("unknown (%s)", ip)
	}

	links, err := handle.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]netlink.Link{}
	var names []string
	for _, link := range links {
		if name := link.Attrs().Name; strings.HasPrefix(name, "eth") {
			byName[name] = link
			names = append(names, name)
		}
	}
	sort.Strings(names) // there are fewer than ten
	for i, name := range names {
		if want := fmt.Sprintf("eth%d", i); name != want {
			t.Fatalf("interfaces: got %v, want %s at %d", names, want, i)
		}
		addrs, err := handle.AddrList(byName[name], netlink.FAMILY_V4)
		if err != nil || len(addrs) != 1 {
			t.Fatalf("addresses of %s: got %v (%v), want one", name, addrs, err)
		}
		eths = append(eths, networkOf(addrs[0].IP))
	}

	routes, err := handle.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		t.Fatal(err)
	}
	gateway = "none"
	for _, route := range routes {
		if route.Dst == nil {
			gateway = networkOf(route.Gw)
		}
	}
	return eths, gateway
}
