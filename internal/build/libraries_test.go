package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ethorder/internal/repo"

	"gotest.tools/v3/assert"
)

// fakeApt puts an apt-get on the PATH that gives no packages.
func fakeApt(t *testing.T) {
	bin := t.TempDir()
	write(t, filepath.Join(bin, "apt-get"), "#!/bin/sh\nexit 100\n")
	assert.NilError(t, os.Chmod(filepath.Join(bin, "apt-get"), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

func TestLinkTakesWhatTheMachineHas(t *testing.T) {
	fakeApt(t)
	there := library{gives: "sums", file: "sum.go", text: "<sum", header: "sum.h", packages: []string{"libsum-dev"}, with: "sum", without: "no_sum"}
	linkable, noLibrary, noHeader := there, there, there
	linkable.shared = "libm.so.6"
	noLibrary.shared = "libnosuchlibrary.so.1"
	noHeader.header = "nosuchheader.h"
	for _, tc := range []struct {
		name, source, tag, lacks string
		l                        library
	}{
		{"header", "<sum.h>", "sum", "", there},
		{"header and library", "<sum.h>", "sum", "", linkable},
		{"no library", "<sum.h>", "no_sum", "built without sums", noLibrary},
		{"no header", "<sum.h>", "no_sum", "apt-get install pkg-config libsum-dev", noHeader},
		{"release does not need it", "<total.h>", "sum", "", noHeader},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root, tree := repo.Root(t.TempDir()), t.TempDir()
			write(t, filepath.Join(tree, "sum.go"), tc.source)
			write(t, root.Out("tools/debian/libsum-dev/usr/include/sum.h"), "int sum(int, int);\n")
			got, err := link(ctx, root, tree, []library{tc.l})
			assert.NilError(t, err)
			assert.DeepEqual(t, got.tags, []string{packageTags, tc.tag})
			lacks := strings.Join(got.lacking, "\n")
			assert.Assert(t, strings.Contains(lacks, tc.lacks) && (lacks == "") == (tc.lacks == ""), lacks)
		})
	}
}

// The tag of a library that the machine lacks must leave out what needs it.
func TestEveryLibraryHasATag(t *testing.T) {
	for _, l := range libraries {
		assert.Check(t, (l.with == "") != (l.without == ""), l.gives)
		assert.Check(t, len(l.packages) > 0, l.gives)
	}
}
