package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

// Every command has a page, which shows its arguments.
func TestManPages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	_, err := execute(t, "man", dir)
	assert.NilError(t, err)
	page := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name+".1"))
		assert.NilError(t, err)
		return strings.ReplaceAll(string(text), `\-`, "-")
	}
	for _, cmd := range newRootCommand().Commands() {
		if cmd.IsAvailableCommand() {
			assert.Check(t, cmp.Contains(page("ethorder"), "ethorder-"+cmd.Name()+"(1)"))
			assert.Check(t, cmp.Contains(page("ethorder-"+cmd.Name()), cmd.Use))
			assert.Check(t, cmp.Contains(page("ethorder-"+cmd.Name()), cmd.Short))
		}
	}
	assert.Check(t, cmp.Contains(page("ethorder-build"), "out/<release>/patched/dockerd"))
}
