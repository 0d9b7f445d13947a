package report

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Origin says what engines figures are of, and where they were found.
type Origin struct {
	Series  string `json:"series"`  // patch.Series.Digest of the patched engine
	Source  string `json:"source"`  // of the engines: "git" or "module"
	Stock   string `json:"stock"`   // SHA-256 of the stock dockerd
	Patched string `json:"patched"` // SHA-256 of the patched dockerd
	Kernel  string `json:"kernel"`
	Arch    string `json:"arch"`
}

// Bench is how long the engines of a release took to do the same.
type Bench struct {
	Origin
	Release string   `json:"-"`
	Date    string   `json:"date"`
	CPU     string   `json:"cpu"`
	Cores   int      `json:"cores"`
	Command string   `json:"command"`
	Points  []Timing `json:"points"`
}

// Timing is one operation with one number of networks. The times are in milliseconds, and those of
// the same index were taken one right after the other.
type Timing struct {
	Operation  string    `json:"operation"`
	Networks   int       `json:"networks"`
	Stock      []float64 `json:"stock ms"`
	Patched    []float64 `json:"patched ms"`
	StockCPU   []float64 `json:"stock CPU ms"` // that dockerd used
	PatchedCPU []float64 `json:"patched CPU ms"`
}

// Took is how long an engine took for an operation.
type Took struct{ Wall, CPU time.Duration }

var modelName = regexp.MustCompile(`(?m)^model name\s*: (.*)$`)

// NewBench returns a Bench of this machine that has no figures yet.
func NewBench(release string) Bench {
	b := Bench{Release: release, Date: time.Now().UTC().Format(time.DateOnly), Cores: runtime.NumCPU()}
	text, _ := os.ReadFile("/proc/cpuinfo")
	if m := modelName.FindSubmatch(text); m != nil {
		b.CPU = string(m[1])
	}
	return b
}

// Add adds a pair of times.
func (b *Bench) Add(operation string, networks int, stock, patched Took) {
	i := slices.IndexFunc(b.Points, func(t Timing) bool { return t.Operation == operation && t.Networks == networks })
	if i < 0 {
		i = len(b.Points)
		b.Points = append(b.Points, Timing{Operation: operation, Networks: networks})
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	t := &b.Points[i]
	t.Stock, t.Patched = append(t.Stock, ms(stock.Wall)), append(t.Patched, ms(patched.Wall))
	t.StockCPU, t.PatchedCPU = append(t.StockCPU, ms(stock.CPU)), append(t.PatchedCPU, ms(patched.CPU))
}

// quartiles returns those of the ratios patched / stock of pairs.
func quartiles(stock, patched []float64) (low, median, high float64) {
	ratios := make([]float64, len(stock))
	for i := range ratios {
		ratios[i] = patched[i] / stock[i]
	}
	return quantile(ratios, 0.25), quantile(ratios, 0.5), quantile(ratios, 0.75)
}

// quantile returns a quantile of values, between two of them where it falls there.
func quantile(values []float64, q float64) float64 {
	values = slices.Sorted(slices.Values(values))
	at := q * float64(len(values)-1)
	i := int(at)
	if i+1 == len(values) {
		return values[i]
	}
	return values[i] + (at-float64(i))*(values[i+1]-values[i])
}

// String is a table of the figures for people.
func (b Bench) String() string {
	var rows [][]string
	for _, t := range b.Points {
		low, median, high := quartiles(t.Stock, t.Patched)
		lowCPU, medianCPU, highCPU := quartiles(t.StockCPU, t.PatchedCPU)
		rows = append(rows, []string{
			t.Operation, strconv.Itoa(t.Networks), strconv.Itoa(len(t.Stock)),
			fmt.Sprintf("%.1f", quantile(t.Stock, 0.5)), fmt.Sprintf("%.1f", quantile(t.Patched, 0.5)),
			fmt.Sprintf("%.3f", median), fmt.Sprintf("%.3f – %.3f", low, high),
			fmt.Sprintf("%.3f", medianCPU), fmt.Sprintf("%.3f – %.3f", lowCPU, highCPU),
		})
	}
	return table([]string{"operation", "networks", "pairs", "stock, ms", "patched, ms", "ratio", "quartiles", "CPU ratio", "quartiles"}, rows)
}

// benches is the part of performance.md that has the figures, a table a release.
func (d *Data) benches() string {
	var s strings.Builder
	for _, r := range d.Releases {
		if b := r.Bench; b != nil {
			fmt.Fprintf(&s, "## %s\n\n%s, on %d cores of %s, Linux %s:\n\n```console\n$ %s\n```\n\n%s\n",
				r.Release, b.Date, b.Cores, b.CPU, b.Kernel, b.Command, b)
		}
	}
	if s.Len() == 0 {
		return "No release has been timed with the patches as they are now.\n"
	}
	return s.String()
}

// The plot of performance.md, in pixels. Ratios from 1-plotRange to 1+plotRange are in it.
const (
	plotWidth, plotHeight = 640, 320
	plotLeft, plotBottom  = 56, 40
	plotRange             = 0.3
)

// plot draws the ratios of an operation over the number of networks, with the quartiles as bars and
// a colour a release. It can be read on light and on dark pages.
func (d *Data) plot(operation string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="system-ui, sans-serif" font-size="12" text-anchor="middle">
<style>.page { fill: #59636e } .line { stroke: #59636e } @media (prefers-color-scheme: dark) { .page { fill: #b1bac4 } .line { stroke: #b1bac4 } }</style>
<title>%s: time of the patched engine / time of the stock engine, over the number of networks</title>
<text class="page" x="%d" y="18" text-anchor="start">%s: patched / stock</text><text class="page" x="%d" y="%d" text-anchor="end">networks</text>
`, plotWidth, plotHeight, plotWidth, plotHeight, operation, plotLeft, operation, plotWidth, plotHeight-5)
	y := func(ratio float64) float64 {
		ratio = min(max(ratio, 1-plotRange), 1+plotRange)
		return float64(plotHeight-plotBottom) * (1 - (ratio-1+plotRange)/(2*plotRange))
	}
	for _, ratio := range []float64{0.8, 0.9, 1, 1.1, 1.2} {
		fmt.Fprintf(&b, `<line class="line" x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke-opacity="%.1f"/><text class="page" x="%d" y="%.1f">%.1f</text>`+"\n",
			plotLeft, plotWidth, y(ratio), y(ratio), map[bool]float64{true: 1, false: 0.3}[ratio == 1], plotLeft/2, y(ratio)+4, ratio)
	}
	var counts []int
	var releases []Release
	for _, r := range d.Releases {
		if r.Bench != nil {
			releases = append(releases, r)
			for _, t := range r.Bench.Points {
				if t.Operation == operation && !slices.Contains(counts, t.Networks) {
					counts = append(counts, t.Networks)
				}
			}
		}
	}
	slices.Sort(counts)
	step := float64(plotWidth-plotLeft) / float64(max(len(counts), 1))
	for i, n := range counts {
		fmt.Fprintf(&b, `<text class="page" x="%.1f" y="%d">%d</text>`+"\n", plotLeft+step*(float64(i)+0.5), plotHeight-plotBottom+18, n)
	}
	for k, r := range releases {
		color := palette[k%len(palette)]
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="10" height="10" fill="%s"/><text class="page" x="%d" y="%d" text-anchor="start">%s</text>`+"\n",
			plotLeft+k*100, plotHeight-14, color, plotLeft+k*100+14, plotHeight-5, r.Release)
		for _, t := range r.Bench.Points {
			if t.Operation != operation {
				continue
			}
			low, median, high := quartiles(t.Stock, t.Patched)
			x := plotLeft + step*(float64(slices.Index(counts, t.Networks))+(float64(k)+1)/float64(len(releases)+1))
			fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="%s" stroke-width="3"/><circle cx="%.1f" cy="%.1f" r="5" fill="%s"/>`+"\n",
				x, x, y(low), y(high), color, x, y(median), color)
		}
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}
