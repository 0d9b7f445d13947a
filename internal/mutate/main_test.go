package main

import (
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

func TestTryTellsMutantsApart(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the tests of the rule four times")
	}
	for _, tc := range []struct {
		mutant mutant
		want   string
	}{
		{mutant{"breaks", "sequence.go", "return last + 1", "return last"}, `^caught .* TestHeap\w+$`},
		{mutant{"changes nothing", "sequence.go", "return last + 1", "return 1 + last"}, `^SURVIVED `},
		{mutant{"does not apply", "sequence.go", "no such line", ""}, `^ERROR .* it does not apply`},
		{mutant{"does not compile", "sequence.go", "return last + 1", "return last +"}, `^ERROR .* it does not compile`},
	} {
		t.Run(tc.mutant.name, func(t *testing.T) {
			root, err := filepath.Abs("../..")
			assert.NilError(t, err)
			got := tc.mutant.try(root, filepath.Join(t.TempDir(), "mutant"))
			assert.Assert(t, cmp.Regexp(tc.want, got))
		})
	}
}
