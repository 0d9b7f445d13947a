package patch

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

const (
	patchA = `From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
Subject: [PATCH] daemon: change a

Why.
---
 daemon/a.go | 3 ++-

diff --git a/daemon/a.go b/daemon/a.go
index 1111111111..2222222222 100644
--- a/daemon/a.go
+++ b/daemon/a.go
@@ -10,3 +10,4 @@ func a() {
 	before()
-	old("x") // of before
+	call(1, "y z") // why
+	more()
 	after()
`
	patchB = `From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
Subject: [PATCH] daemon: add b

Why.
---
 daemon/b.go      | 1 +
 daemon/b_test.go | 1 +

diff --git a/daemon/b.go b/daemon/b.go
new file mode 100644
index 0000000000..3333333333
--- /dev/null
+++ b/daemon/b.go
@@ -0,0 +1,1 @@
+package daemon
diff --git a/daemon/b_test.go b/daemon/b_test.go
new file mode 100644
index 0000000000..4444444444
--- /dev/null
+++ b/daemon/b_test.go
@@ -0,0 +1,1 @@
+package daemon_test
`
)

// digest returns the digest of a series of patches.
func digest(t *testing.T, patches ...string) string {
	t.Helper()
	s := Series{Dir: t.TempDir()}
	for i, text := range patches {
		s.Patches = append(s.Patches, strconv.Itoa(i)+".patch")
		write(t, filepath.Join(s.Dir, s.Patches[i]), text)
	}
	d, err := s.Digest()
	assert.NilError(t, err)
	return d
}

// Results stay those of a series as long as it adds and removes the same code.
func TestDigestIsThatOfTheCode(t *testing.T) {
	before := digest(t, patchA, patchB)
	for _, tc := range []struct {
		name, old, new string
		same           bool
	}{
		{"a comment", "// why", "// because", true},
		{"a comment of what is removed", "// of before", "// of then", true},
		{"a line of comment", "+\tmore()\n", "+\t// Then more.\n+\tmore()\n", true},
		{"blanks in a line", `call(1, "y z")`, `call( 1,"y z" )`, true},
		{"indentation", "+\tmore()", "+\t\tmore()", true},
		{"a blank line", "+\tmore()\n", "+\n+\tmore()\n", true},
		{"the message", "Why.", "Because.", true},
		{"the subject", "change a", "alter a", true},
		{"the blobs", "1111111111..2222222222", "1111111..5555555", true},
		{"context", " \tbefore()", " \tearlier()", true},
		{"less context", " \tbefore()\n", "", true},
		{"line numbers", "@@ -10,3 +10,4 @@ func a() {", "@@ -20,3 +30,4 @@", true},
		{"a test", "+package daemon_test", "+package other_test", true},

		{"what is added", "more()", "less()", false},
		{"what is removed", `old("x")`, `old("w")`, false},
		{"blanks in a string", `"y z"`, `"y  z"`, false},
		{"a line less", "+\tmore()\n", "", false},
		{"a line more", "+\tmore()\n", "+\tmore()\n+\tmore()\n", false},
		{"added instead of removed", "-\told", "+\told", false},
		{"the order of lines", "+\tcall(1, \"y z\") // why\n+\tmore()\n", "+\tmore()\n+\tcall(1, \"y z\") // why\n", false},
		{"the file", "diff --git a/daemon/a.go b/daemon/a.go", "diff --git a/daemon/c.go b/daemon/c.go", false},
		{"code as a comment", "+\tmore()", "+\t// more()", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			spoil := func(text string) string { return strings.Replace(text, tc.old, tc.new, 1) }
			a, b := spoil(patchA), spoil(patchB)
			assert.Assert(t, a != patchA || b != patchB)
			after := digest(t, a, b)
			assert.Equal(t, after == before, tc.same, "%s, %s", before, after)
		})
	}
}

func TestDigestIsTheSameHoweverThePatchesAreCut(t *testing.T) {
	before := digest(t, patchA, patchB)
	assert.Equal(t, digest(t, patchB, patchA), before)
	assert.Equal(t, digest(t, patchA+patchB[strings.Index(patchB, "diff --git"):]), before)
	cut := strings.Index(patchB, "diff --git a/daemon/b_test.go")
	assert.Equal(t, digest(t, patchA, patchB[:cut], patchB[cut:]), before)
	assert.Assert(t, digest(t, patchA) != before)
}
