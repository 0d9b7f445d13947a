// Package report makes the tables that say which releases are supported, from
// what was measured of them.
package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
)

// The files with what was measured, as paths below the root of the repository.
var (
	MatrixFile = []string{"patch", "matrix.tsv"}
	TestsFile  = []string{"patch", "upstream.tsv"}
)

// RecordTests puts an outcome of upstream's tests into the file of them, in the place
// of that of the same release.
func RecordTests(root repo.Root, o Upstream) error {
	path := root.Path(TestsFile...)
	all, err := ReadTSV[Upstream](path)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(old Upstream) bool { return old.Release == o.Release })
	all = append(all, o)
	slices.SortFunc(all, func(a, b Upstream) int { return pins.Compare(a.Release, b.Release) })
	return writeTSV(path, "How upstream's own tests ended, stock and patched; scripts/upstream writes this file with --record.", all)
}

// Table is a file with a table in it.
type Table struct {
	File       string
	Have, Want []byte
}

// The table of a file is between these lines.
const (
	begin = "<!-- table %s: written by %s with --record -->\n"
	end   = "<!-- end of table -->\n"
)

// Tables returns the files that have tables, as they are and as they ought to be.
// What was measured with other patches than those that are there now does not count.
func Tables(root repo.Root) ([]Table, error) {
	d, err := load(root)
	if err != nil {
		return nil, err
	}
	var tables []Table
	for _, source := range []struct {
		file    string
		writers string
		make    func() (name, text string)
	}{
		{"README.md", "scripts/verify", d.releases},
		{"patch/README.md", "scripts/matrix, scripts/verify and scripts/upstream", d.lines},
		{"docs/guarantees.md", "scripts/prove", d.trials},
	} {
		t := Table{File: root.Path(filepath.FromSlash(source.file))}
		if t.Have, err = os.ReadFile(t.File); err != nil {
			return nil, err
		}
		name, text := source.make()
		open := fmt.Appendf(nil, begin, name, source.writers)
		before, rest, found := bytes.Cut(t.Have, open)
		_, after, closed := bytes.Cut(rest, []byte(end))
		if !found || !closed {
			return nil, fmt.Errorf("%s: no table between the lines %q and %q", t.File, open, end)
		}
		t.Want = slices.Concat(before, open, []byte(text), []byte(end), after)
		tables = append(tables, t)
	}
	return tables, nil
}

// data is what the tables are made from.
type data struct {
	table   pins.Table
	matrix  Matrices
	runs    []Run
	tests   []Upstream
	trialed []Finding
	digests map[string]string // of each line's series
}

func load(root repo.Root) (*data, error) {
	d := &data{}
	var err error
	if d.table, err = pins.Load(root); err != nil {
		return nil, err
	}
	if d.matrix, err = LoadMatrix(root.Path(MatrixFile...)); err != nil {
		return nil, err
	}
	if d.runs, err = ReadTSV[Run](runsFile(root)); err != nil {
		return nil, err
	}
	if d.tests, err = ReadTSV[Upstream](root.Path(TestsFile...)); err != nil {
		return nil, err
	}
	if d.trialed, err = ReadTSV[Finding](proofsFile(root)); err != nil {
		return nil, err
	}
	if d.digests, err = patch.Digests(root, d.table.Lines()); err != nil {
		return nil, err
	}
	current := func(name, digest string) bool {
		rel, err := d.table.Find(name)
		return err == nil && d.digests[rel.Line] == digest
	}
	d.matrix = slices.DeleteFunc(d.matrix, func(r Matrix) bool { return !current(r.Release, r.Series) })
	d.runs = slices.DeleteFunc(d.runs, func(r Run) bool { return !current(r.Release, r.Series) })
	d.trialed = slices.DeleteFunc(d.trialed, func(f Finding) bool { return !current(f.Release, f.Series) })
	d.tests = slices.DeleteFunc(d.tests, func(o Upstream) bool { return !current(o.Release, o.Series) })
	return d, nil
}

// releases is the table of those releases that have run.
func (d *data) releases() (name, text string) {
	var b strings.Builder
	b.WriteString("| release | series | built from | stock in attach order | patched in attach order | scenarios | date |\n|---|---|---|---|---|---|---|\n")
	for _, r := range d.runs {
		rel, err := d.table.Find(r.Release)
		if err != nil {
			continue // load has left out what is not there
		}
		from := "a git clone"
		if r.Source == "module" {
			from = "Go modules, or a git clone"
			if rel.Commit == "" {
				from = "Go modules"
			}
		}
		fmt.Fprintf(&b, "| %s | [%s](patch/%s) | %s | %v starts | %v starts | %d of %d | %s |\n",
			r.Release, rel.Line, rel.Line, from, r.Stock(), r.Patched(), r.ScenariosGood, r.Scenarios, r.Date)
	}
	return "of releases that have run", b.String()
}

// lines is the table of all lines.
func (d *data) lines() (name, text string) {
	var b strings.Builder
	b.WriteString("| directory | releases | number of them | applies | compiles | vet clean | run on | stock in attach order | patched in attach order | upstream's tests as in stock |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, line := range d.table.Lines() {
		rows := d.table.Releases(line)
		count := func(good func(Matrix) bool) string {
			n, checked := 0, 0
			for _, rel := range rows {
				r, ok := d.matrix.Find(rel.Name)
				if !ok {
					continue
				}
				checked++
				if good(r) {
					n++
				}
			}
			switch {
			case checked == 0:
				return "not yet"
			case n == len(rows):
				return "all"
			case checked < len(rows):
				return fmt.Sprintf("%d of %d, %d not yet", n, checked, len(rows)-checked)
			}
			return fmt.Sprintf("%d of %d", n, len(rows))
		}
		var on, stock, patched []string
		for _, r := range d.runs {
			if rel, err := d.table.Find(r.Release); err == nil && rel.Line == line {
				on = append(on, r.Release)
				stock = append(stock, r.Stock().String())
				patched = append(patched, r.Patched().String())
			}
		}
		var tests []string
		for _, o := range d.tests {
			if rel, err := d.table.Find(o.Release); err == nil && rel.Line == line {
				tests = append(tests, fmt.Sprintf("%s: %d passed, %d worse than stock", o.Release, o.PatchedPassed, o.Worse))
			}
		}
		for _, column := range []*[]string{&on, &tests} {
			if *column == nil {
				*column = []string{"not yet"}
			}
		}
		span := rows[0].Name
		if last := rows[len(rows)-1].Name; last != span {
			span += " – " + last
		}
		fmt.Fprintf(&b, "| [%s](%s) | %s | %d | %s | %s | %s | %s | %s | %s | %s |\n", line, line, span, len(rows),
			count(func(r Matrix) bool { return r.Applies && r.Same }),
			count(func(r Matrix) bool { return r.Compiles }), count(Matrix.Good),
			strings.Join(on, ", "), strings.Join(stock, ", "), strings.Join(patched, ", "), strings.Join(tests, ", "))
	}
	return "of lines", b.String()
}

// bars keeps a text in its cell.
var bars = strings.NewReplacer("|", `\|`)

// trials is the table of what trials of the promise found, a row a release and a column
// a suite. Of suites that are one long trial, it has the figures as well.
func (d *data) trials() (name, text string) {
	var suites, releases []string
	held, all, skipped := map[[2]string]int{}, map[[2]string]int{}, map[[2]string]int{}
	for _, f := range d.trialed {
		if !slices.Contains(suites, f.Suite) {
			suites = append(suites, f.Suite)
		}
		if !slices.Contains(releases, f.Release) {
			releases = append(releases, f.Release)
		}
		key := [2]string{f.Release, f.Suite}
		if f.Skipped != "" {
			skipped[key]++
			continue
		}
		all[key]++
		if f.Held {
			held[key]++
		}
	}
	slices.Sort(suites)
	slices.SortFunc(releases, pins.Compare)
	var b strings.Builder
	row := func(first string, cell func(suite string) string) {
		b.WriteString("| " + first + " |")
		for _, s := range suites {
			b.WriteString(" " + cell(s) + " |")
		}
		b.WriteString("\n")
	}
	row("release", func(suite string) string { return suite })
	b.WriteString(strings.Repeat("|---", len(suites)+1) + "|\n")
	for _, r := range releases {
		row(r, func(suite string) string {
			key := [2]string{r, suite}
			cell := fmt.Sprintf("%d of %d", held[key], all[key])
			if n := skipped[key]; n > 0 {
				return fmt.Sprintf("%s, %d skipped", cell, n)
			}
			if all[key] == 0 {
				return "not yet"
			}
			return cell
		})
	}
	long := slices.DeleteFunc(slices.Clone(d.trialed), func(f Finding) bool {
		key := [2]string{f.Release, f.Suite}
		return all[key] > 1 || skipped[key] > 0
	})
	if len(long) == 0 {
		return "of trials", b.String()
	}
	b.WriteString("\nThose that are one long trial, in figures:\n\n| trial | release | stock | patched |\n|---|---|---|---|\n")
	for _, f := range long {
		b.WriteString("| " + strings.Join([]string{bars.Replace(f.Trial), f.Release, bars.Replace(f.Stock), bars.Replace(f.Patched)}, " | ") + " |\n")
	}
	return "of trials", b.String()
}
