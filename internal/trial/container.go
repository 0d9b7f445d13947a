package trial

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"ethorder/internal/engine"
	"ethorder/internal/observe"
)

// Outcome is how one engine did in a trial.
type Outcome struct {
	What string // a phrase
	Held bool   // whether it is what is promised
}

// Both makes a trial on the stock and on the patched engine at the same time, each
// in a lab of its own, and reports what it found.
func (l *Lab) Both(ctx context.Context, trial string, play func(context.Context, *engine.Engine) (Outcome, error), args ...string) error {
	return l.Pair(ctx, func(stock, patched *engine.Engine) error {
		before, after, err := OnBoth(stock, patched, func(e *engine.Engine) (Outcome, error) { return play(ctx, e) })
		if err != nil {
			return fmt.Errorf("%s: %w", trial, err)
		}
		l.Report(trial, before.What, after.What, after.Held)
		return nil
	}, args...)
}

// Box is a container, called box, and its engine. The first error that a method meets
// stays in Err, and from then on the methods do nothing.
type Box struct {
	*engine.Engine
	ID string
	// Want are its networks in the order in which its interfaces must come up.
	Want []string
	// Wrong are the starts that were not so.
	Wrong []string
	observe.Tally
	Err error

	ctx context.Context
}

// MakeBox makes networks, creates a container with the first one and more options of
// docker create, and connects the others, but not the spare ones.
func MakeBox(ctx context.Context, e *engine.Engine, networks, spare string, options ...string) *Box {
	b := NewBox(ctx, e)
	names := strings.Fields(networks)
	for _, name := range slices.Sorted(slices.Values(append(strings.Fields(spare), names...))) {
		b.Do("network create " + name)
	}
	b.Create(names[0], options...)
	for _, name := range names[1:] {
		b.Connect(name)
	}
	return b
}

// NewBox is a container that is still to be created.
func NewBox(ctx context.Context, e *engine.Engine) *Box { return &Box{Engine: e, ctx: ctx} }

// Create creates the container with its first network and more options of docker create.
func (b *Box) Create(network string, options ...string) {
	b.ID = b.Ask("create --name box --network " + network + " " + strings.Join(options, " ") + " " + engine.Image)
	b.Want = []string{network}
}

// Ask runs a docker command, given without "docker", and returns what it prints.
func (b *Box) Ask(command string) (answer string) {
	b.Try(func() (err error) {
		answer, err = b.Docker(b.ctx, strings.Fields(command)...)
		return err
	})
	return answer
}

// Do runs docker commands, given without "docker".
func (b *Box) Do(commands ...string) {
	for _, command := range commands {
		b.Ask(command)
	}
}

// Try calls f, unless there was an error.
func (b *Box) Try(f func() error) {
	if b.Err == nil {
		b.Err = f()
	}
}

// Replace replaces the engine by another one.
func (b *Box) Replace(dockerd string) {
	b.Try(func() error { return b.Engine.Replace(b.ctx, dockerd) })
}

// Restart restarts the engine's daemon.
func (b *Box) Restart() {
	b.Try(func() error { return b.Engine.Restart(b.ctx) })
}

// Post sends a request with a JSON body to the engine's API.
func (b *Box) Post(path, body string) {
	b.Try(func() error { return b.Engine.Post(b.ctx, path, body) })
}

// Connect connects a network, which makes it the last one, with more options of docker
// network connect.
func (b *Box) Connect(network string, options ...string) {
	b.Do("network connect " + strings.Join(options, " ") + " " + network + " box")
	b.Want = append(b.Want, network)
}

// Disconnect disconnects a network.
func (b *Box) Disconnect(network string) {
	b.Do("network disconnect " + network + " box")
	b.Want = slices.DeleteFunc(slices.Clone(b.Want), func(name string) bool { return name == network })
}

// Attached returns the networks that the engine shows, by name.
func (b *Box) Attached() []string {
	shown := b.Ask("inspect --format {{.NetworkSettings.Networks|json}} box")
	networks := map[string]any{}
	b.Try(func() error { return json.Unmarshal([]byte(shown), &networks) })
	return slices.Sorted(maps.Keys(networks))
}

// Pid returns the id of the container's process in the lab, "0" if it does not run.
func (b *Box) Pid() string { return b.Ask("inspect --format {{.State.Pid}} box") }

// Networks returns the networks of the running container, by interface.
func (b *Box) Networks() (networks []string) {
	b.Try(func() error {
		start, err := observe.Read(b.ctx, b.Engine, "box")
		networks = start.Networks()
		return err
	})
	return networks
}

// Look counts whether the interfaces of the running container are as wanted.
func (b *Box) Look(when string) {
	b.Try(func() error {
		start, err := observe.Read(b.ctx, b.Engine, "box")
		if err == nil {
			b.count(when, start)
		}
		return err
	})
}

// Start starts the container and counts whether its interfaces are as wanted.
func (b *Box) Start(when string) (start observe.Start) {
	b.Try(func() (err error) {
		if start, err = Start(b.ctx, b.Engine, "box"); err == nil {
			b.count(when, start)
		}
		return err
	})
	return start
}

// Starts is Start, as often as given, with a stop after each.
func (b *Box) Starts(starts int, when string) {
	for range starts {
		if b.Start(when).Failed == "" {
			b.Do("stop box")
		}
	}
}

func (b *Box) count(when string, start observe.Start) {
	right := start.Follows(b.Want)
	b.Add(right)
	switch {
	case start.Failed != "":
		b.Wrong = append(b.Wrong, when+": "+start.Failed)
	case !right:
		b.Wrong = append(b.Wrong, fmt.Sprintf("%s: got %s, wanted %s", when, strings.Join(start.Networks(), " "), strings.Join(b.Want, " ")))
	}
}

// Outcome is whether every start so far was as wanted.
func (b *Box) Outcome() (Outcome, error) {
	o := Outcome{What: b.Tally.String() + " in order", Held: b.Total > 0 && b.Right == b.Total}
	if len(b.Wrong) > 0 {
		o.What += "; " + b.Wrong[0]
	}
	return o, b.Err
}

// File is the file in which the engine keeps the container's settings, as a path of
// the machine.
func (b *Box) File() string { return b.SettingsFile(b.ID) }

// Settings returns what the container's file has about its networks.
func (b *Box) Settings() (settings map[string]any) {
	b.Try(func() error {
		data, err := os.ReadFile(b.File())
		if err != nil {
			return err
		}
		var file struct{ NetworkSettings map[string]any }
		if err := json.Unmarshal(data, &file); err != nil {
			return fmt.Errorf("%s: %w", b.File(), err)
		}
		settings = file.NetworkSettings
		return nil
	})
	return settings
}

// Numbers returns the number of each network in the container's file, explicit or not,
// 0 for one that has none.
func (b *Box) Numbers() (numbers map[string]uint64) {
	b.Try(func() (err error) {
		numbers, err = Numbers(b.Engine, b.ID)
		return err
	})
	return numbers
}
