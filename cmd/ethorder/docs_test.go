package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
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

// What the README points at is there.
func TestREADMELinksAreThere(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	assert.NilError(t, err)
	for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(string(readme), -1) {
		_, err := os.Stat("../../" + link[1])
		assert.NilError(t, err)
	}
}
