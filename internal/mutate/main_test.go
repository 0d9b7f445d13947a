package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
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
		{mutant{"breaks", "sequence.go", "= last + 1", "= last"}, `^caught .* TestHeap\w+$`},
		{mutant{"changes nothing", "sequence.go", "= last + 1", "= 1 + last"}, `^SURVIVED `},
		{mutant{"does not apply", "sequence.go", "no such line", ""}, `^ERROR .* it does not apply`},
		{mutant{"does not compile", "sequence.go", "= last + 1", "= last +"}, `^ERROR .* it does not compile`},
	} {
		t.Run(tc.mutant.name, func(t *testing.T) {
			root, err := filepath.Abs("../..")
			assert.NilError(t, err)
			got := tc.mutant.try(root, filepath.Join(t.TempDir(), "mutant"))
			assert.Assert(t, cmp.Regexp(tc.want, got))
		})
	}
}

func TestMutantsAreToldApart(t *testing.T) {
	names, changes := make(map[string]bool), make(map[mutant]string)
	for _, m := range mutants {
		assert.Assert(t, !names[m.name], "two mutants are called %q", m.name)
		names[m.name] = true
		change := m
		change.name = ""
		assert.Assert(t, changes[change] == "", "%q and %q are the same", changes[change], m.name)
		changes[change] = m.name
	}
}

func TestReadmeHasTheNumberOfMutants(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	assert.NilError(t, err)
	ways := regexp.MustCompile(`(\d+)\s+ways to break the rule`).FindSubmatch(readme)
	assert.Assert(t, ways != nil, "README.md does not say in how many ways the rule is broken")
	assert.Equal(t, string(ways[1]), strconv.Itoa(len(mutants)))
}
