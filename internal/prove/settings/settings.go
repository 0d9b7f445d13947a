// Package settings tries what the engine makes of numbers in a container's settings, and
// in the store of its endpoints, that no engine has written.
package settings

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"ethorder/internal/engine"
	"ethorder/internal/prove"
	"ethorder/internal/scenario"
)

// Suite changes stored numbers while the daemon is down.
var Suite = prove.Suite{
	Name:    "settings",
	Promise: "whatever is stored in the place of a number, the daemon starts, and what is no number is as if it were missing, with a warning",
	Run:     run,
}

// trials is how many random changes there are; Lab.Scale multiplies it.
const trials = 10

// networks are box's, in attach order; the first is its network mode.
var networks = []string{"zulu", "mike", "alpha", "kilo"}

// values are what is stored. The empty one removes the number.
var values = []string{
	"", "0", "null", "1", "2", "3", "7", "9223372036854775806",
	"-1", "1.5", "1e3", "9223372036854775808", "18446744073709551615", "99999999999999999999",
	`"2"`, `""`, "true", "[1]", `{"a": 1}`,
}

// warning is in the daemon's log for each network that is numbered anew.
const warning = "its attach sequence is not valid"

func run(ctx context.Context, l *prove.Lab) error {
	err := l.Pair(ctx, func(stock, patched *engine.Engine) error {
		return play(ctx, l, stock, patched)
	}, prove.NoFirewall...)
	if err != nil {
		return err
	}
	return endpoints(ctx, l)
}

func play(ctx context.Context, l *prove.Lab, stock, patched *engine.Engine) error {
	random := rand.New(rand.NewPCG(l.Seed, 0))
	rounds := []map[string]string{}
	for _, value := range values { // each at the one that was attached last but one
		rounds = append(rounds, map[string]string{"alpha": value})
	}
	for range trials * l.Scale {
		round := map[string]string{}
		for _, network := range networks {
			round[network] = values[random.IntN(len(values))]
		}
		rounds = append(rounds, round)
	}

	ids := map[*engine.Engine]string{}
	for _, e := range []*engine.Engine{stock, patched} {
		var err error
		if ids[e], err = create(ctx, e); err != nil {
			return err
		}
	}
	for _, round := range rounds {
		before, err := try(ctx, stock, ids[stock], round)
		if err != nil {
			return fmt.Errorf("stock engine: %w", err)
		}
		after, err := try(ctx, patched, ids[patched], round)
		if err != nil {
			return fmt.Errorf("patched engine: %w", err)
		}
		order, warnings := expected(round)
		want := outcome{strings.Join(order, " "), warnings}
		l.Report("stored numbers "+describe(round), before.order, after.String(), after == want)
	}
	return nil
}

// outcome is what the engine made of stored numbers.
type outcome struct {
	order    string
	warnings int
}

func (o outcome) String() string { return fmt.Sprintf("%s, %d warnings", o.order, o.warnings) }

// create makes the networks and box, and returns its id.
func create(ctx context.Context, e *engine.Engine) (string, error) {
	for _, network := range networks {
		if _, err := e.Docker(ctx, "network", "create", network); err != nil {
			return "", err
		}
	}
	id, err := e.Docker(ctx, "create", "--name", "box", "--network", networks[0], "idle")
	for _, network := range networks[1:] {
		if err == nil {
			_, err = e.Docker(ctx, "network", "connect", network, "box")
		}
	}
	return id, err
}

// try stores numbers while the daemon is down, and starts box twice with them: the
// daemon must have made up its mind at the first start.
func try(ctx context.Context, e *engine.Engine, id string, round map[string]string) (outcome, error) {
	err := e.RestartAfter(ctx, func() error { return store(e.SettingsFile(id), round) })
	if err != nil {
		return outcome{}, err
	}
	logged, err := warnings(e)
	if err != nil {
		return outcome{}, err
	}
	var orders []string
	for range 2 {
		start, err := scenario.Start(ctx, e, "box")
		if err != nil {
			return outcome{}, err
		}
		orders = append(orders, cmp.Or(start.Failed, strings.Join(start.Networks(), " ")))
		if _, err := e.Docker(ctx, "stop", "box"); err != nil {
			return outcome{}, err
		}
	}
	now, err := warnings(e)
	return outcome{strings.Join(slices.Compact(orders), "; then "), now - logged}, err
}

// store puts numbers into a container's settings; those of other networks are as if
// box had just been made.
func store(path string, round map[string]string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config, settings map[string]json.RawMessage
	var kept map[string]map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(data, &config), json.Unmarshal(config["NetworkSettings"], &settings),
		json.Unmarshal(settings["Networks"], &kept)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for i, network := range networks {
		value, changed := round[network]
		if !changed {
			value = fmt.Sprint(i + 1)
		}
		if kept[network] == nil {
			return fmt.Errorf("%s has lost network %s: %s", path, network, settings["Networks"])
		}
		delete(kept[network], "AttachSequence")
		if value != "" {
			kept[network]["AttachSequence"] = json.RawMessage(value)
		}
	}
	if settings["Networks"], err = json.Marshal(kept); err != nil {
		return err
	}
	if config["NetworkSettings"], err = json.Marshal(settings); err != nil {
		return err
	}
	if data, err = json.Marshal(config); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// warnings counts the warnings in the daemon's log.
func warnings(e *engine.Engine) (int, error) {
	log, err := os.ReadFile(e.Log())
	return strings.Count(string(log), warning), err
}

// expected returns the order that follows from stored numbers, and how many of them
// are none. Equal numbers are in the order of the names.
func expected(round map[string]string) (order []string, warnings int) {
	numbers := map[string]uint64{}
	for i, network := range networks {
		value, changed := round[network]
		if !changed {
			value = fmt.Sprint(i + 1)
		}
		n := uint64(0)
		if err := json.Unmarshal([]byte(cmp.Or(value, "0")), &n); err != nil || n > math.MaxInt64 {
			n = 0
			warnings++
		}
		numbers[network] = n
	}
	order = slices.Clone(networks)
	slices.SortFunc(order, func(a, b string) int {
		last := func(network string) int {
			switch {
			case numbers[network] != 0:
				return 0
			case network == networks[0]: // the network mode's
				return 1
			}
			return 2
		}
		return cmp.Or(last(a)-last(b), cmp.Compare(numbers[a], numbers[b]), strings.Compare(a, b))
	})
	return order, warnings
}

func describe(round map[string]string) string {
	var parts []string
	for _, network := range networks {
		if value, changed := round[network]; changed {
			parts = append(parts, network+": "+cmp.Or(value, "none"))
		}
	}
	return strings.Join(parts, ", ")
}
