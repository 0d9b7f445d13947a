package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"ethorder/internal/build"
	"ethorder/internal/engine"
	"ethorder/internal/observe"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/report"
	"ethorder/internal/tool"
	"ethorder/internal/trial"
)

// demoNetworks are the networks of the demo in the order in which they are
// attached, which is not that of their names. The first demoFirst are attached
// before the first start, and one more before each other start.
var demoNetworks = strings.Fields("web db cache metrics backup logs admin storage")

const demoFirst = 5

func init() {
	var (
		starts int
		svg    string
	)
	cmd := &cobra.Command{
		Use:   "demo [release]",
		Short: "Show on real engines in which order interfaces come up, stock and patched",
		Args:  orUsage(cobra.MaximumNArgs(1)),
		RunE: runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
			if starts < 1 {
				return tool.Usagef("--starts %d: want at least 1", starts)
			}
			name, err := demoRelease(root, args)
			if err != nil {
				return err
			}
			d := demo{root: root, release: name, starts: starts, out: cmd.OutOrStdout()}
			err = d.run(cmd.Context())
			if err == nil && svg != "" {
				err = d.writeSVG(svg)
			}
			if cmd.Context().Err() != nil {
				return &tool.Exit{Status: tool.Interrupted, Err: errors.New("interrupted; the labs are gone")}
			}
			if err != nil {
				return err
			}
			return d.verdict()
		}),
	}
	cmd.Flags().IntVar(&starts, "starts", 8, "start the container `N` times")
	cmd.Flags().StringVar(&svg, "svg", "", "draw the starts into `FILE` too")
	subcommands = append(subcommands, cmd)
}

// demoRelease returns the release to show: the newest that builds from Go modules,
// unless one is given.
func demoRelease(root repo.Root, args []string) (string, error) {
	if len(args) == 1 {
		r, err := pins.Find(root, args[0])
		return r.Name, err
	}
	table, err := pins.Load(root)
	if err != nil {
		return "", err
	}
	_, newest := testReleases(table)
	return newest, nil
}

// demo runs the same commands on a stock and on a patched engine.
type demo struct {
	root    repo.Root
	release string
	starts  int
	out     io.Writer
	sides   [2]side
}

// side is one of the engines, and what was seen on it.
type side struct {
	name   string
	engine *engine.Engine
	starts []observe.Snapshot
	tally  observe.Tally
}

func (d *demo) run(ctx context.Context) (err error) {
	if os.Geteuid() != 0 {
		return tool.CannotRunf("the demo runs engines, which make interfaces and mounts: run it as root (sudo ./scripts/demo)")
	}
	begin := time.Now()
	config, err := labConfig(ctx, d.root)
	if err != nil {
		return err
	}
	if config.Runc, err = build.Runc(ctx, d.release); err != nil {
		return err
	}
	d.sides[0].name, d.sides[1].name = "stock", "patched"
	var dockerd [len(d.sides)]string
	for i, s := range d.sides {
		if dockerd[i], err = build.Dockerd(ctx, d.release, s.name == "patched"); err != nil {
			return err
		}
	}
	for i := range d.sides {
		s := &d.sides[i]
		logrus.Infof("starting %s in a lab", d.root.Rel(dockerd[i]))
		config.Dockerd = dockerd[i]
		config.LogDir = d.root.Out(d.release, "log", "demo-"+s.name)
		if s.engine, err = engine.Start(ctx, config); err != nil {
			return err
		}
		defer func() {
			err = errors.Join(err, s.engine.Close())
		}()
	}
	logrus.Infof("both engines run, after %v", time.Since(begin).Round(time.Second))
	return d.play(ctx)
}

// play runs the commands, and shows them and what came of them.
func (d *demo) play(ctx context.Context) error {
	fmt.Fprintf(d.out, "Docker Engine %s: the same commands on the stock engine and on the patched one.\n\n", d.release)
	for _, network := range demoNetworks {
		if err := d.docker(ctx, "network", "create", network); err != nil {
			return err
		}
	}
	if err := d.docker(ctx, "create", "--name", "box", "--network", demoNetworks[0], engine.Image); err != nil {
		return err
	}
	attached := 1
	for start := 1; start <= d.starts; start++ {
		if start > 1 {
			if err := d.docker(ctx, "stop", "box"); err != nil {
				return err
			}
		}
		for attached < min(demoFirst+start-1, len(demoNetworks)) {
			if err := d.docker(ctx, "network", "connect", demoNetworks[attached], "box"); err != nil {
				return err
			}
			attached++
		}
		if err := d.start(ctx, start, demoNetworks[:attached]); err != nil {
			return err
		}
	}
	return nil
}

// docker shows a command and runs it on both engines.
func (d *demo) docker(ctx context.Context, args ...string) error {
	fmt.Fprintf(d.out, "$ docker %s\n", strings.Join(args, " "))
	return d.both(func(s *side) error {
		_, err := s.engine.Docker(ctx, args...)
		return err
	})
}

// start starts the container on both engines and shows its interfaces.
func (d *demo) start(ctx context.Context, number int, attached []string) error {
	fmt.Fprintf(d.out, "$ docker start box\n\n")
	err := d.both(func(s *side) error {
		start, err := trial.Start(ctx, s.engine, "box")
		if err != nil {
			return err
		}
		s.starts = append(s.starts, start)
		s.tally.Add(start.Follows(attached))
		return nil
	})
	if err != nil {
		return err
	}
	var rows []report.StartRow
	for _, s := range d.sides {
		rows = append(rows, report.StartRow{Engine: s.name, Start: s.starts[number-1]})
	}
	if err := report.StartTable(d.out, fmt.Sprintf("start %d", number), attached, rows); err != nil {
		return err
	}
	fmt.Fprintln(d.out)
	return nil
}

// both does something on both engines at the same time.
func (d *demo) both(do func(*side) error) error {
	var errs [len(d.sides)]error
	var group sync.WaitGroup
	for i := range d.sides {
		group.Add(1)
		go func() {
			defer group.Done()
			if err := do(&d.sides[i]); err != nil {
				errs[i] = fmt.Errorf("%s engine: %w", d.sides[i].name, err)
			}
		}()
	}
	group.Wait()
	return errors.Join(errs[:]...)
}

// writeSVG draws the starts.
func (d *demo) writeSVG(path string) error {
	var panels []report.Panel
	for _, s := range d.sides {
		panels = append(panels, report.Panel{
			Title:  fmt.Sprintf("%s %s: %v starts in attach order", d.release, s.name, s.tally),
			Starts: s.starts,
		})
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return report.SVG(file, demoNetworks, panels)
}

// verdict prints the last line, and returns an error that has its exit status.
func (d *demo) verdict() error {
	stock, patched := d.sides[0].tally, d.sides[1].tally
	verdict := observe.Judge(stock, patched)
	fmt.Fprintf(d.out, "%s: Docker Engine %s came up in attach order in %v starts patched, in %v stock\n",
		verdict, d.release, patched, stock)
	logs := d.root.Rel(d.root.Out(d.release, "log"))
	switch verdict {
	case observe.Fail:
		return fmt.Errorf("the patched engine did not keep the attach order; the engines' logs are in %s/demo-*", logs)
	case observe.Inconclusive:
		return &tool.Exit{Status: tool.Inconclusive, Err: fmt.Errorf("the stock engine kept the order too, by chance: nothing is shown; run it again with --starts %d", 2*d.starts)}
	}
	return nil
}
