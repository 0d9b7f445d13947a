package report

import (
	"fmt"
	"slices"
	"strings"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
)

// Matrix is what was found of a release. Each check is only made if those before
// it hold.
type Matrix struct {
	Release  string `csv:"release"`
	Series   string `csv:"series"` // patch.Series.Digest of what was applied
	Source   string `csv:"source"` // "git" or "module"
	Date     string `csv:"date"`
	Applies  bool   `csv:"applies"`  // by plain git apply, without fuzz
	Same     bool   `csv:"same"`     // installed files are those of the root, and all are as gofmt has them
	Compiles bool   `csv:"compiles"` // all packages that the series touches
	Vetted   bool   `csv:"vetted"`   // go vet finds nothing in them that it does not find in stock
	Offsets  int    `csv:"offsets"`  // hunks that were found at another line

	Problem string `csv:"-"` // what does not hold
}

// Good reports whether all checks hold.
func (r Matrix) Good() bool { return r.Applies && r.Same && r.Compiles && r.Vetted }

// String is the line that a release gets.
func (r Matrix) String() string {
	yes := func(ok bool, what string) string {
		if ok {
			return what
		}
		return "NOT " + what
	}
	return fmt.Sprintf("%-9s %s, %s, %s, %s (from %s, %d hunks at an offset)", r.Release, yes(r.Applies, "applies"),
		yes(r.Same, "root files equal"), yes(r.Compiles, "compiles"), yes(r.Vetted, "vet clean"), r.Source, r.Offsets)
}

// Upstream is how upstream's tests ended in the trees of a release.
type Upstream struct {
	Release        string `csv:"release"`
	Series         string `csv:"series"` // patch.Series.Digest of the patched one
	Source         string `csv:"source"` // "git" or "module"
	Date           string `csv:"date"`
	Packages       int    `csv:"packages"`
	StockPassed    int    `csv:"stock-passed"`
	StockFailed    int    `csv:"stock-failed"`
	StockSkipped   int    `csv:"stock-skipped"`
	PatchedPassed  int    `csv:"patched-passed"` // with those that the series adds
	PatchedFailed  int    `csv:"patched-failed"`
	PatchedSkipped int    `csv:"patched-skipped"`
	Worse          int    `csv:"worse"` // tests that Compare finds fault with

	Problems []string `csv:"-"` // what Compare returned
}

// String is the line that a release gets.
func (o Upstream) String() string {
	verdict := "as in the stock tree"
	if o.Worse > 0 {
		verdict = fmt.Sprintf("%d NOT as in the stock tree", o.Worse)
	}
	return fmt.Sprintf("%-9s %d packages of upstream's: stock %d passed, %d failed, %d skipped; patched %d passed, %d failed, %d skipped: %s",
		o.Release, o.Packages, o.StockPassed, o.StockFailed, o.StockSkipped, o.PatchedPassed, o.PatchedFailed, o.PatchedSkipped, verdict)
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

// File has the findings, as a path below the root of the repository.
var File = []string{"patch", "proofs.tsv"}

// LoadFindings reads the findings that are recorded.
func LoadFindings(root repo.Root) ([]Finding, error) { return Load[Finding](root.Path(File...)) }

// RecordFindings puts the findings of one suite on one release into the file of findings, in
// the place of the former ones.
func RecordFindings(root repo.Root, findings []Finding) error {
	if len(findings) == 0 {
		return nil
	}
	all, err := LoadFindings(root)
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
	return Save(root.Path(File...), "What trials on real engines found; scripts/prove writes this file with --record.", all)
}
