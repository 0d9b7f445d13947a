package trial

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

// The names of the trials, which are in the results, have the versions that are built.
func TestClientsAreOfTheirVersions(t *testing.T) {
	for _, c := range realClients {
		mod, err := os.ReadFile(filepath.Join("clients", c.module, "go.mod"))
		assert.NilError(t, err)
		version := regexp.MustCompile(`[\d.]+`).FindString(c.Name)
		assert.Check(t, cmp.Regexp(`github\.com/docker/(cli|compose/v\d) v`+regexp.QuoteMeta(version)+`[ +]`, string(mod)))
	}
}

// No service of the stack has its networks in the order of their names, which stock engines have.
func TestTheStackOfClientsIsInNoOtherOrder(t *testing.T) {
	for service, want := range parseStack(clientStack).Want {
		assert.Check(t, len(want) >= 4, service)
		assert.Check(t, !slices.IsSorted(want) && !slices.IsSorted(want[1:]), service)
	}
}
