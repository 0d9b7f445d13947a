package main

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

func TestCompletion(t *testing.T) {
	for args, want := range map[string]string{ // the scripts of the shells leave out what does not fit
		"build |":         `^29\.\d+\.\d+\n(.*\n)*20\.10\.9\n(.*\n)*17\.06\.0\n:36\n`,
		"demo 29.8.1 |":   `^:4\n`, // it takes one release
		"trial 29.8.1 |":  `^29\.8\.0\n`,
		"trial --suite |": `\nrandom\tafter any commands`,
		"|inst":           `^install\tPut the patched engine.*\n:4\n`,
	} {
		before, word, _ := strings.Cut(args, "|")
		out, err := execute(t, append(append([]string{"__complete"}, strings.Fields(before)...), word)...)
		assert.NilError(t, err, args)
		assert.Check(t, cmp.Regexp(want, out), args)
	}
}
