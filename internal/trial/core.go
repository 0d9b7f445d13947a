package trial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"ethorder/internal/engine"
	"ethorder/internal/observe"
)

// Core plays the scenarios that say what the order is.
var Core = Suite{
	Name:      "core",
	Guarantee: "interfaces come up in the order in which their networks were attached, on every start, with stock's default gateway",
	Trials:    trialsOf(core, Scenario.trial),
	Run:       func(ctx context.Context, env *Env) error { return env.playScenarios(ctx, core, false) },
}

// Extended plays what users do beside attaching networks.
var Extended = Suite{
	Name:      "extended",
	Guarantee: "whatever users do with networks, interfaces come up in attach order, and all else is as with the stock engine",
	Trials:    trialsOf(extended, Scenario.trial),
	Run:       func(ctx context.Context, env *Env) error { return env.playScenarios(ctx, extended, true, noProxy...) },
}

func (s Scenario) trial() Trial { return Trial{Name: s.Name, Since: s.Since, Until: s.Until} }

// stockStarts is how often a stock engine starts the container of a scenario, where it only
// shows which default gateway is right.
const stockStarts = 3

// playScenarios plays those scenarios that the engines can do, on a pair of them with more
// arguments for dockerd, and judges each.
func (env *Env) playScenarios(ctx context.Context, scenarios []Scenario, excused bool, args ...string) error {
	return env.pair(ctx, args, func(stock, patched *engine.Engine) error {
		for _, s := range scenarios {
			if !env.selected(s.Name) {
				continue
			}
			starts, patchedStarts := min(stockStarts, env.Starts), env.Starts
			if slices.Contains(s.Again, "crash") {
				// An engine waits twice as long before each restart, 100 ms before the first.
				patchedStarts = min(patchedStarts, 10)
			}
			if s.decides() || s.Swarm { // which network is lost is by chance
				starts = env.Starts
			}
			before, after, err := onBoth(stock, patched, func(e *engine.Engine) (Result, error) {
				switch {
				case e == stock:
					return s.play(ctx, e, starts, nil)
				case s.decides():
					return s.play(ctx, e, patchedStarts, func() error { return numbersAreStored(ctx, e, s.Want) })
				}
				return s.play(ctx, e, patchedStarts, nil)
			})
			if ctx.Err() != nil {
				return ctx.Err()
			}
			env.judge(s, before, after, err, excused)
		}
		return nil
	})
}

// decides reports whether the scenario is the one in which stock must lose the order.
func (s Scenario) decides() bool { return s.Name == core[0].Name }

// judge reports a scenario that was played on both engines, until err ended it. Where none
// of the starts succeeds on either engine, the patched one did as stock does: if that is
// excused, the trial has passed.
func (env *Env) judge(s Scenario, stock, patched Result, err error, excused bool) {
	if why := impossible(stock, patched, err); why != "" {
		logrus.Warnf("%s: %s", s.Name, why)
		env.skip(s.Name, s.lacking())
		return
	}
	if s.decides() && observe.Judge(stock.Tally(), patched.Tally()) == observe.Inconclusive {
		env.inconclusive = "the stock engine kept the order too, by chance: nothing is shown; run it again"
	}
	if err = errors.Join(err, broken(stock, patched)); excused && neverStarted(stock, patched) {
		err = nil
	}
	env.Report(s.Name, stock.outcome(nil), patched.outcome(err))
}

// outcome is that of an engine, which has broken the guarantee as err says.
func (r Result) outcome(err error) Outcome {
	o := inOrder(r.Tally())
	if r.Refused > 0 {
		o.Figures["without an overlay"] = r.Refused
	}
	if err != nil {
		o.blame("%v", err)
	}
	return o
}

// lacking says what a kernel lacks that cannot do the scenario.
func (s Scenario) lacking() string {
	for _, network := range s.Networks {
		if _, options, found := strings.Cut(network, "--driver "); found {
			return "no " + strings.Fields(options)[0] + " in this kernel"
		}
	}
	return "no support in this kernel"
}

// impossible returns why neither engine could make the networks of a scenario, or start a
// container in them, if that is due to the kernel.
func impossible(stock, patched Result, err error) (why string) {
	const unsupported = "operation not supported"
	switch {
	case len(stock.Starts)+len(patched.Starts) == 0 && err != nil:
		why = err.Error()
	case len(stock.Starts) > 0 && len(patched.Starts) > 0 && strings.Contains(stock.Starts[0].Failed, unsupported):
		// From 29.0 on, later starts do without the network: the engine has dropped it.
		why = patched.Starts[0].Failed
	}
	if !strings.Contains(why, unsupported) {
		return ""
	}
	return why
}

// numbersAreStored checks that the engine has numbered the networks of the container in
// attach order, and does not show the numbers.
func numbersAreStored(ctx context.Context, e *engine.Engine, attached []string) error {
	c := &client{Engine: e, ctx: ctx}
	shown := c.Ask("inspect " + router)
	numbers := c.numbers(c.Ask("inspect --format {{.Id}} " + router))
	if c.Err != nil {
		return c.Err
	}
	if strings.Contains(strings.ToLower(shown), "attachsequence") {
		return fmt.Errorf("docker inspect shows the attach sequence: %s", shown)
	}
	for i, name := range attached {
		if numbers[name] != uint64(i+1) {
			return fmt.Errorf("%s has the number %d, wanted %d: %v", name, numbers[name], i+1, numbers)
		}
	}
	return nil
}

// neverStarted reports whether all starts of all results failed.
func neverStarted(results ...Result) bool {
	return !slices.ContainsFunc(results, func(r Result) bool {
		return len(r.Starts) == 0 || slices.ContainsFunc(r.Starts, func(s observe.Snapshot) bool { return s.Failed == "" })
	})
}
