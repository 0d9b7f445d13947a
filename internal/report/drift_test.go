package report_test

import (
	"bytes"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"ethorder/internal/repo"
	"ethorder/internal/report"
)

// The documents say what was measured, of the series as they are now. With -update, they
// are written first.
func TestTablesAreWhatWasMeasured(t *testing.T) {
	root, err := repo.Find()
	assert.NilError(t, err)
	if golden.FlagUpdate() {
		assert.NilError(t, report.WriteTables(root, nil))
	}
	tables, err := report.Tables(root, nil)
	assert.NilError(t, err)
	for _, table := range tables {
		assert.Assert(t, bytes.Equal(table.Have, table.Want),
			"%s is not what results/ has for the series as they are; write it with: go test ./internal/report -update", root.Rel(table.File))
	}
}
