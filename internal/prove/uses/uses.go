// Package uses tries what users do with the networks of containers.
package uses

import (
	"context"
	"slices"
	"strings"

	"ethorder/internal/engine"
	"ethorder/internal/order"
	"ethorder/internal/prove"
	"ethorder/internal/release"
	"ethorder/internal/scenario"
)

// Suite plays scenario.Uses.
var Suite = prove.Suite{
	Name:    "uses",
	Promise: "whatever users do with a container, its interfaces come up in attach order, and all else is as with the stock engine",
	Run:     run,
}

// starts is how often each container starts, on either engine.
const starts = 10

func run(ctx context.Context, l *prove.Lab) error {
	return l.Pair(ctx, func(stock, patched *engine.Engine) error {
		return play(ctx, l, stock, patched)
	}, "--userland-proxy=false") // engines want one of their own release, which the lab has not
}

func play(ctx context.Context, l *prove.Lab, stock, patched *engine.Engine) error {
	for _, s := range scenario.Uses(release.Major(l.Release.Name)) {
		before, after, err := s.Both(ctx, stock, patched, starts, starts, nil)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if why := impossible(before, after, err); why != "" {
			l.Skip(s.Name, "this machine's kernel cannot do it: "+why)
			continue
		}
		if err == nil {
			err = scenario.Broken(before, after)
		}
		if err != nil && failed(before) && failed(after) {
			l.Report(s.Name, "does not start", "does not start, as with the stock engine", true)
			continue
		}
		found := after.Tally().String() + " starts in order"
		if err != nil {
			found += "; " + err.Error()
		}
		l.Report(s.Name, before.Tally().String()+" starts in order", found, err == nil)
	}
	return nil
}

// impossible returns why neither engine could make the networks of a scenario, or start a
// container in them, if that is due to the kernel.
func impossible(stock, patched scenario.Result, err error) string {
	const unsupported = "operation not supported"
	why := ""
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

// failed returns true if the container never started.
func failed(r scenario.Result) bool {
	return len(r.Starts) > 0 && !slices.ContainsFunc(r.Starts, func(s order.Start) bool { return s.Failed == "" })
}
