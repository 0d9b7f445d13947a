package patch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ethorder/internal/tool"
)

// ApplyError is a patch that does not apply. Hunks has git's words for what does
// not fit.
type ApplyError struct {
	Patch string
	Dir   string
	Hunks string
}

func (e *ApplyError) Error() string {
	return fmt.Sprintf("%s does not apply to %s:\n%s", e.Patch, e.Dir, e.Hunks)
}

// Offset is a hunk that applies, at another line than its own.
type Offset struct {
	Patch, File, Hunk string
	Lines             int
}

// ApplyTo applies the series to a tree, and returns the hunks that were found at
// another line. A patch that does not apply is an *ApplyError; those before it
// stay.
func (s Series) ApplyTo(ctx context.Context, tree string) ([]Offset, error) {
	return s.apply(ctx, tree, false)
}

var (
	checking  = regexp.MustCompile(`^Checking patch (.*)\.\.\.$`)
	succeeded = regexp.MustCompile(`^Hunk #(\d+) succeeded at \d+ \(offset (-?\d+) lines?\)\.$`)
)

// apply applies the patches to dir one after the other, backwards when undo is
// set, and returns the hunks that were found at another line. git apply takes no
// hunk whose context differs. dir may be a part of the tree, if it has the files
// that the patches touch.
func (s Series) apply(ctx context.Context, dir string, undo bool) ([]Offset, error) {
	args := []string{"apply", "--verbose", "--whitespace=nowarn", "-p1"}
	patches := slices.Clone(s.Patches)
	if undo {
		args = append(args, "--reverse")
		slices.Reverse(patches)
	}
	var offsets []Offset
	for _, p := range patches {
		words, err := tool.GitAll(ctx, dir, append(args, s.Path(p))...)
		if failed := new(tool.CmdError); errors.As(err, &failed) {
			return nil, &ApplyError{Patch: s.Path(p), Dir: dir, Hunks: complaints(failed.Output)}
		}
		if err != nil {
			return nil, err
		}
		file := ""
		for line := range strings.SplitSeq(words, "\n") {
			// What git believes to lie outside of its work tree is no failure for it.
			if strings.HasPrefix(line, "Skipped patch ") {
				return nil, fmt.Errorf("git apply did not apply all of %s to %s: %s", s.Path(p), dir, line)
			}
			if m := checking.FindStringSubmatch(line); m != nil {
				file = m[1]
			} else if m := succeeded.FindStringSubmatch(line); m != nil {
				n, _ := strconv.Atoi(m[2])
				offsets = append(offsets, Offset{Patch: p, File: file, Hunk: m[1], Lines: n})
			}
		}
	}
	return offsets, nil
}

// complaints keeps git's error lines, and the hunk that they quote.
func complaints(output string) string {
	var keep []string
	quote := false
	for line := range strings.SplitSeq(output, "\n") {
		switch {
		case strings.HasPrefix(line, "error: "):
			quote = strings.HasPrefix(line, "error: while searching for:")
			keep = append(keep, "  "+line)
		case checking.MatchString(line) || strings.HasPrefix(line, "Hunk #"):
			quote = false
		case quote:
			keep = append(keep, "  | "+line)
		}
	}
	if keep == nil {
		return output
	}
	return strings.Join(keep, "\n")
}

// inCopy applies the series to a copy of the files of dir that it touches, gives the
// copy to look, unless that is nil, and removes it.
func (s Series) inCopy(ctx context.Context, dir string, undo bool, look func(copied string) error) ([]Offset, error) {
	copied, err := os.MkdirTemp("", "ethorder-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(copied)
	paths, err := s.Touched(ctx)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		b, err := os.ReadFile(filepath.Join(dir, path))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		dst := filepath.Join(copied, path)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(dst), 0o755), os.WriteFile(dst, b, 0o644)); err != nil {
			return nil, err
		}
	}
	offsets, err := s.apply(ctx, copied, undo)
	if failed := new(ApplyError); errors.As(err, &failed) {
		failed.Dir = dir
	}
	if err == nil && look != nil {
		err = look(copied)
	}
	return offsets, err
}

// Try reports whether the series applies to dir, without changing it.
func (s Series) Try(ctx context.Context, dir string) ([]Offset, error) {
	return s.inCopy(ctx, dir, false, nil)
}

// Applied reports whether dir is a tree that has the series already.
func (s Series) Applied(ctx context.Context, dir string) bool {
	_, err := s.inCopy(ctx, dir, true, nil)
	return err == nil
}

// CheckFormat applies the series to a copy of the files of dir that it touches, and
// returns an error if gofmt would change one of them that it would leave in dir.
func (s Series) CheckFormat(ctx context.Context, dir string) error {
	_, err := s.inCopy(ctx, dir, false, func(copied string) error { return s.checkFormat(ctx, dir, copied) })
	return err
}

// checkFormat is CheckFormat on a tree before and after the series was applied.
func (s Series) checkFormat(ctx context.Context, before, after string) error {
	files, err := s.Touched(ctx)
	if err != nil {
		return err
	}
	for _, file := range files {
		if path.Ext(file) == ".go" && formatted(filepath.Join(before, file)) && !formatted(filepath.Join(after, file)) {
			return fmt.Errorf("gofmt would change %s after the series of line %s is applied\nnext: run gofmt -w in a checkout that scripts/patch --commit made, amend the commit, then run scripts/patch refresh %s", file, s.Line, s.Line)
		}
	}
	return nil
}

// formatted returns true if gofmt would leave a file as it is, or if there is none.
func formatted(file string) bool {
	b, err := os.ReadFile(file)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	f, err := format.Source(b)
	return err == nil && bytes.Equal(f, b)
}
