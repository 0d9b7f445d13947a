// Package repo knows the folders of this repository, and how to change them so that
// nothing is left half-made.
//
// What is made for a release goes below out/<release>/, under a temporary name first. A
// stamp beside it says what it was made from, so that it is made again only if that has
// changed.
package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"ethorder/internal/tool"
)

// Root is the root of this repository.
type Root string

// Find returns the nearest directory at or above the current one that has the pin table.
func Find() (Root, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "patch", "releases.tsv")); err == nil {
			return Root(d), nil
		}
		if d == filepath.Dir(d) {
			return "", tool.Usagef("no patch/releases.tsv at or above %s: run this inside the repository, or set ETHORDER_ROOT to it", dir)
		}
	}
}

// Path returns a path below the root.
func (r Root) Path(elem ...string) string {
	return filepath.Join(append([]string{string(r)}, elem...)...)
}

// Out returns a path below out/, where everything that is made goes.
func (r Root) Out(elem ...string) string {
	return filepath.Join(append([]string{string(r), "out"}, elem...)...)
}

// Rel shortens a path below the root, for messages.
func (r Root) Rel(path string) string {
	if rel, err := filepath.Rel(string(r), path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}

// needFree returns an error with the status CannotRun when the file system of dir, which may not
// exist yet, has fewer than the given MiB free.
func needFree(dir string, mib uint64) error {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return fmt.Errorf("free space of %s: %w", dir, err)
	}
	if free := disk.Bavail * uint64(disk.Bsize) >> 20; free < mib {
		return tool.CannotRunf("%s has %d MiB free and this needs %d MiB: make room, or put out/ on a larger disk (a symbolic link will do)", dir, free, mib)
	}
	return nil
}

// Lock waits until no other process works on dir, and makes dir. The lock ends
// with the returned function, or with the process.
func Lock(ctx context.Context, dir string) (unlock func(), err error) {
	path := filepath.Join(dir, ".lock")
	var f *os.File
	if err = os.MkdirAll(dir, 0o755); err == nil {
		f, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	}
	if errors.Is(err, os.ErrPermission) {
		return nil, tool.CannotRunf("%w; out/ belongs to another user, as after a run with sudo: run this with sudo, too", err)
	}
	if err != nil {
		return nil, err
	}
	told := false
	err = tool.Wait(ctx, math.MaxInt64, 300*time.Millisecond, path, func(context.Context) error {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != nil && !errors.Is(err, syscall.EWOULDBLOCK) {
			return tool.StopWaiting(fmt.Errorf("lock %s: %w", path, err))
		}
		if err != nil && !told {
			logrus.Infof("waiting for another process that works in %s", dir)
			told = true
		}
		return err
	})
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// tempDir makes a temporary directory in dir, and removes those that a killed
// process left there. The caller holds the lock of dir.
func tempDir(dir string) (string, error) {
	const prefix = ".tmp-"
	old, _ := filepath.Glob(filepath.Join(dir, prefix+"*"))
	for _, d := range old {
		if err := os.RemoveAll(d); err != nil {
			return "", err
		}
	}
	return os.MkdirTemp(dir, prefix)
}

// replace puts the finished tree or file tmp at dst, in the place of what is there.
func replace(tmp, dst, trash string) error {
	if err := discard(dst, trash); err != nil {
		return err
	}
	return os.Rename(tmp, dst)
}

// discard moves what is at dst into trash, which the caller removes, and makes the folder of dst.
func discard(dst, trash string) error {
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	err := os.Rename(dst, filepath.Join(trash, "old-"+filepath.Base(dst)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
