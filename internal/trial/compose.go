// Package compose tries the order of the networks of services in Compose files, with
// docker-compose 1.x, which attaches them one by one.
package trial

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ethorder/internal/engine"
	"ethorder/internal/observe"
	"ethorder/internal/tool"
)

// ComposeSuite plays the stacks.
var ComposeSuite = Suite{
	Name:    "compose",
	Promise: "a service of a Compose file has its interfaces in the order of the file's priorities",
	Run:     runCompose,
}

// composeRestarts is how often a stack is restarted after it was brought up, and again after
// its containers were made anew.
const composeRestarts = 4

// composeStack is a Compose file, and the order that follows from it.
type composeStack struct {
	name     string // a sentence
	file     string
	services []composeService
}

// composeService is one of a stack's services.
type composeService struct {
	name string
	want string // the networks of eth0, of eth1, and so on
}

// container returns the name that the files give to the container of a service.
func (s composeService) container() string { return s.name + "-box" }

func runCompose(ctx context.Context, l *Lab) error {
	return l.Pair(ctx, func(stock, patched *engine.Engine) error {
		version, err := stock.Compose(ctx, "version", "--short")
		if err != nil {
			return err
		}
		if !strings.HasPrefix(version, "1.") {
			return tool.CannotRunf("docker-compose %s attaches networks in one request, which has no order: the stacks are for 1.x, as Debian 12 has it", version)
		}
		for _, s := range composeStacks {
			if err := s.both(ctx, l, stock, patched); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
		return nil
	}, "--userland-proxy=false") // engines want one of their own release, which the lab has not
}

// both plays the stack on both engines at the same time, and reports what it found.
func (s composeStack) both(ctx context.Context, l *Lab, stock, patched *engine.Engine) error {
	before, after, err := OnBoth(stock, patched, func(e *engine.Engine) ([]Result, error) {
		return s.play(ctx, e)
	})
	if err != nil {
		return err
	}
	found := totalOf(after).String() + " starts in order"
	held := true
	for i, service := range s.services {
		if err := Broken(before[i], after[i]); err != nil {
			found += fmt.Sprintf("; %s: %v", service.name, err)
			held = false
		}
	}
	l.Report(s.name, totalOf(before).String()+" starts in order", found, held)
	return nil
}

// totalOf counts the starts of all services.
func totalOf(services []Result) (t observe.Tally) {
	for _, r := range services {
		t.Right += r.Tally().Right
		t.Total += r.Tally().Total
	}
	return t
}

// play brings the stack up, restarts it, and does so again with new containers. It
// returns how each of the services did.
func (s composeStack) play(ctx context.Context, e *engine.Engine) (results []Result, err error) {
	file := filepath.Join(e.Dir(), "tmp", "docker-compose.yml")
	if err := os.WriteFile(file, []byte(s.file), 0o644); err != nil {
		return nil, err
	}
	compose := func(args ...string) error {
		_, err := e.Compose(ctx, append([]string{"--project-name", "stack", "--file", file}, args...)...)
		return err
	}
	for _, service := range s.services {
		results = append(results, Result{Want: strings.Fields(service.want)})
	}
	for range 2 {
		again := []string{"restart", "--timeout", "1"}
		for _, args := range append([][]string{{"up", "--detach"}}, slices.Repeat([][]string{again}, composeRestarts)...) {
			if err := compose(args...); err != nil {
				return nil, err
			}
			if err := s.look(ctx, e, results); err != nil {
				return nil, err
			}
		}
		if err := s.find(ctx, e); err != nil {
			return nil, err
		}
		// docker-compose 1.x cannot replace containers of engines from 25 by itself.
		if err := compose("rm", "--stop", "--force"); err != nil {
			return nil, err
		}
	}
	return results, compose("down")
}

// find has each of the services look up the others by name.
func (s composeStack) find(ctx context.Context, e *engine.Engine) error {
	for _, service := range s.services {
		for _, peer := range s.services {
			if _, err := e.Docker(ctx, "exec", service.container(), "/idle", "lookup", peer.name); err != nil {
				return err
			}
		}
	}
	return nil
}

// look reads the interfaces of each service's container.
func (s composeStack) look(ctx context.Context, e *engine.Engine, results []Result) error {
	for i, service := range s.services {
		start, err := observe.Read(ctx, e, service.container())
		if err != nil {
			return err
		}
		results[i].Starts = append(results[i].Starts, start)
	}
	return nil
}
