package trial

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"ethorder"

	"ethorder/internal/compose"
	"ethorder/internal/engine"
	"ethorder/internal/repo"
	"ethorder/internal/tool"
)

// Clients plays real clients that attach several networks in one request, with explicit numbers.
// Each is built from its Go module, which takes minutes the first time.
var Clients = Suite{
	Name:      "clients",
	Guarantee: "Docker Compose with the file of compose-order, and docker run with explicit numbers, keep the order whatever they do",
	OptIn:     true,
	Trials:    trialsOf(realClients, func(c realClient) Trial { return c.Trial }),
	Run: func(ctx context.Context, env *Env) error {
		for _, c := range realClients {
			if !env.selected(c.Name) {
				continue
			}
			program, err := c.build(ctx, env.Root)
			if err != nil {
				return err
			}
			err = env.pair(ctx, noFirewall, func(stock, patched *engine.Engine) error {
				return env.playServices(c.Name, stock, patched, func(e *engine.Engine) (map[string]*Result, error) {
					return c.play(ctx, e, program)
				})
			})
			if err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
		}
		return nil
	},
}

// realClient is a client, and what is done with its program.
type realClient struct {
	Trial
	module string   // the folder below clients/
	flags  []string // for go build
	play   func(ctx context.Context, e *engine.Engine, program string) (map[string]*Result, error)
}

// Docker's command line from 29 and Compose from 5 refuse engines before 25.
var realClients = []realClient{
	{Trial{Name: "Docker Compose 2.40.3 brings up, restarts, recreates, scales and takes down services"}, "compose2", nil, playCompose},
	{Trial{Name: "Docker Compose 5.5.1 brings up, restarts, recreates, scales and takes down services", Since: 25}, "compose5", nil, playCompose},
	{Trial{Name: "docker run 29.9.3 attaches five networks", Since: 25}, "docker", dockerFlags, playDockerRun},
}

// dockerFlags says which Go the command line is written in, as its module has no go.mod.
var dockerFlags = []string{"-gcflags=github.com/docker/cli/...=-lang=go1.26"}

// build builds the tool that the module names, and returns its path.
func (c realClient) build(ctx context.Context, root repo.Root) (string, error) {
	unlock, err := repo.Lock(ctx, root.Out("tools", "clients"))
	if err != nil {
		return "", err
	}
	defer unlock()
	path := root.Out("tools", "clients", c.module)
	_, err = tool.Run(ctx, tool.Cmd{
		Dir:  root.Path("internal", "trial", "clients", c.module),
		Env:  []string{"CGO_ENABLED=0", "GOTOOLCHAIN=auto"}, // some need a newer Go
		What: "build the client " + c.module,
		Args: slices.Concat([]string{"go", "build", "-o", path, "-trimpath", "-buildvcs=false", "-ldflags=-s -w"}, c.flags, []string{"tool"}),
	})
	return path, err
}

//go:embed clients/compose.yaml
var clientStack []byte

// playCompose plays a stack with Docker Compose, and with the override file for it.
func playCompose(ctx context.Context, e *engine.Engine, program string) (map[string]*Result, error) {
	c := &client{Engine: e, ctx: ctx}
	file, override := filepath.Join(e.Dir(), "tmp", "compose.yaml"), filepath.Join(e.Dir(), "tmp", "order.yaml")
	c.Try(func() error { return os.WriteFile(file, clientStack, 0o644) })
	c.Try(func() error {
		var order bytes.Buffer
		err := compose.Options{Files: []string{file}, Out: &order, Note: logrus.Infof}.Run()
		return errors.Join(err, os.WriteFile(override, order.Bytes(), 0o644))
	})
	results := parseStack(clientStack).results()
	for _, step := range []struct {
		command    string
		containers int // that then run
	}{
		{"up --detach", 2},
		{"restart --timeout 1", 2},
		{"up --detach --force-recreate", 2},
		{"up --detach --scale router=3", 4},
		{"restart --timeout 1", 4},
		{"up --detach --scale router=3 --force-recreate", 4},
		{"down --timeout 1", 0},
		{"up --detach", 2},
		{"down --timeout 1", 0},
	} {
		arguments := append([]string{"--project-name", "stack", "--file", file, "--file", override}, strings.Fields(step.command)...)
		try(c, func() (string, error) { return e.Client(ctx, program, arguments...) })
		containers := strings.Fields(c.Ask("ps --format {{.Names}}"))
		c.Try(func() error {
			if len(containers) != step.containers {
				return fmt.Errorf("after %s, these containers run: %s; want %d", step.command, strings.Join(containers, ", "), step.containers)
			}
			return nil
		})
		for _, name := range containers { // stack-SERVICE-NUMBER
			if r := results[strings.Split(name, "-")[1]]; c.Err == nil {
				r.Starts = append(r.Starts, c.see(name))
			}
		}
	}
	return results, c.Err
}

// playDockerRun runs a container in several networks with docker, and starts it again.
func playDockerRun(ctx context.Context, e *engine.Engine, program string) (map[string]*Result, error) {
	c := &client{Engine: e, ctx: ctx}
	docker := func(args ...string) {
		try(c, func() (string, error) { return e.Client(ctx, program, args...) })
	}
	r := &Result{Want: strings.Fields("zulu mike alpha kilo bravo")}
	for _, network := range slices.Sorted(slices.Values(r.Want)) {
		docker("network", "create", network)
	}
	run := []string{"run", "--detach", "--name", router}
	for i, network := range r.Want {
		run = append(run, "--network", fmt.Sprintf("name=%s,driver-opt=%s=%d", network, ethorder.AttachSequenceOption, i+1))
	}
	docker(append(run, engine.Image)...)
	r.Starts = append(r.Starts, c.see(router))
	for range starts {
		docker("restart", router)
		r.Starts = append(r.Starts, c.see(router))
	}
	return map[string]*Result{router: r}, c.Err
}
