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
	"ethorder/internal/source"
)

// Race makes the connects on engines that are built with Go's race detector.
var RaceSuite = Suite{
	Name:    "race",
	Promise: "the race detector sees no race in what the patches add, while networks are connected at the same time",
	Asked:   true,
	Run:     runRace,
}

func runRace(ctx context.Context, lab *Lab) error {
	raced := *lab
	for path, stock := range map[*string]bool{&raced.Stock: true, &raced.Patched: false} {
		var err error
		*path, err = build.Engine(ctx, lab.Repo, build.Options{Release: lab.Release, Stock: stock, Clone: lab.Clone, Race: true})
		if err != nil {
			return err
		}
	}
	before, err := source.Fetch(ctx, lab.Repo, lab.Release, lab.Clone)
	if err != nil {
		return err
	}
	after, err := patch.Fetch(ctx, lab.Repo, lab.Release, lab.Clone)
	if err != nil {
		return err
	}

	stock, _, err := racesSeen(ctx, &raced, false)
	if err != nil {
		return fmt.Errorf("stock engine: %w", err)
	}
	patched, wrong, err := racesSeen(ctx, &raced, true)
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
		logrus.Warnf("a race in what the patches add: %s\n%s", what, r.text)
	}
	did := fmt.Sprintf("%d kinds of races, %d of them not seen on stock, %d of them in lines of the patches", len(patched), ours+others, ours)
	if wrong != "" {
		did += "; " + wrong
	}
	lab.Report(fmt.Sprintf("race detector: %d connects at once to 1 and to 10 containers, stopped and running, each started afterwards", connects),
		fmt.Sprintf("%d kinds of races", len(stock)), did, ours == 0 && wrong == "")
	return nil
}

// seen makes the trials on an engine and returns the races that were seen in it, and
// what else was wrong.
func racesSeen(ctx context.Context, lab *Lab, patched bool) (races map[string]raceReport, wrong string, err error) {
	results, log, err := connectAll(ctx, lab, patched, concurrentTrials(1))
	if err != nil {
		return nil, "", err
	}
	for _, r := range results {
		if !r.held() {
			wrong = r.String()
		}
	}
	text, err := os.ReadFile(log)
	return raceReports(string(text)), wrong, err
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
