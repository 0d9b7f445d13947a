package report

import "fmt"

// Upstream is how upstream's tests ended in the trees of a release.
type Upstream struct {
	Release        string `csv:"release" json:"-"`
	Series         string `csv:"series" json:"series"` // patch.Series.Digest of the patched tree
	Source         string `csv:"source" json:"source"` // "git" or "module"
	Date           string `csv:"date" json:"date"`
	Packages       int    `csv:"packages" json:"packages"`
	StockPassed    int    `csv:"stock-passed" json:"stock passed"`
	StockFailed    int    `csv:"stock-failed" json:"stock failed"`
	StockSkipped   int    `csv:"stock-skipped" json:"stock skipped"`
	PatchedPassed  int    `csv:"patched-passed" json:"patched passed"` // with those that the series adds
	PatchedFailed  int    `csv:"patched-failed" json:"patched failed"`
	PatchedSkipped int    `csv:"patched-skipped" json:"patched skipped"`
	Worse          int    `csv:"worse" json:"worse"` // tests that Compare finds fault with

	Problems []string `csv:"-" json:"-"` // what Compare returned
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
