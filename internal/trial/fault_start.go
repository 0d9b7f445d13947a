package trial

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"ethorder/internal/engine"
)

// cause is why mike, a network of the container, cannot be joined.
type cause struct {
	// create is how mike is made, without "docker network create".
	create string
	// prepare comes before mike is made, may be nil.
	prepare, begin, end func(*Container)
	// running says that it can begin while the container runs.
	running bool
	// recreated says that mike is another network afterwards.
	recreated bool
}

// addressIn is that of the container in a network. It has one in each that is its own, so
// that a start fails if an earlier one has leaked it.
func addressIn(subnet int) string { return fmt.Sprintf("--ip=10.77.%d.10", subnet) }

// addressTaken has another container take the address.
var addressTaken = cause{
	create: "--subnet 10.77.2.0/24 mike",
	begin: func(c *Container) {
		c.Do("run --detach --name thief --network mike " + addressIn(2) + " " + engine.Image)
	},
	end: func(c *Container) { c.Do("rm --force thief") },
}

var parentGone = cause{
	create:  "--subnet 10.77.2.0/24 --driver macvlan --opt parent=" + engine.Parent + " mike",
	prepare: func(c *Container) { c.Try(c.Engine.AddParent) },
	begin:   func(c *Container) { c.Try(c.Engine.RemoveParent) },
	end:     func(c *Container) { c.Try(c.Engine.AddParent) },

	running: true,
}

var networkGone = cause{
	create: "--subnet 10.77.2.0/24 mike",
	begin:  func(c *Container) { c.Do("network rm mike") },
	end:    func(c *Container) { c.Do("network create --subnet 10.77.2.0/24 mike") },

	recreated: true,
}

// leakables returns what the sandbox holds for running containers: interfaces on the
// machine's side, and files of network namespaces.
func leakables(c *Container) (names []string) {
	c.Try(func() error {
		files, err := os.ReadDir(filepath.Join(c.Engine.Dir(), "exec", "netns"))
		if err != nil && !os.IsNotExist(err) { // the first container makes the folder
			return err
		}
		for _, file := range files {
			names = append(names, "netns "+file.Name())
		}
		return c.Engine.Interfaces(func(h *netlink.Handle) error {
			links, err := h.LinkList()
			for _, link := range links {
				names = append(names, "interface "+link.Attrs().Name)
			}
			return err
		})
	})
	return names
}

// startFails asks for a start, and returns whether the engine refuses it.
func (c *Container) startFails() bool { return c.refuses("/containers/router/start", "") }

// failingStart is about starts that fail at the second of three networks. They leak nothing,
// and once the cause is gone the container starts in order. An engine that drops the
// network that failed, as stock does since 29.0, is asked to connect it again.
func failingStart(why cause) func(*Container) {
	return func(c *Container) {
		if why.prepare != nil {
			why.prepare(c)
		}
		c.Do("network create --subnet 10.77.3.0/24 alpha", "network create "+why.create, "network create --subnet 10.77.1.0/24 zulu")
		c.Create("zulu", addressIn(1))
		c.Connect("mike", addressIn(2))
		c.Connect("alpha", addressIn(3))
		stopped := leakables(c)
		c.Start("before")
		// It is two interfaces, as that of a macvlan network is in the container alone.
		if now := leakables(c); len(now) < len(stopped)+3 {
			c.blame("leaks would not be seen: the running container holds %v", now)
		}
		c.Do("stop router")
		for range 3 {
			why.begin(c)
			before := leakables(c)
			if !c.startFails() {
				c.blame("the start did not fail")
			}
			for _, name := range leakables(c) {
				if !slices.Contains(before, name) {
					c.blame("leaked: %s", name)
				}
			}
			attached, numbers := c.Attached(), c.Numbers()
			for _, network := range without(c.Want, "mike") {
				if _, saved := numbers[network]; !saved || !slices.Contains(attached, network) {
					c.blame("%s is lost", network)
				}
			}
			why.end(c)
			dropped := !slices.Contains(attached, "mike")
			c.countIf("dropped", dropped)
			if !dropped && why.recreated {
				c.Do("network disconnect --force mike router")
			}
			if dropped || why.recreated {
				c.Want = []string{"zulu", "alpha"}
				c.Connect("mike", addressIn(2))
				c.Starts(1, "connected again")
				if slices.Contains(c.Attached(), "alpha") {
					c.Disconnect("alpha")
				} else { // stock of 29.0 also fails some starts at docker_gwbridge
					c.blame("alpha is lost")
					c.Want = without(c.Want, "alpha")
				}
				c.Connect("alpha", addressIn(3))
			}
			c.Starts(2, "repaired")
		}
	}
}

// failingStartAtEach is about starts that fail at the first of five networks, at the second,
// and so on. What was attached stays attached and keeps its number, but for the network itself
// where stock drops it too. A restart policy, which tries after the container has ended, loses
// no more.
func failingStartAtEach(why cause) func(*Container) {
	return func(c *Container) {
		if why.prepare != nil {
			why.prepare(c)
		}
		others := strings.Fields("zulu kilo alpha bravo")
		addresses := map[string]string{"mike": addressIn(2)}
		for i, network := range others {
			c.Do(fmt.Sprintf("network create --subnet 10.77.%d.0/24 %s", i+3, network))
			addresses[network] = addressIn(i + 3)
		}
		c.Do("network create " + why.create)
		for place := range len(others) + 1 {
			networks := slices.Insert(slices.Clone(others), place, "mike")
			c.Create(networks[0], addresses[networks[0]], "--restart=always")
			for _, network := range networks[1:] {
				c.Connect(network, addresses[network])
			}
			if c.Start("before").Failed != "" { // as some starts of stock of 29.0 at docker_gwbridge
				c.Do("rm --force router")
				continue
			}
			numbers := c.Numbers()
			check := func(when string) {
				attached, now := c.Attached(), c.Numbers()
				for _, network := range others {
					if !slices.Contains(attached, network) || now[network] != numbers[network] {
						c.blame("%s is lost %s at place %d: attached %v, numbers %v", network, when, place+1, attached, now)
					}
				}
			}
			if why.running {
				why.begin(c)
				c.endProcess()
				c.countIf("restarts that failed", c.Pid() == "0")
				check("by the restart policy")
			}
			_ = post(c.ctx, c.Engine, "/containers/router/stop?t=1", "")
			if !why.running {
				why.begin(c)
			}
			for range 3 {
				if !c.startFails() && slices.Contains(c.Attached(), "mike") {
					c.blame("the start did not fail at place %d", place+1)
				}
				_ = post(c.ctx, c.Engine, "/containers/router/stop?t=1", "") // it may run without the network
				check("by a start")
			}
			why.end(c)
			dropped := !slices.Contains(c.Attached(), "mike")
			c.countIf("dropped", dropped)
			if dropped {
				c.Want = without(c.Want, "mike")
				c.Connect("mike", addresses["mike"])
			}
			c.Starts(2, fmt.Sprintf("repaired at place %d", place+1))
			c.Do("rm --force router")
		}
	}
}

// endProcess ends the process of the container, and waits until the engine has tried to start it
// again.
func (c *Container) endProcess() {
	// The command ends with the process, and may say that it failed.
	_, _ = c.Engine.Docker(c.ctx, "exec", router, "/probe", "end")
	c.Try(func() error {
		return await(c.ctx, c.Engine, router, "{{.State.Status}} {{.RestartCount}}", func(now string) bool {
			return now == "running 1" || strings.HasPrefix(now, "exited")
		})
	})
}

// linkLocal is about a limit up to 27.5: an address in fe80::/64 can only be set before
// the container has another IPv6 interface. A container that was attached to such a
// network behind another IPv6 network does not start, where a stock engine starts it by
// the luck of the networks' names. Its networks stay, and in the other order it starts.
func linkLocal(c *Container) {
	c.Do("network create --ipv6 --subnet fe80::/64 --gateway fe80::1 alan",
		"network create --ipv6 --subnet 2001:db8:1::/64 zwan")
	c.Create("zwan")
	c.Connect("alan")
	c.countIf("failed with the link-local network behind", c.startFails())
	if attached := c.Attached(); len(attached) != 2 {
		c.blame("a network is lost: attached %v", attached)
	}
	c.Do("rm --force router")
	c.Create("alan")
	c.Connect("zwan")
	c.Starts(2, "link-local network first")
}

// gatewayTaken is about a container in an overlay and two internal networks, which
// needs an endpoint in docker_gwbridge for its published port, while another container
// has that port. No start that fails costs a network, and with the port free the
// container starts.
func gatewayTaken(c *Container) {
	c.Do("swarm init --advertise-addr 127.0.0.1", "network create --driver overlay --attachable zulu",
		"network create --internal mike", "network create --internal alpha",
		"run --detach --name thief --publish 8080:80 "+engine.Image)
	c.Create("zulu", "--publish 8080:80")
	c.Connect("mike")
	c.Connect("alpha")
	for range 4 {
		if !c.startFails() {
			c.blame("the start did not fail")
		}
		attached := c.Attached()
		c.countIf("failed starts that cost a network", len(attached) != 3)
		if len(attached) != 3 {
			c.blame("a network is lost: attached %v", attached)
		}
	}
	c.Do("rm --force thief")
	if c.Problem == "" {
		c.Want = append(c.Want, "docker_gwbridge")
		c.Starts(2, "repaired")
	}
}

// bridgeOff is about a container that has an overlay, and behind it the default bridge,
// which is turned off. Overlays lead to other containers only, so the engine gives the
// container an interface in docker_gwbridge, unless it has another way out.
func bridgeOff(c *Container) {
	c.Do("swarm init --advertise-addr 127.0.0.1", "network create --driver overlay --attachable zulu")
	c.Create("zulu")
	c.Connect("bridge")
	c.Do("start router")
	c.Want = []string{"zulu", "docker_gwbridge"}
	start := c.Look("with the default bridge off")
	if start.Gateway != "docker_gwbridge" {
		c.blame("gateway: got %q, wanted docker_gwbridge", start.Gateway)
	}
}
