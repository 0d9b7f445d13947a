package patch

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/source"
	"ethorder/internal/tool"
)

// rootFiles are the files at the root of this repository that the patches
// install.
var rootFiles = []string{"sequence.go", "epheap.go"}

// Report is what Check found.
type Report struct {
	Problems []string // what is wrong, with the file it is in
	Applied  []string // series that were applied to a source tree, and how
	Skipped  []string // what could not be checked here, and why
}

// Check checks every series below patch/: that it names every patch there, each
// once; that every patch parses, has the header that patch/README.md asks for,
// and installs the files of the root as they are there; and that the series
// applies to every source tree of its line that is below out/, to that of its
// base without offset. The error is one of the checker, not of a series.
func Check(ctx context.Context, root repo.Root) (Report, error) {
	var r Report
	if err := tool.Need("git"); err != nil {
		return r, err
	}
	table, err := pins.Load(root)
	if err != nil {
		return r, err
	}
	lines := table.Lines()
	entries, err := os.ReadDir(root.Path("patch"))
	if err != nil {
		return r, err
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != path.Base(common) && !slices.Contains(lines, e.Name()) {
			r.problem("patch/%s: no release in patch/releases.tsv has this line", e.Name())
			lines = append(lines, e.Name())
		}
	}
	shared, err := filepath.Glob(root.Path("patch", common[len("../"):], "*"))
	if err != nil {
		return r, err
	}
	for _, line := range lines {
		s, err := Load(root, line)
		if err != nil {
			r.problem("%v", err)
			continue
		}
		for _, p := range shared {
			if name := common + filepath.Base(p); !slices.Contains(s.Patches, name) {
				r.problem("patch/%s/series: does not name %s, which all lines have", line, name)
			}
		}
		before := len(r.Problems)
		if err := s.checkFiles(ctx, root, &r); err != nil {
			return r, err
		}
		if len(r.Problems) == before {
			if err := s.checkApplies(ctx, root, table.Releases(line), &r); err != nil {
				return r, err
			}
		}
	}
	return r, nil
}

func (r *Report) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// checkFiles checks the series and its patches by themselves. A problem names
// the place of a file below patch/, wherever the series is read from.
func (s Series) checkFiles(ctx context.Context, root repo.Root, r *Report) error {
	name := func(p string) string { return path.Join("patch", s.Line, p) }
	there, err := filepath.Glob(filepath.Join(s.Dir, "*"))
	if err != nil {
		return err
	}
	for _, p := range there {
		base := filepath.Base(p)
		if base != "series" && !slices.Contains(s.Patches, base) {
			r.problem("%s: not named in %s", name(base), name("series"))
		}
	}
	installed := map[string]string{}
	seen := map[string]bool{}
	for _, p := range s.Patches {
		if seen[p] {
			r.problem("%s: names %s twice", name("series"), p)
			continue
		}
		seen[p] = true
		b, err := os.ReadFile(s.Path(p))
		if err != nil {
			r.problem("%s: names %s, which is missing", name("series"), p)
			continue
		}
		for _, msg := range checkHeader(b) {
			r.problem("%s: %s", name(p), msg)
		}
		paths, err := touched(ctx, s.Path(p))
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			r.problem("%s: git cannot parse it: %s", name(p), firstError(err))
			continue
		}
		for _, file := range newFiles(b) {
			base := path.Base(file.path)
			if !slices.Contains(rootFiles, base) {
				continue
			}
			installed[base] = file.path
			if err := s.sameAsRoot(root, base, file.text); err != nil {
				r.problem("%s: installs %s, which differs from %s at the root: %v", name(p), file.path, base, err)
			}
		}
		for _, f := range paths {
			if was, ok := installed[path.Base(f)]; ok && was == f && !slices.ContainsFunc(newFiles(b), func(n newFile) bool { return n.path == f }) {
				r.problem("%s: changes %s, which an earlier patch installs from the root", name(p), f)
			}
		}
	}
	for _, base := range rootFiles {
		// From 28.0 on no endpoint carries a number, so that there is no heap.
		if base == "epheap.go" && pins.Compare(s.Line, "28") >= 0 {
			continue
		}
		if installed[base] == "" {
			r.problem("%s: no patch installs %s", name("series"), base)
		}
	}
	return nil
}

// checkApplies applies the series to the trees of its releases that there are.
func (s Series) checkApplies(ctx context.Context, root repo.Root, rows pins.Table, r *Report) error {
	name := root.Rel(s.Path("series"))
	if !slices.ContainsFunc(rows, func(rel pins.Release) bool { return rel.Name == s.Base }) {
		r.problem(`%s: "# base: %s" is not a release of line %s; want the one against which no hunk has an offset`, name, s.Base, s.Line)
	}
	var missing []string
	for _, rel := range rows {
		dir := source.Dir(root, rel)
		if _, err := os.Stat(repo.StampPath(dir)); err != nil {
			missing = append(missing, rel.Name)
			continue
		}
		offsets, err := s.Try(ctx, dir)
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			r.problem("patch/%s on %s: %v", s.Line, rel.Name, err)
			continue
		}
		if rel.Name == s.Base {
			for _, o := range offsets {
				r.problem("%s: hunk %s of %s is %d lines off in %s, the base of the series", root.Rel(s.Path(o.Patch)), o.Hunk, o.File, o.Lines, rel.Name)
			}
		}
		r.Applied = append(r.Applied, fmt.Sprintf("patch/%s on %s: applies, no fuzz, %s", s.Line, rel.Name, describe(offsets)))
	}
	if n := len(missing); n > 0 {
		r.Skipped = append(r.Skipped, fmt.Sprintf("patch/%s on %d of %d releases: no source tree here; scripts/source %s makes one", s.Line, n, len(rows), missing[n-1]))
	}
	return nil
}

func firstError(err error) string {
	for _, line := range strings.Split(err.Error(), "\n") {
		if strings.HasPrefix(line, "error: ") || strings.HasPrefix(line, "fatal: ") {
			return line
		}
	}
	return err.Error()
}

var (
	fromLine = regexp.MustCompile(`^From 0{40} Mon Sep 17 00:00:00 2001$`)
	subject  = regexp.MustCompile(`^Subject: \[PATCH\] [a-z0-9/,_ -]+: \S.*$`)
	trailer  = regexp.MustCompile(`^[A-Za-z-]+: +\S`)
)

// trailers are the lines that the message of every patch must have.
var trailers = []string{"Applies-to", "Upstream"}

// checkHeader returns what is wrong with the header of a patch.
func checkHeader(b []byte) []string {
	var problems []string
	header, _, found := bytes.Cut(b, []byte("\n---\n"))
	if !found {
		return []string{`has no line "---" below its message: want the format of git am`}
	}
	lines := strings.Split(string(header), "\n")
	if !fromLine.MatchString(lines[0]) {
		problems = append(problems, "first line is not git's From line with a commit id of zeros: make it with git format-patch --zero-commit")
	}
	has := func(prefix string) bool {
		return slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, prefix) && trailer.MatchString(l) })
	}
	for _, h := range []string{"From", "Date"} {
		if !has(h + ": ") {
			problems = append(problems, "has no "+h+": line")
		}
	}
	if !slices.ContainsFunc(lines, subject.MatchString) {
		problems = append(problems, `has no subject like "Subject: [PATCH] libnetwork: what it does", with no number in the brackets: make it with git format-patch -N`)
	}
	for _, t := range trailers {
		if !has(t + ": ") {
			problems = append(problems, "its message has no "+t+": trailer")
		}
	}
	return problems
}

// newFile is a file that a patch makes.
type newFile struct {
	path string
	text []byte
}

var hunkHeader = regexp.MustCompile(`^@@ -0,0 \+1(?:,(\d+))? @@`)

// newFiles returns the files that a patch makes.
func newFiles(b []byte) []newFile {
	var files []newFile
	lines := strings.Split(string(b), "\n")
	for i := 0; i+2 < len(lines); i++ {
		p, ok := strings.CutPrefix(lines[i+1], "+++ b/")
		m := hunkHeader.FindStringSubmatch(lines[i+2])
		if lines[i] != "--- /dev/null" || !ok || m == nil {
			continue
		}
		n := 1
		if m[1] != "" {
			n, _ = strconv.Atoi(m[1])
		}
		f := newFile{path: p}
		for _, l := range lines[i+3 : min(i+3+n, len(lines))] {
			f.text = append(f.text, strings.TrimPrefix(l, "+")+"\n"...)
		}
		if next := i + 3 + n; next < len(lines) && strings.HasPrefix(lines[next], `\ No newline`) {
			f.text = bytes.TrimSuffix(f.text, []byte("\n"))
		}
		files = append(files, f)
	}
	return files
}

// sameAsRoot compares the text of an installed Go file with the file at the root,
// below their package clauses. Up to 18.05, libnetwork has an epHeap of its own, so
// that ours is installed as attachHeap there.
func (s Series) sameAsRoot(root repo.Root, name string, text []byte) error {
	b, err := os.ReadFile(root.Path(name))
	if err != nil {
		return err
	}
	if pins.Compare(s.Line, "18.06") < 0 && bytes.Contains(text, []byte("attachHeap")) {
		b = bytes.ReplaceAll(b, []byte("epHeap"), []byte("attachHeap"))
	}
	want, got := belowPackage(b), belowPackage(text)
	if want == nil || got == nil {
		return fmt.Errorf("one of them has no package clause")
	}
	if bytes.Equal(want, got) {
		return nil
	}
	w, g := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Errorf("line %d below the package clause: got %q, want %q", i, g[i], w[i])
		}
	}
	return fmt.Errorf("%d lines below the package clause, want %d", len(g), len(w))
}

var packageClause = regexp.MustCompile(`(?m)^package [a-z]\w*$`)

// belowPackage returns what follows the package clause, nil when there is none.
func belowPackage(src []byte) []byte {
	loc := packageClause.FindIndex(src)
	if loc == nil {
		return nil
	}
	return src[loc[1]:]
}
