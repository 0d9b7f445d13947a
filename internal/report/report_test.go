package report

import (
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/pins"
)

// What was not checked is not said to have failed, nor to be good.
func TestLinesTellWhatWasNotChecked(t *testing.T) {
	d := &data{table: pins.Table{{Name: "1.0.0", Line: "1.0"}, {Name: "1.0.1", Line: "1.0"}}}
	row := func() string {
		_, text := d.lines()
		return strings.Split(strings.TrimSpace(text), "\n")[2]
	}
	assert.Equal(t, row(), "| [1.0](1.0) | 1.0.0 – 1.0.1 | 2 | not yet | not yet | not yet | not yet |  |  | not yet |")
	good := Matrix{Release: "1.0.0", Applies: true, Same: true, Compiles: true, Vetted: true}
	d.matrix = d.matrix.With(good)
	assert.Equal(t, row(), "| [1.0](1.0) | 1.0.0 – 1.0.1 | 2 | 1 of 1, 1 not yet | 1 of 1, 1 not yet | 1 of 1, 1 not yet | not yet |  |  | not yet |")
	d.matrix = d.matrix.With(Matrix{Release: "1.0.1", Applies: true, Same: true})
	d.runs = []Run{{Release: "1.0.1", StockRight: 1, PatchedRight: 20, Starts: 20}}
	d.tests = []Upstream{{Release: "1.0.0", PatchedPassed: 7, Worse: 1}}
	assert.Equal(t, row(), "| [1.0](1.0) | 1.0.0 – 1.0.1 | 2 | all | 1 of 2 | 1 of 2 | 1.0.1 | 1 of 20 | 20 of 20 | 1.0.0: 7 passed, 1 worse than stock |")
}

// A trial that a machine could not do is shown, and has not held.
func TestTrialsShowWhatWasSkipped(t *testing.T) {
	d := &data{trialed: []Finding{
		{Release: "1.10.0", Suite: "uses", Held: true},
		{Release: "1.10.0", Suite: "uses", Held: true},
		{Release: "1.10.0", Suite: "uses", Skipped: "no ipvlan"},
		{Release: "1.10.0", Suite: "compose", Skipped: "no docker-compose"},
	}}
	_, text := d.trials()
	assert.Equal(t, text, "| release | compose | uses |\n|---|---|---|\n| 1.10.0 | 0 of 0, 1 skipped | 2 of 2, 1 skipped |\n")
}

// What did not hold is not counted, and what was not tried is not said to have held. A
// suite of one trial has its figures.
func TestTrialsCountWhatHeld(t *testing.T) {
	d := &data{trialed: []Finding{
		{Release: "1.10.0", Suite: "uses", Held: true},
		{Release: "1.10.0", Suite: "uses"},
	}}
	_, text := d.trials()
	assert.Equal(t, text, "| release | uses |\n|---|---|\n| 1.10.0 | 1 of 2 |\n")
	d.trialed = append(d.trialed, Finding{Release: "1.9.0", Suite: "kills", Trial: "10 kills", Stock: "3 of 10", Patched: "a|b", Held: true})
	_, text = d.trials()
	assert.Equal(t, text, "| release | kills | uses |\n|---|---|---|\n| 1.9.0 | 1 of 1 | not yet |\n| 1.10.0 | not yet | 1 of 2 |\n"+
		"\nThose that are one long trial, in figures:\n\n| trial | release | stock | patched |\n|---|---|---|---|\n| 10 kills | 1.9.0 | 3 of 10 | a\\|b |\n")
}

func TestResultsAreKeptInTheOrderOfReleases(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "results.tsv")
	none, err := LoadMatrix(path)
	assert.NilError(t, err)
	assert.Equal(t, len(none), 0)
	assert.NilError(t, none.Save(path))
	none, err = LoadMatrix(path)
	assert.NilError(t, err)
	assert.Equal(t, len(none), 0)

	good := Matrix{Release: "29.10.0", Series: "abc", Source: "git", Date: "2026-11-25", Applies: true, Same: true, Compiles: true, Vetted: true, Offsets: 3}
	bad := Matrix{Release: "29.9.0", Series: "abc", Source: "module", Date: "2026-11-25", Applies: true}
	all := Matrices{}.With(good).With(Matrix{Release: "29.9.0"}).With(bad)
	assert.DeepEqual(t, all, Matrices{bad, good})
	assert.NilError(t, all.Save(path))
	loaded, err := LoadMatrix(path)
	assert.NilError(t, err)
	assert.DeepEqual(t, loaded, all)

	found, ok := loaded.Find("29.10.0")
	assert.Check(t, ok && found.Good())
	found, ok = loaded.Find("29.9.0")
	assert.Check(t, ok && !found.Good(), "it does not compile")
	_, ok = loaded.Find("29.8.0")
	assert.Check(t, !ok)
}
