package trial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"ethorder/internal/engine"
	"ethorder/internal/observe"
	"ethorder/internal/report"
)

// Concurrent makes a hundred network connects at once.
var Concurrent = Suite{
	Name:      "concurrent",
	Guarantee: "networks that are connected at the same time get numbers that differ, and their interfaces keep that order",
	Trials:    trialsOf(loads, func(l load) Trial { return Trial{Name: l.String()} }),
	Run: func(ctx context.Context, env *Env) error {
		stock, patched, err := inTurn(func(patched bool) ([]Outcome, error) {
			outcomes, _, err := env.connectAll(ctx, patched, 5)
			return outcomes, err
		})
		if err != nil {
			return err
		}
		for i, load := range loads {
			env.Report(load.String(), stock[i], patched[i])
		}
		return nil
	},
}

// connects are how many are made at the same time.
const connects = 100

// load is a number of containers that share the connects.
type load struct {
	containers int
	running    bool
}

var loads = []load{{1, false}, {1, true}, {10, false}, {10, true}}

func (l load) String() string {
	state, containers := "stopped", "container"
	if l.running {
		state = "running"
	}
	if l.containers > 1 {
		containers = "containers"
	}
	return fmt.Sprintf("%d connects at once to %d %s %s", connects, l.containers, state, containers)
}

// connectAll makes the connects of all loads on the stock or on the patched engine, and
// starts each container as often as given afterwards. It also returns the path of the
// engine's log.
func (env *Env) connectAll(ctx context.Context, patched bool, starts int) (_ []Outcome, log string, err error) {
	// Up to 18.02 each network gets a firewall rule against each other one: ten thousand.
	e, err := env.Start(ctx, patched, noFirewall...)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	c := &client{Engine: e, ctx: ctx}
	// More networks than an engine has subnets for, unless they are told theirs.
	for i := range connects {
		c.Do(fmt.Sprintf("network create --subnet 10.99.%d.%d/28 %s", i/16, i%16*16, networkName(i)))
	}
	var outcomes []Outcome
	for _, l := range loads {
		begin := time.Now()
		o := l.play(c, patched, starts)
		if c.Err != nil {
			return nil, "", fmt.Errorf("%v: %w", l, c.Err)
		}
		logrus.Infof("%s, concurrent: %v: %v (%v)", env.Release.Name, l, o, time.Since(begin).Round(time.Second))
		outcomes = append(outcomes, o)
	}
	return outcomes, e.Log(), nil
}

// networkName returns the name of a network. The names are not in the order in which the
// networks are made.
func networkName(i int) string { return fmt.Sprintf("net%d", (i*37+5)%connects) }

// play makes the connects and starts the containers. Of an engine that does not number
// networks, the orders of the first container are counted.
func (l load) play(c *client, numbered bool, starts int) Outcome {
	ids := make(map[string]string)
	for i := range l.containers {
		name := fmt.Sprintf("router%d", i)
		ids[name] = c.Ask("create --name " + name + " " + engine.Image)
		if l.running {
			c.Do("start " + name)
		}
	}
	names := slices.Sorted(maps.Keys(ids))
	o := inOrder(observe.Tally{})
	c.Try(func() error {
		refused, refusal := connectAtOnce(c.ctx, c.Engine, names)
		o.Figures["connects refused"] = refused
		if refused > 0 {
			o.blame("%d connects refused: %v", refused, refusal)
		}
		return c.ctx.Err()
	})
	for i, name := range names {
		if l.running {
			c.Do("stop " + name)
		}
		if numbered || i == 0 { // one is enough to see what stock does
			attached := 1 + connects/l.containers // the default bridge is the first
			o.startNumbered(c, name, ids[name], attached, starts)
		}
		c.Do("rm --force " + name)
	}
	return o
}

// connectAtOnce makes the connects at once, so that each container gets as many as the
// other, and each network that is used gets all containers. It returns how many were
// refused, and why the last one was.
func connectAtOnce(ctx context.Context, e *engine.Engine, names []string) (refused int, refusal error) {
	errs := make(chan error, connects)
	begin := make(chan struct{})
	for i := range connects {
		go func() {
			<-begin
			path := "/networks/" + networkName(i/len(names)) + "/connect"
			errs <- e.Post(ctx, path, fmt.Sprintf(`{"Container": %q}`, names[i%len(names)]))
		}()
	}
	close(begin)
	for range connects {
		if err := <-errs; err != nil {
			refused, refusal = refused+1, err
		}
	}
	return refused, refusal
}

// startNumbered starts a container a few times and judges each start by the numbers that
// its networks had before it.
func (o *Outcome) startNumbered(c *client, name, id string, attached, starts int) {
	orders := make(map[string]bool)
	for range starts {
		numbers, start := c.numbers(id), c.start(name)
		if c.Err != nil {
			return
		}
		orders[strings.Join(start.Networks(), " ")] = true
		o.countNumbered(name, start, numbers, attached)
		c.Do("stop " + name)
	}
	o.Figures[report.Orders] = max(o.Figures[report.Orders], len(orders))
}

// countNumbered counts a start of a container with a number of networks, none of which may
// have lost its number or share it. Only the first problem is kept.
func (o *Outcome) countNumbered(name string, start observe.Snapshot, numbers map[string]uint64, attached int) {
	want, distinct := byNumber(numbers)
	problem := misplaced(start, want)
	o.Figures[report.Starts]++
	if distinct && problem == "" {
		o.Figures[report.InOrder]++
	}
	switch {
	case o.Problem != "":
	case !distinct || len(want) != attached:
		o.blame("%s has the numbers %v", name, numbers)
	case problem != "":
		o.blame("%s: %s", name, problem)
	}
}

// byNumber returns networks in the order of their numbers, and whether each has one
// that no other has.
func byNumber(numbers map[string]uint64) (names []string, distinct bool) {
	names = slices.SortedFunc(maps.Keys(numbers), func(a, b string) int { return cmp.Compare(numbers[a], numbers[b]) })
	last := uint64(0)
	for _, name := range names {
		if numbers[name] <= last {
			return names, false
		}
		last = numbers[name]
	}
	return names, true
}
