package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"

	"github.com/jszwec/csvutil"

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

// Matrices are results in the order of their releases, one of each.
type Matrices []Matrix

// LoadMatrix reads results from a file. A file that is not there has none.
func LoadMatrix(path string) (Matrices, error) { return repo.ReadTSV[Matrix](path) }

// Save writes results to a file.
func (all Matrices) Save(path string) error {
	var b bytes.Buffer
	b.WriteString("# Whether the series of each release applies and compiles. The command matrix writes this file with --record.\n")
	w := csv.NewWriter(&b)
	w.Comma = '\t'
	if err := csvutil.NewEncoder(w).Encode(all); err != nil {
		return err
	}
	w.Flush()
	return write(path, b.Bytes())
}

// Find returns the result of a release.
func (all Matrices) Find(name string) (Matrix, bool) {
	i := slices.IndexFunc(all, func(r Matrix) bool { return r.Release == name })
	if i < 0 {
		return Matrix{}, false
	}
	return all[i], true
}

// With returns all with a result in the place of that of the same release.
func (all Matrices) With(result Matrix) Matrices {
	all = slices.DeleteFunc(slices.Clone(all), func(r Matrix) bool { return r.Release == result.Release })
	all = append(all, result)
	slices.SortFunc(all, func(a, b Matrix) int { return pins.Compare(a.Release, b.Release) })
	return all
}
