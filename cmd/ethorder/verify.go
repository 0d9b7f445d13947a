package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"ethorder/internal/engine"
	"ethorder/internal/observe"
	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/report"
	"ethorder/internal/source"
	"ethorder/internal/tool"
	"ethorder/internal/trial"
)

func init() {
	v := &verification{}
	cmd := &cobra.Command{
		Use:   "verify <release>...",
		Short: "Run all scenarios on the stock and the patched engine of releases, and judge",
		Args:  orUsage(cobra.MinimumNArgs(1)),
		RunE: runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
			if v.starts < 1 {
				return tool.Usagef("--starts %d: want at least 1", v.starts)
			}
			if v.record && v.untested {
				return tool.Usagef("--record writes down what was found of releases of patch/releases.tsv: it does not go with --untested")
			}
			v.root = root
			var rows pins.Table
			for _, name := range args {
				rel, err := find(cmd, root, name, v.clone, v.untested)
				if err != nil {
					return err
				}
				rows = append(rows, rel)
			}
			if os.Geteuid() != 0 {
				return tool.CannotRunf("this runs engines, which make interfaces and mounts: run it as root (sudo ./scripts/verify)")
			}
			for _, rel := range rows {
				if err := v.verify(cmd, rel); err != nil {
					return fmt.Errorf("%s: %w", rel.Name, err)
				}
			}
			return nil
		}),
	}
	cloneFlag(cmd, &v.clone)
	untestedFlag(cmd, &v.untested)
	cmd.Flags().IntVar(&v.starts, "starts", 20, "start the container `N` times in each scenario")
	cmd.Flags().BoolVar(&v.record, "record", false, "write what was found to patch/runs.tsv and the tables of the READMEs")
	subcommands = append(subcommands, cmd)
}

// verification is a run of the command.
type verification struct {
	root     repo.Root
	clone    string
	starts   int
	record   bool
	untested bool
}

// stockStarts is how often the stock engine starts the container in the scenarios
// that only ask it for its gateway, and not how often it loses an overlay.
const stockStarts = 3

func (v *verification) verify(cmd *cobra.Command, rel pins.Release) (err error) {
	ctx, out, name := cmd.Context(), cmd.OutOrStdout(), rel.Name
	clone := cloneFor(cmd, rel, v.clone)
	s, err := patch.Load(v.root, rel.Line)
	if err != nil {
		return err
	}
	run := report.Run{Release: name, Source: source.Kind(rel, clone), Date: time.Now().UTC().Format(time.DateOnly), Starts: v.starts}
	if run.Series, err = s.Digest(); err != nil {
		return err
	}
	config, stockPath, patchedPath, err := engines(ctx, v.root, rel, clone)
	if err != nil {
		return err
	}
	start := func(dockerd, what string) (*engine.Engine, error) {
		config.Dockerd, config.LogDir = dockerd, v.root.Out(name, "log", "verify-"+what)
		return engine.Start(ctx, config)
	}
	stock, err := start(stockPath, "stock")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stock.Close()) }()
	patched, err := start(patchedPath, "patched")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, patched.Close()) }()

	verdict := observe.Fail
	for i, sc := range trial.All(pins.Major(name)) {
		stockN := stockStarts
		if i == 0 || sc.Swarm {
			stockN = v.starts
		}
		run.Scenarios++
		before, after, err := sc.Both(ctx, stock, patched, stockN, v.starts, nil)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			err = trial.Broken(before, after)
		}
		if i == 0 {
			run.StockRight, run.PatchedRight = before.Tally().Right, after.Tally().Right
			verdict = observe.Judge(before.Tally(), after.Tally())
		}
		fmt.Fprintf(out, "%s  %s: %s\n", name, sc.Name, trial.Compare(before, after))
		if err != nil {
			logrus.Errorf("%s: %s: %v", name, sc.Name, err)
			verdict = observe.Fail
			continue
		}
		run.ScenariosGood++
	}
	fmt.Fprintf(out, "%s: Docker Engine %s, %d of %d scenarios; in attach order in %v starts patched, in %v stock\n",
		verdict, name, run.ScenariosGood, run.Scenarios, run.Patched(), run.Stock())
	if v.record {
		unlock, err := repo.Lock(ctx, v.root.Out("verify"))
		if err != nil {
			return err
		}
		defer unlock()
		if err := report.RecordRun(v.root, run); err != nil {
			return err
		}
		if err := writeTables(v.root); err != nil {
			return err
		}
	}
	switch verdict {
	case observe.Fail:
		return fmt.Errorf("not every start was as it must be; the engines' logs are in %s/verify-*", v.root.Rel(v.root.Out(name, "log")))
	case observe.Inconclusive:
		return &tool.Exit{Status: tool.Inconclusive, Err: errors.New("the stock engine kept the order too, by chance: nothing is shown; run it again")}
	}
	return nil
}
