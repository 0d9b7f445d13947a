package trial

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"ethorder/internal/build"
	"ethorder/internal/patch"
	"ethorder/internal/report"
	"ethorder/internal/source"
)

// Race makes the connects on engines that are built with Go's race detector.
var Race = Suite{
	Name:      "race",
	Guarantee: "the race detector sees no race in what the patches add, while networks are connected at the same time",
	OptIn:     true,
	Trials:    []Trial{{Name: fmt.Sprintf("race detector: %d connects at once to 1 and to 10 containers, stopped and running, each started afterwards", connects)}},
	Run:       runRace,
}

func runRace(ctx context.Context, env *Env) error {
	raced := *env
	for path, stock := range map[*string]bool{&raced.Stock: true, &raced.Patched: false} {
		var err error
		*path, err = build.Engine(ctx, env.Root, build.Options{Release: env.Release, Stock: stock, Clone: env.Clone, Race: true})
		if err != nil {
			return err
		}
	}
	problem := Outcome{} // apart from races
	stock, patched, err := inTurn(func(patched bool) (map[string]raceReport, error) {
		outcomes, log, err := raced.connectAll(ctx, patched, 1)
		if err != nil {
			return nil, err
		}
		for i, o := range outcomes {
			if patched && o.Problem != "" {
				problem.blame("%v: %s", loads[i], o.Problem)
			}
		}
		text, err := os.ReadFile(log)
		return raceReports(string(text)), err
	})
	if err != nil {
		return err
	}
	// The builds have made the trees.
	o, err := newRaces(stock, patched, source.Dir(env.Root, env.Release), patch.Dir(env.Root, env.Release))
	if err != nil {
		return err
	}
	if problem.Problem != "" {
		o.blame("%s", problem.Problem)
	}
	env.Report(env.suite.Trials[0].Name, Outcome{Figures: report.Figures{report.Races: len(stock)}}, o)
	return nil
}

// newRaces counts the races of the patched engine, of which those in what the patches add
// are a problem, given the trees of both engines.
func newRaces(stock, patched map[string]raceReport, before, after string) (o Outcome, err error) {
	o.Figures = report.Figures{report.Races: len(patched), report.NewRaces: 0, report.OwnRaces: 0}
	for what, r := range patched {
		if _, ok := stock[what]; ok {
			continue
		}
		o.Figures[report.NewRaces]++
		ours, err := r.touches(before, after)
		if err != nil {
			return o, err
		}
		if !ours {
			logrus.Infof("seen on the patched engine only, but not in what the patches add: %s", what)
			continue
		}
		o.Figures[report.OwnRaces]++
		o.blame("a race in what the patches add: %s", what)
		logrus.Warnf("a race in what the patches add: %s\n%s", what, r.text)
	}
	return o, nil
}

// raceReport is what the race detector says of a race.
type raceReport struct {
	text   string
	frames []raceFrame // of both accesses
}

type raceFrame struct {
	function, file string
	line           int
}

var frameText = regexp.MustCompile(`(?m)^  (\S.*)\(\)\n\s+(\S+):(\d+) \+0x`)

// raceReports returns the races that a log has, one of each kind. The kind is the pair of
// functions, outside of the standard library, that touch the same memory.
func raceReports(log string) map[string]raceReport {
	found := make(map[string]raceReport)
	for _, text := range strings.Split(log, "WARNING: DATA RACE\n")[1:] {
		text, _, _ = strings.Cut(text, "==================")
		r := raceReport{text: text}
		var pair []string
		for i, stack := range strings.Split(text, "\n\n") {
			if i == 2 {
				break // what follows is where the goroutines come from
			}
			touching := ""
			for _, m := range frameText.FindAllStringSubmatch(stack, -1) {
				f := raceFrame{function: m[1], file: m[2]}
				fmt.Sscan(m[3], &f.line)
				r.frames = append(r.frames, f)
				if first, _, _ := strings.Cut(f.function, "/"); touching == "" && strings.Contains(first, ".") && first != f.function {
					touching = f.function
				}
			}
			pair = append(pair, touching)
		}
		slices.Sort(pair)
		found[strings.Join(pair, " and ")] = r
	}
	return found
}

// touches returns true if a stack goes through a line that the patched tree has and
// the stock tree has not.
func (r raceReport) touches(stock, patched string) (bool, error) {
	for _, f := range r.frames {
		after, path, err := findFile(patched, f.file)
		if err != nil {
			return false, err
		}
		if f.line < 1 || f.line > len(after) {
			continue // not a file of the tree
		}
		before, _, err := findFile(stock, path)
		if err != nil {
			return false, err
		}
		if !slices.Contains(before, after[f.line-1]) {
			return true, nil
		}
	}
	return false, nil
}

var moduleVersion = regexp.MustCompile(`@[^/]+`)

// findFile returns the lines of the file of a tree that a stack names by its import path,
// and its path in the tree; none if the tree has no such file.
func findFile(tree, file string) (lines []string, path string, err error) {
	file = moduleVersion.ReplaceAllString(file, "")
	for path := filepath.Join("vendor", file); ; {
		data, err := os.ReadFile(filepath.Join(tree, path))
		if err == nil {
			return strings.Split(string(data), "\n"), path, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, "", err
		}
		var more bool
		if _, path, more = strings.Cut(path, "/"); !more {
			return nil, "", nil
		}
	}
}
