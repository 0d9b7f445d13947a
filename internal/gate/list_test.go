package gate

import (
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
)

// The newest is what the demo shows if no release is named.
func TestTheNewestReleaseHasAModule(t *testing.T) {
	root, err := repo.Find()
	assert.NilError(t, err)
	table, err := pins.Load(root)
	assert.NilError(t, err)
	_, name := OldestAndNewest(table)
	for _, rel := range table {
		assert.Check(t, rel.Module == "" || pins.Compare(rel.Name, name) <= 0, "%s is newer than %s", rel.Name, name)
	}
	// Dockerfile.build cannot derive its default.
	dockerfile, err := os.ReadFile(root.Path("Dockerfile.build"))
	assert.NilError(t, err)
	assert.Check(t, strings.Contains(string(dockerfile), "ARG RELEASE="+name+"\n"))
}

func TestReleasesOfTheChecksAreDerived(t *testing.T) {
	rel := func(line, name string) pins.Release {
		return pins.Release{Name: name, Line: line, Module: "example.com/m"}
	}
	table := pins.Table{rel("1.0", "1.0.0"), {Name: "0.9.0", Line: "1.0"}, rel("1.0", "1.0.10"), rel("1.0", "1.0.9"), {Name: "2.0.0", Line: "2.0"}, rel("3.0", "3.1.0"), {Name: "3.2.0", Line: "3.0"}}
	oldest, newest := OldestAndNewest(table)
	assert.DeepEqual(t, []string{oldest, newest}, []string{"1.0.0", "3.1.0"})
	assert.DeepEqual(t, lastOfLines(table), []string{"1.0.10", "3.1.0"})
}

// What is recorded is recorded by every check that finds something.
func TestChecksRecordWhatTheyFind(t *testing.T) {
	for _, c := range everyLine("ethorder", []string{"20.10.27", "29.8.1"}, true) {
		assert.Check(t, strings.HasSuffix(strings.Join(c.Command, " "), " --record"), c.Name)
	}
	assert.Equal(t, len(everyLine("ethorder", []string{"20.10.27", "29.8.1"}, false)), 4, "no vet of 20.10")
}
