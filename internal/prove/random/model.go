package random

import (
	"fmt"
	"slices"
	"strings"
)

// networks are those that the commands are about. Neither the order in which they are
// made nor that in which they are attached has to do with their names.
var networks = []string{
	"kilo", "zulu", "alpha", "net10", "mike", "net2", "bridge", "bravo", "yankee", "lima", "echo", "tango",
}

// defaultBridge is the network that every engine has.
const defaultBridge = "bridge"

// boxes are the names of the containers, and what they are renamed to, and back.
var boxes = [][2]string{{"one", "uno"}, {"two", "due"}, {"three", "tre"}}

// verb is what a command does.
type verb string

const (
	networkCreate verb = "network create"
	networkRemove verb = "network rm"
	create        verb = "create"
	remove        verb = "rm"
	connect       verb = "connect"
	disconnect    verb = "disconnect"
	start         verb = "start"
	stop          verb = "stop"
	restart       verb = "restart"
	rename        verb = "rename"
	daemonRestart verb = "restart dockerd"
	daemonKill    verb = "kill -9 dockerd"
)

// often says how many of a hundred commands are of a kind, as far as they are possible.
var often = map[verb]int{
	networkCreate: 12, networkRemove: 2, create: 9, remove: 2, connect: 27, disconnect: 12,
	start: 14, stop: 8, restart: 8, rename: 3, daemonRestart: 2, daemonKill: 2,
}

// command is something that a user does. The zero value of a field means that it is
// not about such a thing.
type command struct {
	verb    verb
	box     int    // an index into boxes
	network string // its name
	by      string // what is given of the network: "" for its name, else "id" or "short id"
}

// model is what an engine must do: section 2 of the design, in plain words. It has no
// part of the code that it is compared with.
type model struct {
	// fillsGaps says that a network connected to a running container takes the lowest
	// name that is free, as from 28.0 on, and not the one after all that there have been.
	fillsGaps bool
	networks  map[string]bool // those that there are
	boxes     []*box          // nil for a container that there is not
}

// box is a container.
type box struct {
	name     string
	mode     string       // the network that it was created with
	attached []attachment // in attach order
	running  bool
	live     []string // if it is running: the network of eth0, of eth1, …; "-" for a name that is free
	began    bool     // if the last command has started it, so that the order must be as attached
}

type attachment struct {
	network string
	number  uint64
	byID    bool // was given by its id while the container was stopped, which the engine keeps until the next start
}

func newModel(fillsGaps bool) *model {
	return &model{fillsGaps: fillsGaps, networks: map[string]bool{defaultBridge: true}, boxes: make([]*box, len(boxes))}
}

// can returns true if a command does what it says, and false if it would be refused or
// would do what the design has no rule for.
func (m *model) can(c command) bool {
	b := m.boxes[c.box]
	switch c.verb {
	case networkCreate:
		return !m.networks[c.network]
	case networkRemove:
		// From 25.0 on, a container whose network mode is gone is of no use.
		needed := func(b *box) bool { return b != nil && (b.mode == c.network || b.at(c.network) >= 0) }
		return c.network != defaultBridge && m.networks[c.network] && !slices.ContainsFunc(m.boxes, needed)
	case create:
		return b == nil && m.hasNetwork(c)
	case connect:
		return b != nil && m.hasNetwork(c) && b.at(c.network) < 0
	case disconnect:
		// Up to 25.0 a stopped container's network must be given as it was attached.
		return b != nil && b.at(c.network) >= 0 && !b.attached[b.at(c.network)].byID
	case start:
		// Without any network, the engine attaches one of its own choice.
		return b != nil && !b.running && len(b.attached) > 0
	case restart:
		return b != nil && len(b.attached) > 0
	case stop:
		return b != nil && b.running
	case remove, rename:
		return b != nil
	default:
		return true
	}
}

// hasNetwork returns true if there is the network that is to be attached, and what is
// given of it will do. The id of the default bridge is another after each start of the
// daemon.
func (m *model) hasNetwork(c command) bool {
	return m.networks[c.network] && (c.network != defaultBridge || c.by == "")
}

// do changes the model as a command changes the engine.
func (m *model) do(c command) {
	for _, b := range m.boxes {
		if b != nil {
			b.began = false
		}
	}
	b := m.boxes[c.box]
	switch c.verb {
	case networkCreate:
		m.networks[c.network] = true
	case networkRemove:
		delete(m.networks, c.network)
	case create:
		m.boxes[c.box] = &box{name: boxes[c.box][0], mode: c.network, attached: []attachment{{c.network, 1, c.by != ""}}}
	case remove:
		m.boxes[c.box] = nil
	case connect:
		b.attached = append(b.attached, attachment{c.network, b.next(), c.by != "" && !b.running})
		if b.running {
			b.plug(c.network, m.fillsGaps)
		}
	case disconnect:
		b.attached = slices.Delete(b.attached, b.at(c.network), b.at(c.network)+1)
		if i := slices.Index(b.live, c.network); i >= 0 {
			b.live[i] = "-"
		}
	case start, restart:
		b.running, b.began, b.live = true, true, nil
		for i := range b.attached {
			b.attached[i].byID = false
			b.live = append(b.live, b.attached[i].network)
		}
	case stop:
		b.stop()
	case rename:
		names := boxes[c.box]
		b.name = names[(slices.Index(names[:], b.name)+1)%2]
	case daemonRestart, daemonKill:
		for _, b := range m.boxes {
			if b != nil {
				b.stop()
			}
		}
	}
}

// at returns the place of a network among those that are attached, or -1.
func (b *box) at(network string) int {
	return slices.IndexFunc(b.attached, func(a attachment) bool { return a.network == network })
}

// next returns the number of a new attachment: one more than the highest.
func (b *box) next() uint64 {
	if len(b.attached) == 0 {
		return 1
	}
	return b.attached[len(b.attached)-1].number + 1
}

// plug gives a running container an interface more.
func (b *box) plug(network string, fillsGaps bool) {
	if i := slices.Index(b.live, "-"); fillsGaps && i >= 0 {
		b.live[i] = network
		return
	}
	b.live = append(b.live, network)
}

func (b *box) stop() { b.running, b.live = false, nil }

// interfaces returns the networks of eth0, eth1, … as order.Start.Networks does.
func (b *box) interfaces() []string {
	last := len(b.live)
	for last > 0 && b.live[last-1] == "-" {
		last--
	}
	return b.live[:last]
}

// numbers returns the numbers of the attachments, by network.
func (b *box) numbers() map[string]uint64 {
	numbers := make(map[string]uint64)
	for _, a := range b.attached {
		numbers[a.network] = a.number
	}
	return numbers
}

// text returns a command as a user types it, given the container's name.
func (c command) text(name string) string {
	network := c.network
	switch c.by {
	case "id":
		network = fmt.Sprintf("$(docker network inspect --format {{.Id}} %s)", c.network)
	case "short id":
		network = fmt.Sprintf("$(docker network inspect --format {{.Id}} %s | cut -c 1-12)", c.network)
	}
	if c.verb == daemonRestart || c.verb == daemonKill {
		return string(c.verb)
	}
	return "docker " + strings.Join(c.arguments(name, network), " ")
}

// arguments returns those of the docker command.
func (c command) arguments(name, network string) []string {
	switch c.verb {
	case networkCreate, networkRemove:
		return append(strings.Fields(string(c.verb)), network)
	case create:
		return []string{"create", "--name", name, "--network", network, "idle"}
	case connect, disconnect:
		return []string{"network", string(c.verb), network, name}
	case remove:
		return []string{"rm", "--force", name}
	case rename:
		names := boxes[c.box]
		return []string{"rename", name, names[(slices.Index(names[:], name)+1)%2]}
	default:
		return []string{string(c.verb), name}
	}
}

// texts returns commands as a user types them.
func texts(commands []command) []string {
	var lines []string
	m := newModel(false)
	for _, c := range commands {
		lines = append(lines, c.text(m.name(c)))
		m.do(c)
	}
	return lines
}

// name returns the name that the container of a command has, or gets.
func (m *model) name(c command) string {
	if b := m.boxes[c.box]; b != nil {
		return b.name
	}
	return boxes[c.box][0]
}
