package trial

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/report"
	"ethorder/internal/tool"
)

// fakeSuite is a suite of three trials, of which the last is for engines up to 27.
func fakeSuite(name string, run func(*Env) error) Suite {
	return Suite{
		Name:   name,
		Trials: []Trial{{Name: "one of " + name}, {Name: "two of " + name}, {Name: "old of " + name, Until: 27}},
		Run:    func(_ context.Context, env *Env) error { return run(env) },
	}
}

// finds reports all trials of a suite, and one that it does not have. Those whose names begin
// with a word have failed.
func finds(failed string) func(*Env) error {
	return func(env *Env) error {
		for _, t := range append(env.suite.Trials, Trial{Name: "another"}) {
			o := Outcome{Figures: report.Figures{report.Starts: 2, report.InOrder: 2}}
			if failed != "" && strings.HasPrefix(t.Name, failed) {
				o.blame("out of order")
			}
			env.Report(t.Name, Outcome{Figures: report.Figures{report.Starts: 2}}, o)
		}
		return nil
	}
}

// runFakes runs suites without engines, and returns what it prints, and its error.
func runFakes(t *testing.T, o Options, suites ...Suite) (string, error) {
	var out bytes.Buffer
	o.Known, o.Out, o.Starts, o.Scale = suites, &out, 1, 1
	o.Clone = func(pins.Release) string { return "" }
	if o.Releases == nil {
		o.Releases = []pins.Release{{Name: "28.5.2"}}
	}
	o.newEnv = func(_ context.Context, root repo.Root, rel pins.Release, _, _ string) (*Env, error) {
		return &Env{Release: rel, Root: root}, nil
	}
	err := Run(t.Context(), o)
	return out.String(), err
}

// status is the exit status of an error.
func status(err error) int {
	if exit := new(tool.Exit); errors.As(err, &exit) {
		return exit.Status
	}
	if err != nil {
		return tool.Failed
	}
	return 0
}

func TestRunCounts(t *testing.T) {
	skips := func(env *Env) error {
		env.skip("one of b", "no ipvlan\n in this kernel")
		env.skip("another", "no")
		env.Report("two of b", Outcome{}, Outcome{})
		return nil
	}
	out, err := runFakes(t, Options{}, fakeSuite("a", finds("")), fakeSuite("b", skips))
	assert.NilError(t, err)
	assert.Check(t, strings.Contains(out, "28.5.2, a: 2 of 2 trials passed, 0 skipped"), out)
	assert.Check(t, strings.Contains(out, "skipped: 28.5.2, b: one of b: no ipvlan in this kernel\n"), out)
	assert.Check(t, strings.Contains(out, "28.5.2, b: 1 of 1 trials passed, 1 skipped"), out)
	assert.Check(t, !strings.Contains(out, "another"), out)

	out, err = runFakes(t, Options{Releases: []pins.Release{{Name: "27.5.1"}, {Name: "28.5.2"}}}, fakeSuite("a", finds("old")), fakeSuite("b", finds("two")))
	assert.Equal(t, status(err), tool.Failed)
	assert.ErrorContains(t, err, "3 trials failed")
	assert.Check(t, strings.Contains(out, "FAILED: 27.5.1, a: old of a: out of order; stock: "), out)
	assert.Check(t, strings.Contains(out, "27.5.1, a: 2 of 3 trials passed, 0 skipped"), out)
	assert.Check(t, strings.Contains(out, "28.5.2, a: 2 of 2 trials passed, 0 skipped"), out)
	assert.Check(t, strings.Contains(out, "28.5.2, b: 1 of 2 trials passed, 0 skipped"), out)
}

func TestRunFilters(t *testing.T) {
	ran := ""
	a, b := fakeSuite("a", finds("")), fakeSuite("b", func(*Env) error { ran += "b"; return nil })
	optIn := fakeSuite("c", func(env *Env) error { ran += "c"; return finds("")(env) })
	optIn.OptIn = true
	out, err := runFakes(t, Options{Filter: "two of a|old of b"}, a, b, optIn)
	assert.NilError(t, err)
	assert.Check(t, strings.HasPrefix(out, "28.5.2, a: 1 of 1 trials passed"), out)
	assert.Equal(t, ran, "", "suites ran that have no such trial for this engine")

	out, err = runFakes(t, Options{Suites: []string{"c"}}, a, b, optIn)
	assert.NilError(t, err)
	assert.Check(t, strings.HasPrefix(out, "28.5.2, c: 2 of 2 trials passed"), out)
	assert.Equal(t, ran, "c")
}

// A suite that this machine cannot run is skipped, unless it was asked for.
func TestRunSkipsASuite(t *testing.T) {
	cannot := fakeSuite("b", func(env *Env) error {
		env.Report("one of b", Outcome{}, Outcome{})
		return tool.CannotRunf("no docker-compose here")
	})
	out, err := runFakes(t, Options{}, cannot)
	assert.NilError(t, err)
	assert.Check(t, strings.Contains(out, "skipped: 28.5.2, b: one of b: no docker-compose here\n"), out)
	assert.Check(t, strings.Contains(out, "28.5.2, b: 0 of 0 trials passed, 2 skipped"), out)

	out, err = runFakes(t, Options{Filter: "two"}, cannot)
	assert.NilError(t, err)
	assert.Check(t, strings.Contains(out, "0 of 0 trials passed, 1 skipped"), out)

	_, err = runFakes(t, Options{Suites: []string{"b"}}, cannot)
	assert.Equal(t, status(err), tool.CannotRun)
	assert.ErrorContains(t, err, "28.5.2, suite b: no docker-compose here")
}

func TestRunEndsWith(t *testing.T) {
	byChance := func(why, failed string) func(*Env) error {
		return func(env *Env) error {
			env.inconclusive = why
			return finds(failed)(env)
		}
	}
	for _, tc := range []struct {
		name   string
		suites []Suite
		status int
		err    string
	}{
		{"nothing is shown", []Suite{fakeSuite("a", byChance("by chance", "")), fakeSuite("b", finds(""))}, tool.Inconclusive, "by chance"},
		{"a failure is worse", []Suite{fakeSuite("a", byChance("by chance", "")), fakeSuite("b", finds("one"))}, tool.Failed, "1 trials failed"},
		{"nothing was tried", []Suite{fakeSuite("a", func(*Env) error { return nil })}, tool.Failed, "suite a: it did not try: one of a"},
		{"only what it does not have", []Suite{fakeSuite("a", func(env *Env) error {
			env.Report("another", Outcome{}, Outcome{})
			return nil
		})}, tool.Failed, "suite a: it did not try: one of a"},
		{"a trial is left out", []Suite{fakeSuite("a", func(env *Env) error {
			env.Report("one of a", Outcome{}, Outcome{})
			return nil
		})}, tool.Failed, "suite a: it did not try: two of a"},
		{"an error of the machine", []Suite{fakeSuite("a", func(*Env) error { return errors.New("disk full") })}, tool.Failed, "28.5.2, suite a: disk full"},
	} {
		_, err := runFakes(t, Options{}, tc.suites...)
		assert.Equal(t, status(err), tc.status, tc.name)
		assert.ErrorContains(t, err, tc.err, tc.name)
	}
}

func TestRunRefuses(t *testing.T) {
	known := fakeSuite("a", finds(""))
	for _, o := range []Options{
		{Suites: []string{"b"}},
		{Filter: "("},
		{Record: true, Filter: "one"},
		{Record: true, Dockerd: "dockerd"},
	} {
		_, err := runFakes(t, o, known)
		assert.Equal(t, status(err), tool.Usage, "%v", err)
	}
	assert.Equal(t, status(Run(t.Context(), Options{Starts: 0, Scale: 1})), tool.Usage)
	assert.Equal(t, status(Run(t.Context(), Options{Starts: 1, Scale: 0})), tool.Usage)

	o := Options{Starts: 1, Scale: 1, Releases: []pins.Release{{Name: "28.5.2"}}, Clone: func(pins.Release) string { return "" }}
	o.newEnv = func(context.Context, repo.Root, pins.Release, string, string) (*Env, error) {
		return nil, tool.CannotRunf("no gcc")
	}
	err := Run(t.Context(), o)
	assert.Equal(t, status(err), tool.CannotRun)
	assert.ErrorContains(t, err, "28.5.2: no gcc")
}

func TestList(t *testing.T) {
	var out bytes.Buffer
	optIn := fakeSuite("b", nil)
	optIn.OptIn = true
	o := Options{
		Known: []Suite{fakeSuite("a", nil), optIn}, Releases: []pins.Release{{Name: "27.5.1"}, {Name: "28.5.2"}},
		Filter: "one|old", Starts: 1, Scale: 1, Out: &out,
	}
	assert.NilError(t, o.List())
	assert.Equal(t, out.String(), "27.5.1, a: one of a\n27.5.1, a: old of a\n28.5.2, a: one of a\n")
}
