// Package series reads, checks and applies the patch series of a line: the file
// patch/<line>/series names the patches in their order, one a line. Patches are
// in the format of git am and apply by plain git apply at the root of a moby
// checkout.
package patch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"go/format"
	"go/scanner"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ethorder/internal/repo"
	"ethorder/internal/tool"
)

// common is where, seen from the directory of a line, the patches are that all
// lines have.
const common = "../common/"

// Series is the patches of a line.
type Series struct {
	Line    string
	Dir     string   // patch/<line>
	Base    string   // release against which every hunk applies at its own line
	Patches []string // file names, in order; those in common begin with that
}

// Load reads patch/<line>/series. In it, "# base: <release>" names the base,
// and other lines that start with # are comments.
func Load(root repo.Root, line string) (Series, error) {
	s := Series{Line: line, Dir: root.Path("patch", line)}
	path := filepath.Join(s.Dir, "series")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("line %s has no series: %s is missing", line, root.Rel(path))
	}
	if err != nil {
		return s, err
	}
	for _, text := range strings.Split(string(b), "\n") {
		text = strings.TrimSpace(text)
		if base, ok := strings.CutPrefix(text, "# base:"); ok {
			s.Base = strings.TrimSpace(base)
		}
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if name := strings.TrimPrefix(text, common); name != filepath.Base(name) {
			return s, fmt.Errorf("%s: %q is neither a file name nor one in %s", root.Rel(path), text, common)
		}
		s.Patches = append(s.Patches, text)
	}
	if s.Patches == nil {
		return s, fmt.Errorf("%s names no patch", root.Rel(path))
	}
	return s, nil
}

// Path returns the path of one of the patches.
func (s Series) Path(patch string) string { return filepath.Join(s.Dir, patch) }

// Key is a digest of what the patches do, in their order. Their messages and the
// names that git has for blobs are no part of it.
func (s Series) Key() (string, error) {
	h := sha256.New()
	for _, p := range s.Patches {
		b, err := os.ReadFile(s.Path(p))
		if err != nil {
			return "", err
		}
		effect := false
		for line := range strings.Lines(string(b)) {
			effect = effect || strings.HasPrefix(line, "diff --git ")
			if m := hunkRange.FindString(line); m != "" {
				line = m + "\n" // git versions differ in what they say after it
			}
			if effect && !strings.HasPrefix(line, "index ") {
				fmt.Fprint(h, line)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

var hunkRange = regexp.MustCompile(`^@@ \S+ \S+ @@`)

// Digest is that by which results refer to what they are of: a short digest of
// the code that the patches add and remove in each file. An engine is the same
// whatever the comments, blanks, tests, context, line numbers and messages are, and
// however the patches are cut.
func (s Series) Digest() (string, error) {
	code := map[string]string{}
	for _, p := range s.Patches {
		b, err := os.ReadFile(s.Path(p))
		if err != nil {
			return "", err
		}
		file, hunk := "", false
		for line := range strings.Lines(string(b)) {
			switch {
			case strings.HasPrefix(line, "diff --git "):
				file, hunk = line[strings.LastIndex(line, " b/")+3:], false
			case strings.HasPrefix(line, "@@ "):
				hunk = true
			case hunk && strings.ContainsAny(line[:1], "+-") && !strings.HasSuffix(file, "_test.go\n"):
				if tokens := tokens(line[1:]); tokens != "" {
					code[file] += line[:1] + tokens + "\n"
				}
			}
		}
	}
	h := sha256.New()
	for _, file := range slices.Sorted(maps.Keys(code)) {
		fmt.Fprint(h, file, code[file])
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}

// tokens returns the words of a line of Go, without comments.
func tokens(line string) string {
	var words []string
	var scan scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(line))
	scan.Init(file, []byte(line), func(token.Position, string) {}, 0)
	for {
		_, t, text := scan.Scan()
		if t == token.EOF {
			return strings.Join(words, " ")
		}
		if text == "" {
			text = t.String()
		}
		if text != "\n" { // a semicolon that the end of the line stands for
			words = append(words, text)
		}
	}
}

// Digests returns the digest of the series of each line.
func Digests(root repo.Root, lines []string) (map[string]string, error) {
	digests := map[string]string{}
	for _, line := range lines {
		s, err := Load(root, line)
		if err != nil {
			return nil, err
		}
		if digests[line], err = s.Digest(); err != nil {
			return nil, err
		}
	}
	return digests, nil
}

// Touched returns the files that the series changes, makes or removes.
func (s Series) Touched(ctx context.Context) ([]string, error) {
	var all []string
	for _, p := range s.Patches {
		paths, err := touched(ctx, s.Path(p))
		if err != nil {
			return nil, err
		}
		all = append(all, paths...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// ApplyTo applies the series to a tree, and returns the hunks that were found at
// another line. A patch that does not apply is an *ApplyError; those before it
// stay.
func (s Series) ApplyTo(ctx context.Context, tree string) ([]Offset, error) {
	return s.apply(ctx, tree, false)
}

// CheckInstalled compares what the series has installed in a tree with the files
// at the root of the repository.
func (s Series) CheckInstalled(ctx context.Context, root repo.Root, tree string) error {
	files, err := s.Touched(ctx)
	if err != nil {
		return err
	}
	for _, file := range files {
		if !slices.Contains(rootFiles, path.Base(file)) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(tree, file))
		if err != nil {
			return err
		}
		if err := s.sameAsRoot(root, path.Base(file), b); err != nil {
			return fmt.Errorf("%s differs from %s at the root: %w", file, path.Base(file), err)
		}
	}
	return nil
}

// touched returns the paths of the files that a patch changes, makes or removes.
func touched(ctx context.Context, patch string) ([]string, error) {
	out, err := tool.Git(ctx, "/", "apply", "--numstat", "-z", patch)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, rec := range strings.Split(strings.TrimRight(out, "\x00"), "\x00") {
		f := strings.SplitN(rec, "\t", 3)
		if len(f) == 3 && f[2] != "" {
			paths = append(paths, f[2])
		}
	}
	if paths == nil {
		return nil, fmt.Errorf("%s changes no file", patch)
	}
	return paths, nil
}

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

var (
	checking  = regexp.MustCompile(`^Checking patch (.*)\.\.\.$`)
	succeeded = regexp.MustCompile(`^Hunk #(\d+) succeeded at \d+ \(offset (-?\d+) lines?\)\.$`)
)

// apply applies the patches to dir one after the other, backwards when undo is
// set, and returns the hunks that were found at another line. git apply takes no
// hunk whose context differs. dir may be a part of the tree, if it has the files
// that the patches touch.
func (s Series) apply(ctx context.Context, dir string, undo bool) ([]Offset, error) {
	var offsets []Offset
	for i := range s.Patches {
		args := []string{"apply", "--verbose", "--whitespace=nowarn", "-p1"}
		p := s.Patches[i]
		if undo {
			p = s.Patches[len(s.Patches)-1-i]
			args = append(args, "--reverse")
		}
		paths, err := touched(ctx, s.Path(p))
		if err != nil {
			return nil, err
		}
		before := contents(dir, paths)
		words, err := tool.GitAll(ctx, dir, append(args, s.Path(p))...)
		var failed *tool.CmdError
		if errors.As(err, &failed) {
			return nil, &ApplyError{Patch: s.Path(p), Dir: dir, Hunks: complaints(failed.Output)}
		}
		if err != nil {
			return nil, err
		}
		// Success alone proves nothing: what git believes to lie outside of
		// its work tree, it skips.
		for j, after := range contents(dir, paths) {
			if after == before[j] {
				return nil, fmt.Errorf("git apply reported success on %s and did not change %s in %s", s.Path(p), paths[j], dir)
			}
		}
		file := ""
		for _, line := range strings.Split(words, "\n") {
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
	for _, line := range strings.Split(output, "\n") {
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

// contents returns a digest of every file; "" is one that is not there.
func contents(dir string, paths []string) []string {
	sums := make([]string, len(paths))
	for i, p := range paths {
		if b, err := os.ReadFile(filepath.Join(dir, p)); err == nil {
			sums[i] = repo.HashBytes(b)
		}
	}
	return sums
}

// try applies the series to a copy of the files of dir that it touches, and
// returns the copy, which the caller removes.
func (s Series) try(ctx context.Context, dir string, undo bool) (copied string, offsets []Offset, err error) {
	copied, err = os.MkdirTemp("", "ethorder-")
	if err != nil {
		return "", nil, err
	}
	paths, err := s.Touched(ctx)
	if err != nil {
		return copied, nil, err
	}
	for _, path := range paths {
		b, err := os.ReadFile(filepath.Join(dir, path))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return copied, nil, err
		}
		dst := filepath.Join(copied, path)
		if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
			return copied, nil, err
		}
		if err := os.WriteFile(dst, b, 0o644); err != nil {
			return copied, nil, err
		}
	}
	offsets, err = s.apply(ctx, copied, undo)
	var failed *ApplyError
	if errors.As(err, &failed) {
		failed.Dir = dir
	}
	return copied, offsets, err
}

// Try reports whether the series applies to dir, without changing it.
func (s Series) Try(ctx context.Context, dir string) ([]Offset, error) {
	copied, offsets, err := s.try(ctx, dir, false)
	os.RemoveAll(copied)
	return offsets, err
}

// CheckFormat applies the series to a copy of the files of dir that it touches, and
// returns an error if gofmt would change one of them that it would leave in dir.
func (s Series) CheckFormat(ctx context.Context, dir string) error {
	copied, _, err := s.try(ctx, dir, false)
	defer os.RemoveAll(copied)
	if err != nil {
		return err
	}
	return s.checkFormat(ctx, dir, copied)
}

// checkFormat is CheckFormat on a tree before and after the series was applied.
func (s Series) checkFormat(ctx context.Context, before, after string) error {
	files, err := s.Touched(ctx)
	if err != nil {
		return err
	}
	for _, file := range files {
		if path.Ext(file) == ".go" && formatted(filepath.Join(before, file)) && !formatted(filepath.Join(after, file)) {
			return fmt.Errorf("%s is not as gofmt has it once the series of line %s is applied; next: gofmt -w in a checkout with scripts/patch --commit, and scripts/patch refresh %s", file, s.Line, s.Line)
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

// Applied reports whether dir is a tree that has the series already.
func (s Series) Applied(ctx context.Context, dir string) bool {
	copied, _, err := s.try(ctx, dir, true)
	os.RemoveAll(copied)
	return err == nil
}
