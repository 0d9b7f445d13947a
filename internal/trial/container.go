package trial

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"ethorder/internal/engine"
	"ethorder/internal/observe"
	"ethorder/internal/report"
)

// router is the name of the container in most trials.
const router = "router"

// client gives commands to an engine. The first error that a method meets stays in Err, and
// from then on the methods do nothing.
type client struct {
	Engine *engine.Engine
	Err    error

	ctx context.Context
}

// Ask runs a docker command, given without "docker", and returns what it prints.
func (c *client) Ask(command string) string {
	return try(c, func() (string, error) { return c.Engine.Docker(c.ctx, strings.Fields(command)...) })
}

// Do runs docker commands, given without "docker".
func (c *client) Do(commands ...string) {
	for _, command := range commands {
		c.Ask(command)
	}
}

// Try calls f, unless there was an error.
func (c *client) Try(f func() error) {
	if c.Err == nil {
		c.Err = f()
	}
}

// try is Try for a function that also returns something. It is zero if f is not called.
func try[T any](c *client, f func() (T, error)) (found T) {
	c.Try(func() (err error) {
		found, err = f()
		return err
	})
	return found
}

// Post sends a request with a JSON body to the engine's API.
func (c *client) Post(path, body string) {
	c.Try(func() error { return c.Engine.Post(c.ctx, path, body) })
}

// see reads the interfaces of a running container.
func (c *client) see(container string) observe.Snapshot {
	return try(c, func() (observe.Snapshot, error) { return observe.Read(c.ctx, c.Engine, container) })
}

// start starts a container and reads its interfaces, as startContainer does.
func (c *client) start(container string) observe.Snapshot {
	return try(c, func() (observe.Snapshot, error) { return startContainer(c.ctx, c.Engine, container) })
}

// numbers returns the number of each network of a container, given its id, as Numbers does.
func (c *client) numbers(id string) map[string]uint64 {
	return try(c, func() (map[string]uint64, error) { return Numbers(c.Engine, id, nil) })
}

// Container is the container of a trial, and the client of its engine.
type Container struct {
	client
	ID string
	// Want are its networks in the order in which its interfaces must come up.
	Want []string
	// Wrong are the starts that were not so.
	Wrong []string
	Tally observe.Tally
	// Outcome is what was found beside the starts.
	Outcome

	env     *Env
	plugin  io.Closer // nil if none is served
	dockerd string    // that the engine began with
}

// newContainer is a container that is still to be created.
func newContainer(ctx context.Context, env *Env, e *engine.Engine) *Container {
	return &Container{
		client: client{Engine: e, ctx: ctx}, Outcome: Outcome{Figures: report.Figures{}}, env: env, dockerd: e.Dockerd(),
	}
}

// Make makes networks, creates the container with the first one and more options of docker
// create, and connects the others, but not the spare ones.
func (c *Container) Make(networks, spare string, options ...string) {
	names := strings.Fields(networks)
	for _, name := range slices.Sorted(slices.Values(append(strings.Fields(spare), names...))) {
		c.Do("network create " + name)
	}
	c.Create(names[0], options...)
	for _, name := range names[1:] {
		c.Connect(name)
	}
}

// Create creates the container with its first network and more options of docker create.
func (c *Container) Create(network string, options ...string) {
	c.ID = c.Ask("create --name " + router + " --network " + network + " " + strings.Join(options, " ") + " " + engine.Image)
	c.Want = []string{network}
}

// Replace replaces the engine's dockerd by another one.
func (c *Container) Replace(dockerd string) {
	c.Try(func() error { return c.Engine.Replace(c.ctx, dockerd) })
}

// ToStock replaces the engine by a stock one, and Back by what it was.
func (c *Container) ToStock() { c.Replace(c.env.Stock) }
func (c *Container) Back()    { c.Replace(c.dockerd) }

// RestartDaemon restarts the engine's daemon.
func (c *Container) RestartDaemon() { c.Try(func() error { return c.Engine.Restart(c.ctx) }) }

// Connect connects a network, which makes it the last one, with more options of docker
// network connect.
func (c *Container) Connect(network string, options ...string) {
	c.Do("network connect " + strings.Join(options, " ") + " " + network + " " + router)
	c.Want = append(c.Want, network)
}

// Disconnect disconnects a network.
func (c *Container) Disconnect(network string) {
	c.Do("network disconnect " + network + " " + router)
	c.Want = without(c.Want, network)
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

// Attached returns the networks that the engine shows, by name.
func (c *Container) Attached() []string {
	shown := c.Ask("inspect --format {{.NetworkSettings.Networks|json}} " + router)
	networks := map[string]any{}
	c.Try(func() error { return json.Unmarshal([]byte(shown), &networks) })
	return slices.Sorted(maps.Keys(networks))
}

// Pid returns the id of the container's process in the sandbox, "0" if it does not run.
func (c *Container) Pid() string { return c.Ask("inspect --format {{.State.Pid}} " + router) }

// Networks returns the networks of the running container, by interface.
func (c *Container) Networks() []string { return c.see(router).Networks() }

// Look counts whether the interfaces of the running container are as wanted.
func (c *Container) Look(when string) observe.Snapshot {
	start := c.see(router)
	c.count(when, start)
	return start
}

// Start starts the container and counts whether its interfaces are as wanted.
func (c *Container) Start(when string) observe.Snapshot {
	start := c.start(router)
	c.count(when, start)
	return start
}

// Starts is Start, as often as given, with a stop after each.
func (c *Container) Starts(starts int, when string) {
	for range starts {
		if c.Start(when).Failed == "" {
			c.Do("stop " + router)
		}
	}
}

// count counts a start, unless there was an error.
func (c *Container) count(when string, start observe.Snapshot) {
	if c.Err != nil {
		return
	}
	problem := misplaced(start, c.Want)
	c.Tally.Add(problem == "")
	if problem != "" {
		c.Wrong = append(c.Wrong, when+": "+problem)
	}
}

// countIf counts something if it is true, in a figure that is 0 otherwise.
func (c *Container) countIf(figure string, so bool) {
	n := c.Figures[figure]
	if so {
		n++
	}
	c.Figures[figure] = n
}

// outcome counts the starts, too. The first that was not as wanted is a problem, and so is
// that there was none.
func (c *Container) outcome() (Outcome, error) {
	o := inOrder(c.Tally)
	maps.Copy(o.Figures, c.Figures)
	if len(c.Wrong) > 0 {
		o.blame("%s", c.Wrong[0])
	} else if c.Tally.Total == 0 {
		o.blame("nothing was started")
	}
	if c.Problem != "" {
		o.blame("%s", c.Problem)
	}
	return o, c.Err
}

// File is the file in which the engine keeps the container's settings, as a path of the
// machine.
func (c *Container) File() string { return c.Engine.SettingsFile(c.ID) }

func (c *Container) read() []byte {
	return try(&c.client, func() ([]byte, error) { return os.ReadFile(c.File()) })
}

// saved returns the container's file when the engine has written what it did before. It says that a
// container has stopped before it writes that, but locks the container, for which inspect waits.
func (c *Container) saved() []byte {
	c.Do("inspect router")
	return c.read()
}

// Settings returns what the container's file has about its networks.
func (c *Container) Settings() map[string]any {
	var file struct{ NetworkSettings map[string]any }
	data := c.read()
	c.Try(func() error {
		if err := json.Unmarshal(data, &file); err != nil {
			return fmt.Errorf("%s: %w", c.File(), err)
		}
		return nil
	})
	return file.NetworkSettings
}

// Numbers returns the number of each network in the container's file, explicit or not,
// 0 for one that has none.
func (c *Container) Numbers() map[string]uint64 { return c.numbers(c.ID) }
