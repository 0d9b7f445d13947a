package trial

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"ethorder/internal/engine"
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
func stockThenPatched(ctx context.Context, env *Env, e *engine.Engine) (Outcome, error) {
	patched := e.Dockerd()
	if err := e.Replace(ctx, env.Stock); err != nil {
		return Outcome{}, err
	}
	c := makeContainer(ctx, e, "zulu mike kilo", "bravo alpha")
	c.Do("start router", "stop router")

	c.Replace(patched)
	c.Want = strings.Fields("zulu kilo mike")
	c.Starts(starts, "by name")
	c.Connect("bravo")
	c.Starts(starts, "after a connect")
	c.Do("start router")
	c.Connect("alpha")
	c.Do("stop router")
	c.Starts(starts, "after a hot connect")
	return c.Outcome()
}

// stockOverlay is about a container that has no numbers either, and whose network mode
// is the id of an overlay. The node has the overlay only while the container runs, so that
// the engine cannot look its name up.
func stockOverlay(ctx context.Context, env *Env, e *engine.Engine) (Outcome, error) {
	patched := e.Dockerd()
	if err := e.Replace(ctx, env.Stock); err != nil {
		return Outcome{}, err
	}
	c := newContainer(ctx, e)
	// Internal ones, as 29.0 may fail to move the gateway from docker_gwbridge.
	c.Do("swarm init --advertise-addr 127.0.0.1", "network create --driver overlay --attachable zulu",
		"network create --internal alpha", "network create --internal mike")
	c.Create(c.Ask("network inspect --format {{.Id}} zulu"))
	// Not before, as stock may not start then: from 24.0.7 on, it must join the overlay first.
	c.Do("start router")
	c.Connect("mike")
	c.Connect("alpha")
	c.Do("stop router")

	c.Replace(patched)
	c.Want = strings.Fields("zulu alpha mike docker_gwbridge")
	c.Start("by name")
	return c.Outcome()
}

// thereAndBack is about a container that has lost its numbers to a stock engine.
func thereAndBack(ctx context.Context, env *Env, e *engine.Engine) (Outcome, error) {
	patched := e.Dockerd()
	c := makeContainer(ctx, e, "zulu mike kilo", "alpha yankee")
	c.Starts(starts, "patched")

	c.Replace(env.Stock)
	c.Do("start router", "network connect alpha router", "stop router")

	c.Replace(patched)
	c.Want = strings.Fields("zulu alpha kilo mike")
	c.Starts(starts, "patched again")
	c.Connect("yankee")
	c.Disconnect("alpha")
	c.Starts(starts, "after a disconnect")
	c.Connect("alpha")
	c.Starts(starts, "after a reconnect")
	return c.Outcome()
}

// explicitNumbers is about a container that was made on a stock engine, which keeps
// explicit numbers, and shows them to clients, as it keeps any driver option.
func explicitNumbers(ctx context.Context, env *Env, e *engine.Engine) (Outcome, error) {
	patched := e.Dockerd()
	if err := e.Replace(ctx, env.Stock); err != nil {
		return Outcome{}, err
	}
	c := newContainer(ctx, e)
	c.Do("network create alpha", "network create kilo", "network create mike", "network create zulu")
	c.Post("/containers/create?name=router", createBody("zulu", explicitly("3")))
	c.ID = c.Ask("inspect --format {{.Id}} router")
	c.Post("/networks/mike/connect", connectBody(explicitly("2")))
	c.Post("/networks/kilo/connect", connectBody(explicitly("1")))
	c.Want = strings.Fields("kilo mike zulu")
	var complete observe.Tally
	for range 2 {
		c.startUnderStock(&complete)
		c.Replace(patched)
		c.Starts(starts, "patched")
		c.Replace(env.Stock)
	}
	c.Replace(patched)
	c.Connect("alpha")
	c.Starts(starts, "after a connect")
	return c.outcomeUnderStock(complete)
}

// mixedNumbers is about a container that has lost to a stock engine all numbers but an
// explicit one.
func mixedNumbers(ctx context.Context, env *Env, e *engine.Engine) (Outcome, error) {
	patched := e.Dockerd()
	c := makeContainer(ctx, e, "zulu mike", "alpha yankee")
	c.Connect("alpha", "--driver-opt", engine.AttachSequenceOption+"=9")
	c.Starts(1, "patched")

	c.Replace(env.Stock)
	var complete observe.Tally
	c.startUnderStock(&complete)

	c.Replace(patched)
	c.Starts(starts, "patched again")
	c.Connect("yankee")
	c.Starts(starts, "after a connect")
	number := c.Numbers()["yankee"]
	o, err := c.outcomeUnderStock(complete)
	if number != 10 {
		o.blame("the number behind 9 is %d", number)
	}
	return o, err
}

// stockReads is about a stopped container that a stock engine finds.
func stockReads(ctx context.Context, env *Env, e *engine.Engine) (Outcome, error) {
	c := makeContainer(ctx, e, "zulu mike kilo", "")
	c.Starts(1, "patched")
	// Any daemon may change what is shown when it starts: let the first one do it.
	c.RestartDaemon()
	before := c.Ask("inspect router")
	c.Replace(env.Stock)
	after := c.Ask("inspect router")
	c.Tally, c.Wrong = observe.Tally{}, nil
	c.startUnderStock(&c.Tally)
	o, err := c.Outcome()
	if after != before {
		o.blame("inspect shows something else")
	}
	if c.Tally.Right < c.Tally.Total {
		o.blame("%v starts with all networks", c.Tally)
	}
	return o, err
}

// startUnderStock starts the container and counts the starts that made an interface in
// each of its networks, in any order.
func (c *Container) startUnderStock(complete *observe.Tally) {
	want := slices.Sorted(slices.Values(c.Want))
	for range starts {
		c.Do("start router")
		complete.Add(slices.Equal(slices.Sorted(slices.Values(c.Networks())), want))
		c.Do("stop router")
	}
}

// outcomeUnderStock is the outcome of a container, with the starts under stock that had all
// networks.
func (c *Container) outcomeUnderStock(complete observe.Tally) (Outcome, error) {
	o, err := c.Outcome()
	o.Figures["starts of stock"], o.Figures["starts of stock with all networks"] = complete.Total, complete.Right
	if complete.Right < complete.Total {
		o.blame("%v starts of stock with all networks", complete)
	}
	return o, err
}

// sameFile is about what is stored. A daemon saves every container when it starts.
func sameFile(ctx context.Context, env *Env, e *engine.Engine) (Outcome, error) {
	c := makeContainer(ctx, e, "zulu mike kilo", "")
	c.Starts(1, "patched")
	c.RestartDaemon()
	written, numbers := c.Settings(), c.Numbers()
	c.Replace(env.Stock)
	rewritten, left := c.Settings(), c.Numbers()
	o, err := c.Outcome()
	for _, network := range c.Want {
		if numbers[network] == 0 {
			o.blame("%s has no number", network)
		}
		if left[network] != 0 {
			o.blame("%s has the number %d under stock", network, left[network])
		}
	}
	if _, stored := rewritten["AttachSequences"]; stored {
		o.blame("stock has kept the numbers")
	}
	delete(written, "AttachSequences")
	for key := range written {
		if !reflect.DeepEqual(written[key], rewritten[key]) {
			o.blame("%s: %v and %v", key, written[key], rewritten[key])
		}
	}
	if len(written) != len(rewritten) {
		o.blame("stock stores %d settings, patched %d", len(rewritten), len(written))
	}
	return o, err
}

// liveToPatched is about a container of a stock engine that runs while a patched one
// takes its place.
func liveToPatched(ctx context.Context, env *Env, e *engine.Engine) (Outcome, error) {
	patched := e.Dockerd()
	if err := e.Replace(ctx, env.Stock); err != nil {
		return Outcome{}, err
	}
	c := makeContainer(ctx, e, "zulu mike kilo", "alpha")
	c.Do("start router")
	wrong := c.goesOn(patched, "alpha")
	c.Want = strings.Fields("zulu kilo mike alpha")
	c.Starts(starts, "after the swap")
	return c.outcomeWith(wrong, "swaps", 1)
}

// liveToStock is about a container of a patched engine that runs while a stock one
// takes its place, and a patched one then.
func liveToStock(ctx context.Context, env *Env, e *engine.Engine) (Outcome, error) {
	patched := e.Dockerd()
	c := makeContainer(ctx, e, "zulu mike kilo", "alpha bravo")
	c.Start("patched")
	wrong := c.goesOn(env.Stock, "alpha")
	c.Want = strings.Fields("zulu mike kilo alpha")
	var complete observe.Tally
	c.startUnderStock(&complete)
	c.Do("start router")
	wrong = append(wrong, c.goesOn(patched, "bravo")...)
	c.Want = strings.Fields("zulu alpha kilo mike bravo")
	c.Starts(starts, "patched again")
	o, err := c.outcomeUnderStock(complete)
	if wrong != nil {
		o.blame("%s", strings.Join(wrong, "; "))
	}
	return o, err
}

// goesOn replaces the engine of the running container, connects a network, stops the
// container, and returns what went wrong. The interfaces keep their names, and the new
// one has the next.
func (c *Container) goesOn(dockerd, network string) (wrong []string) {
	pid, want := c.Pid(), append(c.Networks(), network)
	c.Replace(dockerd)
	if c.Pid() != pid {
		return []string{"the container did not go on"}
	}
	c.Connect(network)
	if got := c.Networks(); !slices.Equal(got, want) {
		wrong = []string{"hot connect: got " + strings.Join(got, " ") + ", wanted " + strings.Join(want, " ")}
	}
	c.Do("stop router")
	return wrong
}
