package report

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"ethorder/internal/repo"
)

//go:embed templates/*.md
var templates embed.FS

// Table is a document that is made from the results.
type Table struct {
	File       string
	Have, Want []byte // Have is nil if there is no such file
}

// Tables returns the documents, as they are and as they ought to be. If known is nil, each
// record is taken to have all the trials of its suite.
func Tables(root repo.Root, known Known) ([]Table, error) {
	d, err := Load(root)
	if err != nil {
		return nil, err
	}
	var tables []Table
	for _, name := range []string{"support.md", "results.md", "performance.md", "performance.svg"} {
		t := Table{File: root.Path("docs", name)}
		if t.Have, err = os.ReadFile(t.File); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if name == "performance.svg" {
			t.Want = d.plot("start")
		} else if t.Want, err = d.render(name, known); err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// WriteTables brings the documents up to date.
func WriteTables(root repo.Root, known Known) error {
	return locked(root, func() error {
		tables, err := Tables(root, known)
		for _, t := range tables {
			err = errors.Join(err, write(t.File, t.Want))
		}
		return err
	})
}

// render fills in the template of a document.
func (d *Data) render(name string, known Known) ([]byte, error) {
	t, err := template.New(name).Funcs(template.FuncMap{
		"lines":   func() string { return d.lines(known) },
		"benches": d.benches,
		"suite":   func(name string, columns ...string) string { return d.suite(known, name, columns) },
	}).ParseFS(templates, "templates/"+name)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, nil)
	return b.Bytes(), err
}

// none is the cell of what was not measured.
const none = "—"

// lines is the table of support.md, a row a line.
func (d *Data) lines(known Known) string {
	var rows [][]string
	for _, line := range d.Pins.Lines() {
		releases := d.Pins.Releases(line)
		span := releases[0].Name
		if last := releases[len(releases)-1].Name; last != span {
			span += " – " + last
		}
		var checked []Matrix
		var core, stock, patched, upstream []string
		for _, rel := range releases {
			if m, ok := d.Matrix.Find(rel.Name); ok {
				checked = append(checked, m)
			}
			i := slices.IndexFunc(d.Releases, func(r Release) bool { return r.Release == rel.Name })
			if i < 0 {
				continue
			}
			if s := d.Releases[i].Suite("core"); s != nil {
				count, before, after := s.count(known.of(rel.Name, s.Suite))
				core = append(core, rel.Name+": "+count)
				stock = append(stock, order(first(before)))
				patched = append(patched, order(first(after)))
			}
			if u := d.Releases[i].Upstream; u != nil {
				upstream = append(upstream, fmt.Sprintf("%s: %d passed, %d worse", rel.Name, u.PatchedPassed, u.Worse))
			}
		}
		all := func(good func(Matrix) bool) string {
			n := 0
			for _, m := range checked {
				if good(m) {
					n++
				}
			}
			missing := len(releases) - len(checked)
			switch {
			case len(checked) == 0:
				return "missing"
			case n == len(releases):
				return "all"
			case missing > 0:
				return fmt.Sprintf("%d of %d, %d missing", n, len(releases), missing)
			}
			return fmt.Sprintf("%d of %d", n, len(releases))
		}
		rows = append(rows, []string{
			fmt.Sprintf("[%s](../patch/%s)", line, line), span, strconv.Itoa(len(releases)),
			all(func(m Matrix) bool { return m.Applies && m.Same }),
			all(func(m Matrix) bool { return m.Compiles }),
			all(Matrix.Good),
			list(core), list(stock), list(patched), list(upstream),
		})
	}
	return table([]string{"line", "releases", "count", "applies", "compiles", "vet", "core", "stock", "patched", "upstream's tests"}, rows)
}

// suite is the table of a suite, a row a release. A column is the name of a figure, of which
// it has the sums on the stock and on the patched engine; or it is "in order", which is two
// columns, one for each engine, with the starts in order of all starts; or "first", which is
// the same of the suite's first trial only.
func (d *Data) suite(known Known, name string, columns []string) string {
	head := []string{"release"}
	for _, c := range columns {
		if c == "first" || c == InOrder {
			head = append(head, "stock", "patched")
		} else {
			head = append(head, c)
		}
	}
	var rows [][]string
	for _, r := range d.Releases {
		if len(r.Suites) == 0 {
			continue
		}
		names := known.of(r.Release, name)
		if known != nil && len(names) == 0 {
			continue // the release does not have this suite
		}
		s := r.Suite(name)
		row := []string{r.Release}
		if s == nil {
			rows = append(rows, append(row, slices.Repeat([]string{none}, len(head))...))
			continue
		}
		count, stock, patched := s.count(names)
		for _, c := range columns {
			switch c {
			case "first":
				row = append(row, order(first(stock)), order(first(patched)))
			case InOrder:
				row = append(row, order(stock), order(patched))
			default:
				row = append(row, pair(stock, patched, c))
			}
		}
		rows = append(rows, append(row, count))
	}
	return table(append(head, "trials passed"), rows)
}

// of returns the names of the trials of a suite, none if they are not known.
func (k Known) of(release, suite string) []string {
	if k == nil {
		return nil
	}
	return k(release)[suite]
}

// count says how many trials passed, of those that ran, and returns the figures of each. If
// there are names, a trial that is not among them does not count.
func (s Suite) count(names []string) (count string, stock, patched []Figures) {
	passed, skipped, missing := 0, 0, len(names)
	var reasons, parts []string
	for _, t := range s.Trials {
		if names != nil && !slices.Contains(names, t.Name) {
			continue
		}
		missing--
		if t.Skipped != "" {
			skipped++
			if !slices.Contains(reasons, t.Skipped) {
				reasons = append(reasons, t.Skipped)
			}
			continue
		}
		if t.Passed {
			passed++
		}
		stock, patched = append(stock, t.Stock), append(patched, t.Patched)
	}
	if len(stock) > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d", passed, len(stock)))
	}
	if skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped: %s", skipped, strings.Join(reasons, "; ")))
	}
	if missing > 0 {
		parts = append(parts, fmt.Sprintf("%d missing", missing))
	}
	return cmp.Or(strings.Join(parts, " + "), none), stock, patched
}

// first is the figures of the first trial only.
func first(trials []Figures) []Figures { return trials[:min(1, len(trials))] }

// order is the cell with the starts in order of all starts. Starts of a trial that does not
// look at their order do not count.
func order(trials []Figures) string {
	right, starts, counted := 0, 0, false
	for _, f := range trials {
		if n, has := f[InOrder]; has {
			right, starts, counted = right+n, starts+f[Starts], true
		}
	}
	if !counted {
		return none
	}
	return fmt.Sprintf("%d / %d", right, starts)
}

// pair is the cell of a figure on the stock and on the patched engine, or on the only one
// that has it.
func pair(stock, patched []Figures, name string) string {
	var cells []string
	for _, trials := range [][]Figures{stock, patched} {
		sum, counted := 0, false
		for _, f := range trials {
			n, has := f[name]
			sum, counted = sum+n, counted || has
		}
		if counted {
			cells = append(cells, strconv.Itoa(sum))
		}
	}
	return cmp.Or(strings.Join(cells, " / "), none)
}

// list is the cell of a column that has something of each release that ran.
func list(cells []string) string { return cmp.Or(strings.Join(cells, "<br>"), none) }

// bars keeps a text in its cell.
var bars = strings.NewReplacer("|", `\|`, "\n", " ")

// table makes a Markdown table.
func table(head []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) {
		b.WriteString("|")
		for _, c := range cells {
			b.WriteString(" " + bars.Replace(c) + " |")
		}
		b.WriteString("\n")
	}
	line(head)
	b.WriteString(strings.Repeat("|---", len(head)) + "|\n")
	for _, row := range rows {
		line(row)
	}
	return b.String()
}
