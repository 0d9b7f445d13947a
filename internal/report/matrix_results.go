package report

import (
	"slices"
)

// Matrices are results in the order of their releases, one of each.
type Matrices []Matrix

// LoadMatrix reads results from a file. One that is not there has none.
func LoadMatrix(path string) (Matrices, error) {
	return Load[Matrix](path)
}

// Save writes results to a file.
func (all Matrices) Save(path string) error {
	return Save(path, "What scripts/matrix found of each release; it writes this file with --record.", all)
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
	return With(all, result, func(r Matrix) string { return r.Release })
}
