package matrix

import (
	"slices"

	"ethorder/internal/tsv"
)

// Results are results in the order of their releases, one of each.
type Results []Result

// Load reads results from a file. One that is not there has none.
func Load(path string) (Results, error) {
	return tsv.Load[Result](path)
}

// Save writes results to a file.
func (all Results) Save(path string) error {
	return tsv.Save(path, "What scripts/matrix found of each release; it writes this file with --record.", all)
}

// Find returns the result of a release.
func (all Results) Find(name string) (Result, bool) {
	i := slices.IndexFunc(all, func(r Result) bool { return r.Release == name })
	if i < 0 {
		return Result{}, false
	}
	return all[i], true
}

// With returns all with a result in the place of that of the same release.
func (all Results) With(result Result) Results {
	return tsv.With(all, result, func(r Result) string { return r.Release })
}
