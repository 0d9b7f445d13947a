// Package prove is what the suites share that try the promise of attach order on real
// engines: under what users do, under faults, at random.
package trial

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"ethorder/internal/engine"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/report"
)

// Suite is a kind of trial.
type Suite struct {
	Name string
	// Promise is what it tries, a sentence.
	Promise string
	// Asked says that it is run only if it is asked for by name.
	Asked bool
	// Run makes the trials and reports a Finding of each. The error is one of the
	// machine, not of the promise.
	Run func(context.Context, *Lab) error
}

// Lab makes labs with the engines of a release.
type Lab struct {
	Release pins.Release
	Repo    repo.Root
	Config  engine.Config // lacks Dockerd and LogDir
	// Stock and Patched are paths of dockerd binaries.
	Stock, Patched string
	// Clone is the git clone of moby that the engines are built from, if any.
	Clone string
	// Scale multiplies the length of the random suites; 1 is for a quick look.
	Scale int
	Seed  uint64

	Suite    string
	Series   string
	Findings []report.Finding
	labs     int
}

// NoFirewall are arguments for a dockerd in whose trials firewall rules play no part. They
// have nothing to do with the order, and setting them takes a third of the time.
var NoFirewall = []string{"--iptables=false"}

// Start starts the stock or the patched engine, in a lab of its own, with more
// arguments for dockerd. The caller closes it.
func (l *Lab) Start(ctx context.Context, patched bool, args ...string) (*engine.Engine, error) {
	config, name := l.Config, "stock"
	config.Dockerd = l.Stock
	if patched {
		config.Dockerd, name = l.Patched, "patched"
	}
	l.labs++
	config.Args = append(slices.Clone(config.Args), args...)
	config.LogDir = l.Repo.Out(l.Release.Name, "log", "prove", fmt.Sprintf("%s-%s-%d", l.Suite, name, l.labs))
	return engine.Start(ctx, config)
}

// Pair starts the stock and the patched engine, with more arguments for dockerd, for
// as long as use runs.
func (l *Lab) Pair(ctx context.Context, use func(stock, patched *engine.Engine) error, args ...string) (err error) {
	stock, err := l.Start(ctx, false, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stock.Close()) }()
	patched, err := l.Start(ctx, true, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, patched.Close()) }()
	return use(stock, patched)
}

// Report reports a finding. What an engine did is a phrase, such as "20 of 20".
func (l *Lab) Report(trial, stock, patched string, held bool) {
	l.Findings = append(l.Findings, report.Finding{
		Release: l.Release.Name, Series: l.Series, Suite: l.Suite, Trial: trial,
		Stock: oneLine(stock), Patched: oneLine(patched), Held: held, Date: time.Now().UTC().Format(time.DateOnly),
	})
	verdict := "held"
	if !held {
		verdict = "BROKEN"
	}
	logrus.Infof("%s, %s: %s: %s (patched: %s; stock: %s)", l.Release.Name, l.Suite, trial, verdict, patched, stock)
}

// Skip reports a trial that this machine cannot do, and why.
func (l *Lab) Skip(trial, why string) {
	l.Findings = append(l.Findings, report.Finding{
		Release: l.Release.Name, Series: l.Series, Suite: l.Suite, Trial: trial,
		Date: time.Now().UTC().Format(time.DateOnly), Skipped: oneLine(why),
	})
	logrus.Warnf("%s, %s: %s: skipped: %s", l.Release.Name, l.Suite, trial, why)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// Logs is where the labs of the suite leave their logs.
func (l *Lab) Logs() string {
	return filepath.Join(l.Repo.Rel(l.Repo.Out(l.Release.Name, "log", "prove")), l.Suite+"-*")
}
