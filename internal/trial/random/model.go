package random

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"ethorder"

	"ethorder/internal/engine"
)

// networks are those that the commands are about. Neither the order in which they are
// made nor that in which they are attached has to do with their names.
var networks = []string{
	"kilo", "zulu", "alpha", "net10", "mike", "net2", "bridge", "bravo", "yankee", "lima", "echo", "tango",
}

// defaultBridge is the network that every engine has.
const defaultBridge = "bridge"

// containerNames are the names of the containers, and what they are renamed to, and back.
var containerNames = [][2]string{{"one", "uno"}, {"two", "due"}, {"three", "tre"}}

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
	networkCreate: 12, networkRemove: 2, create: 9, remove: 4, connect: 27, disconnect: 12,
	start: 14, stop: 8, restart: 8, rename: 3, daemonRestart: 2, daemonKill: 2,
}

// latest is the first number of a release that can do all that a command can.
const latest = 28

// command is something that a user does. The zero value of a field means that it is
// not about such a thing.
type command struct {
	verb      verb
	container int     // of the container in containerNames
	network   string  // its name
	by        string  // what is given of the network: "" for its name, else "id" or "short id"
	number    uint64  // the explicit number that the network gets, if not 0
	more      []given // the other networks of a request that creates a container
}

// given is a network that a request attaches.
type given struct {
	network string
	by      string
	number  uint64
}

// given returns the networks that a command attaches.
func (c command) given() []given {
	return append([]given{{c.network, c.by, c.number}}, c.more...)
}

// model is what an engine must do: the rule of docs/guarantees.md in plain code. It has no
// part of the code that it is compared with.
type model struct {
	// fillsGaps says that a network connected to a running container takes the lowest
	// name that is free, as from 28.0 on, and not the one after all that there have been.
	fillsGaps bool
	// several says that a container can be created with several networks, as from 25.0 on.
	several    bool
	networks   map[string]bool // those that there are
	containers []*container    // nil for a container that there is not
}

// container is what the model knows of a container.
type container struct {
	name     string
	mode     string       // the network that it was created with
	attached []attachment // in attach order
	running  bool
	live     []string // if it is running: the network of eth0, of eth1, …; "-" for a name that is free
	began    bool     // if the last command has started it, so that the order must be as attached
}

type attachment struct {
	network  string
	number   uint64
	explicit bool
	byID     bool // was given by its id while the container was stopped, which the engine keeps until the next start
}

// newModel returns the model of an engine, given the first number of its release.
func newModel(major int) *model {
	return &model{
		fillsGaps: major >= 28, several: major >= 25,
		networks: map[string]bool{defaultBridge: true}, containers: make([]*container, len(containerNames)),
	}
}

// can returns true if a command does what it says, and false if it would be refused or
// would do what the design has no rule for.
func (m *model) can(c command) bool {
	b := m.containers[c.container]
	switch c.verb {
	case networkCreate:
		return !m.networks[c.network]
	case networkRemove:
		// From 25.0 on, a container whose network mode is gone is of no use.
		needed := func(b *container) bool { return b != nil && (b.mode == c.network || b.at(c.network) >= 0) }
		return c.network != defaultBridge && m.networks[c.network] && !slices.ContainsFunc(m.containers, needed)
	case create:
		return b == nil && m.canCreate(c)
	case connect:
		return b != nil && m.hasNetwork(c.given()[0]) && b.at(c.network) < 0
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
func (m *model) hasNetwork(g given) bool {
	return m.networks[g.network] && (g.network != defaultBridge || g.by == "")
}

// canCreate returns true if a container can be created with the networks of a command.
func (m *model) canCreate(c command) bool {
	names := make(map[string]bool)
	for _, g := range c.given() {
		// Settings of an endpoint that are given under a short id, stock keeps under both
		// that and the name, and does not start the container any more.
		settings := g.number > 0 || len(c.more) > 0
		if !m.hasNetwork(g) || names[g.network] || settings && g.by == "short id" {
			return false
		}
		names[g.network] = true
	}
	return m.several || len(c.more) == 0
}

// do changes the model as a command changes the engine.
func (m *model) do(c command) {
	for _, b := range m.containers {
		if b != nil {
			b.began = false
		}
	}
	b := m.containers[c.container]
	switch c.verb {
	case networkCreate:
		m.networks[c.network] = true
	case networkRemove:
		delete(m.networks, c.network)
	case create:
		m.containers[c.container] = &container{name: containerNames[c.container][0], mode: c.network, attached: created(c.given())}
	case remove:
		m.containers[c.container] = nil
	case connect:
		a := attachment{c.network, c.number, c.number > 0, c.by != "" && !b.running}
		if !a.explicit {
			a.number = b.next()
		}
		b.attached = append(b.attached, a)
		inOrder(b.attached)
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
		b.name = c.otherName(b.name)
	case daemonRestart, daemonKill:
		for _, b := range m.containers {
			if b != nil {
				b.stop()
			}
		}
	}
}

// created returns the attachments of a container that is created with networks, in
// attach order. Those without a number get one that is not given: the first of all,
// and then the others by name.
func created(networks []given) (attached []attachment) {
	others := slices.Clone(networks)
	slices.SortFunc(others[1:], func(a, b given) int { return strings.Compare(a.network, b.network) })
	next := uint64(1)
	for _, g := range others {
		a := attachment{g.network, g.number, g.number > 0, g.by != ""}
		if !a.explicit {
			for slices.ContainsFunc(networks, func(g given) bool { return g.number == next }) {
				next++
			}
			a.number = next
			next++
		}
		attached = append(attached, a)
	}
	inOrder(attached)
	return attached
}

// inOrder puts attachments in attach order. Of the same number, explicit ones come
// first, and then they go by name.
func inOrder(attached []attachment) {
	rank := map[bool]int{true: 1, false: 2}
	slices.SortFunc(attached, func(a, b attachment) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(rank[a.explicit], rank[b.explicit]), strings.Compare(a.network, b.network))
	})
}

// at returns the place of a network among those that are attached, or -1.
func (b *container) at(network string) int {
	return slices.IndexFunc(b.attached, func(a attachment) bool { return a.network == network })
}

// next returns the number of a new attachment: one more than the highest.
func (b *container) next() uint64 {
	if len(b.attached) == 0 {
		return 1
	}
	return b.attached[len(b.attached)-1].number + 1
}

// plug gives a running container an interface more.
func (b *container) plug(network string, fillsGaps bool) {
	if i := slices.Index(b.live, "-"); fillsGaps && i >= 0 {
		b.live[i] = network
		return
	}
	b.live = append(b.live, network)
}

func (b *container) stop() { b.running, b.live = false, nil }

// interfaces returns the networks of eth0, eth1, … as observe.Snapshot.Networks does.
func (b *container) interfaces() []string {
	last := len(b.live)
	for last > 0 && b.live[last-1] == "-" {
		last--
	}
	return b.live[:last]
}

// numbers returns the numbers of the attachments, by network.
func (b *container) numbers() map[string]uint64 {
	numbers := make(map[string]uint64)
	for _, a := range b.attached {
		numbers[a.network] = a.number
	}
	return numbers
}

// typed returns what is given of a network, as a user types it.
func (g given) typed() string {
	switch g.by {
	case "id":
		return fmt.Sprintf("$(docker network inspect --format {{.Id}} %s)", g.network)
	case "short id":
		return fmt.Sprintf("$(docker network inspect --format {{.Id}} %s | cut -c 1-12)", g.network)
	}
	return g.network
}

// text returns a command as a user types it, given the container's name.
func (c command) text(name string) string {
	switch {
	case c.verb == daemonRestart || c.verb == daemonKill:
		return string(c.verb)
	case len(c.more) > 0:
		path, body := c.request(name, given.typed)
		return "POST " + path + " " + body
	}
	return "docker " + strings.Join(c.arguments(name, c.given()[0].typed()), " ")
}

// arguments returns those of the docker command.
func (c command) arguments(name, network string) []string {
	switch c.verb {
	case networkCreate, networkRemove:
		return append(strings.Fields(string(c.verb)), network)
	case create:
		if c.number > 0 {
			network = fmt.Sprintf("name=%s,driver-opt=%s=%d", network, ethorder.AttachSequenceOption, c.number)
		}
		return []string{"create", "--name", name, "--network", network, engine.Image}
	case connect:
		if c.number > 0 {
			return []string{"network", "connect", "--driver-opt", fmt.Sprintf("%s=%d", ethorder.AttachSequenceOption, c.number), network, name}
		}
		return []string{"network", "connect", network, name}
	case disconnect:
		return []string{"network", "disconnect", network, name}
	case remove:
		return []string{"rm", "--force", name}
	case rename:
		return []string{"rename", name, c.otherName(name)}
	default:
		return []string{string(c.verb), name}
	}
}

// otherName returns what a container with a name is renamed to.
func (c command) otherName(name string) string {
	names := containerNames[c.container]
	return names[(slices.Index(names[:], name)+1)%2]
}

// request returns the request to the engine's API that creates a container with several
// networks. What is given of a network is what key returns.
func (c command) request(name string, key func(given) string) (path, body string) {
	endpoints := make(map[string]any)
	for _, g := range c.given() {
		endpoint := map[string]any{}
		if g.number > 0 {
			endpoint["DriverOpts"] = map[string]string{ethorder.AttachSequenceOption: fmt.Sprint(g.number)}
		}
		endpoints[key(g)] = endpoint
	}
	data, err := json.Marshal(map[string]any{
		"Image":            engine.Image,
		"HostConfig":       map[string]any{"NetworkMode": key(c.given()[0])},
		"NetworkingConfig": map[string]any{"EndpointsConfig": endpoints},
	})
	if err != nil {
		panic(err)
	}
	return "/v1.44/containers/create?name=" + name, string(data)
}

// texts returns commands as a user types them.
func texts(commands []command) []string {
	var lines []string
	m := newModel(latest)
	for _, c := range commands {
		lines = append(lines, c.text(m.name(c)))
		m.do(c)
	}
	return lines
}

// name returns the name that the container of a command has, or gets.
func (m *model) name(c command) string {
	if b := m.containers[c.container]; b != nil {
		return b.name
	}
	return containerNames[c.container][0]
}
