package faults

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
	"ethorder/internal/order"
	"ethorder/internal/prove"
)

// cause is why mike, a network of the container, cannot be joined.
type cause struct {
	// create is how mike is made, without "docker network create".
	create string
	// prepare comes before mike is made, may be nil.
	prepare, begin, end func(*prove.Box)
	// another says that mike is another network afterwards.
	another bool
}

// address is that of the container in a network. It has one in each that is its own:
// one that a failed start leaks cannot be had again.
func address(subnet int) string { return fmt.Sprintf("--ip=10.77.%d.10", subnet) }

var addressTaken = cause{
	create: "--subnet 10.77.2.0/24 mike",
	begin: func(box *prove.Box) {
		box.Do("run --detach --name thief --network mike " + address(2) + " " + engine.Image)
	},
	end: func(box *prove.Box) { box.Do("rm --force thief") },
}

var parentGone = cause{
	create:  "--subnet 10.77.2.0/24 --driver macvlan --opt parent=" + engine.Parent + " mike",
	prepare: func(box *prove.Box) { box.Try(box.AddParent) },
	begin:   func(box *prove.Box) { box.Try(box.RemoveParent) },
	end:     func(box *prove.Box) { box.Try(box.AddParent) },
}

var networkGone = cause{
	create: "--subnet 10.77.2.0/24 mike",
	begin:  func(box *prove.Box) { box.Do("network rm mike") },
	end:    func(box *prove.Box) { box.Do("network create --subnet 10.77.2.0/24 mike") },

	another: true,
}

// held returns what the lab holds for running containers: interfaces on the machine's
// side, and files of network namespaces.
func held(box *prove.Box) (names []string) {
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

// start is about starts that fail at the second of three networks. They leak nothing,
// and once the cause is gone the container starts in order. An engine that drops the
// network that failed, as stock does since 29.0, is asked to connect it again.
func start(ctx context.Context, e *engine.Engine, c cause) (prove.Outcome, error) {
	const rounds = 3
	box := prove.NewBox(ctx, e)
	if c.prepare != nil {
		c.prepare(box)
	}
	box.Do("network create --subnet 10.77.3.0/24 alpha", "network create "+c.create, "network create --subnet 10.77.1.0/24 zulu")
	box.Create("zulu", address(1))
	box.Connect("mike", address(2))
	box.Connect("alpha", address(3))
	idle := held(box)
	box.Start("before")
	var wrong []string
	// It is two interfaces, as that of a macvlan network is in the container alone.
	if now := held(box); len(now) < len(idle)+3 {
		wrong = append(wrong, fmt.Sprintf("leaks would not be seen: the running container holds %v", now))
	}
	box.Do("stop box")
	drops := 0
	for range rounds {
		c.begin(box)
		before := held(box)
		box.Try(func() error {
			if post(ctx, e, "/containers/box/start", "") == nil {
				wrong = append(wrong, "the start did not fail")
			}
			return nil
		})
		for _, name := range held(box) {
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
			box.Connect("mike", address(2))
			box.Starts(1, "connected again")
			box.Disconnect("alpha")
			box.Connect("alpha", address(3))
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
func bridgeOff(ctx context.Context, e *engine.Engine) (prove.Outcome, error) {
	box := prove.NewBox(ctx, e)
	box.Do("swarm init --advertise-addr 127.0.0.1", "network create --driver overlay --attachable zulu")
	box.Create("zulu")
	box.Connect("bridge")
	box.Do("start box")
	var found order.Start
	box.Try(func() (err error) {
		found, err = order.Read(ctx, e, "box")
		return err
	})
	got := strings.Join(found.Networks(), " ")
	return prove.Outcome{
		What: fmt.Sprintf("interfaces in %s, gateway in %s", got, cmp.Or(found.Gateway, "none")),
		Held: got == "zulu docker_gwbridge" && found.Gateway == "docker_gwbridge",
	}, box.Err
}
