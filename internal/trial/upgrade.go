// Package upgrade tries what becomes of a container when its engine is replaced: a
// stock one by a patched one, and back.
package trial

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"ethorder/internal/engine"
	"ethorder/internal/observe"
)

// Suite replaces engines on the same containers. What it has of stock is the same with
// a stock engine in the place of the patched one.
var UpgradeSuite = Suite{
	Name:    "upgrade",
	Promise: "an engine opens what the other kind has stored, and under a patched one containers start in the documented order",
	Run:     runUpgrade,
}

func runUpgrade(ctx context.Context, l *Lab) error {
	for _, trial := range []struct {
		name string
		play func(ctx context.Context, e *engine.Engine, stock string) (Outcome, error)
		args []string
	}{
		{"container made by stock starts under patched", stockThenPatched, nil},
		{"container made by stock with the id of an overlay starts under patched", stockOverlay, nil},
		{"patched, then stock, then patched", thereAndBack, nil},
		{"stock, patched, stock, patched keeps the order of explicit numbers", explicitNumbers, nil},
		{"patched, then stock, then patched, with a network that has an explicit number", mixedNumbers, nil},
		{"stock reads what patched has stored", stockReads, nil},
		{"container's file has stock's settings and the numbers, which stock drops", sameFile, nil},
		{"running container of stock goes on under patched", liveToPatched, []string{"--live-restore"}},
		{"running container of patched goes on under stock, and back", liveToStock, []string{"--live-restore"}},
	} {
		err := l.Both(ctx, trial.name, func(ctx context.Context, e *engine.Engine) (Outcome, error) {
			return trial.play(ctx, e, l.Stock)
		}, trial.args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// stockThenPatched is about a container that has no numbers. Its networks are in the
// order of their names behind that of its network mode, and newer ones after them.
func stockThenPatched(ctx context.Context, e *engine.Engine, stock string) (Outcome, error) {
	patched := e.Dockerd()
	if err := e.Replace(ctx, stock); err != nil {
		return Outcome{}, err
	}
	box := MakeBox(ctx, e, "zulu mike kilo", "bravo alpha")
	box.Do("start box", "stop box")

	box.Replace(patched)
	box.Want = strings.Fields("zulu kilo mike")
	box.Starts(starts, "by name")
	box.Connect("bravo")
	box.Starts(starts, "after a connect")
	box.Do("start box")
	box.Connect("alpha")
	box.Do("stop box")
	box.Starts(starts, "after a hot connect")
	return box.Outcome()
}

// stockOverlay is about a container that has no numbers either, and whose network mode
// is the id of an overlay. The node has the overlay only while the container runs, so that
// the engine cannot look its name up.
func stockOverlay(ctx context.Context, e *engine.Engine, stock string) (Outcome, error) {
	patched := e.Dockerd()
	if err := e.Replace(ctx, stock); err != nil {
		return Outcome{}, err
	}
	box := NewBox(ctx, e)
	// Internal ones, as 29.0 may fail to move the gateway from docker_gwbridge.
	box.Do("swarm init --advertise-addr 127.0.0.1", "network create --driver overlay --attachable zulu",
		"network create --internal alpha", "network create --internal mike")
	box.Create(box.Ask("network inspect --format {{.Id}} zulu"))
	// Not before, as stock may not start then: from 24.0.7 on, it must join the overlay first.
	box.Do("start box")
	box.Connect("mike")
	box.Connect("alpha")
	box.Do("stop box")

	box.Replace(patched)
	box.Want = strings.Fields("zulu alpha mike docker_gwbridge")
	box.Start("by name")
	return box.Outcome()
}

// thereAndBack is about a container that has lost its numbers to a stock engine.
func thereAndBack(ctx context.Context, e *engine.Engine, stock string) (Outcome, error) {
	patched := e.Dockerd()
	box := MakeBox(ctx, e, "zulu mike kilo", "alpha yankee")
	box.Starts(starts, "patched")

	box.Replace(stock)
	box.Do("start box", "network connect alpha box", "stop box")

	box.Replace(patched)
	box.Want = strings.Fields("zulu alpha kilo mike")
	box.Starts(starts, "patched again")
	box.Connect("yankee")
	box.Disconnect("alpha")
	box.Starts(starts, "after a disconnect")
	box.Connect("alpha")
	box.Starts(starts, "after a reconnect")
	return box.Outcome()
}

// explicitly returns the settings of an endpoint that give an explicit number.
func explicitly(number int) string {
	return fmt.Sprintf(`{"DriverOpts": {%q: "%d"}}`, engine.AttachSequenceOption, number)
}

// explicitNumbers is about a container that was made on a stock engine, which keeps
// explicit numbers, and shows them to clients, as it keeps any driver option.
func explicitNumbers(ctx context.Context, e *engine.Engine, stock string) (Outcome, error) {
	patched := e.Dockerd()
	if err := e.Replace(ctx, stock); err != nil {
		return Outcome{}, err
	}
	box := NewBox(ctx, e)
	box.Do("network create alpha", "network create kilo", "network create mike", "network create zulu")
	box.Post("/containers/create?name=box", fmt.Sprintf(
		`{"Image": "idle", "HostConfig": {"NetworkMode": "zulu"}, "NetworkingConfig": {"EndpointsConfig": {"zulu": %s}}}`, explicitly(3)))
	box.ID = box.Ask("inspect --format {{.Id}} box")
	box.Post("/networks/mike/connect", fmt.Sprintf(`{"Container": "box", "EndpointConfig": %s}`, explicitly(2)))
	box.Post("/networks/kilo/connect", fmt.Sprintf(`{"Container": "box", "EndpointConfig": %s}`, explicitly(1)))
	box.Want = strings.Fields("kilo mike zulu")
	var complete observe.Tally
	for range 2 {
		underStock := startsWithAll(box)
		complete.Right += underStock.Right
		complete.Total += underStock.Total
		box.Replace(patched)
		box.Starts(starts, "patched")
		box.Replace(stock)
	}
	box.Replace(patched)
	box.Connect("alpha")
	box.Starts(starts, "after a connect")
	o, err := box.Outcome()
	o.What += fmt.Sprintf(", %v starts of stock with all networks", complete)
	o.Held = o.Held && complete.Right == complete.Total
	return o, err
}

// mixedNumbers is about a container that has lost to a stock engine all numbers but an
// explicit one.
func mixedNumbers(ctx context.Context, e *engine.Engine, stock string) (Outcome, error) {
	patched := e.Dockerd()
	box := MakeBox(ctx, e, "zulu mike", "alpha yankee")
	box.Connect("alpha", "--driver-opt", engine.AttachSequenceOption+"=9")
	box.Starts(1, "patched")

	box.Replace(stock)
	complete := startsWithAll(box)

	box.Replace(patched)
	box.Starts(starts, "patched again")
	box.Connect("yankee")
	box.Starts(starts, "after a connect")
	numbers := box.Numbers()
	o, err := box.Outcome()
	o.What += fmt.Sprintf(", %v starts of stock with all networks, the number behind 9 is %d", complete, numbers["yankee"])
	o.Held = o.Held && complete.Right == starts && numbers["yankee"] == 10
	return o, err
}

// stockReads is about a stopped container that a stock engine finds.
func stockReads(ctx context.Context, e *engine.Engine, stock string) (Outcome, error) {
	box := MakeBox(ctx, e, "zulu mike kilo", "")
	box.Starts(1, "patched")
	// Any daemon may change what is shown when it starts: let the first one do it.
	box.Restart()
	before := box.Ask("inspect box")
	box.Replace(stock)
	shown := "another"
	if box.Ask("inspect box") == before {
		shown = "the same"
	}
	complete := startsWithAll(box)
	return Outcome{
		What: fmt.Sprintf("inspect shows %s, %v starts with all networks", shown, complete),
		Held: shown == "the same" && complete.Right == starts,
	}, box.Err
}

// startsWithAll starts the container and counts the starts that made an interface in
// each of its networks, in any order.
func startsWithAll(box *Box) (t observe.Tally) {
	want := slices.Sorted(slices.Values(box.Want))
	for range starts {
		box.Do("start box")
		t.Add(slices.Equal(slices.Sorted(slices.Values(box.Networks())), want))
		box.Do("stop box")
	}
	return t
}

// sameFile is about what is stored. A daemon saves every container when it starts.
func sameFile(ctx context.Context, e *engine.Engine, stock string) (Outcome, error) {
	box := MakeBox(ctx, e, "zulu mike kilo", "")
	box.Starts(1, "patched")
	box.Restart()
	written, numbers := box.Settings(), box.Numbers()
	box.Replace(stock)
	rewritten, left := box.Settings(), box.Numbers()
	if box.Err != nil {
		return Outcome{}, box.Err
	}
	var numbered, kept uint64
	for name := range numbers {
		numbered += min(numbers[name], 1)
		kept += min(left[name], 1)
	}
	_, stored := rewritten["AttachSequences"]
	delete(written, "AttachSequences")
	apart := "nothing"
	for key := range written {
		if !reflect.DeepEqual(written[key], rewritten[key]) {
			apart = fmt.Sprintf("%s: %v and %v", key, written[key], rewritten[key])
		}
	}
	return Outcome{
		What: fmt.Sprintf("%d of %d networks numbered, %d after stock, else %s differs", numbered, len(box.Want), kept, apart),
		Held: numbered == uint64(len(box.Want)) && kept == 0 && !stored && apart == "nothing" && len(written) == len(rewritten),
	}, nil
}

// liveToPatched is about a container of a stock engine that runs while a patched one
// takes its place.
func liveToPatched(ctx context.Context, e *engine.Engine, stock string) (Outcome, error) {
	patched := e.Dockerd()
	if err := e.Replace(ctx, stock); err != nil {
		return Outcome{}, err
	}
	box := MakeBox(ctx, e, "zulu mike kilo", "alpha")
	box.Do("start box")
	went := goesOn(box, patched, "alpha")
	box.Want = strings.Fields("zulu kilo mike alpha")
	box.Starts(starts, "after the swap")
	return outcomeAnd(box, went)
}

// liveToStock is about a container of a patched engine that runs while a stock one
// takes its place, and a patched one then.
func liveToStock(ctx context.Context, e *engine.Engine, stock string) (Outcome, error) {
	patched := e.Dockerd()
	box := MakeBox(ctx, e, "zulu mike kilo", "alpha bravo")
	box.Start("patched")
	went := goesOn(box, stock, "alpha")
	box.Want = strings.Fields("zulu mike kilo alpha")
	complete := startsWithAll(box)
	if complete.Right < starts {
		went += fmt.Sprintf(", %v starts of stock with all networks", complete)
	}
	box.Do("start box")
	went += goesOn(box, patched, "bravo")
	box.Want = strings.Fields("zulu alpha kilo mike bravo")
	box.Starts(starts, "patched again")
	return outcomeAnd(box, went)
}

// goesOn replaces the engine of a running container, connects a network, stops the
// container, and says what went wrong. The interfaces keep their names, and the new
// one has the next.
func goesOn(box *Box, dockerd, network string) (wrong string) {
	pid, want := box.Pid(), append(box.Networks(), network)
	box.Replace(dockerd)
	if now := box.Pid(); now != pid {
		return ", the container did not go on"
	}
	box.Connect(network)
	if got := box.Networks(); !slices.Equal(got, want) {
		wrong = fmt.Sprintf(", hot connect: got %v, wanted %v", got, want)
	}
	box.Do("stop box")
	return wrong
}

// and is the outcome of the starts, and of what went wrong besides.
func outcomeAnd(box *Box, wrong string) (Outcome, error) {
	o, err := box.Outcome()
	if wrong == "" {
		wrong = ", the container went on"
	} else {
		o.Held = false
	}
	o.What += wrong
	return o, err
}
