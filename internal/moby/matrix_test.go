package moby

import (
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/report"
)

func TestPackagesAreThoseOfGoFilesEachOnce(t *testing.T) {
	got := packages([]string{"daemon/b.go", "libnetwork/c_windows.go", "daemon/a_test.go", "docs/x.md"})
	assert.DeepEqual(t, got, []string{"./daemon", "./libnetwork"})
}

func TestALineSaysWhatDoesNotHold(t *testing.T) {
	r := report.Matrix{Release: "29.9.0", Source: "git", Applies: true, Same: true}
	assert.Equal(t, r.String(), "29.9.0    applies, root files equal, NOT compiles, NOT vet clean (from git, 0 hunks at an offset)")
}

// What vet said in the stock tree is no fault of the series, wherever it moved to.
func TestFindingsAreComparedWithoutTheirLines(t *testing.T) {
	output := "# github.com/docker/docker/daemon\ndaemon/a.go:12:3: unreachable code\nvet: daemon/b.go:7:1: undefined: x\n"
	assert.DeepEqual(t, findings(output, nil), []string{"daemon/a.go: unreachable code", "daemon/b.go: undefined: x"})
	assert.Equal(t, len(findings("", nil)), 0)
}

// Two jobs that vet equal packages at once may both get what was said in one's tree.
func TestFindingsAreComparedWithoutTheTreeThatTheyWereMadeIn(t *testing.T) {
	packages := []string{"./daemon", "./vendor/github.com/docker/libnetwork"}
	for _, tree := range []string{"", "../../job2/source/", "/out/matrix/job2/source/"} {
		output := tree + "daemon/a.go:12:3: unreachable code\n" + tree + "vendor/github.com/docker/libnetwork/b.go:7:1: undefined: x\n"
		assert.DeepEqual(t, findings(output, packages),
			[]string{"daemon/a.go: unreachable code", "vendor/github.com/docker/libnetwork/b.go: undefined: x"})
	}
}
