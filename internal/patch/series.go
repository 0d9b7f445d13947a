// Package patch reads, checks and applies the patch series of a line: the file
// patch/<line>/series names the patches in their order, one a line. Patches are
// in the format of git am and apply by plain git apply at the root of a moby
// checkout.
package patch

import (
	"context"
	"errors"
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
	b, err := os.ReadFile(s.Path("series"))
	path := root.Rel(s.Path("series"))
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("line %s has no series: %s is missing", line, path)
	}
	if err != nil {
		return s, err
	}
	for text := range strings.Lines(string(b)) {
		text = strings.TrimSpace(text)
		if base, ok := strings.CutPrefix(text, "# base:"); ok {
			s.Base = strings.TrimSpace(base)
		}
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if name := strings.TrimPrefix(text, common); name != filepath.Base(name) {
			return s, fmt.Errorf("%s: %q is neither a file name nor one in %s", path, text, common)
		}
		s.Patches = append(s.Patches, text)
	}
	if s.Patches == nil {
		return s, fmt.Errorf("%s names no patch", path)
	}
	return s, nil
}

// Path returns the path of one of the patches.
func (s Series) Path(patch string) string { return filepath.Join(s.Dir, patch) }

// paths returns the paths of all patches.
func (s Series) paths() []string {
	paths := slices.Clone(s.Patches)
	for i, p := range paths {
		paths[i] = s.Path(p)
	}
	return paths
}

// text returns the patches one after the other. Each begins with a line "From …", as no
// line of a hunk does.
func (s Series) text() (string, error) {
	var text strings.Builder
	for _, p := range s.paths() {
		b, err := os.ReadFile(p)
		if err != nil {
			return "", err
		}
		text.Write(b)
	}
	return text.String(), nil
}

// Key is a digest of what the patches do, in their order. Their messages and the
// names that git has for blobs are no part of it.
func (s Series) Key() (string, error) {
	text, err := s.text()
	var effects strings.Builder
	effect := false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "From "):
			effect = false
		case strings.HasPrefix(line, "diff --git "):
			effect = true
		}
		if m := hunkRange.FindString(line); m != "" {
			line = m + "\n" // git versions differ in what they say after it
		}
		if effect && !strings.HasPrefix(line, "index ") {
			effects.WriteString(line)
		}
	}
	return repo.HashBytes([]byte(effects.String())), err
}

var hunkRange = regexp.MustCompile(`^@@ \S+ \S+ @@`)

// Digest is that by which results refer to what they are of: a short digest of
// the code that the patches add and remove in each file. An engine is the same
// whatever the comments, blanks, tests, context, line numbers and messages are, and
// however the patches are cut.
func (s Series) Digest() (string, error) {
	text, err := s.text()
	code := map[string]string{}
	file, hunk := "", false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "From "):
			hunk = false
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
	var all strings.Builder
	for _, file := range slices.Sorted(maps.Keys(code)) {
		all.WriteString(file + code[file])
	}
	return repo.Short(repo.HashBytes([]byte(all.String()))), err
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
	all, err := touched(ctx, s.paths()...)
	slices.Sort(all)
	return slices.Compact(all), err
}

// touched returns the paths of the files that patches change, make or remove.
func touched(ctx context.Context, patches ...string) ([]string, error) {
	out, err := tool.Git(ctx, "/", append([]string{"apply", "--numstat", "-z"}, patches...)...)
	if err != nil {
		return nil, err
	}
	var paths []string
	for rec := range strings.SplitSeq(out, "\x00") {
		if f := strings.SplitN(rec, "\t", 3); len(f) == 3 && f[2] != "" {
			paths = append(paths, f[2])
		}
	}
	return paths, nil
}
