// Package stage has what the stages source, patch and build share: where they
// put things, how they show progress, and how they leave nothing half-made.
//
// A stage writes below out/<release>/ of the repository, into a temporary name
// first; it records in a stamp what it was made from, and does nothing when
// that has not changed.
package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
)

// Repo is the root of this repository.
type Repo string

// FindRepo returns the root that $ETHORDER_ROOT names, else the nearest
// directory at or above the current one that has the pin table.
func FindRepo() (Repo, error) {
	if root := os.Getenv("ETHORDER_ROOT"); root != "" {
		return Repo(root), nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "patch", "releases.tsv")); err == nil {
			return Repo(d), nil
		}
		if d == filepath.Dir(d) {
			return "", &UsageError{fmt.Sprintf("no patch/releases.tsv at or above %s: run this inside the repository, or set ETHORDER_ROOT to it", dir)}
		}
	}
}

// Path returns a path below the root.
func (r Repo) Path(elem ...string) string {
	return filepath.Join(append([]string{string(r)}, elem...)...)
}

// Out returns a path below out/, where everything that is made goes.
func (r Repo) Out(elem ...string) string {
	return filepath.Join(append([]string{string(r), "out"}, elem...)...)
}

// Rel shortens a path below the root, for messages.
func (r Repo) Rel(path string) string {
	if rel, err := filepath.Rel(string(r), path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}

// UsageError is a request that cannot be right: exit status 2.
type UsageError struct{ Msg string }

func (e *UsageError) Error() string { return e.Msg }

// CannotRunError is something that is missing on this machine: exit status 77.
type CannotRunError struct{ Msg string }

func (e *CannotRunError) Error() string { return e.Msg }

// tools maps a command to the Debian package that has it.
var tools = map[string]string{
	"debootstrap": "debootstrap",
	"docker":      "docker.io",
	"gcc":         "gcc libc6-dev",
	"git":         "git",
	"go":          "golang-go",
	"pkg-config":  "pkg-config",
	"tar":         "tar",
}

// Need returns a CannotRunError that names the packages to install when one of
// the commands is not on the PATH.
func Need(commands ...string) error {
	var missing, packages []string
	for _, c := range commands {
		if _, err := exec.LookPath(c); err != nil {
			missing = append(missing, c)
			packages = append(packages, tools[c])
		}
	}
	if missing == nil {
		return nil
	}
	return &CannotRunError{fmt.Sprintf("not on the PATH: %s; on Debian: apt-get install %s",
		strings.Join(missing, ", "), strings.Join(packages, " "))}
}

// NeedFree returns a CannotRunError when the file system of dir, which may not
// exist yet, has fewer than the given MiB free.
func NeedFree(dir string, mib uint64) error {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("free space of %s: %w", dir, err)
	}
	if free := fs.Bavail * uint64(fs.Bsize) >> 20; free < mib {
		return &CannotRunError{fmt.Sprintf("%s has %d MiB free and this needs %d MiB: make room, or put out/ on a larger disk (a symbolic link will do)", dir, free, mib)}
	}
	return nil
}

// Lock waits until no other process works on dir, and makes dir. The lock ends
// with the returned function, or with the process.
func Lock(ctx context.Context, dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, ".lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for told := false; ; {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if !told {
			logrus.Infof("waiting for another process that works in %s", dir)
			told = true
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// TempDir makes a temporary directory in dir, and removes those that a killed
// process left there. The caller holds the lock of dir.
func TempDir(dir string) (string, error) {
	const prefix = ".tmp-"
	old, _ := filepath.Glob(filepath.Join(dir, prefix+"*"))
	for _, d := range old {
		if err := os.RemoveAll(d); err != nil {
			return "", err
		}
	}
	return os.MkdirTemp(dir, prefix)
}

// Replace puts the finished tree or file tmp at dst, in the place of what is
// there. An older tree is moved into trash first, which the caller removes.
func Replace(tmp, dst, trash string) error {
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	if _, err := os.Lstat(dst); err == nil {
		if err := os.Rename(dst, filepath.Join(trash, "old-"+filepath.Base(dst))); err != nil {
			return err
		}
	}
	return os.Rename(tmp, dst)
}
