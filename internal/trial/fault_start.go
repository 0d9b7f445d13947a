package trial

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"ethorder/internal/engine"
	"ethorder/internal/observe"
)

// cause is why mike, a network of the container, cannot be joined.
type cause struct {
	// create is how mike is made, without "docker network create".
	create string
	// prepare comes before mike is made, may be nil.
	prepare, begin, end func(*Box)
	// another says that mike is another network afterwards.
	another bool
}

// addressOf is that of the container in a network. It has one in each that is its own:
// one that a failed start leaks cannot be had again.
func addressOf(subnet int) string { return fmt.Sprintf("--ip=10.77.%d.10", subnet) }

var addressTaken = cause{
	create: "--subnet 10.77.2.0/24 mike",
	begin: func(box *Box) {
		box.Do("run --detach --name thief --network mike " + addressOf(2) + " " + engine.Image)
	},
	end: func(box *Box) { box.Do("rm --force thief") },
}

var parentGone = cause{
	create:  "--subnet 10.77.2.0/24 --driver macvlan --opt parent=" + engine.Parent + " mike",
	prepare: func(box *Box) { box.Try(box.AddParent) },
	begin:   func(box *Box) { box.Try(box.RemoveParent) },
	end:     func(box *Box) { box.Try(box.AddParent) },
}

var networkGone = cause{
	create: "--subnet 10.77.2.0/24 mike",
	begin:  func(box *Box) { box.Do("network rm mike") },
	end:    func(box *Box) { box.Do("network create --subnet 10.77.2.0/24 mike") },

	another: true,
}

// leakables returns what the lab holds for running containers: interfaces on the machine's
// side, and files of network namespaces.
func leakables(box *Box) (names []string) {
	box.Try(func() error {
		files, err := os.ReadDir(filepath.Join(box.Dir(), "exec", "netns"))
		if err != nil && !os.IsNotExist(err) { // the first container makes the folder
			return err
		}
		for _, file := range files {
			names = append(names, "netns "+file.Name())
		}
		return box.Interfaces(func(h *netlink.Handle) error {
			links, err := h.LinkList()
			for _, link := range links {
				names = append(names, "interface "+link.Attrs().Name)
			}
			return err
		})
	})
	return names
}

// failingStartAt is about starts that fail at one of five networks, for each of them. What
// was attached stays attached, but for the network itself where stock drops it too, and
// keeps its number; a restart policy that tries again loses no more.
func failingStartAt(ctx context.Context, e *engine.Engine, fails int) (Outcome, error) {
	networks := strings.Fields("zulu mike kilo alpha bravo")
	box := NewBox(ctx, e)
	for i, network := range networks {
		box.Do(fmt.Sprintf("network create --subnet 10.77.%d.0/24 %s", i+1, network))
	}
	box.Create(networks[0], addressOf(1), "--restart=on-failure:10")
	for i, network := range networks[1:] {
		box.Connect(network, addressOf(i+2))
	}
	box.Starts(1, "before")
	numbers := box.Numbers()
	failing := networks[fails]
	box.Do("run --detach --name thief --network " + failing + " " + addressOf(fails+1) + " " + engine.Image)
	var wrong []string
	for range 3 {
		box.Try(func() error {
			if post(ctx, e, "/containers/box/start", "") == nil && slices.Contains(box.Attached(), failing) {
				wrong = append(wrong, "the start did not fail")
			}
			_ = post(ctx, e, "/containers/box/stop?t=1", "") // it may run without the network
			return nil
		})
		attached, now := box.Attached(), box.Numbers()
		for _, network := range networks {
			if network != failing && (!slices.Contains(attached, network) || now[network] != numbers[network]) {
				wrong = append(wrong, fmt.Sprintf("%s is lost: attached %v, numbers %v", network, attached, now))
			}
		}
	}
	box.Do("rm --force thief")
	dropped := !slices.Contains(box.Attached(), failing)
	if dropped {
		box.Want = slices.DeleteFunc(slices.Clone(box.Want), func(n string) bool { return n == failing })
		box.Connect(failing, addressOf(fails+1))
	}
	box.Starts(2, "repaired")
	o, err := box.Outcome()
	if dropped {
		o.What += ", the network was dropped"
	}
	if len(wrong) > 0 {
		o.What, o.Held = o.What+", "+strings.Join(wrong, ", "), false
	}
	return o, err
}

// linkLocal is about a limit up to 27.5: an address in fe80::/64 can only be set before
// the container has another IPv6 interface. A container that was attached to such a
// network behind another IPv6 network does not start, where a stock engine starts it by
// the luck of the networks' names. Its networks stay, and in the other order it starts.
func linkLocal(ctx context.Context, e *engine.Engine) (Outcome, error) {
	box := NewBox(ctx, e)
	box.Do("network create --ipv6 --subnet fe80::/64 --gateway fe80::1 alan",
		"network create --ipv6 --subnet 2001:db8:1::/64 zwan")
	box.Create("zwan")
	box.Connect("alan")
	behind := "starts"
	if box.Try(func() error {
		if post(ctx, e, "/containers/box/start", "") != nil {
			behind = "does not start"
		}
		return nil
	}); len(box.Attached()) != 2 {
		behind += " and loses a network"
	}
	box.Do("rm --force box")
	box.Create("alan")
	box.Connect("zwan")
	box.Starts(2, "link-local network first")
	o, err := box.Outcome()
	o.What = fmt.Sprintf("%s with the link-local network behind, and before the other %s", behind, o.What)
	o.Held = o.Held && !strings.Contains(behind, "loses")
	return o, err
}

// gatewayTaken is about a container in an overlay and two internal networks, which
// needs an endpoint in docker_gwbridge for its published port, while another container
// has that port. No start that fails costs a network, and with the port free the
// container starts.
func gatewayTaken(ctx context.Context, e *engine.Engine) (Outcome, error) {
	box := NewBox(ctx, e)
	box.Do("swarm init --advertise-addr 127.0.0.1", "network create --driver overlay --attachable zulu",
		"network create --internal mike", "network create --internal alpha",
		"run --detach --name thief --publish 8080:80 "+engine.Image)
	box.Create("zulu", "--publish 8080:80")
	box.Connect("mike")
	box.Connect("alpha")
	var left []string
	failed := true
	for range 4 {
		box.Try(func() error {
			failed = failed && post(ctx, e, "/containers/box/start", "") != nil
			return nil
		})
		left = append(left, strings.Join(box.Attached(), "+"))
	}
	box.Do("rm --force thief")
	complete := failed && !slices.ContainsFunc(left, func(s string) bool { return s != "alpha+mike+zulu" })
	if complete {
		box.Want = append(box.Want, "docker_gwbridge")
		box.Starts(2, "repaired")
	}
	o, err := box.Outcome()
	o.What = fmt.Sprintf("after each of four starts %s, %s", strings.Join(left, " "), o.What)
	o.Held = o.Held && complete
	return o, err
}

// failingStart is about starts that fail at the second of three networks. They leak nothing,
// and once the cause is gone the container starts in order. An engine that drops the
// network that failed, as stock does since 29.0, is asked to connect it again.
func failingStart(ctx context.Context, e *engine.Engine, c cause) (Outcome, error) {
	const rounds = 3
	box := NewBox(ctx, e)
	if c.prepare != nil {
		c.prepare(box)
	}
	box.Do("network create --subnet 10.77.3.0/24 alpha", "network create "+c.create, "network create --subnet 10.77.1.0/24 zulu")
	box.Create("zulu", addressOf(1))
	box.Connect("mike", addressOf(2))
	box.Connect("alpha", addressOf(3))
	idle := leakables(box)
	box.Start("before")
	var wrong []string
	// It is two interfaces, as that of a macvlan network is in the container alone.
	if now := leakables(box); len(now) < len(idle)+3 {
		wrong = append(wrong, fmt.Sprintf("leaks would not be seen: the running container holds %v", now))
	}
	box.Do("stop box")
	drops := 0
	for range rounds {
		c.begin(box)
		before := leakables(box)
		box.Try(func() error {
			if post(ctx, e, "/containers/box/start", "") == nil {
				wrong = append(wrong, "the start did not fail")
			}
			return nil
		})
		for _, name := range leakables(box) {
			if !slices.Contains(before, name) {
				wrong = append(wrong, "leaked: "+name)
			}
		}
		attached, numbers := box.Attached(), box.Numbers()
		for _, network := range box.Want {
			_, saved := numbers[network]
			if network != "mike" && !(saved && slices.Contains(attached, network)) {
				wrong = append(wrong, network+" is lost")
			}
		}
		c.end(box)
		dropped := !slices.Contains(attached, "mike")
		if dropped {
			drops++
		} else if c.another {
			box.Do("network disconnect --force mike box")
		}
		if dropped || c.another {
			box.Want = []string{"zulu", "alpha"}
			box.Connect("mike", addressOf(2))
			box.Starts(1, "connected again")
			box.Disconnect("alpha")
			box.Connect("alpha", addressOf(3))
		}
		box.Starts(2, "repaired")
	}
	o, err := box.Outcome()
	if drops > 0 {
		o.What += fmt.Sprintf(", the network was dropped in %d of %d", drops, rounds)
	}
	if len(wrong) > 0 {
		o.What, o.Held = o.What+", "+strings.Join(wrong, ", "), false
	}
	return o, err
}

// bridgeOff is about a container that has an overlay, and behind it the default bridge,
// which is turned off. Overlays lead to other containers only, so the engine gives the
// container an interface in docker_gwbridge, unless it has another way out.
func bridgeOff(ctx context.Context, e *engine.Engine) (Outcome, error) {
	box := NewBox(ctx, e)
	box.Do("swarm init --advertise-addr 127.0.0.1", "network create --driver overlay --attachable zulu")
	box.Create("zulu")
	box.Connect("bridge")
	box.Do("start box")
	var found observe.Start
	box.Try(func() (err error) {
		found, err = observe.Read(ctx, e, "box")
		return err
	})
	got := strings.Join(found.Networks(), " ")
	return Outcome{
		What: fmt.Sprintf("interfaces in %s, gateway in %s", got, cmp.Or(found.Gateway, "none")),
		Held: got == "zulu docker_gwbridge" && found.Gateway == "docker_gwbridge",
	}, box.Err
}
