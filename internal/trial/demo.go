package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/fatih/color"
	"github.com/sirupsen/logrus"

	"ethorder/internal/engine"
	"ethorder/internal/observe"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/report"
	"ethorder/internal/tool"
)

// demoNetworks are the networks of the demo in the order in which they are attached, which
// is not that of their names. The first demoFirst are attached before the first start, and
// one more before each other start.
var demoNetworks = strings.Fields("web db cache metrics backup logs admin storage")

const demoFirst = 5

// Demo gives the same docker commands to a stock and to a patched engine of a release, and
// shows them, with the interfaces after each start.
type Demo struct {
	Root    repo.Root
	Release pins.Release
	Starts  int
	SVG     string // file to draw the starts into, "" for none
	Out     io.Writer

	sides [2]side
}

// side is one of the engines, and what was seen on it.
type side struct {
	name   string
	engine *engine.Engine
	starts []observe.Snapshot
	tally  observe.Tally
}

// Run runs the demo. The error has the status of the verdict.
func (d *Demo) Run(ctx context.Context) error {
	begin := time.Now()
	env, err := NewEnv(ctx, d.Root, d.Release, "", "")
	if err == nil {
		env.suite.Name = "demo"
		err = env.pair(ctx, nil, func(stock, patched *engine.Engine) error {
			logrus.Infof("both engines run, after %v", time.Since(begin).Round(time.Second))
			d.sides = [2]side{{name: "stock", engine: stock}, {name: "patched", engine: patched}}
			return d.play(ctx)
		})
	}
	if err == nil && d.SVG != "" {
		err = d.draw()
	}
	if ctx.Err() != nil {
		return &tool.Exit{Status: tool.Interrupted, Err: errors.New("interrupted; the engines and their sandboxes are gone")}
	}
	if err != nil {
		return err
	}
	return d.verdict(env.Root.Rel(env.logDir("*")))
}

// play gives the commands and shows the starts.
func (d *Demo) play(ctx context.Context) error {
	fmt.Fprintf(d.Out, "Docker Engine %s: the same commands on the stock engine and on the patched one.\n\n", d.Release.Name)
	commands := []string{}
	for _, network := range demoNetworks {
		commands = append(commands, "network create "+network)
	}
	commands = append(commands, "create --name "+router+" --network "+demoNetworks[0]+" "+engine.Image)
	attached := 1
	for start := 1; start <= d.Starts; start++ {
		if start > 1 {
			commands = append(commands, "stop "+router)
		}
		for ; attached < min(demoFirst+start-1, len(demoNetworks)); attached++ {
			commands = append(commands, "network connect "+demoNetworks[attached]+" "+router)
		}
		for _, command := range commands {
			fmt.Fprintf(d.Out, "$ docker %s\n", command)
			if _, _, err := onBoth(d.sides[0].engine, d.sides[1].engine, func(e *engine.Engine) (string, error) {
				return runCommand(ctx, e, command)
			}); err != nil {
				return err
			}
		}
		commands = nil
		if err := d.start(ctx, start, demoNetworks[:attached]); err != nil {
			return err
		}
	}
	return nil
}

// start starts the container on both engines, and shows how its interfaces came up.
func (d *Demo) start(ctx context.Context, number int, attached []string) error {
	fmt.Fprintf(d.Out, "$ docker start %s\n\n", router)
	stock, patched, err := onBoth(d.sides[0].engine, d.sides[1].engine, func(e *engine.Engine) (observe.Snapshot, error) {
		return startContainer(ctx, e, router)
	})
	if err != nil {
		return err
	}
	var rows []report.StartRow
	for i, snapshot := range []observe.Snapshot{stock, patched} {
		s := &d.sides[i]
		s.starts = append(s.starts, snapshot)
		s.tally.Add(snapshot.Follows(attached))
		rows = append(rows, report.StartRow{Engine: s.name, Start: snapshot})
	}
	if err := report.StartTable(d.Out, fmt.Sprintf("start %d", number), attached, rows); err != nil {
		return err
	}
	fmt.Fprintln(d.Out)
	return nil
}

func (d *Demo) draw() error {
	var panels []report.Panel
	for _, s := range d.sides {
		panels = append(panels, report.Panel{
			Title:  fmt.Sprintf("%s %s: %v starts in attach order", d.Release.Name, s.name, s.tally),
			Starts: s.starts,
		})
	}
	file, err := os.Create(d.SVG)
	if err != nil {
		return err
	}
	return errors.Join(report.SVG(file, demoNetworks, panels), file.Close())
}

// verdict prints the last line, and returns an error that has its exit status.
func (d *Demo) verdict(logs string) error {
	stock, patched := d.sides[0].tally, d.sides[1].tally
	verdict := observe.Judge(stock, patched)
	colour := color.FgGreen
	if verdict != observe.Pass {
		colour = color.FgRed
	}
	fmt.Fprintf(d.Out, "%s: Docker Engine %s came up in attach order in %v starts patched, in %v stock\n",
		tool.Paint(d.Out, colour)(verdict), d.Release.Name, patched, stock)
	switch verdict {
	case observe.Fail:
		return fmt.Errorf("the patched engine did not keep the attach order; the engines' logs are in %s", logs)
	case observe.Inconclusive:
		return &tool.Exit{Status: tool.Inconclusive, Err: fmt.Errorf("the stock engine kept the order too, by chance: nothing is shown; run it again with --starts %d", 2*d.Starts)}
	}
	return nil
}
