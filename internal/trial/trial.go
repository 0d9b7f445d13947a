// Package trial tries the guarantee of attach order on real engines: a stock and a patched
// one of a release do the same in the same run.
package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"ethorder/internal/build"
	"ethorder/internal/engine"
	"ethorder/internal/observe"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/report"
	"ethorder/internal/tool"
)

// Suite is a group of trials.
type Suite struct {
	Name string
	// Guarantee is what it tries, a sentence.
	Guarantee string
	// OptIn says that it runs only if it is asked for by name.
	OptIn bool
	// Trials are those of the suite, in the order in which they are reported.
	Trials []Trial
	// Run makes the trials that have no Play, and reports each. The error is one of the
	// machine, not of an engine.
	Run func(context.Context, *Env) error
}

// Trial is something that is done to a stock and to a patched engine.
type Trial struct {
	// Name is a sentence.
	Name string
	// Since is the first engine that can do it, by the first number of its release, and
	// Until the last; 0 is none.
	Since, Until int
	// Args are more arguments for the engine's daemon.
	Args []string
	// Play does it on one of the engines, with a container that it creates.
	Play func(*Container)
}

// trialsOf are the trials of a suite that has one of each.
func trialsOf[T any](all []T, trial func(T) Trial) (trials []Trial) {
	for _, t := range all {
		trials = append(trials, trial(t))
	}
	return trials
}

// Names returns the names of the trials that an engine can do, by the first number of its
// release.
func (s Suite) Names(major int) (names []string) {
	for _, t := range s.Trials {
		if possible(t.Since, t.Until, major) {
			names = append(names, t.Name)
		}
	}
	return names
}

// Outcome is how an engine did in a trial.
type Outcome struct {
	report.Figures
	// Problem is what is not as guaranteed, "" if all is.
	Problem string
}

// inOrder is the outcome of starts.
func inOrder(t observe.Tally) Outcome {
	return Outcome{Figures: report.Figures{report.Starts: t.Total, report.InOrder: t.Right}}
}

func (o *Outcome) blame(format string, args ...any) {
	if o.Problem != "" {
		o.Problem += "; "
	}
	o.Problem += strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")
}

// String is the outcome for people.
func (o Outcome) String() string {
	s := o.Figures.String()
	if o.Problem != "" {
		s += "; " + o.Problem
	}
	return s
}

// Env is where a suite makes its trials: the engines of a release, and what was found.
type Env struct {
	Release pins.Release
	Root    repo.Root
	Clone   string        // the git clone of moby that the engines are built from, if any
	Config  engine.Config // lacks Dockerd and LogDir
	// Stock and Patched are paths of dockerd binaries.
	Stock, Patched string
	// Starts is how often a patched engine starts the container of a scenario.
	Starts int
	// Scale multiplies the length of random trials; 1 is for a quick look.
	Scale int
	Seed  uint64

	filter  *regexp.Regexp
	suite   Suite
	found   []report.Trial
	engines int // that were started
	// inconclusive is why nothing is shown, "" if something is.
	inconclusive string
}

// NewEnv builds the engines of a release, and what runs them, as far as they are not built.
// A dockerd is taken in the place of the patched one, if given.
func NewEnv(ctx context.Context, root repo.Root, rel pins.Release, clone, dockerd string) (*Env, error) {
	if os.Geteuid() != 0 {
		return nil, tool.CannotRunf("engines make interfaces and mounts: run this as root (with sudo)")
	}
	env := &Env{Release: rel, Root: root, Clone: clone, Starts: 20, Scale: 1}
	var err error
	if dockerd != "" {
		if env.Patched, err = filepath.Abs(dockerd); err != nil {
			return nil, err
		}
		if _, err := os.Stat(env.Patched); err != nil {
			return nil, tool.Usagef("the dockerd in the place of the patched one: %w", err)
		}
	}
	if env.Config.Tools, err = engine.FindTools(ctx, root.Out("tools", "debian")); err != nil {
		return nil, err
	}
	if env.Config.Probe, err = engine.BuildProbe(ctx, root, runtime.GOARCH); err != nil {
		return nil, err
	}
	// One compiles while the other downloads.
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		env.Config.Runc, err = build.Runc(ctx, root, rel)
		return err
	})
	both.Go(func() (err error) {
		env.Stock, err = build.Engine(ctx, root, build.Options{Release: rel, Clone: clone, Stock: true})
		if err == nil && dockerd == "" {
			env.Patched, err = build.Engine(ctx, root, build.Options{Release: rel, Clone: clone})
		}
		return err
	})
	return env, both.Wait()
}

// noFirewall are arguments for a dockerd in whose trials firewall rules play no part. They
// have nothing to do with the order, and setting them takes a third of the time.
var noFirewall = []string{"--iptables=false"}

// noProxy is for trials that publish ports: engines want a docker-proxy of their own release,
// which there is none of here.
var noProxy = []string{"--userland-proxy=false"}

// Start starts the stock or the patched engine, in a sandbox of its own, with more
// arguments for dockerd. The caller closes it.
func (env *Env) Start(ctx context.Context, patched bool, args ...string) (*engine.Engine, error) {
	config, name := env.Config, "stock"
	config.Dockerd = env.Stock
	if patched {
		config.Dockerd, name = env.Patched, "patched"
	}
	env.engines++
	logrus.Infof("starting %s in a sandbox", env.Root.Rel(config.Dockerd))
	config.Args = append(slices.Clone(config.Args), args...)
	config.LogDir = env.logDir(fmt.Sprintf("%s-%d", name, env.engines))
	return engine.Start(ctx, config)
}

// logDir is where an engine of the suite leaves its logs.
func (env *Env) logDir(engine string) string {
	return env.Root.Out(env.Release.Name, "log", "trial", env.suite.Name+"-"+engine)
}

// pair starts the stock and the patched engine, with more arguments for dockerd, for as
// long as use runs.
func (env *Env) pair(ctx context.Context, args []string, use func(stock, patched *engine.Engine) error) (err error) {
	stock, err := env.Start(ctx, false, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stock.Close()) }()
	patched, err := env.Start(ctx, true, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, patched.Close()) }()
	return use(stock, patched)
}

// onPair calls play for a new stock and a new patched engine at the same time, with more arguments
// for dockerd.
func (env *Env) onPair(ctx context.Context, args []string, play func(e *engine.Engine, patched bool) (Outcome, error)) (before, after Outcome, err error) {
	err = env.pair(ctx, args, func(stock, patched *engine.Engine) (err error) {
		before, after, err = onBoth(stock, patched, func(e *engine.Engine) (Outcome, error) { return play(e, e == patched) })
		return err
	})
	return before, after, err
}

// inTurn calls play for the stock and then for the patched engine: engines that make
// hundreds of interfaces, or six engines, would only wait for each other.
func inTurn[R any](play func(patched bool) (R, error)) (before, after R, err error) {
	if before, err = play(false); err != nil {
		return before, after, fmt.Errorf("stock engine: %w", err)
	}
	if after, err = play(true); err != nil {
		return before, after, fmt.Errorf("patched engine: %w", err)
	}
	return before, after, nil
}

// playAll makes those trials of the suite that have a Play, each on two new engines.
func (env *Env) playAll(ctx context.Context) error {
	for _, t := range env.suite.Trials {
		if t.Play == nil || !env.selected(t.Name) {
			continue
		}
		before, after, err := env.onPair(ctx, t.Args, func(e *engine.Engine, _ bool) (Outcome, error) {
			c := newContainer(ctx, env, e)
			t.Play(c)
			if c.plugin != nil {
				_ = c.plugin.Close()
			}
			return c.outcome()
		})
		if err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		env.Report(t.Name, before, after)
	}
	return nil
}

// major is the first number of the release.
func (env *Env) major() int { return pins.Major(env.Release.Name) }

// selected reports whether a trial is to be made, by its name.
func (env *Env) selected(name string) bool {
	return env.filter.MatchString(name) && slices.Contains(env.suite.Names(env.major()), name)
}

// Report reports what was found in a trial.
func (env *Env) Report(name string, stock, patched Outcome) {
	if !env.selected(name) {
		return
	}
	env.found = append(env.found, report.Trial{
		Name: name, Passed: patched.Problem == "", Problem: patched.Problem, Stock: stock.Figures, Patched: patched.Figures,
	})
	verdict := "passed"
	if patched.Problem != "" {
		verdict = "FAILED"
	}
	logrus.Infof("%s, %s: %s: %s (patched: %v; stock: %v)", env.Release.Name, env.suite.Name, name, verdict, patched, stock)
}

// skip reports a trial that this machine cannot do, and why.
func (env *Env) skip(name, why string) {
	if !env.selected(name) {
		return
	}
	why = strings.Join(strings.Fields(why), " ")
	env.found = append(env.found, report.Trial{Name: name, Skipped: why})
	logrus.Warnf("%s, %s: %s: skipped: %s", env.Release.Name, env.suite.Name, name, why)
}
