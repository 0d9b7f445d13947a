package install

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"ethorder/internal/tool"
)

// Host is the machine whose engine is replaced. Paths are the host's, and begin with a slash.
type Host interface {
	// Path returns where a path of the host is on this machine.
	Path(path string) string
	// Run runs a program to its end, and returns what it writes to its standard output.
	Run(ctx context.Context, args ...string) (string, error)
	// Write makes or replaces a file, as a whole or not at all.
	Write(path string, content io.Reader, mode fs.FileMode) error
	// Rename gives a file another name, and replaces the file that has it.
	Rename(from, to string) error
	// Remove removes a file, what a Write of it has left, and its folder if that is empty then. It is
	// no error if there is no such file.
	Remove(path string) error
}

// Machine is this machine, with its files below the folder Root: "/".
type Machine struct{ Root string }

// unfinished is added to the name of a file while Write writes it.
const unfinished = ".ethorder-new"

// Path is of Host.
func (m Machine) Path(path string) string { return filepath.Join(m.Root, path) }

// Run is of Host.
func (m Machine) Run(ctx context.Context, args ...string) (string, error) {
	return tool.Run(ctx, tool.Cmd{Dir: m.Root, What: strings.Join(args[:min(2, len(args))], " "), Args: args})
}

// Write is of Host.
func (m Machine) Write(path string, content io.Reader, mode fs.FileMode) (err error) {
	path = m.Path(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path+unfinished, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path+unfinished))
	}
	if err := os.Rename(path+unfinished, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Rename is of Host.
func (m Machine) Rename(from, to string) error {
	if err := os.Rename(m.Path(from), m.Path(to)); err != nil {
		return err
	}
	return syncDir(filepath.Dir(m.Path(to)))
}

// Remove is of Host.
func (m Machine) Remove(path string) error {
	path = m.Path(path)
	for _, p := range []string{path, path + unfinished} {
		if _, err := os.Lstat(p); errors.Is(err, fs.ErrNotExist) {
			continue // a read-only disk would not say so
		}
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	_ = syscall.Rmdir(filepath.Dir(path)) // it may have other files, or be a user's symbolic link
	return nil
}

// syncDir makes the names in a folder last through a loss of power.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
