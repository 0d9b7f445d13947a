package moby

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
)

func TestCompareFindsNewFailures(t *testing.T) {
	stock := Results{"a": "pass", "b": "pass", "c": "fail", "d": "skip", "e": "pass"}
	patched := Results{"a": "pass", "b": "fail", "c": "fail", "d": "skip", "new": "pass", "newer": "fail"}
	assert.DeepEqual(t, Compare(stock, patched), []string{
		`b: got "fail" in the patched tree, want "pass" as in the stock tree`,
		`e: got "" in the patched tree, want "pass" as in the stock tree`,
		`newer: got "fail" in the patched tree, want "pass": the stock tree does not have it`,
	})
}

func TestReadResultsKeepsHowTestsEnded(t *testing.T) {
	var log strings.Builder
	results, err := ReadResults(strings.NewReader(`{"Action":"output","Package":"p","Test":"A","Output":"hello\n"}
{"Action":"pass","Package":"p","Test":"A"}
{"Action":"fail","Package":"p","Test":"A/b"}
{"Action":"fail","Package":"p"}
# p does not build
`), &log)
	assert.NilError(t, err)
	assert.DeepEqual(t, results, Results{"p.A": "pass", "p.A/b": "fail"})
	assert.Equal(t, log.String(), "hello\n# p does not build\n")
	assert.Equal(t, results.String(), "1 passed, 1 failed, 0 skipped")
}

// Every release has the packages that the series touches, once each.
func TestEveryLineHasPackages(t *testing.T) {
	root, err := repo.Find()
	assert.NilError(t, err)
	table, err := pins.Load(root)
	assert.NilError(t, err)
	for _, rel := range table {
		packages, err := Packages(root, rel)
		assert.NilError(t, err)
		seen := map[string]bool{}
		for _, p := range packages {
			assert.Check(t, !seen[p.Dir], "%s: %s is listed twice", rel.Name, p.Dir)
			seen[p.Dir] = true
		}
		assert.Check(t, len(seen) == 6 && seen["daemon"], "%s has %v", rel.Name, packages)
	}
}
