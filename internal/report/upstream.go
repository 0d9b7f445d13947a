package report

import "fmt"

// Upstream is how upstream's tests ended in the trees of a release.
type Upstream struct {
	Release        string `json:"-"`
	Series         string `json:"series"` // patch.Series.Digest of the patched tree
	Source         string `json:"source"` // "git" or "module"
	Date           string `json:"date"`
	Packages       int    `json:"packages"`
	StockPassed    int    `json:"stock passed"`
	StockFailed    int    `json:"stock failed"`
	StockSkipped   int    `json:"stock skipped"`
	PatchedPassed  int    `json:"patched passed"` // with those that the series adds
	PatchedFailed  int    `json:"patched failed"`
	PatchedSkipped int    `json:"patched skipped"`
	Worse          int    `json:"worse"` // tests that Compare finds fault with

	Problems []string `json:"-"` // what Compare returned
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
