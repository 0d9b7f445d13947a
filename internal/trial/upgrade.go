package trial

import (
	"reflect"
	"slices"
	"strings"

	"ethorder"

	"ethorder/internal/observe"
)

// Upgrade replaces engines on the same containers. What it has of stock is the same with
// a stock engine in the place of the patched one.
var Upgrade = Suite{
	Name:      "upgrade",
	Guarantee: "an engine opens what the other kind has stored, and under a patched one containers start in the documented order",
	Trials: []Trial{
		{Name: "container made by stock starts under patched", Play: stockThenPatched},
		{Name: "container made by stock with the id of an overlay starts under patched", Play: stockOverlay},
		{Name: "patched, then stock, then patched", Play: thereAndBack},
		{Name: "stock, patched, stock, patched keeps the order of explicit numbers", Play: explicitNumbers},
		{Name: "patched, then stock, then patched, with a network that has an explicit number", Play: mixedNumbers},
		{Name: "stock reads what patched has stored", Play: stockReads},
		{Name: "container's file has stock's settings and the numbers, which stock drops", Play: sameFile},
		{Name: "running container of stock goes on under patched", Play: liveToPatched, Args: []string{"--live-restore"}},
		{Name: "running container of patched goes on under stock, and back", Play: liveToStock, Args: []string{"--live-restore"}},
	},
}

// stockThenPatched is about a container that has no numbers. Its networks are in the
// order of their names behind that of its network mode, and newer ones after them.
func stockThenPatched(c *Container) {
	c.ToStock()
	c.Make("zulu mike kilo", "bravo alpha")
	c.Do("start router", "stop router")

	c.Back()
	c.Want = strings.Fields("zulu kilo mike")
	c.Starts(starts, "by name")
	c.Connect("bravo")
	c.Starts(starts, "after a connect")
	c.Do("start router")
	c.Connect("alpha")
	c.Do("stop router")
	c.Starts(starts, "after a hot connect")
}

// stockOverlay is about a container that has no numbers either, and whose network mode
// is the id of an overlay. The node has the overlay only while the container runs, so that
// the engine cannot look its name up.
func stockOverlay(c *Container) {
	c.ToStock()
	// Internal ones, as 29.0 may fail to move the gateway from docker_gwbridge.
	c.Do("swarm init --advertise-addr 127.0.0.1", "network create --driver overlay --attachable zulu",
		"network create --internal alpha", "network create --internal mike")
	c.Create(c.Ask("network inspect --format {{.Id}} zulu"))
	// Not before, as stock may not start then: from 24.0.7 on, it must join the overlay first.
	c.Do("start router")
	c.Connect("mike")
	c.Connect("alpha")
	c.Do("stop router")

	c.Back()
	c.Want = strings.Fields("zulu alpha mike docker_gwbridge")
	c.Start("by name")
}

// thereAndBack is about a container that has lost its numbers to a stock engine.
func thereAndBack(c *Container) {
	c.Make("zulu mike kilo", "alpha yankee")
	c.Starts(starts, "patched")

	c.ToStock()
	c.Do("start router", "network connect alpha router", "stop router")

	c.Back()
	c.Want = strings.Fields("zulu alpha kilo mike")
	c.Starts(starts, "patched again")
	c.Connect("yankee")
	c.Disconnect("alpha")
	c.Starts(starts, "after a disconnect")
	c.Connect("alpha")
	c.Starts(starts, "after a reconnect")
}

// explicitNumbers is about a container that was made on a stock engine, which keeps
// explicit numbers, and shows them to clients, as it keeps any driver option.
func explicitNumbers(c *Container) {
	c.ToStock()
	c.Do("network create alpha", "network create kilo", "network create mike", "network create zulu")
	c.Post("/containers/create?name=router", createBody("zulu", explicitly("3")))
	c.ID = c.Ask("inspect --format {{.Id}} router")
	c.Post("/networks/mike/connect", connectBody(explicitly("2")))
	c.Post("/networks/kilo/connect", connectBody(explicitly("1")))
	c.Want = strings.Fields("kilo mike zulu")
	for range 2 {
		c.startUnderStock()
		c.Back()
		c.Starts(starts, "patched")
		c.ToStock()
	}
	c.Back()
	c.Connect("alpha")
	c.Starts(starts, "after a connect")
}

// mixedNumbers is about a container that has lost to a stock engine all numbers but an
// explicit one.
func mixedNumbers(c *Container) {
	c.Make("zulu mike", "alpha yankee")
	c.Connect("alpha", "--driver-opt", ethorder.AttachSequenceOption+"=9")
	c.Starts(1, "patched")

	c.ToStock()
	c.startUnderStock()

	c.Back()
	c.Starts(starts, "patched again")
	c.Connect("yankee")
	c.Starts(starts, "after a connect")
	if number := c.Numbers()["yankee"]; number != 10 {
		c.blame("the number behind 9 is %d", number)
	}
}

// stockReads is about a stopped container that a stock engine finds.
func stockReads(c *Container) {
	c.Make("zulu mike kilo", "")
	c.Starts(1, "patched")
	// Any daemon may change what is shown when it starts: let the first one do it.
	c.RestartDaemon()
	before := c.Ask("inspect router")
	c.ToStock()
	if c.Ask("inspect router") != before {
		c.blame("inspect shows something else")
	}
	c.Tally, c.Wrong = c.startInAnyOrder(), nil
	if c.Tally.Right < c.Tally.Total {
		c.blame("%v starts with all networks", c.Tally)
	}
}

// startInAnyOrder starts the container and counts the starts that made an interface in each
// of its networks, in any order.
func (c *Container) startInAnyOrder() (complete observe.Tally) {
	want := slices.Sorted(slices.Values(c.Want))
	for range starts {
		c.Do("start router")
		complete.Add(slices.Equal(slices.Sorted(slices.Values(c.Networks())), want))
		c.Do("stop router")
	}
	return complete
}

// startUnderStock starts the container under a stock engine, to which only the set of its
// networks matters.
func (c *Container) startUnderStock() {
	complete := c.startInAnyOrder()
	c.Figures["starts of stock"] += complete.Total
	c.Figures["starts of stock with all networks"] += complete.Right
	if complete.Right < complete.Total {
		c.blame("%v starts of stock with all networks", complete)
	}
}

// sameFile is about what is stored. A daemon saves every container when it starts.
func sameFile(c *Container) {
	c.Make("zulu mike kilo", "")
	c.Starts(1, "patched")
	c.RestartDaemon()
	written, numbers := c.Settings(), c.Numbers()
	c.ToStock()
	rewritten, left := c.Settings(), c.Numbers()
	for _, network := range c.Want {
		if numbers[network] == 0 {
			c.blame("%s has no number", network)
		}
		if left[network] != 0 {
			c.blame("%s has the number %d under stock", network, left[network])
		}
	}
	if _, stored := rewritten["AttachSequences"]; stored {
		c.blame("stock has kept the numbers")
	}
	delete(written, "AttachSequences")
	for key := range written {
		if !reflect.DeepEqual(written[key], rewritten[key]) {
			c.blame("%s: %v and %v", key, written[key], rewritten[key])
		}
	}
	if len(written) != len(rewritten) {
		c.blame("stock stores %d settings, patched %d", len(rewritten), len(written))
	}
}

// liveToPatched is about a container of a stock engine that runs while a patched one
// takes its place.
func liveToPatched(c *Container) {
	c.ToStock()
	c.Make("zulu mike kilo", "alpha")
	c.Do("start router")
	c.goesOn(c.dockerd, "alpha")
	c.Want = strings.Fields("zulu kilo mike alpha")
	c.Starts(starts, "after the swap")
	c.Figures["swaps"] = 1
}

// liveToStock is about a container of a patched engine that runs while a stock one
// takes its place, and a patched one then.
func liveToStock(c *Container) {
	c.Make("zulu mike kilo", "alpha bravo")
	c.Start("patched")
	c.goesOn(c.env.Stock, "alpha")
	c.Want = strings.Fields("zulu mike kilo alpha")
	c.startUnderStock()
	c.Do("start router")
	c.goesOn(c.dockerd, "bravo")
	c.Want = strings.Fields("zulu alpha kilo mike bravo")
	c.Starts(starts, "patched again")
}

// goesOn replaces the engine of the running container, connects a network and stops the
// container. The interfaces keep their names, and the new one has the next.
func (c *Container) goesOn(dockerd, network string) {
	pid, want := c.Pid(), append(c.Networks(), network)
	c.Replace(dockerd)
	if c.Pid() != pid {
		c.blame("the container did not go on")
		return
	}
	c.Connect(network)
	if got := c.Networks(); !slices.Equal(got, want) {
		c.blame("hot connect: got %v, wanted %v", got, want)
	}
	c.Do("stop router")
}
