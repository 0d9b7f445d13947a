package trial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/report"
	"ethorder/internal/source"
	"ethorder/internal/tool"
)

// Options say which trials to make, and how.
type Options struct {
	// Known are all suites.
	Known    []Suite
	Root     repo.Root
	Releases []pins.Release
	// Clone returns the git clone of moby that a release is built from, "" for its module.
	Clone func(pins.Release) string
	// Suites are the names of those to run; without any, all run that are not opt-in.
	Suites []string
	// Filter selects trials by their names.
	Filter string
	// Dockerd is the path of a dockerd in the place of the patched one, "" for none.
	Dockerd string
	// Starts is how often a patched engine starts the container of a scenario.
	Starts int
	// Scale multiplies the length of random trials.
	Scale int
	// Seed makes random trials do again what they did; 0 is a new one.
	Seed uint64
	// Record puts what is found into the folder results.
	Record bool
	// Out is where the summaries go.
	Out io.Writer

	newEnv func(context.Context, repo.Root, pins.Release, string, string) (*Env, error) // nil for NewEnv
}

// Run makes trials of the suites. The error has the status of the worst of them.
func Run(ctx context.Context, o Options) error {
	filter, err := o.filter()
	if err != nil {
		return err
	}
	if o.newEnv == nil {
		o.newEnv = NewEnv
	}
	o.Seed = cmp.Or(o.Seed, rand.Uint64())
	failed, inconclusive := 0, ""
	for _, rel := range o.Releases {
		env, err := o.newEnv(ctx, o.Root, rel, o.Clone(rel), o.Dockerd)
		if err != nil {
			return fmt.Errorf("%s: %w", rel.Name, err)
		}
		env.filter, env.Starts, env.Scale, env.Seed = filter, o.Starts, o.Scale, o.Seed
		for _, s := range o.Known {
			if !o.runs(s) || !slices.ContainsFunc(s.Names(env.major()), filter.MatchString) {
				continue
			}
			n, err := env.run(ctx, s, len(o.Suites) > 0, o)
			if err != nil {
				return fmt.Errorf("%s, suite %s: %w", rel.Name, s.Name, err)
			}
			failed += n
			inconclusive = cmp.Or(inconclusive, env.inconclusive)
		}
	}
	switch {
	case failed > 0:
		return fmt.Errorf("%d trials failed", failed)
	case inconclusive != "":
		return &tool.Exit{Status: tool.Inconclusive, Err: errors.New(inconclusive)}
	}
	return nil
}

// List prints the trials that Run would make.
func (o Options) List() error {
	filter, err := o.filter()
	if err != nil {
		return err
	}
	for _, rel := range o.Releases {
		for _, s := range o.Known {
			for _, name := range s.Names(pins.Major(rel.Name)) {
				if o.runs(s) && filter.MatchString(name) {
					fmt.Fprintf(o.Out, "%s, %s: %s\n", rel.Name, s.Name, name)
				}
			}
		}
	}
	return nil
}

// runs reports whether a suite is to run.
func (o Options) runs(s Suite) bool {
	return slices.Contains(o.Suites, s.Name) || len(o.Suites) == 0 && !s.OptIn
}

// filter refuses options that cannot be right, and returns what selects trials.
func (o Options) filter() (*regexp.Regexp, error) {
	if o.Starts < 1 || o.Scale < 1 {
		return nil, tool.Usagef("--starts %d --scale %d: want at least 1", o.Starts, o.Scale)
	}
	var known []string
	for _, s := range o.Known {
		known = append(known, s.Name)
	}
	for _, name := range o.Suites {
		if !slices.Contains(known, name) {
			return nil, tool.Usagef("unknown suite %q; known suites: %s", name, strings.Join(known, ", "))
		}
	}
	if o.Record && (o.Filter != "" || o.Dockerd != "") {
		return nil, tool.Usagef("--record needs whole suites of the engine that the patches make: leave --run and --dockerd out")
	}
	filter, err := regexp.Compile(o.Filter)
	if err != nil {
		return nil, tool.Usagef("--run: %w", err)
	}
	return filter, nil
}

// run runs one suite, and returns how many trials failed. A suite that this machine cannot
// run is skipped, unless it was asked for by name.
func (env *Env) run(ctx context.Context, s Suite, asked bool, o Options) (failed int, err error) {
	env.suite, env.found, env.inconclusive = s, nil, ""
	begin := time.Now()
	logrus.Infof("%s, %s: %s (seed %d)", env.Release.Name, s.Name, s.Guarantee, env.Seed)
	if s.Run != nil {
		err = s.Run(ctx, env)
	} else {
		err = env.playAll(ctx)
	}
	if cannot := new(tool.Exit); !asked && errors.As(err, &cannot) && cannot.Status == tool.CannotRun {
		env.found = nil
		for _, name := range s.Names(env.major()) {
			env.skip(name, cannot.Error())
		}
	} else if err != nil {
		return 0, err
	}
	for _, name := range s.Names(env.major()) {
		if env.selected(name) && !slices.ContainsFunc(env.found, func(t report.Trial) bool { return t.Name == name }) {
			return 0, fmt.Errorf("it did not try: %s", name)
		}
	}
	skipped := 0
	for _, t := range env.found {
		switch {
		case t.Skipped != "":
			skipped++
			fmt.Fprintf(o.Out, "skipped: %s, %s: %s: %s\n", env.Release.Name, s.Name, t.Name, t.Skipped)
		case !t.Passed:
			failed++
			fmt.Fprintf(o.Out, "FAILED: %s, %s: %s: %s; stock: %v\n", env.Release.Name, s.Name, t.Name, t.Problem, t.Stock)
		}
	}
	took := time.Since(begin).Round(time.Second)
	fmt.Fprintf(o.Out, "%s, %s: %d of %d trials passed, %d skipped, %v; logs in %s\n", env.Release.Name, s.Name,
		len(env.found)-skipped-failed, len(env.found)-skipped, skipped, took, env.Root.Rel(env.logDir("*")))
	if !o.Record {
		return failed, nil
	}
	return failed, env.record(took, Known(o.Known))
}

// record puts what was found into the folder results.
func (env *Env) record(took time.Duration, known report.Known) error {
	r := report.Suite{
		Suite: env.suite.Name, Release: env.Release.Name, Revision: report.Revision(env.suite.Names(env.major())),
		Seed: env.Seed, Date: time.Now().UTC().Format(time.DateOnly), Seconds: int(took.Seconds()), Trials: env.found,
	}
	if err := env.identify(&r.Origin); err != nil {
		return err
	}
	if err := report.Record(env.Root, r); err != nil {
		return err
	}
	return report.WriteTables(env.Root, known)
}

// identify says what the engines are, and this machine.
func (env *Env) identify(o *report.Origin) error {
	o.Source, o.Arch = source.Kind(env.Release, env.Clone), runtime.GOARCH
	var kernel unix.Utsname
	digests, err := patch.Digests(env.Root, []string{env.Release.Line})
	o.Series = digests[env.Release.Line]
	var stockErr, patchedErr error
	o.Stock, stockErr = repo.HashFile(env.Stock)
	o.Patched, patchedErr = repo.HashFile(env.Patched)
	err = errors.Join(err, stockErr, patchedErr, unix.Uname(&kernel))
	o.Kernel = unix.ByteSliceToString(kernel.Release[:])
	return err
}

// Known returns the names of the trials that suites have for a release.
func Known(suites []Suite) report.Known {
	return func(release string) map[string][]string {
		names := make(map[string][]string)
		for _, s := range suites {
			names[s.Name] = s.Names(pins.Major(release))
		}
		return names
	}
}
