package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"ethorder/internal/engine"
	"ethorder/internal/order"
	"ethorder/internal/release"
	"ethorder/internal/scenario"
	"ethorder/internal/series"
	"ethorder/internal/source"
	"ethorder/internal/stage"
	"ethorder/internal/support"
)

func init() {
	v := &verification{}
	cmd := &cobra.Command{
		Use:   "verify <release>...",
		Short: "Run all scenarios on the stock and the patched engine of releases, and judge",
		Args:  orUsage(cobra.MinimumNArgs(1)),
		RunE: runE(func(cmd *cobra.Command, repo stage.Repo, args []string) error {
			if v.starts < 1 {
				return &stage.UsageError{Msg: fmt.Sprintf("--starts %d: want at least 1", v.starts)}
			}
			if v.record && v.untested {
				return &stage.UsageError{Msg: "--record writes down what was found of releases of patch/releases.tsv: it does not go with --untested"}
			}
			v.repo = repo
			var rows release.Table
			for _, name := range args {
				rel, err := find(cmd, repo, name, v.clone, v.untested)
				if err != nil {
					return err
				}
				rows = append(rows, rel)
			}
			if os.Geteuid() != 0 {
				return &stage.CannotRunError{Msg: "this runs engines, which make interfaces and mounts: run it as root (sudo ./scripts/verify)"}
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
	repo     stage.Repo
	clone    string
	starts   int
	record   bool
	untested bool
}

// stockStarts is how often the stock engine starts the container in the scenarios
// that only ask it for its gateway, and not how often it loses an overlay.
const stockStarts = 3

func (v *verification) verify(cmd *cobra.Command, rel release.Release) (err error) {
	ctx, out, name := cmd.Context(), cmd.OutOrStdout(), rel.Name
	clone := cloneFor(cmd, rel, v.clone)
	s, err := series.Load(v.repo, rel.Line)
	if err != nil {
		return err
	}
	run := support.Run{Release: name, Source: source.Kind(rel, clone), Date: time.Now().UTC().Format(time.DateOnly), Starts: v.starts}
	if run.Series, err = s.Digest(); err != nil {
		return err
	}
	config, stockPath, patchedPath, err := engines(ctx, v.repo, rel, clone)
	if err != nil {
		return err
	}
	start := func(dockerd, what string) (*engine.Engine, error) {
		config.Dockerd, config.LogDir = dockerd, v.repo.Out(name, "log", "verify-"+what)
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

	verdict := order.Fail
	for i, sc := range scenario.All(release.Major(name)) {
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
			err = scenario.Broken(before, after)
		}
		if i == 0 {
			run.StockRight, run.PatchedRight = before.Tally().Right, after.Tally().Right
			verdict = order.Judge(before.Tally(), after.Tally())
		}
		fmt.Fprintf(out, "%s  %s: %s\n", name, sc.Name, scenario.Compare(before, after))
		if err != nil {
			logrus.Errorf("%s: %s: %v", name, sc.Name, err)
			verdict = order.Fail
			continue
		}
		run.ScenariosGood++
	}
	fmt.Fprintf(out, "%s: Docker Engine %s, %d of %d scenarios; in attach order in %v starts patched, in %v stock\n",
		verdict, name, run.ScenariosGood, run.Scenarios, run.Patched(), run.Stock())
	if v.record {
		unlock, err := stage.Lock(ctx, v.repo.Out("verify"))
		if err != nil {
			return err
		}
		defer unlock()
		if err := support.Record(v.repo, run); err != nil {
			return err
		}
		if err := writeTables(v.repo); err != nil {
			return err
		}
	}
	switch verdict {
	case order.Fail:
		return fmt.Errorf("not every start was as it must be; the engines' logs are in %s/verify-*", v.repo.Rel(v.repo.Out(name, "log")))
	case order.Inconclusive:
		return &exitError{exitInconclusive, errors.New("the stock engine kept the order too, by chance: nothing is shown; run it again")}
	}
	return nil
}
