package repo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"ethorder/internal/tool"

	"gotest.tools/v3/assert"
)

var ctx = context.Background()

func write(t *testing.T, path, text string) {
	t.Helper()
	assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
}

func TestNeedFreeLooksAtTheDiskOfADirectoryToBe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	assert.NilError(t, needFree(dir, 1))
	var cannot *tool.Exit
	assert.Assert(t, errors.As(needFree(dir, 1<<40), &cannot) && cannot.Status == tool.CannotRun)
}

func TestLockWaitsForTheOtherAndForCtrlC(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	unlock, err := Lock(ctx, dir)
	assert.NilError(t, err)
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = Lock(short, dir)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	unlock()
	unlock, err = Lock(ctx, dir)
	assert.NilError(t, err)
	unlock()
}

func TestTempDirRemovesWhatAKilledProcessLeft(t *testing.T) {
	dir := t.TempDir()
	old, err := tempDir(dir)
	assert.NilError(t, err)
	write(t, filepath.Join(old, "half-made"), "")
	now, err := tempDir(dir)
	assert.NilError(t, err)
	assert.Assert(t, old != now)
	_, err = os.Stat(old)
	assert.Assert(t, os.IsNotExist(err))
}

func TestUpToDate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tree")
	write(t, filepath.Join(dir, "a"), "1")
	want := func() Stamp { return Stamp{"from": "x"} }

	_, err := want().upToDate(dir)
	assert.ErrorContains(t, err, "has no stamp")

	s := want()
	tmp := t.TempDir()
	assert.NilError(t, os.Rename(dir, filepath.Join(tmp, "made")))
	assert.NilError(t, s.install(Made{Path: filepath.Join(tmp, "made")}, dir, tmp))
	ok, err := want().upToDate(dir)
	assert.NilError(t, err)
	assert.Assert(t, ok)

	ok, err = Stamp{"from": "y"}.upToDate(dir)
	assert.NilError(t, err)
	assert.Assert(t, !ok, "made from something else")

	write(t, filepath.Join(dir, "b"), "")
	_, err = want().upToDate(dir)
	assert.ErrorContains(t, err, "was changed by hand")

	assert.NilError(t, os.RemoveAll(dir))
	ok, err = want().upToDate(dir)
	assert.NilError(t, err)
	assert.Assert(t, !ok, "the tree is gone")
}

func TestWhatGoesBesideAFileIsInstalledWithIt(t *testing.T) {
	dir := t.TempDir()
	dst := filepath.Join(dir, "to", "file")
	write(t, filepath.Join(dir, "to", "more"), "old")
	_, err := Stamp{"from": "x"}.Make(Root(dir), "make", dir, dst, 0, func(tmp string) (Made, error) {
		write(t, filepath.Join(tmp, "made"), "1")
		write(t, filepath.Join(tmp, "more"), "new")
		return Made{Path: filepath.Join(tmp, "made"), Beside: []string{filepath.Join(tmp, "more")}}, nil
	})
	assert.NilError(t, err)
	more, err := os.ReadFile(filepath.Join(dir, "to", "more"))
	assert.NilError(t, err)
	assert.Equal(t, string(more), "new")
}

func TestHashTreeSeesNamesContentsAndLinks(t *testing.T) {
	dir := t.TempDir()
	seen := map[string]string{}
	step := func(what string) {
		sum, err := HashTree(dir)
		assert.NilError(t, err)
		if other, ok := seen[sum]; ok {
			t.Fatalf("%s: same digest as %s", what, other)
		}
		seen[sum] = what
	}
	step("empty")
	write(t, filepath.Join(dir, "a"), "1")
	step("a file")
	write(t, filepath.Join(dir, "a"), "2")
	step("other content")
	assert.NilError(t, os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "b")))
	step("other name")
	assert.NilError(t, os.Symlink("b", filepath.Join(dir, "l")))
	step("a link")
	sum, err := HashTree(dir)
	assert.NilError(t, err)
	write(t, filepath.Join(dir, ".git", "index"), "")
	again, err := HashTree(dir)
	assert.NilError(t, err)
	assert.Equal(t, again, sum)
}

func TestReplaceKeepsTheOldTreeUntilTheNewIsThere(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "tree", "old"), "")
	write(t, filepath.Join(dir, "tmp", "new", "new"), "")
	assert.NilError(t, replace(filepath.Join(dir, "tmp", "new"), filepath.Join(dir, "tree"), filepath.Join(dir, "tmp")))
	_, err := os.Stat(filepath.Join(dir, "tree", "new"))
	assert.NilError(t, err)
	_, err = os.Stat(filepath.Join(dir, "tree", "old"))
	assert.Assert(t, errors.Is(err, syscall.ENOENT))
}
