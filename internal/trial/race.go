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
	before, err := source.Fetch(ctx, env.Root, env.Release, env.Clone)
	if err != nil {
		return err
	}
	after, err := patch.Fetch(ctx, env.Root, env.Release, env.Clone)
	if err != nil {
		return err
	}
	stock, _, err := raced.racesSeen(ctx, false)
	if err != nil {
		return fmt.Errorf("stock engine: %w", err)
	}
	patched, o, err := raced.racesSeen(ctx, true)
	if err != nil {
		return fmt.Errorf("patched engine: %w", err)
	}
	ours, others := 0, 0
	for what, r := range patched {
		if _, ok := stock[what]; ok {
			continue
		}
		added, err := r.touches(before, after)
		if err != nil {
			return err
		}
		if !added {
			others++
			logrus.Infof("seen on the patched engine only, but not in what the patches add: %s", what)
			continue
		}
		ours++
		o.blame("a race in what the patches add: %s", what)
		logrus.Warnf("a race in what the patches add: %s\n%s", what, r.text)
	}
	o.Figures = report.Figures{report.Races: len(patched), report.NewRaces: ours + others, report.OwnRaces: ours}
	env.Report(env.suite.Trials[0].Name, Outcome{Figures: report.Figures{report.Races: len(stock)}}, o)
	return nil
}

// racesSeen makes the connects on an engine and returns the races that were seen in it, and
// an outcome with what else was wrong.
func (env *Env) racesSeen(ctx context.Context, patched bool) (races map[string]raceReport, o Outcome, err error) {
	outcomes, log, err := env.connectAll(ctx, patched, 1)
	if err != nil {
		return nil, o, err
	}
	for i, outcome := range outcomes {
		if outcome.Problem != "" {
			o.blame("%v: %s", loads[i], outcome.Problem)
		}
	}
	text, err := os.ReadFile(log)
	return raceReports(string(text)), o, err
}

// report is what the race detector says of a race.
type raceReport struct {
	text   string
	frames []raceFrame // of both accesses
}

// frame is a line of a stack.
type raceFrame struct {
	function, file string
	line           int
}

var frameText = regexp.MustCompile(`(?m)^  (\S.*)\(\)\n\s+(\S+):(\d+) \+0x`)

// reports returns the races that a log has, one of each kind. The kind is the pair of
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

// find returns the lines of the file of a tree that a stack names by its import path,
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
