package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/report"
	"ethorder/internal/tool"
	"ethorder/internal/trial"
	"ethorder/internal/trial/random"
)

// suites are what scripts/prove can run.
var suites = []trial.Suite{
	trial.ExtendedSuite,
	trial.ComposeSuite,
	trial.CorruptSuite,
	trial.ConcurrentSuite,
	trial.RaceSuite,
	random.Suite,
	trial.SwarmSuite,
	trial.FaultSuite,
	trial.CrashSuite,
	trial.UpgradeSuite,
}

func init() {
	p := &prover{}
	cmd := &cobra.Command{
		Use:   "prove <release>...",
		Short: "Try the promise on the engines of releases, under what users and faults do",
		Args:  orUsage(cobra.MinimumNArgs(1)),
		RunE: runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
			p.root = root
			return p.run(cmd, args)
		}),
	}
	cloneFlag(cmd, &p.clone)
	cmd.Flags().StringSliceVar(&p.suites, "suite", nil, "run only the suites `NAME,...` (default all but those that take another build)")
	cmd.Flags().IntVar(&p.scale, "scale", 1, "make random suites `N` times as long")
	cmd.Flags().Uint64Var(&p.seed, "seed", 0, "repeat random suites that were run with seed `N` (default: a new one)")
	cmd.Flags().BoolVar(&p.record, "record", false, "write what was found to patch/proofs.tsv and docs/guarantees.md")
	subcommands = append(subcommands, cmd)
}

// prover is a run of the command.
type prover struct {
	root   repo.Root
	clone  string
	suites []string
	scale  int
	seed   uint64
	record bool
}

func (p *prover) run(cmd *cobra.Command, names []string) error {
	if p.scale < 1 {
		return tool.Usagef("--scale %d: want at least 1", p.scale)
	}
	var known []string
	for _, s := range suites {
		known = append(known, s.Name)
	}
	for _, name := range p.suites {
		if !slices.Contains(known, name) {
			return tool.Usagef("there is no suite %q; want some of %q", name, known)
		}
	}
	for _, name := range names {
		if _, err := pins.Find(p.root, name); err != nil {
			return err
		}
	}
	if os.Geteuid() != 0 {
		return tool.CannotRunf("this runs engines, which make interfaces and mounts: run it as root (sudo ./scripts/prove)")
	}
	if p.seed == 0 {
		p.seed = uint64(time.Now().UnixNano())
	}
	broken := 0
	for _, name := range names {
		n, err := p.prove(cmd, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		broken += n
	}
	if broken > 0 {
		return fmt.Errorf("in %d trials the promise did not hold", broken)
	}
	return nil
}

// prove runs the suites on a release, and returns in how many trials the promise did
// not hold.
func (p *prover) prove(cmd *cobra.Command, name string) (broken int, err error) {
	ctx := cmd.Context()
	rel, err := pins.Find(p.root, name)
	if err != nil {
		return 0, err
	}
	lab := trial.Lab{Release: rel, Repo: p.root, Clone: cloneFor(cmd, rel, p.clone), Scale: p.scale, Seed: p.seed}
	s, err := patch.Load(p.root, rel.Line)
	if err != nil {
		return 0, err
	}
	if lab.Series, err = s.Digest(); err != nil {
		return 0, err
	}
	if lab.Config, lab.Stock, lab.Patched, err = engines(ctx, p.root, rel, lab.Clone); err != nil {
		return 0, err
	}
	for _, s := range suites {
		asked := slices.Contains(p.suites, s.Name)
		if !asked && (len(p.suites) > 0 || s.Asked) {
			continue
		}
		n, err := p.suite(ctx, cmd, lab, s, asked)
		if err != nil {
			return broken, fmt.Errorf("suite %s: %w", s.Name, err)
		}
		broken += n
	}
	return broken, nil
}

// suite runs one suite. One that this machine cannot run is skipped, unless it was asked
// for by name.
func (p *prover) suite(ctx context.Context, cmd *cobra.Command, lab trial.Lab, s trial.Suite, asked bool) (broken int, err error) {
	lab.Suite, lab.Findings = s.Name, nil
	begin := time.Now()
	logrus.Infof("%s, %s: %s (seed %d)", lab.Release.Name, s.Name, s.Promise, lab.Seed)
	err = s.Run(ctx, &lab)
	if cannot := new(tool.Exit); !asked && errors.As(err, &cannot) && cannot.Status == tool.CannotRun {
		lab.Findings = nil
		lab.Skip("the whole suite", cannot.Error())
	} else if err != nil {
		return 0, err
	}
	if len(lab.Findings) == 0 {
		return 0, errors.New("it tried nothing")
	}
	skipped := 0
	for _, f := range lab.Findings {
		if f.Skipped != "" {
			skipped++
			fmt.Fprintf(cmd.OutOrStdout(), "skipped: %s, %s: %s: %s\n", f.Release, f.Suite, f.Trial, f.Skipped)
		} else if !f.Held {
			broken++
			fmt.Fprintf(cmd.OutOrStdout(), "BROKEN: %s, %s: %s: patched %s, stock %s\n", f.Release, f.Suite, f.Trial, f.Patched, f.Stock)
		}
	}
	tried := len(lab.Findings) - skipped
	fmt.Fprintf(cmd.OutOrStdout(), "%s, %s: held in %d of %d trials, %d skipped, %v; logs in %s\n", lab.Release.Name, s.Name,
		tried-broken, tried, skipped, time.Since(begin).Round(time.Second), lab.Logs())
	if p.record {
		unlock, err := repo.Lock(ctx, p.root.Out("prove"))
		if err != nil {
			return broken, err
		}
		defer unlock()
		return broken, errors.Join(report.RecordFindings(p.root, lab.Findings), writeTables(p.root))
	}
	return broken, nil
}
