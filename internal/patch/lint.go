package patch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/source"
	"ethorder/internal/tool"
)

// rootFiles are the files at the root of this repository that the patches
// install.
var rootFiles = []string{"sequence.go", "epheap.go"}

// Report is what Lint found.
type Report struct {
	Problems []string // what is wrong, with the file it is in
	Applied  []string // series that were applied to a source tree, and how
	Skipped  []string // what could not be checked here, and why
}

// Lint checks every series below patch/: that it names every patch there, each
// once; that every patch parses, has the header that patch/README.md asks for,
// and installs the files of the root as they are there; and that the series
// applies to every source tree of its line that is below out/, to that of its
// base without offset. The error is one of the checker, not of a series.
func Lint(ctx context.Context, root repo.Root) (Report, error) {
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
	for _, line := range lines {
		s, err := Load(root, line)
		if err != nil {
			r.problem("%v", err)
			continue
		}
		before := len(r.Problems)
		if err := s.lintNames(root, &r); err != nil {
			return r, err
		}
		if err := s.lintPatches(ctx, root, &r); err != nil {
			return r, err
		}
		if len(r.Problems) > before {
			continue
		}
		if err := s.lintApplies(ctx, root, table.Releases(line), &r); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (r *Report) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// name is how a problem names a file of the series: its place below patch/, wherever
// the series is read from.
func (s Series) name(file string) string { return path.Join("patch", s.Line, file) }

// lintNames compares the names in the series with the patches that there are.
func (s Series) lintNames(root repo.Root, r *Report) error {
	shared, err := filepath.Glob(root.Path("patch", path.Base(common), "*"))
	if err != nil {
		return err
	}
	for _, p := range shared {
		if p = common + filepath.Base(p); !slices.Contains(s.Patches, p) {
			r.problem("%s: does not name %s, which all lines have", s.name("series"), p)
		}
	}
	there, err := filepath.Glob(s.Path("*"))
	if err != nil {
		return err
	}
	for _, p := range there {
		if p = filepath.Base(p); p != "series" && !slices.Contains(s.Patches, p) {
			r.problem("%s: not named in %s", s.name(p), s.name("series"))
		}
	}
	for i, p := range s.Patches {
		if slices.Contains(s.Patches[:i], p) {
			r.problem("%s: names %s twice", s.name("series"), p)
		}
	}
	return nil
}

// lintPatches checks the patches by themselves, and what they install of the root.
func (s Series) lintPatches(ctx context.Context, root repo.Root, r *Report) error {
	tmp, err := os.MkdirTemp("", "ethorder-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	var installed []string
	for _, p := range s.Patches {
		b, err := os.ReadFile(s.Path(p))
		if err != nil {
			r.problem("%s: names %s, which is missing", s.name("series"), p)
			continue
		}
		for _, msg := range lintHeader(b) {
			r.problem("%s: %s", s.name(p), msg)
		}
		files, err := touched(ctx, s.Path(p))
		args := []string{"apply", "--whitespace=nowarn", "--exclude=*"}
		for _, file := range files {
			if slices.Contains(rootFiles, path.Base(file)) {
				args = slices.Insert(args, 1, "--include="+file)
				installed = append(installed, file)
			}
		}
		if err == nil {
			_, err = tool.Git(ctx, tmp, append(args, s.Path(p))...)
		}
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			r.problem("%s: git cannot parse it: %s", s.name(p), firstError(err))
		}
	}
	if err := s.compareInstalled(root, tmp, installed); err != nil {
		r.problem("%s: %v", s.name("series"), err)
	}
	for _, base := range rootFiles {
		// From 28.0 on no endpoint carries a number, so that there is no heap.
		if base == "epheap.go" && pins.Compare(s.Line, "28") >= 0 {
			continue
		}
		if !slices.ContainsFunc(installed, func(file string) bool { return path.Base(file) == base }) {
			r.problem("%s: no patch installs %s", s.name("series"), base)
		}
	}
	return nil
}

// lintApplies applies the series to the trees of its releases that there are.
func (s Series) lintApplies(ctx context.Context, root repo.Root, rows pins.Table, r *Report) error {
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
		r.Skipped = append(r.Skipped, fmt.Sprintf("patch/%s on %d of %d releases: no source tree here; scripts/patch %s makes one", s.Line, n, len(rows), missing[n-1]))
	}
	return nil
}

func firstError(err error) string {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if strings.HasPrefix(line, "error: ") || strings.HasPrefix(line, "fatal: ") {
			return line
		}
	}
	return err.Error()
}

// header is what the header of every patch must have, and what is said if it has not.
var header = []struct {
	want    *regexp.Regexp
	problem string
}{
	{regexp.MustCompile(`\AFrom 0{40} Mon Sep 17 00:00:00 2001\n`), "first line is not git's From line with a commit id of zeros: make it with git format-patch --zero-commit"},
	{regexp.MustCompile(`(?m)^From: +\S`), "has no From: line"},
	{regexp.MustCompile(`(?m)^Date: +\S`), "has no Date: line"},
	{regexp.MustCompile(`(?m)^Subject: \[PATCH\] [a-z0-9/,_ -]+: \S`), `has no subject like "Subject: [PATCH] libnetwork: what it does", with no number in the brackets: make it with git format-patch -N`},
	{regexp.MustCompile(`(?m)^Applies-to: +\S`), "its message has no Applies-to: trailer"},
	{regexp.MustCompile(`(?m)^Upstream: +\S`), "its message has no Upstream: trailer"},
}

// lintHeader returns what is wrong with the header of a patch.
func lintHeader(b []byte) []string {
	text, _, found := bytes.Cut(b, []byte("\n---\n"))
	if !found {
		return []string{`has no line "---" below its message: want the format of git am`}
	}
	var problems []string
	for _, h := range header {
		if !h.want.Match(text) {
			problems = append(problems, h.problem)
		}
	}
	return problems
}

// CheckInstalled compares what the series has installed in a tree with the files
// at the root of the repository.
func (s Series) CheckInstalled(ctx context.Context, root repo.Root, tree string) error {
	files, err := s.Touched(ctx)
	if err != nil {
		return err
	}
	return s.compareInstalled(root, tree, files)
}

// compareInstalled is CheckInstalled for those of the files in a tree that come from
// the root.
func (s Series) compareInstalled(root repo.Root, tree string, files []string) error {
	for _, file := range files {
		base := path.Base(file)
		if !slices.Contains(rootFiles, base) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(tree, file))
		if err == nil {
			err = s.sameAsRoot(root, base, b)
		}
		if err != nil {
			return fmt.Errorf("installs %s, which differs from %s at the root: %w", file, base, err)
		}
	}
	return nil
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
	want, got := packageClause.Split(string(b), 2), packageClause.Split(string(text), 2)
	if len(want) < 2 || len(got) < 2 {
		return errors.New("one of them has no package clause")
	}
	if want[1] == got[1] {
		return nil
	}
	w, g := strings.Split(want[1], "\n"), strings.Split(got[1], "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Errorf("line %d below the package clause: got %q, want %q", i, g[i], w[i])
		}
	}
	return fmt.Errorf("%d lines below the package clause, want %d", len(g), len(w))
}

var packageClause = regexp.MustCompile(`(?m)^package [a-z]\w*$`)
