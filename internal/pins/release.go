// Package pins reads patch/releases.tsv, the one table of pins: for every
// release the patch line, the source and its checksum, and what builds it.
package pins

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jszwec/csvutil"

	"ethorder/internal/repo"
	"ethorder/internal/tool"
)

// Release is a row of the table. A field that does not apply is empty; the table
// has "-" there.
type Release struct {
	Name      string `csv:"release"`   // version as dockerd says it: 17.12.1
	Line      string `csv:"line"`      // directory below patch/ that has its series: 17.06
	Module    string `csv:"module"`    // Go module that has the source: github.com/docker/docker
	Version   string `csv:"version"`   // version of the module: v17.12.1-ce+incompatible
	Sum       string `csv:"sum"`       // checksum of the module's zip, as in go.sum: h1:…
	Tag       string `csv:"tag"`       // git tag in moby's repository: v17.12.1-ce; "" where only the module is known
	Commit    string `csv:"commit"`    // commit that the tag names
	Toolchain string `csv:"toolchain"` // Go toolchain that builds it: go1.21.13
	Runc      string `csv:"runc"`      // version of the runc module that it needs; "debian" where Debian's own serves
	RuncSum   string `csv:"runc-sum"`  // checksum of runc's zip
}

// NeedsRunc reports whether runc has to be built for the release.
func (r Release) NeedsRunc() bool { return r.Runc != "debian" }

// UseClone says what to do when the release does not come from modules.
func (r Release) UseClone() string {
	if r.Commit == "" {
		return "patch/releases.tsv has no tag and commit for it, to take from a git clone of moby"
	}
	return fmt.Sprintf("use a git clone of moby: MOBY_REPO=<clone> (tag %s)", r.Tag)
}

// CheckCommit returns an error when the table has no commit of the release, so that
// nothing can be taken from a git clone nor be compared with one.
func (r Release) CheckCommit() error {
	if r.Commit != "" {
		return nil
	}
	return tool.Usagef("%s comes from its Go module only, %s@%s: patch/releases.tsv has no tag and commit for it", r.Name, r.Module, r.Version)
}

// Row returns the release as a row of the table, without the line's end.
func (r Release) Row() string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Comma = '\t'
	e := csvutil.NewEncoder(w)
	e.AutoHeader = false
	e.WithMarshalers(csvutil.MarshalFunc(func(field string) ([]byte, error) { return []byte(cmp.Or(field, "-")), nil }))
	_ = e.Encode(r) // to memory
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}

// IsVersion reports whether a name is a version: numbers and dots.
func IsVersion(name string) bool { return version(name) != nil }

// Table is the pin table, in the order of the file.
type Table []Release

// Load reads the table of a repository.
func Load(root repo.Root) (Table, error) {
	t, err := repo.ReadTSV[Release](root.Path("patch", "releases.tsv"))
	if err != nil {
		return nil, err
	}
	if len(t) == 0 {
		return nil, errors.New("patch/releases.tsv: no release, or no such file")
	}
	for i, rel := range t {
		if err := rel.check(); err != nil {
			return nil, fmt.Errorf("patch/releases.tsv: %w", err)
		}
		if slices.ContainsFunc(t[:i], func(r Release) bool { return r.Name == rel.Name }) {
			return nil, fmt.Errorf("patch/releases.tsv: %s is there twice", rel.Name)
		}
	}
	return t, nil
}

// Find loads the table and returns the row of a release.
func Find(root repo.Root, name string) (Release, error) {
	t, err := Load(root)
	if err != nil {
		return Release{}, err
	}
	return t.Find(name)
}

func (r Release) check() error {
	switch {
	case version(r.Name) == nil:
		return fmt.Errorf("release %q is not a version", r.Name)
	case r.Line == "" || strings.Trim(r.Line, "0123456789.") != "":
		return fmt.Errorf("%s: line %q is not a directory name like 17.06", r.Name, r.Line)
	case (r.Module == "") != (r.Version == "") || (r.Module == "") != (r.Sum == ""):
		return fmt.Errorf("%s: module, version and sum go together", r.Name)
	case r.Sum != "" && !isSum(r.Sum):
		return fmt.Errorf("%s: sum %q is not an h1: checksum as in go.sum", r.Name, r.Sum)
	case (r.Tag == "") != (r.Commit == ""):
		return fmt.Errorf("%s: tag and commit go together", r.Name)
	case r.Module == "" && r.Commit == "":
		return fmt.Errorf("%s: neither a module nor a commit has its source", r.Name)
	case r.Commit != "" && (len(r.Commit) != 40 || strings.Trim(r.Commit, "0123456789abcdef") != ""):
		return fmt.Errorf("%s: commit %q is not a full commit id", r.Name, r.Commit)
	case !strings.HasPrefix(r.Toolchain, "go1."):
		return fmt.Errorf("%s: toolchain %q is not a Go version like go1.21.13", r.Name, r.Toolchain)
	case r.Runc != "debian" && !isSum(r.RuncSum):
		return fmt.Errorf("%s: runc %q needs an h1: checksum, or is debian", r.Name, r.Runc)
	}
	return nil
}

func isSum(s string) bool { return strings.HasPrefix(s, "h1:") && len(s) == 47 }

// Find returns the row of a release. The error for one that is not in the table
// names the nearest ones, and how to try a series on it.
func (t Table) Find(name string) (Release, error) {
	for _, r := range t {
		if r.Name == name {
			return r, nil
		}
	}
	if !IsVersion(name) {
		return Release{}, tool.Usagef("%q is not a Docker Engine version like %s", name, t[len(t)-1].Name)
	}
	line := t.Nearest(name).Line
	return Release{}, tool.Usagef(
		"release %s is not in patch/releases.tsv; nearest known: %s\n"+
			"to try the series of line %s on a moby checkout at that release: scripts/patch --line %s --worktree <checkout> --dry-run\n"+
			"when it applies, a row in patch/releases.tsv makes the release known",
		name, strings.Join(near(t.names(), name), ", "), line, line)
}

// Releases returns the rows of a patch line.
func (t Table) Releases(line string) Table {
	return slices.DeleteFunc(slices.Clone(t), func(r Release) bool { return r.Line != line })
}

// Select returns the rows of the named releases, or of all if there are no names.
// Without a git clone, those that have no Go module are not available: all leaves
// them out, and a named one is an error. With one, those that have no commit come
// from their modules all the same.
func (t Table) Select(names []string, clone bool) (Table, error) {
	var rows Table
	for _, name := range names {
		r, err := t.Find(name)
		if err != nil {
			return nil, err
		}
		if r.Module == "" && !clone {
			return nil, tool.Usagef("%s is not available as a Go module; %s", r.Name, r.UseClone())
		}
		rows = append(rows, r)
	}
	if len(names) == 0 {
		rows = slices.DeleteFunc(slices.Clone(t), func(r Release) bool { return r.Module == "" && !clone })
	}
	return rows, nil
}

// Lines returns the patch lines, in the order of the file.
func (t Table) Lines() []string {
	var lines []string
	for _, r := range t {
		if !slices.Contains(lines, r.Line) {
			lines = append(lines, r.Line)
		}
	}
	return lines
}

// CheckLine returns an error that names the nearest lines when no release has
// the given one.
func (t Table) CheckLine(line string) error {
	if lines := t.Lines(); !slices.Contains(lines, line) {
		return tool.Usagef("no release in patch/releases.tsv has the line %q; nearest known: %s", line, strings.Join(near(lines, line), ", "))
	}
	return nil
}

// Nearest returns the row from which a release that is not in the table is
// likely to differ least: the highest below it, else the lowest above it.
func (t Table) Nearest(name string) Release {
	names := t.names()
	return t[slices.Index(names, near(names, name)[0])]
}

// NewLine returns the name for the line that begins with a release: 29.8 for
// 29.8.0, and 29.7.3 for 29.7.3; 29.8.0 where 29.8 is a line already.
func (t Table) NewLine(name string) string {
	short, ok := strings.CutSuffix(name, ".0")
	if !ok || strings.Count(short, ".") != 1 || slices.Contains(t.Lines(), short) {
		return name
	}
	return short
}

func (t Table) names() []string {
	var names []string
	for _, r := range t {
		names = append(names, r.Name)
	}
	return names
}

// near returns the highest of the versions below one, and the lowest not below it.
func near(versions []string, v string) []string {
	sorted := slices.SortedFunc(slices.Values(versions), Compare)
	i, _ := slices.BinarySearchFunc(sorted, v, Compare)
	return sorted[max(0, i-1):min(i+1, len(sorted))]
}

// Compare orders two versions by their numbers: 17.06.0 and 17.6.0 are the same.
func Compare(a, b string) int { return slices.Compare(version(a), version(b)) }

// Major returns the first number of a version, or 0 when it is not one.
func Major(name string) int {
	if v := version(name); v != nil {
		return v[0]
	}
	return 0
}

// version returns the numbers of a version, or nil when it is not one.
func version(s string) []int {
	var v []int
	for _, part := range strings.Split(s, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return nil
		}
		v = append(v, n)
	}
	return v
}
