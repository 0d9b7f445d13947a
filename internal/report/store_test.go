package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"
	"gotest.tools/v3/golden"

	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
)

// newRoot makes a repository of the line 1.0, with two releases, and of the line 2.0. It
// returns the digests of their series.
func newRoot(t *testing.T) (root repo.Root, digests map[string]string) {
	t.Helper()
	var table pins.Table
	text := "release\tline\tmodule\tversion\tsum\ttag\tcommit\ttoolchain\trunc\trunc-sum\n"
	for _, rel := range []pins.Release{{Name: "1.9.0", Line: "1.0"}, {Name: "1.10.0", Line: "1.0"}, {Name: "2.0.0", Line: "2.0"}} {
		rel.Tag, rel.Commit = "v"+rel.Name, "9c5bb024df387b67bb07251265394b87c18014e4"
		rel.Toolchain, rel.Runc = "go1.25.6", "debian"
		table = append(table, rel)
		text += rel.Row() + "\n"
	}
	line := func(name string) fs.PathOp {
		return fs.WithDir(name, fs.WithFile("series", "0001-a.patch\n"),
			fs.WithFile("0001-a.patch", "diff --git a/a.go b/a.go\n@@ -1 +1 @@\n-stock\n+line "+name+"\n"))
	}
	dir := fs.NewDir(t, "root", fs.WithDir("patch", fs.WithFile("releases.tsv", text), line("1.0"), line("2.0")))
	root = repo.Root(dir.Path())
	digests, err := patch.Digests(root, table.Lines())
	assert.NilError(t, err)
	return root, digests
}

func TestRecordReplacesTheSuiteOfTheRelease(t *testing.T) {
	root, digests := newRoot(t)
	record := func(release, suite string, trials ...Trial) {
		t.Helper()
		assert.NilError(t, Record(root, Suite{Suite: suite, Release: release, Origin: Origin{Series: digests["1.0"]}, Trials: trials}))
	}
	record("1.10.0", "fault", Trial{Name: "old"})
	record("1.10.0", "core", Trial{Name: "main", Passed: true, Stock: Figures{Starts: 20, InOrder: 0}, Patched: Figures{Starts: 20, InOrder: 20}})
	record("1.9.0", "core", Trial{Name: "main", Skipped: "no IPv6 & no ipvlan"})
	record("1.10.0", "fault", Trial{Name: "second", Passed: true}, Trial{Name: "first", Problem: "a network is lost"})
	assert.NilError(t, RecordUpstream(root, Upstream{Release: "1.9.0", Series: digests["1.0"], Packages: 6}))
	assert.NilError(t, RecordUpstream(root, Upstream{Release: "1.9.0", Series: digests["1.0"], Packages: 7}))

	d, err := Load(root)
	assert.NilError(t, err)
	assert.Equal(t, len(d.Releases), 2)
	assert.Equal(t, d.Releases[0].Release, "1.9.0", "1.9 is before 1.10")
	assert.Equal(t, d.Releases[0].Upstream.Packages, 7)
	assert.Equal(t, d.Releases[1].Suite("fault").Trials[0].Name, "second", "trials keep their order")
	assert.Assert(t, d.Releases[1].Suite("crash") == nil)
	text, err := os.ReadFile(root.Path("results", "1.10.0.json"))
	assert.NilError(t, err)
	golden.Assert(t, strings.ReplaceAll(string(text), digests["1.0"], "digest"), "1.10.0.json")
	files, err := filepath.Glob(root.Path("results", "*"))
	assert.NilError(t, err)
	assert.Equal(t, len(files), 2, "nothing else is left: %v", files)
}

func TestRecordsOfOtherSeriesDoNotCount(t *testing.T) {
	root, digests := newRoot(t)
	assert.NilError(t, Record(root, Suite{Suite: "core", Release: "1.9.0", Origin: Origin{Series: digests["2.0"]}}))
	assert.NilError(t, Record(root, Suite{Suite: "core", Release: "2.0.0", Origin: Origin{Series: digests["2.0"]}}))
	assert.NilError(t, Record(root, Suite{Suite: "core", Release: "3.0.0", Origin: Origin{Series: digests["2.0"]}}))
	assert.NilError(t, RecordUpstream(root, Upstream{Release: "2.0.0", Series: digests["1.0"]}))
	assert.NilError(t, RecordMatrix(root, []Matrix{{Release: "1.9.0", Series: digests["1.0"]}, {Release: "2.0.0", Series: digests["1.0"]}}))
	assert.NilError(t, RecordMatrix(root, []Matrix{{Release: "3.0.0"}, {Release: "1.9.0", Series: digests["1.0"], Applies: true}}))
	d, err := Load(root)
	assert.NilError(t, err)
	assert.Equal(t, len(d.Releases), 1)
	assert.Equal(t, d.Releases[0].Release, "2.0.0")
	assert.Assert(t, d.Releases[0].Upstream == nil)
	assert.DeepEqual(t, d.Matrix, Matrices{{Release: "1.9.0", Series: digests["1.0"], Applies: true}})
}

func TestAMistakeInAFileOfResultsIsFound(t *testing.T) {
	for text, problem := range map[string]string{
		`{"release": "1.9.0", "suits": []}`:    `unknown field "suits"`,
		`{"release": "1.10.0", "suites": []}`:  `has the results of release "1.10.0"`,
		`{"release": "1.9.0", "suites": [{]}`:  "1.9.0.json: invalid character",
		`{"release": "1.9.0", "suites": "no"}`: "cannot unmarshal string",
	} {
		root, _ := newRoot(t)
		assert.NilError(t, write(root.Path("results", "1.9.0.json"), []byte(text)))
		_, err := Load(root)
		assert.ErrorContains(t, err, problem)
		assert.ErrorContains(t, Record(root, Suite{Release: "1.9.0"}), problem, "it is not written over")
	}
}

func TestRevisionChangesWithTheTrials(t *testing.T) {
	names := []string{"b", "a"}
	assert.Equal(t, Revision(names), Revision([]string{"a", "b"}))
	assert.Equal(t, len(Revision(names)), 8)
	assert.Assert(t, Revision(names) != Revision([]string{"a", "b", "c"}))
	assert.DeepEqual(t, names, []string{"b", "a"})
}

func TestFiguresTellStartsWithoutAnOrder(t *testing.T) {
	assert.Equal(t, Figures{Starts: 20, InOrder: 3, Kills: 5}.String(), "3 of 20 starts in order, kills 5")
	assert.Equal(t, Figures{Starts: 405, Steps: 2000}.String(), "starts 405, steps 2000")
}
