package report

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/fatih/color"

	"ethorder/internal/observe"
	"ethorder/internal/tool"
)

// StartRow is a start of an engine, to be shown.
type StartRow struct {
	Engine string // as "stock" or "patched"
	Start  observe.Snapshot
}

// note says how far the start is from the wanted order, "" if it is in order.
func (r StartRow) note(want []string) string {
	if r.Start.Failed != "" {
		return "did not start: " + r.Start.Failed
	}
	got := r.Start.Networks()
	misplaced := 0
	for i := range max(len(got), len(want)) {
		if cell(got, i) != cell(want, i) {
			misplaced++
		}
	}
	if misplaced == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d misplaced", misplaced, len(want))
}

func cell(cells []string, i int) string {
	if i < len(cells) {
		return cells[i]
	}
	return "-"
}

// paint gives text colours. Each makes the text longer by the same.
type paint struct{ plain, right, wrong func(...any) string }

// StartTable writes a table of the networks of eth0, eth1, …: as they were attached,
// and as each row has them. On a terminal, those that are misplaced are red.
func StartTable(w io.Writer, title string, attached []string, rows []StartRow) error {
	const defaultColour = color.Attribute(39)
	return startTable(w, paint{tool.Paint(w, defaultColour), tool.Paint(w, color.FgGreen), tool.Paint(w, color.FgRed)}, title, attached, rows)
}

func startTable(w io.Writer, p paint, title string, attached []string, rows []StartRow) error {
	columns := len(attached)
	for _, r := range rows {
		columns = max(columns, len(r.Start.Networks()))
	}
	table := [][]string{{title}, {"attached"}}
	for i := range columns {
		table[0] = append(table[0], p.plain("eth", i))
		table[1] = append(table[1], p.plain(cell(attached, i)))
	}
	table[0] = append(table[0], "gateway")
	table[1] = append(table[1], "")
	for _, r := range rows {
		line := []string{r.Engine}
		networks := r.Start.Networks()
		for i := range columns {
			colour := p.plain
			if cell(networks, i) != cell(attached, i) {
				colour = p.wrong
			}
			line = append(line, colour(cell(networks, i)))
		}
		note := p.right("in attach order")
		if wrong := r.note(attached); wrong != "" {
			note = p.wrong(wrong)
		}
		table = append(table, append(line, cmp.Or(r.Start.Gateway, "-"), note))
	}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, line := range table {
		fmt.Fprintln(t, strings.Join(line, "\t")+"\t")
	}
	_ = t.Flush() // to memory
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// Panel is a column of a picture: the starts of one engine.
type Panel struct {
	Title  string
	Starts []observe.Snapshot
}

// palette has colours on which black text can be read, and which can be told
// from a white and from a black page. Neighbours are far apart.
var palette = []string{
	"#f28e2b", "#76b7e5", "#e6c229", "#8cd17d", "#f1908d", "#b6a0e6", "#5bc8ba", "#d9a679",
	"#e58fc4", "#a9b8c9", "#c5d146", "#8fa8f0", "#f5b27a", "#7fd1a0", "#d69ad6", "#bdb08a", "#6fc3e0",
}

// The sizes in a picture, in pixels.
const (
	cellWidth, cellHeight = 64, 24
	labelWidth            = 28 // of the number of a start
	headHeight            = 48
	panelGap              = 36
	margin                = 8
)

// SVG draws panels side by side: a row a start, a column an interface, and a
// colour a network, in which its name is written. Networks gives the colours'
// order. The picture is transparent and can be read on light and on dark pages.
func SVG(w io.Writer, networks []string, panels []Panel) error {
	columns, rows := 0, 0
	for _, p := range panels {
		rows = max(rows, len(p.Starts))
		for _, s := range p.Starts {
			columns = max(columns, len(s.Networks()))
		}
	}
	panelWidth := labelWidth + columns*cellWidth
	width := 2*margin + len(panels)*panelWidth + (len(panels)-1)*panelGap
	height := 2*margin + headHeight + rows*cellHeight

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="system-ui, sans-serif" font-size="11" text-anchor="middle">
<style>
  .page { fill: #6e7781 } .title { font-size: 14px; font-weight: 600; text-anchor: start } .name { fill: #111 }
  @media (prefers-color-scheme: dark) { .page { fill: #b1bac4 } }
</style>
`, width, height, width, height)
	var titles []string
	for _, p := range panels {
		titles = append(titles, p.Title)
	}
	fmt.Fprintf(&b, "<title>The networks of eth0, eth1, … in each start: %s</title>\n", html.EscapeString(strings.Join(titles, "; ")))
	for i, p := range panels {
		p.draw(&b, margin+i*(panelWidth+panelGap), columns, networks)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// draw draws the panel from x on.
func (p Panel) draw(b *strings.Builder, x, columns int, networks []string) {
	fmt.Fprintf(b, `<text class="page title" x="%d" y="%d">%s</text>`+"\n", x+labelWidth, margin+14, html.EscapeString(p.Title))
	for i := range columns {
		fmt.Fprintf(b, `<text class="page" x="%d" y="%d">eth%d</text>`+"\n", x+labelWidth+i*cellWidth+cellWidth/2, margin+headHeight-8, i)
	}
	for row, s := range p.Starts {
		y := margin + headHeight + row*cellHeight
		fmt.Fprintf(b, `<text class="page" x="%d" y="%d">%d</text>`+"\n", x+labelWidth/2, y+16, row+1)
		if s.Failed != "" {
			fmt.Fprintf(b, `<text class="page" x="%d" y="%d" text-anchor="start">did not start</text>`+"\n", x+labelWidth+4, y+16)
		}
		for i, name := range s.Networks() {
			left := x + labelWidth + i*cellWidth
			color := "#9a9a9a" // of a gap, or of what is no network of ours
			if n := slices.Index(networks, name); n >= 0 {
				color = palette[n%len(palette)]
			}
			fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" rx="2" fill="%s"/><text class="name" x="%d" y="%d">%s</text>`+"\n",
				left+1, y+1, cellWidth-2, cellHeight-2, color, left+cellWidth/2, y+16, html.EscapeString(name))
		}
	}
}
