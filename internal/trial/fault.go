// Package faults tries what becomes of a container's networks when something fails:
// its engine ends or is killed, the disk is full, a network cannot be joined.
package trial

import (
	"context"
	"fmt"
	"time"

	"ethorder/internal/engine"
	"ethorder/internal/pins"
)

// FaultSuite restarts engines and makes attaches fail.
var FaultSuite = Suite{
	Name:    "faults",
	Promise: "restarts and faults lose nothing that the client was told of, leak nothing, and keep the order",
	Run:     runFaults,
}

// CrashSuite kills engines at random.
var CrashSuite = Suite{
	Name:    "kills",
	Promise: "a kill -9 at any moment loses nothing that the client was told of, and keeps the order",
	Run: func(ctx context.Context, l *Lab) error {
		n := 20 * l.Scale
		trial := fmt.Sprintf("kill -9 of dockerd, of containerd or of both at %d random moments of a connect, a start or a stop", n)
		return l.Both(ctx, trial, func(ctx context.Context, e *engine.Engine) (Outcome, error) {
			return kills(ctx, e, n, l.Seed, e.Dockerd() == l.Patched)
		})
	},
}

// starts is how often a container is started to see its order.
const starts = 5

func runFaults(ctx context.Context, l *Lab) error {
	type play func(context.Context, *engine.Engine) (Outcome, error)
	type trial struct {
		name string
		play play
		args []string
	}
	trials := []trial{
		{"daemon restarts, then hot connect", daemonRestarts, nil},
		{"daemon restarts with live-restore, then hot connect", liveRestore, []string{"--live-restore"}},
		{"network connected again while the container waits for its restart", restarting, nil},
		{"disk full at connect to a stopped container", func(ctx context.Context, e *engine.Engine) (Outcome, error) {
			return connectDuring(ctx, e, false, fullDisk)
		}, nil},
		{"disk full at connect to a running container", func(ctx context.Context, e *engine.Engine) (Outcome, error) {
			return connectDuring(ctx, e, true, fullDisk)
		}, nil},
		{"read-only config.v2.json at connect to a stopped container", func(ctx context.Context, e *engine.Engine) (Outcome, error) {
			return connectDuring(ctx, e, false, readOnly)
		}, nil},
		{"read-only config.v2.json at connect to a running container", func(ctx context.Context, e *engine.Engine) (Outcome, error) {
			return connectDuring(ctx, e, true, readOnly)
		}, nil},
		{"start fails as an address is taken", func(ctx context.Context, e *engine.Engine) (Outcome, error) {
			return failingStart(ctx, e, addressTaken)
		}, nil},
		{"start fails as the parent of a macvlan network is gone", func(ctx context.Context, e *engine.Engine) (Outcome, error) {
			return failingStart(ctx, e, parentGone)
		}, nil},
		{"start fails as a network was removed", func(ctx context.Context, e *engine.Engine) (Outcome, error) {
			return failingStart(ctx, e, networkGone)
		}, nil},
	}
	trials = append(trials, trial{"explicit numbers that are none are refused", badExplicit, nil})
	for fails, place := range []string{"first", "second", "third", "fourth", "fifth"} {
		trials = append(trials, trial{"start fails at the " + place + " of five networks", func(ctx context.Context, e *engine.Engine) (Outcome, error) {
			return failingStartAt(ctx, e, fails)
		}, nil})
	}
	// Up to 27.5 the default bridge is joined first, and if it is off, the container has no
	// networks.
	if pins.Major(l.Release.Name) < 28 {
		trials = append(trials, trial{"link-local IPv6 network attached behind another IPv6 network", linkLocal, nil})
	} else {
		trials = append(trials, trial{"start fails as the port of docker_gwbridge is taken", gatewayTaken, []string{"--userland-proxy=false"}})
		trials = append(trials, trial{"default bridge behind an overlay is turned off", bridgeOff, []string{"--bridge=none"}})
	}
	for _, trial := range trials {
		if err := l.Both(ctx, trial.name, trial.play, trial.args...); err != nil {
			return err
		}
	}
	return nil
}

// daemonRestarts is about a container that the daemon starts again when it comes back.
func daemonRestarts(ctx context.Context, e *engine.Engine) (Outcome, error) {
	box := MakeBox(ctx, e, "zulu mike kilo", "bravo alpha", "--restart=always")
	box.Start("first")
	box.Restart()
	box.Do("start box") // it does no harm if it runs
	box.Look("restarted")
	box.Connect("bravo")
	box.Look("after a hot connect")
	box.Restart()
	box.Do("start box")
	box.Look("restarted again")
	box.Connect("alpha")
	box.Do("stop box")
	box.Starts(starts, "at last")
	return box.Outcome()
}

// liveRestore is about a container that goes on while the daemon does not run.
func liveRestore(ctx context.Context, e *engine.Engine) (Outcome, error) {
	box := MakeBox(ctx, e, "zulu mike kilo", "bravo alpha")
	box.Start("first")
	pid, wentOn := box.Pid(), true
	for _, network := range []string{"bravo", "alpha"} {
		box.Restart()
		box.Look("restored")
		wentOn = wentOn && box.Pid() == pid
		box.Connect(network)
		box.Look("after a hot connect")
	}
	box.Do("stop box")
	box.Starts(starts, "at last")
	o, err := box.Outcome()
	if !wentOn {
		o.What, o.Held = o.What+", the container did not go on", false
	}
	return o, err
}

// restarting is about a container that has ended and waits for the engine to start it
// again, each time longer. The engine takes it for running, but it has no endpoints, so
// that some engines connect a network again that it has. The network keeps its place.
func restarting(ctx context.Context, e *engine.Engine) (Outcome, error) {
	box := MakeBox(ctx, e, "zulu mike kilo", "", "--restart=always")
	box.Start("first")
	await := func(wanted func(status string) bool) {
		box.Try(func() error {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			return Await(ctx, e, "{{.State.Status}}", wanted)
		})
	}
	running := func(status string) bool { return status == "running" }
	waiting := func(status string) bool { return status == "restarting" }
	// It waits 100 ms at first, and twice as long each time: 6.4 s for the last.
	for range 7 {
		await(running)
		await(func(status string) bool {
			if waiting(status) {
				return true
			}
			// The command ends with the process, and may say that it failed.
			_, _ = e.Docker(ctx, "exec", "box", "/idle", "end")
			return false
		})
	}
	answered := "connected again"
	box.Try(func() error {
		if post(ctx, e, "/networks/zulu/connect", `{"Container":"box"}`) != nil {
			answered = "refused"
		}
		return ctx.Err()
	})
	await(waiting)
	await(running)
	box.Look("restarted")
	box.Do("stop box")
	box.Starts(starts, "at last")
	o, err := box.Outcome()
	o.What = answered + ", " + o.What
	return o, err
}
