package report

import (
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

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
