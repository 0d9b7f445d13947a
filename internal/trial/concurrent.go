// Package parallel attaches many networks to containers at the same time.
package trial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"ethorder/internal/engine"
)

// Suite makes a hundred network connects at once.
var ConcurrentSuite = Suite{
	Name:    "parallel",
	Promise: "networks that are connected at the same time get numbers that differ, and their interfaces keep that order",
	Run:     runConcurrent,
}

// connects are how many are made at the same time.
const connects = 100

// trial is a number of containers that share the connects.
type concurrentTrial struct {
	boxes   int
	running bool
	starts  int // of each container, afterwards
}

// trials returns those of the suite, with so many starts.
func concurrentTrials(starts int) []concurrentTrial {
	return []concurrentTrial{{1, false, starts}, {1, true, starts}, {10, false, starts}, {10, true, starts}}
}

func (t concurrentTrial) String() string {
	state := "stopped"
	if t.running {
		state = "running"
	}
	if t.boxes == 1 {
		return fmt.Sprintf("%d connects at once to one %s container, started %d times afterwards", connects, state, t.starts)
	}
	return fmt.Sprintf("%d connects at once to %d %s containers, each started %d times afterwards", connects, t.boxes, state, t.starts)
}

func runConcurrent(ctx context.Context, lab *Lab) error {
	trials := concurrentTrials(5)
	// An engine after the other: two that make hundreds of interfaces at once only wait
	// for each other.
	stock, _, err := connectAll(ctx, lab, false, trials)
	if err != nil {
		return fmt.Errorf("stock engine: %w", err)
	}
	patched, _, err := connectAll(ctx, lab, true, trials)
	if err != nil {
		return fmt.Errorf("patched engine: %w", err)
	}
	for i, t := range trials {
		lab.Report(t.String(), stock[i].String(), patched[i].String(), patched[i].held())
	}
	return nil
}

// result is how a trial went on an engine.
type concurrentResult struct {
	refused       int    // connects
	refusal       string // of one of them
	numbered      bool
	right, starts int
	orders        int    // how many different ones the first container had
	wrong         string // the first thing that was not right
}

func (r *concurrentResult) blame(format string, args ...any) {
	r.wrong = cmp.Or(r.wrong, fmt.Sprintf(format, args...))
}

func (r concurrentResult) held() bool { return r.refused == 0 && r.wrong == "" && r.right == r.starts }

func (r concurrentResult) String() string {
	s := fmt.Sprintf("%d different orders in %d starts", r.orders, r.starts)
	if r.numbered {
		s = fmt.Sprintf("%d of %d starts in the order of the numbers", r.right, r.starts)
	} else {
		s = "no numbers, " + s
	}
	if r.refused > 0 {
		s += fmt.Sprintf("; %d connects refused: %s", r.refused, r.refusal)
	}
	if r.numbered && r.wrong != "" {
		s += "; " + r.wrong
	}
	return s
}

// try makes the trials on the stock or on the patched engine. It also returns the file
// with what the engine has written.
func connectAll(ctx context.Context, lab *Lab, patched bool, trials []concurrentTrial) (_ []concurrentResult, log string, err error) {
	// Up to 18.02 each network gets a firewall rule against each other one: ten thousand.
	e, err := lab.Start(ctx, patched, NoFirewall...)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	// More networks than an engine has subnets for, unless they are told theirs.
	for i := range connects {
		subnet := fmt.Sprintf("10.99.%d.%d/28", i/16, i%16*16)
		if _, err := e.Docker(ctx, "network", "create", "--subnet", subnet, networkName(i)); err != nil {
			return nil, "", err
		}
	}
	var results []concurrentResult
	for _, t := range trials {
		begin := time.Now()
		r, err := t.run(ctx, e, patched)
		if err != nil {
			return nil, "", fmt.Errorf("%v: %w", t, err)
		}
		logrus.Infof("%s, parallel: %v: %v (%v)", lab.Release.Name, t, r, time.Since(begin).Round(time.Second))
		results = append(results, r)
	}
	return results, e.Log(), nil
}

// network returns the name of a network. The names are not in the order in which the
// networks are made.
func networkName(i int) string { return fmt.Sprintf("net%d", (i*37+5)%connects) }

// run makes the connects and starts the containers.
func (t concurrentTrial) run(ctx context.Context, e *engine.Engine, numbered bool) (concurrentResult, error) {
	r := concurrentResult{numbered: numbered}
	ids := make(map[string]string)
	for i := range t.boxes {
		name := fmt.Sprintf("box%d", i)
		id, err := e.Docker(ctx, "create", "--name", name, "idle")
		if err != nil {
			return r, err
		}
		ids[name] = id
		if t.running {
			if _, err := e.Docker(ctx, "start", name); err != nil {
				return r, err
			}
		}
	}
	r.connect(ctx, e, slices.Sorted(maps.Keys(ids)))
	for i, name := range slices.Sorted(maps.Keys(ids)) {
		if t.running {
			if _, err := e.Docker(ctx, "stop", name); err != nil {
				return r, err
			}
		}
		if numbered || i == 0 { // one is enough to see what stock does
			attached := 1 + connects/t.boxes // the default bridge is the first
			if err := r.start(ctx, e, name, ids[name], attached, t.starts); err != nil {
				return r, err
			}
		}
		if _, err := e.Docker(ctx, "rm", "--force", name); err != nil {
			return r, err
		}
	}
	return r, ctx.Err()
}

// connect makes the connects at once, so that each container gets as many as the
// other, and each network that is used gets all containers.
func (r *concurrentResult) connect(ctx context.Context, e *engine.Engine, names []string) {
	var (
		mutex   sync.Mutex
		waiting sync.WaitGroup
		begin   = make(chan struct{})
	)
	for i := range connects {
		waiting.Add(1)
		go func() {
			defer waiting.Done()
			<-begin
			path := "/networks/" + networkName(i/len(names)) + "/connect"
			err := e.Post(ctx, path, fmt.Sprintf(`{"Container": %q}`, names[i%len(names)]))
			if err != nil {
				mutex.Lock()
				defer mutex.Unlock()
				r.refused++
				r.refusal = err.Error()
			}
		}()
	}
	close(begin)
	waiting.Wait()
}

// start starts a container a few times and compares its interfaces with the numbers of
// its networks, of which none may be lost.
func (r *concurrentResult) start(ctx context.Context, e *engine.Engine, name, id string, attached, starts int) error {
	orders := make(map[string]bool)
	for range starts {
		numbers, err := Numbers(e, id)
		if err != nil {
			return err
		}
		want, distinct := byNumber(numbers)
		if !distinct || len(want) != attached {
			r.blame("%s has the numbers %v", name, numbers)
		}
		start, err := Start(ctx, e, name)
		if err != nil {
			return err
		}
		orders[strings.Join(start.Networks(), " ")] = true
		r.starts++
		if start.Follows(want) {
			r.right++
		} else {
			r.blame("%s has the interfaces %v, wanted %v %s", name, start.Networks(), want, start.Failed)
		}
		if _, err := e.Docker(ctx, "stop", name); err != nil {
			return err
		}
	}
	r.orders = cmp.Or(r.orders, len(orders))
	return nil
}

// ordered returns networks in the order of their numbers, and whether each has one
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
