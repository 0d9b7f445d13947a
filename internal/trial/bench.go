package trial

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"ethorder/internal/engine"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/report"
	"ethorder/internal/tool"
)

// Bench times the engines of a release side by side. What it times are requests to the API, and
// the start of the daemon, so that no client is in the figures.
type Bench struct {
	Root    repo.Root
	Release pins.Release
	Clone   string // the git clone of moby that the engines are built from, "" for the module
	// Networks are how many networks the container has, in turn, at most 1000.
	Networks []int
	// Containers is how many containers with four networks each a daemon finds when it starts.
	Containers int
	// Pairs is how many pairs of new engines are timed: an engine gets slower as it ages.
	Pairs int
	// Rounds is how often each pair does the same thing.
	Rounds int
}

// timed is one of the engines of a pair.
type timed struct {
	client
	patched bool
}

// Run times the engines.
func (b Bench) Run(ctx context.Context) (report.Bench, error) {
	for _, n := range append(b.Networks, b.Containers, b.Pairs, b.Rounds) {
		if n < 1 || n > 1000 {
			return report.Bench{}, tool.Usagef("%d: want a number from 1 to 1000", n)
		}
	}
	result := report.NewBench(b.Release.Name)
	env, err := NewEnv(ctx, b.Root, b.Release, b.Clone, "")
	if err != nil {
		return result, err
	}
	env.suite.Name = "bench"
	for i := range b.Pairs {
		logrus.Infof("%s: pair %d of %d", b.Release.Name, i+1, b.Pairs)
		err := env.pair(ctx, noFirewall, func(stock, patched *engine.Engine) error {
			p := pairing{bench: b, result: &result, engines: []*timed{
				{client: client{Engine: stock, ctx: ctx}}, {client: client{Engine: patched, ctx: ctx}, patched: true},
			}}
			if i%2 == 1 {
				p.swap()
			}
			return p.run()
		})
		if err != nil {
			return result, err
		}
	}
	return result, env.identify(&result.Origin)
}

// pairing is a stock and a patched engine that do the same in turn.
type pairing struct {
	bench   Bench
	result  *report.Bench
	engines []*timed
}

// both has both engines do something. The first error stays in Err of the engine.
func (p *pairing) both(do func(t *timed)) {
	for _, t := range p.engines {
		do(t)
	}
}

// swap has the other engine go first from now on. The kernel still removes the interfaces of the first
// while the second one works, so each engine goes first in half of the rounds.
func (p *pairing) swap() { slices.Reverse(p.engines) }

// moment is a reading of the clock, and of how long the cores have spent on an engine's dockerd.
type moment struct {
	clock time.Time
	cpu   time.Duration
}

func (t *timed) now() moment {
	cpu := try(&t.client, t.Engine.CPU)
	return moment{clock: time.Now(), cpu: cpu}
}

// time has both engines do something a number of times, and keeps what it took once. It begins
// with the call of do, or when do says.
func (p *pairing) time(operation string, networks, times int, do func(t *timed, begin *moment)) {
	took := map[bool]report.Took{} // by patched
	p.both(func(t *timed) {
		begin := t.now()
		do(t, &begin)
		wall := time.Since(begin.clock)
		cpu := t.now().cpu - begin.cpu
		took[t.patched] = report.Took{Wall: wall / time.Duration(times), CPU: cpu / time.Duration(times)}
	})
	p.result.Add(operation, networks, took[false], took[true])
}

// timedNetwork is the name of a network. The names rise and fall as networks are attached: an engine
// moves the default gateway to each network that joins before all others by name, so if the names
// were in the order of attachment or against it, the patched engine would move it once or always.
func timedNetwork(i int) string { return fmt.Sprintf("net%04d", (617*i+700)%1009) }

// connectTo is the request that connects a network to a container.
func (t *timed) connectTo(network int, container string) {
	t.Post("/networks/"+timedNetwork(network)+"/connect", fmt.Sprintf(`{"Container":%q}`, container))
}

func (t *timed) create(container string) {
	t.Post("/containers/create?name="+container, createBody(timedNetwork(0), "{}"))
}

func (p *pairing) run() error {
	made := 0
	for _, n := range p.bench.Networks {
		p.both(func(t *timed) {
			for i := made; i <= max(n, 3); i++ {
				t.Post("/networks/create", fmt.Sprintf(`{"Name":%q,"Driver":"bridge","IPAM":{"Driver":"default","Config":[{"Subnet":"10.%d.%d.0/24"}]}}`, timedNetwork(i), 100+i/200, i%200))
			}
		})
		made = max(made, max(n, 3)+1)
		for range p.bench.Rounds {
			p.swap()
			p.both(func(t *timed) { t.create(router) })
			if n > 1 {
				p.time("connect", n, n-1, func(t *timed, _ *moment) {
					for i := 1; i < n; i++ {
						t.connectTo(i, router)
					}
				})
			}
			p.time("start", n, 1, func(t *timed, _ *moment) { t.Post("/containers/router/start", "") })
			p.time("hot connect", n, 1, func(t *timed, _ *moment) { t.connectTo(n, router) })
			p.time("stop", n, 1, func(t *timed, _ *moment) { t.Post("/containers/router/stop", "") })
			p.both(func(t *timed) { t.Do("rm --force " + router) })
		}
		for _, t := range p.engines {
			if t.Err != nil {
				return fmt.Errorf("%d networks: %w", n, t.Err)
			}
		}
		logrus.Infof("%d networks: timed", n)
	}
	return p.boot()
}

// boot times the start of the daemon.
func (p *pairing) boot() error {
	p.both(func(t *timed) {
		for i := range p.bench.Containers {
			container := fmt.Sprintf("%s%d", router, i)
			t.create(container)
			for network := 1; network < 4; network++ {
				t.connectTo(network, container)
			}
		}
	})
	for range p.bench.Rounds {
		p.swap()
		p.time(fmt.Sprintf("daemon start, %d containers", p.bench.Containers), 4, 1, func(t *timed, begin *moment) {
			t.Try(func() error {
				return t.Engine.RestartAfter(t.ctx, func() error { *begin = moment{clock: time.Now()}; return nil })
			})
		})
	}
	for _, t := range p.engines {
		if t.Err != nil {
			return fmt.Errorf("start of the daemon: %w", t.Err)
		}
	}
	return nil
}
