package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"ethorder/internal/repo"
	"ethorder/internal/report"
)

// What the README shows of a run is part of the output of a real one.
func TestREADMEQuotesTheDemo(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	assert.NilError(t, err)
	quotes := regexp.MustCompile("(?s)<!-- from (\\S+) -->\n```text\n(.*?)```\n").FindAllStringSubmatch(string(readme), -1)
	assert.Assert(t, len(quotes) > 0, "README.md quotes nothing")
	for _, quote := range quotes {
		run, err := os.ReadFile("../../" + quote[1])
		assert.NilError(t, err)
		assert.Assert(t, strings.Contains(string(run), quote[2]), "README.md does not quote %s as it is; copy the part again", quote[1])
	}
}

// The tables say what was measured, of the patches as they are now. With -update,
// they are written anew first.
func TestTablesAreWhatWasMeasured(t *testing.T) {
	root, err := repo.Find()
	assert.NilError(t, err)
	if golden.FlagUpdate() {
		assert.NilError(t, writeTables(root))
	}
	tables, err := report.Tables(root)
	assert.NilError(t, err)
	for _, table := range tables {
		assert.Assert(t, bytes.Equal(table.Have, table.Want), "%s: a table differs from patch/*.tsv; what was measured with other patches counts no more: scripts/matrix --record, scripts/verify --record", table.File)
	}
}

// What the README points at is there.
func TestREADMELinksAreThere(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	assert.NilError(t, err)
	for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(string(readme), -1) {
		_, err := os.Stat("../../" + link[1])
		assert.NilError(t, err)
	}
}
