package report

import (
	"slices"
	"strings"

	"ethorder/internal/observe"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
)

// The types and functions of this file are those of the commands verify and prove, and
// go with them.

func runsFile(root repo.Root) string   { return root.Path("patch", "runs.tsv") }
func proofsFile(root repo.Root) string { return root.Path("patch", "proofs.tsv") }

// Run is how the engines of a release did, stock and patched, side by side.
type Run struct {
	Release       string `csv:"release"`
	Series        string `csv:"series"` // patch.Series.Digest of the patched one
	Source        string `csv:"source"` // "git" or "module"
	Date          string `csv:"date"`
	StockRight    int    `csv:"stock"`   // starts in order in the main scenario
	PatchedRight  int    `csv:"patched"` // likewise
	Starts        int    `csv:"starts"`  // how many starts each scenario had
	ScenariosGood int    `csv:"scenarios-good"`
	Scenarios     int    `csv:"scenarios"`
}

// Stock counts the main scenario's starts on the stock engine.
func (r Run) Stock() observe.Tally { return observe.Tally{Right: r.StockRight, Total: r.Starts} }

// Patched counts the main scenario's starts on the patched engine.
func (r Run) Patched() observe.Tally { return observe.Tally{Right: r.PatchedRight, Total: r.Starts} }

// RecordRun puts a run into the file of runs, in the place of that of the same release.
func RecordRun(root repo.Root, run Run) error {
	path := runsFile(root)
	all, err := ReadTSV[Run](path)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(r Run) bool { return r.Release == run.Release })
	all = append(all, run)
	slices.SortFunc(all, func(a, b Run) int { return pins.Compare(a.Release, b.Release) })
	return writeTSV(path, "How real engines ran, stock and patched; scripts/verify writes this file with --record.", all)
}

// Finding is what a trial found on the engines of a release.
type Finding struct {
	Release string `csv:"release"`
	Series  string `csv:"series"` // series.Series.Digest of the patched one
	Suite   string `csv:"suite"`
	Trial   string `csv:"trial"` // what was tried, a sentence
	Stock   string `csv:"stock"` // how the stock engine did
	Patched string `csv:"patched"`
	Held    bool   `csv:"held"`    // whether the patched engine did what is promised
	Skipped string `csv:"skipped"` // why it could not be tried on this machine; then it has not held
	Date    string `csv:"date"`
}

// RecordFindings puts the findings of one suite on one release into the file of findings, in
// the place of the former ones.
func RecordFindings(root repo.Root, findings []Finding) error {
	if len(findings) == 0 {
		return nil
	}
	path := proofsFile(root)
	all, err := ReadTSV[Finding](path)
	if err != nil {
		return err
	}
	of := findings[0]
	all = slices.DeleteFunc(all, func(f Finding) bool { return f.Release == of.Release && f.Suite == of.Suite })
	all = append(all, findings...)
	slices.SortStableFunc(all, func(a, b Finding) int {
		if c := strings.Compare(a.Suite, b.Suite); c != 0 {
			return c
		}
		return pins.Compare(a.Release, b.Release)
	})
	return writeTSV(path, "What trials on real engines found; scripts/prove writes this file with --record.", all)
}
