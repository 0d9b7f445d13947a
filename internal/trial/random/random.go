// Package random does to a live engine what a user might, at random, and compares it
// after every step with a plain model of the rule.
package random

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"ethorder/internal/engine"
	"ethorder/internal/observe"
	"ethorder/internal/pins"
	"ethorder/internal/report"
	"ethorder/internal/trial"
)

// Suite gives random commands. Those that the rule has nothing to say about are not among
// them: see model.can.
var Suite = trial.Suite{
	Name:      "random",
	Guarantee: "after any commands, the interfaces and the numbers of containers are as a model of the rule says",
	Trials:    []trial.Trial{{Name: title}},
	Run:       run,
}

var title = fmt.Sprintf("random commands on %d containers and %d networks, each compared with a model of the rule",
	len(containerNames), len(networks))

// A run begins on an empty engine, so that what fails is short enough to be made
// shorter.
const (
	stepsPerRun = 100
	runs        = 2 // which trial.Env.Scale multiplies
)

// shrinking is how long to look for a shorter way to a difference.
const shrinking = 10 * time.Minute

func run(ctx context.Context, env *trial.Env) (err error) {
	stock, patched := &bench{env: env}, &bench{env: env, patched: true}
	defer func() { err = errors.Join(err, stock.close(), patched.close()) }()

	tally := tallier{}
	major := pins.Major(env.Release.Name)
	steps, difference, err := stock.play(ctx, plan(env.Seed, stepsPerRun, major), tally.check)
	if err != nil {
		return fmt.Errorf("stock engine: %w", err)
	}
	if err := stock.close(); err != nil {
		return err
	}
	before := trial.Outcome{
		Figures: report.Figures{report.Steps: steps, report.Starts: tally.Total, report.InOrder: tally.Right}, Problem: difference,
	}
	compared := comparer{}
	after := trial.Outcome{Figures: report.Figures{report.Differences: 0}}
	for i := range uint64(runs * env.Scale) {
		commands := plan(env.Seed+i, stepsPerRun, major)
		n, difference, err := patched.play(ctx, commands, compared.check)
		if err != nil {
			return fmt.Errorf("patched engine: %w", err)
		}
		logrus.Infof("%s, random: %d steps, %d starts", env.Release.Name, compared.steps, compared.starts)
		if difference == "" {
			continue
		}
		logrus.Warnf("seed %d, after %d steps: %s", env.Seed+i, n, difference)
		commands, difference, err = patched.shrink(ctx, commands[:n], difference)
		if err != nil {
			return fmt.Errorf("patched engine: %w", err)
		}
		after.Figures[report.Differences] = 1
		after.Problem = fmt.Sprintf("seed %d: %s; to see it: %s", env.Seed+i, difference, strings.Join(texts(commands), "; "))
		break
	}
	after.Figures[report.Steps], after.Figures[report.Starts] = compared.steps, compared.starts
	env.Report(title, before, after)
	return nil
}

// checker compares the engine with the model after a command, and says in what they
// differ.
type checker func(ctx context.Context, s *session, m *model) (difference string, err error)

// session is a run on an engine.
type session struct {
	engine   *engine.Engine
	docker   func(ctx context.Context, args ...string) (string, error) // engine.Docker
	ids      []string                                                  // of the containers
	networks map[string]string                                         // name by id and short id
}

// signals end dockerd.
var signals = map[verb]syscall.Signal{daemonRestart: syscall.SIGTERM, daemonKill: syscall.SIGKILL}

// do does a command on the engine.
func (s *session) do(ctx context.Context, c command, name string) error {
	if signal, ok := signals[c.verb]; ok {
		if err := s.engine.Signal(signal); err != nil {
			return err
		}
		// Engines of 2017 draw ids from a generator that libnetwork seeds with the second
		// in which they start: two starts in one second draw the same ids.
		time.Sleep(time.Second)
		return s.engine.StartDockerd(ctx)
	}
	if len(c.more) > 0 {
		path, body := c.request(name, s.key)
		if err := s.engine.Post(ctx, path, body); err != nil {
			return err
		}
		id, err := s.docker(ctx, "inspect", "--format", "{{.Id}}", name)
		s.ids[c.container] = id
		return err
	}
	out, err := s.docker(ctx, c.arguments(name, s.key(c.given()[0]))...)
	switch {
	case err != nil:
	case c.verb == create:
		s.ids[c.container] = out
	case c.verb == networkCreate:
		s.networks[out], s.networks[out[:12]] = c.network, c.network
	case c.verb == networkRemove:
		maps.DeleteFunc(s.networks, func(_, name string) bool { return name == c.network })
	}
	return err
}

// key returns what is given of a network.
func (s *session) key(g given) string {
	for id, name := range s.networks {
		if name == g.network && g.by != "" && (g.by == "id") == (len(id) == 64) {
			return id
		}
	}
	return g.network
}

// miscounts reports whether a command failed as the engine will not remove a network
// for endpoints that it has not. Stock counts them apart, and has too many until it starts
// again once a container was renamed after another one had left the network
// ("Fixing inconsistent endpoint_cnt" in the log of 17.12.1).
func (s *session) miscounts(ctx context.Context, c command, failed error) bool {
	if c.verb != networkRemove || !strings.Contains(failed.Error(), "has active endpoints") {
		return false
	}
	containers, err := s.docker(ctx, "network", "inspect", "--format", "{{len .Containers}}", c.network)
	return err == nil && containers == "0"
}

// comparer compares all that the model knows.
type comparer struct {
	steps, starts int
}

func (c *comparer) check(ctx context.Context, s *session, m *model) (string, error) {
	c.steps++
	for i, b := range m.containers {
		if b == nil {
			continue
		}
		if b.began {
			c.starts++
		}
		got, err := trial.Numbers(s.engine, s.ids[i], s.networks)
		if err != nil {
			return "", err
		}
		if want := b.numbers(); !maps.Equal(got, want) {
			return fmt.Sprintf("%s has the numbers %v, wanted %v", b.name, got, want), nil
		}
		if difference, err := s.compareInterfaces(ctx, i, b); difference != "" || err != nil {
			return difference, err
		}
	}
	return "", nil
}

// compareInterfaces compares the kernel's interfaces of a container with the model's.
func (s *session) compareInterfaces(ctx context.Context, i int, b *container) (string, error) {
	if !b.running || len(b.attached) == 0 {
		return "", nil
	}
	got, err := observe.Read(ctx, s.engine, s.ids[i])
	if err != nil {
		return fmt.Sprintf("%s cannot be read: %v", b.name, err), ctx.Err()
	}
	if want := b.interfaces(); !got.Follows(want) {
		return fmt.Sprintf("%s has the interfaces %v, wanted %v", b.name, got.Networks(), want), nil
	}
	return "", nil
}

// tallier counts the starts of containers that have an order to keep.
type tallier struct {
	observe.Tally
}

func (t *tallier) check(ctx context.Context, s *session, m *model) (string, error) {
	for i, b := range m.containers {
		if b == nil || !b.began || len(b.attached) < 2 {
			continue
		}
		difference, err := s.compareInterfaces(ctx, i, b)
		if err != nil {
			return "", err
		}
		t.Add(difference == "")
	}
	return "", nil
}

// bench plays runs on engines of one kind.
type bench struct {
	env     *trial.Env
	patched bool
	engine  *engine.Engine // nil if a new one is needed
}

// play gives commands to an engine that has neither containers nor networks. It
// returns how many were given, and the difference that the last of them made. The
// error is one of the machine.
func (b *bench) play(ctx context.Context, commands []command, check checker) (steps int, difference string, err error) {
	if b.engine == nil {
		if b.engine, err = b.env.Start(ctx, b.patched, "--iptables=false"); err != nil {
			b.engine = nil
			return 0, "", err
		}
	}
	defer func() {
		// Such as after a daemon that does not come up again, or one that miscounts.
		if e := b.engine; e.RemoveContainers(ctx) != nil || e.RemoveNetworks(ctx) != nil {
			err = errors.Join(err, b.close())
		}
	}()
	m := newModel(pins.Major(b.env.Release.Name))
	s := &session{engine: b.engine, docker: b.engine.Docker, ids: make([]string, len(containerNames)), networks: make(map[string]string)}
	for i, c := range commands {
		if !m.can(c) {
			continue // the engine still has a network that was to be removed
		}
		failed := s.do(ctx, c, m.name(c))
		if ctx.Err() != nil {
			return i, "", ctx.Err()
		}
		if failed != nil && s.miscounts(ctx, c, failed) {
			logrus.Warnf("%s, random: stock's count of endpoints is wrong: %v", b.env.Release.Name, failed)
			continue
		}
		if failed != nil {
			return i + 1, failed.Error(), nil
		}
		m.do(c)
		if difference, err := check(ctx, s, m); difference != "" || err != nil {
			return i + 1, difference, err
		}
	}
	return len(commands), "", nil
}

// shrink returns the shortest commands that it finds to make a difference, and which
// that is.
func (b *bench) shrink(ctx context.Context, commands []command, difference string) ([]command, string, error) {
	var machine error
	deadline := time.Now().Add(shrinking)
	short := shortest(commands, func(candidate []command) int {
		if machine != nil || time.Now().After(deadline) {
			return 0
		}
		n, d, err := b.play(ctx, candidate, (&comparer{}).check)
		machine = err
		if err != nil || d == "" {
			return 0
		}
		difference = d
		logrus.Infof("%d commands make a difference: %s", n, d)
		return n
	})
	return short, difference, machine
}

func (b *bench) close() error {
	if b.engine == nil {
		return nil
	}
	e := b.engine
	b.engine = nil
	return e.Close()
}
