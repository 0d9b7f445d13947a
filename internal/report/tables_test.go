package report

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
)

// A suite that has results has a table.
func TestEverySuiteHasATable(t *testing.T) {
	root, err := repo.Find()
	assert.NilError(t, err)
	d, err := Load(root)
	assert.NilError(t, err)
	text, err := d.render("results.md", nil)
	assert.NilError(t, err)
	for _, r := range d.Releases {
		for _, s := range r.Suites {
			assert.Check(t, strings.Contains(string(text), "\n## "+s.Suite+"\n"), "templates/results.md has no table of %s", s.Suite)
		}
	}
}

// measured is a line in which everything was measured that there is.
func measured() *Data {
	ran := func(right, starts int) Figures { return Figures{InOrder: right, Starts: starts} }
	crash := func(cut, hung int) Figures {
		return Figures{InOrder: 301, Starts: 303, Kills: 200, RequestsCut: cut, StopsHung: hung, ContainerdLost: 55, TasksKept: 32, LateExits: 0}
	}
	return &Data{
		Pins: pins.Table{{Name: "1.0.0", Line: "1.0"}, {Name: "1.0.1", Line: "1.0"}, {Name: "1.0.2", Line: "1.0"}, {Name: "2.0.0", Line: "2.0"}},
		Matrix: Matrices{
			{Release: "1.0.0", Applies: true, Same: true, Compiles: true, Vetted: true},
			{Release: "1.0.1", Applies: true, Same: true},
		},
		Releases: []Release{
			{Release: "1.0.0", Suites: []Suite{
				{Suite: "core", Trials: []Trial{
					{Name: "main", Passed: true, Stock: ran(1, 20), Patched: ran(20, 20)},
					{Name: "other", Passed: true, Stock: ran(3, 3), Patched: ran(20, 20)},
				}},
				{Suite: "extended", Trials: []Trial{
					{Name: "a", Passed: true, Stock: ran(1, 10), Patched: ran(10, 10)},
					{Name: "b", Stock: ran(0, 10), Patched: ran(9, 10), Problem: "start 3: got a b, wanted b a"},
					{Name: "c", Skipped: "no ipvlan in this kernel"},
					{Name: "d", Passed: true, Stock: Figures{Starts: 5}, Patched: Figures{Starts: 5}},
				}},
				{Suite: "crash", Trials: []Trial{{Name: "kills", Passed: true, Stock: crash(129, 15), Patched: crash(130, 17)}}},
				{Suite: "random", Trials: []Trial{{Name: "r", Passed: true, Patched: Figures{Steps: 2000, Starts: 405, Differences: 0}}}},
				{Suite: "race", Trials: []Trial{{Name: "r", Passed: true, Stock: Figures{Races: 2}, Patched: Figures{Races: 3, NewRaces: 1, OwnRaces: 0}}}},
				{Suite: "swarm", Trials: []Trial{{Name: "tasks", Skipped: "no overlay | vxlan"}, {Name: "more tasks", Skipped: "no overlay | vxlan"}}},
			}},
			{Release: "1.0.1", Upstream: &Upstream{PatchedPassed: 433}},
			{Release: "1.0.2", Suites: []Suite{
				{Suite: "core", Trials: []Trial{{Name: "main", Passed: true, Stock: ran(0, 20), Patched: ran(20, 20)}}},
				{Suite: "corrupt", Trials: []Trial{{Name: "no figures", Passed: true}}},
			}, Upstream: &Upstream{PatchedPassed: 433, Worse: 1}, Bench: &Bench{
				Origin: Origin{Kernel: "6.1"}, Release: "1.0.2", Date: "2026-11-28", CPU: "a CPU", Cores: 2, Command: "sudo scripts/bench 1.0.2",
				Points: []Timing{
					{"start", 1, []float64{100, 200, 400, 100}, []float64{100, 240, 380, 101}, []float64{50, 50, 50, 60}, []float64{50, 51, 52, 60}},
					{"start", 8, []float64{1000}, []float64{2000}, []float64{300}, []float64{300}}, // more than the plot shows
					{"stop", 1, []float64{10, 20}, []float64{11, 20}, []float64{1, 2}, []float64{2, 1}},
				},
			}},
		},
	}
}

func TestDocumentsShowWhatWasMeasured(t *testing.T) {
	for _, name := range []string{"support.md", "results.md", "performance.md"} {
		text, err := measured().render(name, nil)
		assert.NilError(t, err)
		golden.Assert(t, string(text), name)
	}
	golden.Assert(t, string(measured().plot("start")), "performance.svg")
}

func TestQuartiles(t *testing.T) {
	for _, test := range []struct {
		ratios    []float64
		low, high float64
	}{
		{[]float64{1}, 1, 1}, {[]float64{1, 2}, 1.25, 1.75}, {[]float64{5, 1, 3, 2, 4}, 2, 4},
	} {
		assert.Equal(t, quantile(test.ratios, 0.25), test.low)
		assert.Equal(t, quantile(test.ratios, 0.75), test.high)
	}
}

// What was not measured is shown as missing, and what is gone does not count.
func TestTrialsThatARecordLacksAreMissing(t *testing.T) {
	known := func(release string) map[string][]string {
		if release == "1.0.2" {
			return map[string][]string{"core": {"main"}}
		}
		return map[string][]string{
			"core":     {"main", "new"},
			"extended": {"a", "c", "new", "newer"},
			"swarm":    {"tasks", "more tasks"},
			"fault":    {"restart"},
		}
	}
	d := measured()
	assert.Equal(t, d.suite(known, "extended", []string{InOrder}),
		"| release | stock | patched | trials passed |\n|---|---|---|---|\n"+
			"| 1.0.0 | 1 / 10 | 10 / 10 | 1 of 1 + 1 skipped: no ipvlan in this kernel + 2 missing |\n")
	assert.Equal(t, d.suite(known, "swarm", nil),
		"| release | trials passed |\n|---|---|\n| 1.0.0 | 2 skipped: no overlay \\| vxlan |\n")
	assert.Equal(t, d.suite(known, "fault", []string{InOrder, Kills}),
		"| release | stock | patched | kills | trials passed |\n|---|---|---|---|---|\n| 1.0.0 | — | — | — | — |\n")
	assert.Assert(t, strings.Contains(d.lines(known), " | 1.0.0: 1 of 1 + 1 missing<br>1.0.2: 1 of 1 | "))
	assert.Equal(t, d.suite(known, "core", []string{"first"}),
		"| release | stock | patched | trials passed |\n|---|---|---|---|\n| 1.0.0 | 1 / 20 | 20 / 20 | 1 of 1 + 1 missing |\n| 1.0.2 | 0 / 20 | 20 / 20 | 1 of 1 |\n")
}

// What was not checked is not said to have failed, nor to be good.
func TestLinesTellWhatWasNotChecked(t *testing.T) {
	d := &Data{Pins: pins.Table{{Name: "1.0.0", Line: "1.0"}, {Name: "1.0.1", Line: "1.0"}}}
	row := func() string {
		return strings.Split(d.lines(nil), "\n")[2]
	}
	assert.Equal(t, row(), "| [1.0](../patch/1.0) | 1.0.0 – 1.0.1 | 2 | missing | missing | missing | — | — | — | — |")
	d.Matrix = d.Matrix.With(Matrix{Release: "1.0.0", Applies: true, Same: true, Compiles: true, Vetted: true})
	assert.Equal(t, row(), "| [1.0](../patch/1.0) | 1.0.0 – 1.0.1 | 2 | 1 of 2, 1 missing | 1 of 2, 1 missing | 1 of 2, 1 missing | — | — | — | — |")
	d.Matrix = d.Matrix.With(Matrix{Release: "1.0.1", Applies: true, Same: true})
	assert.Equal(t, row(), "| [1.0](../patch/1.0) | 1.0.0 – 1.0.1 | 2 | all | 1 of 2 | 1 of 2 | — | — | — | — |")
}

func TestWriteTablesWritesThem(t *testing.T) {
	root, digests := newRoot(t)
	assert.NilError(t, Record(root, Suite{Suite: "core", Release: "2.0.0", Origin: Origin{Series: digests["2.0"]}}))
	assert.NilError(t, WriteTables(root, nil))
	text, err := os.ReadFile(root.Path("docs", "support.md"))
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(text), "| [2.0](../patch/2.0) | 2.0.0 | 1 | missing | missing | missing | 2.0.0: — | — | — | — |"))
	tables, err := Tables(root, nil)
	assert.NilError(t, err)
	assert.Equal(t, len(tables), 4)
	for _, table := range tables {
		assert.Assert(t, bytes.Equal(table.Have, table.Want), table.File)
	}
}
