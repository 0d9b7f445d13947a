package report_test

import (
	"bytes"
	"slices"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"ethorder/internal/repo"
	"ethorder/internal/report"
	"ethorder/internal/trial"
	"ethorder/internal/trial/random"
)

// The documents say what was measured, of the series as they are now. With -update, they
// are written first.
func TestTablesAreWhatWasMeasured(t *testing.T) {
	known := trial.Known(append(slices.Clone(trial.Suites), random.Suite))
	root, err := repo.Find()
	assert.NilError(t, err)
	if golden.FlagUpdate() {
		assert.NilError(t, report.WriteTables(root, known))
	}
	tables, err := report.Tables(root, known)
	assert.NilError(t, err)
	for _, table := range tables {
		assert.Assert(t, bytes.Equal(table.Have, table.Want),
			"%s is not what results/ has for the series as they are; write it with: go test ./internal/report -update", root.Rel(table.File))
	}
}
