package deb

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/build"
	"ethorder/internal/patch"
	"ethorder/internal/repo"
)

func TestReleaseOfAPackage(t *testing.T) {
	for version, want := range map[string]string{
		"20.10.24+dfsg1-1+deb12u1": "20.10.24",
		"26.1.5+dfsg1-9":           "26.1.5",
		"28.0.1-2":                 "28.0.1",
		"28.0.0~rc1+dfsg1-1":       "28.0.0",
		"29.0.0":                   "29.0.0",
	} {
		assert.Equal(t, release(version), want)
	}
}

// The package must replace Debian's of the same source, also one that was only rebuilt, and must
// make way for one with other sources.
func TestVersionIsBetweenThoseOfDebian(t *testing.T) {
	if _, err := exec.LookPath("dpkg"); err != nil {
		t.Skip("no dpkg")
	}
	for _, c := range []struct{ debian, is, other string }{
		{"20.10.24+dfsg1-1+deb12u1", "gt", "20.10.24+dfsg1-1+deb12u1"},
		{"20.10.24+dfsg1-1+deb12u1", "gt", "20.10.24+dfsg1-1+deb12u1+b6"},
		{"20.10.24+dfsg1-1+deb12u1", "lt", "20.10.24+dfsg1-1+deb12u2"},
		{"20.10.24+dfsg1-1+deb12u1", "lt", "26.1.5+dfsg1-9"},
		{"26.1.5+dfsg1-9", "gt", "26.1.5+dfsg1-9+b1"},
		{"26.1.5+dfsg1-9", "lt", "26.1.5+dfsg1-10"},
		{"26.1.5+dfsg1-9+deb13u1", "lt", "26.1.5+dfsg1-9+deb13u2"},
	} {
		err := exec.Command("dpkg", "--compare-versions", c.debian+suffix, c.is, c.other).Run()
		assert.Check(t, err, "%s%s %s %s", c.debian, suffix, c.is, c.other)
	}
}

func TestRelocateChangesOnlyTheHeads(t *testing.T) {
	const text = `From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
Subject: [PATCH] vendor a/b b/c
---
 daemon/a.go | 1 +
diff --git a/daemon/a.go b/daemon/a.go
new file mode 100644
--- /dev/null
+++ b/daemon/a.go
@@ -0,0 +1 @@
+++ b/kept.go
diff --git a/vendor/github.com/docker/libnetwork/a.go b/vendor/github.com/docker/libnetwork/a.go
index 1..2 100644
--- a/vendor/github.com/docker/libnetwork/a.go
+++ b/vendor/github.com/docker/libnetwork/a.go
@@ -1 +1 @@
--- a/kept.go
+++ b/vendor/github.com/docker/libnetwork/kept.go
diff --git a/libnetwork/a.go b/libnetwork/a.go
`
	const want = `From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
Subject: [PATCH] vendor a/b b/c
---
 daemon/a.go | 1 +
diff --git a/engine/daemon/a.go b/engine/daemon/a.go
new file mode 100644
--- /dev/null
+++ b/engine/daemon/a.go
@@ -0,0 +1 @@
+++ b/kept.go
diff --git a/libnetwork/a.go b/libnetwork/a.go
index 1..2 100644
--- a/libnetwork/a.go
+++ b/libnetwork/a.go
@@ -1 +1 @@
--- a/kept.go
+++ b/vendor/github.com/docker/libnetwork/kept.go
diff --git a/engine/libnetwork/a.go b/engine/libnetwork/a.go
`
	assert.Equal(t, relocate(text), want)
}

func TestPatchesOfASeriesFollowDebians(t *testing.T) {
	root, err := repo.Find()
	assert.NilError(t, err)
	series, err := patch.Load(root, "18.06")
	assert.NilError(t, err)
	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "series"), []byte("CVE.patch\n\n"), 0o644))
	assert.NilError(t, addPatches(series, dir))
	names, err := os.ReadFile(filepath.Join(dir, "series"))
	assert.NilError(t, err)
	lines := strings.Fields(string(names))
	assert.Equal(t, len(lines), 1+len(series.Patches))
	assert.Equal(t, lines[0], "CVE.patch")
	for _, name := range lines[1:] {
		text, err := os.ReadFile(filepath.Join(dir, name))
		assert.NilError(t, err)
		assert.Check(t, !strings.Contains(string(text), "+++ b/vendor/"), name)
	}
}

func TestEntryInTheChangelog(t *testing.T) {
	const debian = `docker.io (20.10.24+dfsg1-1+deb12u1) bookworm; urgency=high

  * Fix CVE-2024-41110

 -- Bastien Roucariès <rouca@debian.org>  Sat, 12 Oct 2024 15:19:49 +0000

docker.io (20.10.24+dfsg1-1) unstable; urgency=medium

 -- Shengjing Zhu <zhsj@debian.org>  Wed, 05 Apr 2023 23:19:59 +0800
`
	text, err := addEntry(debian)
	assert.NilError(t, err)
	entry, found := strings.CutSuffix(text, "\n"+debian)
	assert.Assert(t, found)
	assert.Assert(t, strings.HasPrefix(entry, "docker.io (20.10.24+dfsg1-1+deb12u1"+suffix+") bookworm; urgency=medium\n\n  * "), entry)
	assert.Assert(t, strings.HasSuffix(entry, ">  Sat, 12 Oct 2024 15:19:50 +0000\n"), entry)

	_, err = addEntry("another (1.0) bookworm; urgency=low\n")
	assert.ErrorContains(t, err, "no entry of docker.io")
}

func TestMarkInTheVersionOfDockerd(t *testing.T) {
	const kept = "ENGINE_GITCOMMIT := $(shell ./debian/helpers/gitcommit.sh engine $(DOCKER_VERSION))\n" +
		"CLI_LDFLAGS   += -X $(CLI_PKG)/cli/version.Version=$(DOCKER_VERSION)\n"
	const marked = "$(subst +," + build.Suffix + ".,$(DOCKER_VERSION))"
	for debian, want := range map[string]string{
		"&& KEEPBUNDLE=1 VERSION=$(DOCKER_VERSION) DOCKER_BUILDTAGS=x\n&& mv dockerd-$(DOCKER_VERSION) dockerd\n":// bookworm
		"&& KEEPBUNDLE=1 VERSION=" + marked + " DOCKER_BUILDTAGS=x\n&& mv dockerd-" + marked + " dockerd\n",
		"ENGINE_LDFLAGS   += -X $(ENGINE_PKG)/dockerversion.Version=$(DOCKER_VERSION)\n":// trixie
		"ENGINE_LDFLAGS   += -X $(ENGINE_PKG)/dockerversion.Version=" + marked + "\n",
	} {
		got, err := markVersion(kept + debian)
		assert.NilError(t, err)
		assert.Equal(t, got, kept+want)
	}
	_, err := markVersion(kept)
	assert.ErrorContains(t, err, "version of dockerd")
}

func TestNewTagsAreThoseOfOursAlone(t *testing.T) {
	const theirs = "W: docker.io: a [usr/a]\nI: docker.io: b\n"
	assert.Equal(t, len(newTags(theirs, "I: docker.io: b\n")), 0)
	assert.DeepEqual(t, newTags(theirs, theirs+"W: docker.io: a [usr/c]\n"), []string{"W: docker.io: a [usr/c]"})
}
