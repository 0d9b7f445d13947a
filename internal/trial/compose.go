package trial

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"ethorder/internal/engine"
	"ethorder/internal/observe"
	"ethorder/internal/tool"
)

// Compose brings up Compose files with docker-compose 1.x, which attaches networks one by
// one.
var Compose = Suite{
	Name:      "compose",
	Guarantee: "a service of a Compose file has its interfaces in the order of the file's priorities",
	Trials:    trialsOf(stacks, func(s stack) Trial { return Trial{Name: s.Name} }),
	Run: func(ctx context.Context, env *Env) error {
		return env.pair(ctx, noProxy, func(stock, patched *engine.Engine) error {
			version, err := stock.Compose(ctx, "version", "--short")
			if err != nil {
				return err
			}
			if !strings.HasPrefix(version, "1.") {
				return tool.CannotRunf("docker-compose %s attaches networks in one request, which has no order: the stacks are for 1.x, as Debian 12 has it", version)
			}
			for _, s := range stacks {
				if err := env.playServices(s.Name, stock, patched, func(e *engine.Engine) (map[string]*Result, error) {
					return s.play(ctx, e)
				}); err != nil {
					return fmt.Errorf("%s: %w", s.Name, err)
				}
			}
			return nil
		})
	},
}

// stack is a Compose file. The container of a service has the name stack-SERVICE.
type stack struct {
	file []byte
	// Name is a sentence.
	Name string `yaml:"x-name"`
	// Want has for each service the networks of eth0, of eth1, and so on.
	Want map[string][]string `yaml:"x-want"`
}

var (
	//go:embed stacks/addresses.yaml
	addresses []byte
	//go:embed stacks/priorities.yaml
	priorities []byte

	stacks = []stack{parseStack(addresses), parseStack(priorities)}
)

// parseStack panics if the file is no stack: it is embedded.
func parseStack(file []byte) stack {
	s := stack{file: file}
	if err := yaml.Unmarshal(file, &s); err != nil {
		panic(err)
	}
	return s
}

// playServices plays something with containers on both engines at the same time, and reports what
// it found. Play returns how each container, or each service, did.
func (env *Env) playServices(name string, stock, patched *engine.Engine, play func(*engine.Engine) (map[string]*Result, error)) error {
	if !env.selected(name) {
		return nil
	}
	before, after, err := onBoth(stock, patched, play)
	if err != nil {
		return err
	}
	o := inOrder(totalOf(after))
	for _, service := range slices.Sorted(maps.Keys(after)) {
		if err := broken(*before[service], *after[service]); err != nil {
			o.blame("%s: %v", service, err)
		}
	}
	env.Report(name, inOrder(totalOf(before)), o)
	return nil
}

// results has a result without starts for each service.
func (s stack) results() map[string]*Result {
	results := make(map[string]*Result)
	for service, want := range s.Want {
		results[service] = &Result{Want: want}
	}
	return results
}

// totalOf counts the starts of all services.
func totalOf(services map[string]*Result) (t observe.Tally) {
	for _, r := range services {
		t.Right += r.Tally().Right
		t.Total += r.Tally().Total
	}
	return t
}

// play brings the stack up, restarts it four times, and does so again with new containers.
// It returns how each of the services did.
func (s stack) play(ctx context.Context, e *engine.Engine) (map[string]*Result, error) {
	c := &client{Engine: e, ctx: ctx}
	file := filepath.Join(e.Dir(), "tmp", "docker-compose.yml")
	c.Try(func() error { return os.WriteFile(file, s.file, 0o644) })
	compose := func(args ...string) {
		try(c, func() (string, error) {
			return e.Compose(ctx, append([]string{"--project-name", "stack", "--file", file}, args...)...)
		})
	}
	results := s.results()
	for range 2 {
		for i := range 5 {
			if i == 0 {
				compose("up", "--detach")
			} else {
				compose("restart", "--timeout", "1")
			}
			for service, r := range results {
				r.Starts = append(r.Starts, c.see("stack-"+service))
			}
		}
		// Each of the services finds the others by name.
		for service := range results {
			for peer := range results {
				c.Do("exec stack-" + service + " /probe lookup " + peer)
			}
		}
		// docker-compose 1.x cannot replace containers of engines from 25 by itself.
		compose("rm", "--stop", "--force")
	}
	compose("down")
	return results, c.Err
}
