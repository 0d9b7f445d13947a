// Package uses tries what users do with the networks of containers.
package trial

import (
	"context"
	"slices"
	"strings"

	"ethorder/internal/engine"
	"ethorder/internal/observe"
	"ethorder/internal/pins"
)

// Suite plays Uses.
var ExtendedSuite = Suite{
	Name:    "uses",
	Promise: "whatever users do with a container, its interfaces come up in attach order, and all else is as with the stock engine",
	Run:     runExtended,
}

// starts is how often each container starts, on either engine.
const extendedStarts = 10

func runExtended(ctx context.Context, l *Lab) error {
	return l.Pair(ctx, func(stock, patched *engine.Engine) error {
		return playExtended(ctx, l, stock, patched)
	}, "--userland-proxy=false") // engines want one of their own release, which the lab has not
}

func playExtended(ctx context.Context, l *Lab, stock, patched *engine.Engine) error {
	for _, s := range Uses(pins.Major(l.Release.Name)) {
		before, after, err := s.Both(ctx, stock, patched, extendedStarts, extendedStarts, nil)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if why := impossible(before, after, err); why != "" {
			l.Skip(s.Name, "this machine's kernel cannot do it: "+why)
			continue
		}
		if err == nil {
			err = Broken(before, after)
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
func impossible(stock, patched Result, err error) string {
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
func failed(r Result) bool {
	return len(r.Starts) > 0 && !slices.ContainsFunc(r.Starts, func(s observe.Start) bool { return s.Failed == "" })
}
