package trial

import (
	"context"
	"fmt"
	"time"

	"ethorder"

	"ethorder/internal/engine"
)

// Fault makes daemons restart, and requests and starts fail.
var Fault = Suite{
	Name:      "fault",
	Guarantee: "restarts and faults lose nothing that the client was told of, leak nothing, and keep the order",
	Trials: []Trial{
		{Name: "daemon restarts, then hot connect", Play: daemonRestarts},
		{Name: "daemon restarts with live-restore, then hot connect", Play: liveRestore, Args: []string{"--live-restore"}},
		{Name: "network connected again while the container waits for its restart", Play: restarting},
		{Name: "disk full at connect to a stopped container", Play: connectDuring(fullDisk, false)},
		{Name: "disk full at connect to a running container", Play: connectDuring(fullDisk, true)},
		{Name: "read-only config.v2.json at connect to a stopped container", Play: connectDuring(readOnly, false)},
		{Name: "read-only config.v2.json at connect to a running container", Play: connectDuring(readOnly, true)},
		{Name: "start fails as an address is taken", Play: failingStart(addressTaken)},
		{Name: "start fails as the parent of a macvlan network is gone", Play: failingStart(parentGone)},
		{Name: "start fails as a network was removed", Play: failingStart(networkGone)},
		{Name: "start fails as a plugin refuses the join", Play: failingStart(pluginRefuses)},
		{Name: "explicit numbers that are none are refused", Play: badExplicit},
		{Name: "start fails at each of five networks as an address is taken", Play: failingStartAtEach(addressTaken)},
		{Name: "start fails at each of five networks as the parent of a macvlan network is gone", Play: failingStartAtEach(parentGone)},
		{Name: "start fails at each of five networks as a plugin refuses the join", Play: failingStartAtEach(pluginRefuses)},
		{Name: "link-local IPv6 network attached behind another IPv6 network", Play: linkLocal, Until: 27},
		{Name: "start fails as the port of docker_gwbridge is taken", Play: gatewayTaken, Since: 28, Args: noProxy},
		// Up to 27.5 the default bridge is joined first, and if it is off, the container has
		// no networks.
		{Name: "default bridge behind an overlay is turned off", Play: bridgeOff, Since: 28, Args: []string{"--bridge=none"}},
		{Name: "network of a plugin with a name for its interface keeps its place", Play: namedInPlugin, Since: 28},
	},
}

// starts is how often a container is started to see its order.
const starts = 5

// daemonRestarts is about a container that the daemon starts again when it comes back.
func daemonRestarts(c *Container) {
	c.Make("zulu mike kilo", "bravo alpha", "--restart=always")
	c.Start("first")
	c.RestartDaemon()
	c.Do("start router") // it does no harm if it runs
	c.Look("restarted")
	c.Connect("bravo")
	c.Look("after a hot connect")
	c.RestartDaemon()
	c.Do("start router")
	c.Look("restarted again")
	c.Connect("alpha")
	c.Do("stop router")
	c.Starts(starts, "at last")
}

// liveRestore is about a container that goes on while the daemon does not run.
func liveRestore(c *Container) {
	c.Make("zulu mike kilo", "bravo alpha")
	c.Start("first")
	pid := c.Pid()
	for _, network := range []string{"bravo", "alpha"} {
		c.RestartDaemon()
		c.Look("restored")
		if c.Pid() != pid {
			c.blame("the container did not go on")
		}
		c.Connect(network)
		c.Look("after a hot connect")
	}
	c.Do("stop router")
	c.Starts(starts, "at last")
}

// restarting is about a container that has ended and waits for the engine to start it
// again, each time longer. The engine takes it for running, but it has no endpoints, so
// that some engines connect a network again that it has. The network keeps its place.
func restarting(c *Container) {
	c.Make("zulu mike kilo", "", "--restart=always")
	c.Start("first")
	until := func(state string, meanwhile func()) {
		c.Try(func() error {
			return await(c.ctx, c.Engine, router, "{{.State.Status}}", func(now string) bool {
				if now != state && meanwhile != nil {
					meanwhile()
				}
				return now == state
			})
		})
	}
	// It waits 100 ms at first, and twice as long each time: 6.4 s for the last.
	for range 7 {
		until("running", nil)
		until("restarting", func() {
			// The command ends with the process, and may say that it failed.
			_, _ = c.Engine.Docker(c.ctx, "exec", router, "/probe", "end")
		})
	}
	c.countIf("refused", c.refuses("/networks/zulu/connect", `{"Container":"router"}`))
	until("restarting", nil)
	until("running", nil)
	c.Look("restarted")
	c.Do("stop router")
	c.Starts(starts, "at last")
}

// refuses sends a request, and returns whether the engine refuses it.
func (c *Container) refuses(path, body string) (refused bool) {
	c.Try(func() error {
		refused = post(c.ctx, c.Engine, path, body) != nil
		return c.ctx.Err()
	})
	return refused
}

// post sends a request to the engine, which may be killed before it answers.
func post(ctx context.Context, e *engine.Engine, path, body string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return e.Post(ctx, path, body)
}

// connectBody is the body of a request that connects the container, with the settings of
// the endpoint as JSON.
func connectBody(endpoint string) string {
	return fmt.Sprintf(`{"Container":%q,"EndpointConfig":%s}`, router, endpoint)
}

// explicitly are the settings of an endpoint that give an explicit number, as JSON.
func explicitly(number string) string {
	return fmt.Sprintf(`{"DriverOpts":{%q:%q}}`, ethorder.AttachSequenceOption, number)
}
