// Package settings tries what the engine makes of numbers in a container's settings
// that no engine has written.
package settings

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"

	"ethorder/internal/engine"
	"ethorder/internal/prove"
	"ethorder/internal/scenario"
)

// Suite changes stored numbers while the daemon is down.
var Suite = prove.Suite{
	Name:    "settings",
	Promise: "whatever is stored in the place of a number, the container starts, and what is no number is as if it were missing",
	Run:     run,
}

// trials is how many random changes there are; Lab.Scale multiplies it.
const trials = 10

// networks are box's, in attach order; the first is its network mode.
var networks = []string{"zulu", "mike", "alpha", "kilo"}

// others are not attached.
var others = []string{"bravo", "yankee"}

// none stands for what is not stored at all.
const none = "none"

// What is stored, as JSON, in the place of a number, of all of them, and of an
// explicit number.
var (
	values = []string{
		none, "0", "null", "1", "2", "3", "7", "4611686018427387904",
		"-1", "1.5", "1e3", "4611686018427387905", "9223372036854775808", "18446744073709551615", "99999999999999999999",
		`"2"`, `""`, "true", "[1]", `{"a": 1}`,
	}
	wholes   = []string{none, "null", "{}", "5", "-1", "true", "[1]", `"x"`, `[{"zulu": 9}]`}
	explicit = []string{
		`"1"`, `"2"`, `"3"`, `"9"`, `"4294967295"`,
		`"0"`, `"abc"`, `""`, `"-1"`, `"1.5"`, `"+1"`, `" 1"`, `"0x1"`, `"4294967296"`,
	}
)

// round is a change of what is stored. Without one, a network has the number that it
// got when box was made.
type round struct {
	whole    string            // in the place of all numbers, "" for none of that
	numbers  map[string]string // by network
	explicit map[string]string // by network
}

// rounds returns the changes to try.
func rounds(random *rand.Rand, trials int) (rounds []round) {
	// Each at the network that was attached last but one.
	for _, value := range values {
		rounds = append(rounds, round{numbers: map[string]string{"alpha": value}})
	}
	for _, value := range wholes {
		rounds = append(rounds, round{whole: value})
	}
	for _, value := range explicit {
		rounds = append(rounds, round{
			numbers:  map[string]string{"alpha": none},
			explicit: map[string]string{"alpha": value},
		})
	}
	rounds = append(rounds,
		round{numbers: map[string]string{"bravo": "3", "yankee": "9", "mike": none}},
		round{numbers: map[string]string{"bravo": "true", "zulu": none}},
		round{whole: `{"bravo": 7, "yankee": "x"}`})
	draw := func(from []string) string { return from[random.IntN(len(from))] }
	for range trials {
		r := round{numbers: map[string]string{}, explicit: map[string]string{}}
		for _, network := range networks {
			r.numbers[network] = draw(values)
			if random.IntN(3) == 0 {
				r.explicit[network] = draw(explicit)
			}
		}
		if random.IntN(3) == 0 {
			r.numbers[draw(others)] = draw(values)
		}
		rounds = append(rounds, r)
	}
	return rounds
}

func run(ctx context.Context, l *prove.Lab) error {
	return l.Pair(ctx, func(stock, patched *engine.Engine) error {
		return play(ctx, l, stock, patched)
	}, prove.NoFirewall...)
}

func play(ctx context.Context, l *prove.Lab, stock, patched *engine.Engine) error {
	ids := map[*engine.Engine]string{}
	for _, e := range []*engine.Engine{stock, patched} {
		box := prove.MakeBox(ctx, e, strings.Join(networks, " "), "")
		if box.Err != nil {
			return box.Err
		}
		ids[e] = box.ID
	}
	for _, r := range rounds(rand.New(rand.NewPCG(l.Seed, 0)), trials*l.Scale) {
		before, after, err := scenario.OnBoth(stock, patched, func(e *engine.Engine) (outcome, error) {
			return try(ctx, e, ids[e], r)
		})
		if err != nil {
			return fmt.Errorf("stored %v: %w", r, err)
		}
		order, numbers := expected(r)
		want := outcome{strings.Join(order, " "), describe(numbers)}
		found := after.order
		if after.numbers != want.numbers {
			found += fmt.Sprintf(", numbered %s, wanted %s", after.numbers, want.numbers)
		}
		l.Report(fmt.Sprintf("stored %v", r), before.order, found, after == want)
	}
	return nil
}

// outcome is what the engine made of what was stored.
type outcome struct{ order, numbers string }

// try stores a change while the daemon is down, and starts box twice with it: the
// daemon must have made up its mind at the first start, and stored that.
func try(ctx context.Context, e *engine.Engine, id string, r round) (outcome, error) {
	if err := e.RestartAfter(ctx, func() error { return store(e.SettingsFile(id), r) }); err != nil {
		return outcome{}, err
	}
	var orders, stored []string
	for range 2 {
		start, err := scenario.Start(ctx, e, "box")
		if err != nil {
			return outcome{}, err
		}
		orders = append(orders, cmp.Or(start.Failed, strings.Join(start.Networks(), " ")))
		numbers, err := prove.Numbers(e, id)
		if err != nil {
			// Stock's file still has what was stored, if it was not saved.
			numbers = nil
		}
		stored = append(stored, describe(numbers))
		if _, err := e.Docker(ctx, "stop", "box"); err != nil {
			return outcome{}, err
		}
	}
	return outcome{strings.Join(slices.Compact(orders), "; then "), strings.Join(slices.Compact(stored), "; then ")}, nil
}

// store changes the file with a container's settings.
func store(path string, r round) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if data, err = r.change(data); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, data, 0o600)
}

// change returns a container's settings with the change in the place of any earlier one.
func (r round) change(file []byte) ([]byte, error) {
	var config, settings map[string]json.RawMessage
	var kept map[string]map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(file, &config), json.Unmarshal(config["NetworkSettings"], &settings),
		json.Unmarshal(settings["Networks"], &kept)); err != nil {
		return nil, err
	}
	for _, network := range networks {
		if kept[network] == nil {
			return nil, fmt.Errorf("network %s is lost: %s", network, settings["Networks"])
		}
		kept[network]["DriverOpts"] = json.RawMessage("null")
		if value, ok := r.explicit[network]; ok {
			kept[network]["DriverOpts"] = json.RawMessage(fmt.Sprintf("{%q: %s}", engine.AttachSequenceOption, value))
		}
	}
	settings["AttachSequences"] = json.RawMessage(r.stored())
	if r.whole == none {
		delete(settings, "AttachSequences")
	}
	var err error
	if settings["Networks"], err = json.Marshal(kept); err != nil {
		return nil, err
	}
	if config["NetworkSettings"], err = json.Marshal(settings); err != nil {
		return nil, err
	}
	return json.Marshal(config)
}

// stored returns what is in the place of the numbers.
func (r round) stored() string {
	if r.whole != "" {
		return r.whole
	}
	var entries []string
	for _, network := range slices.Concat(networks, others) {
		if value := r.value(network); value != none {
			entries = append(entries, fmt.Sprintf("%q: %s", network, value))
		}
	}
	return "{" + strings.Join(entries, ", ") + "}"
}

// value returns what is stored in the place of the number of a network, if there are
// numbers.
func (r round) value(network string) string {
	if value, ok := r.numbers[network]; ok {
		return value
	}
	if i := slices.Index(networks, network); i >= 0 {
		return strconv.Itoa(i + 1)
	}
	return none
}

// String returns the change, as part of a sentence.
func (r round) String() string {
	var parts []string
	if r.whole != "" {
		parts = append(parts, "in the place of all numbers: "+r.whole)
	}
	for _, network := range slices.Concat(networks, others) {
		if value, ok := r.numbers[network]; ok {
			parts = append(parts, network+": "+value)
		}
		if value, ok := r.explicit[network]; ok {
			parts = append(parts, network+" explicitly: "+value)
		}
	}
	return "numbers, " + strings.Join(parts, ", ")
}

// expected returns the order that follows from what is stored, and the numbers that
// there are then. What is a number, counts. Networks without one follow the last number
// that is not explicit, that of the network mode first, then by name.
func expected(r round) (order []string, numbers map[string]uint64) {
	numbers = make(map[string]uint64)
	chosen := make(map[string]bool) // that have an explicit number
	last := uint64(0)
	for _, network := range networks {
		if n := decimal(strings.Trim(r.explicit[network], `"`)); n > 0 && n < 1<<32 {
			numbers[network], chosen[network] = n, true
			continue
		}
		if n := decimal(r.value(network)); r.whole == "" && n > 0 && n <= 1<<62 {
			numbers[network] = n
			last = max(last, n)
		}
	}
	taken := func(n uint64) bool {
		return slices.ContainsFunc(networks, func(network string) bool { return chosen[network] && numbers[network] == n })
	}
	for _, network := range []string{"zulu", "alpha", "kilo", "mike"} {
		if numbers[network] > 0 {
			continue
		}
		last++
		for taken(last) {
			last++
		}
		numbers[network] = last
	}
	order = slices.Clone(networks)
	slices.SortFunc(order, func(a, b string) int {
		if numbers[a] == numbers[b] && chosen[a] != chosen[b] {
			if chosen[a] {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(numbers[a], numbers[b]), strings.Compare(a, b))
	})
	return order, numbers
}

// decimal returns the number that a text of digits is, and 0 for another text, or for
// a number that has no place in 64 bits.
func decimal(text string) uint64 {
	if strings.Trim(text, "0123456789") != "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func describe(numbers map[string]uint64) string {
	var parts []string
	for _, network := range slices.Sorted(maps.Keys(numbers)) {
		parts = append(parts, fmt.Sprintf("%s %d", network, numbers[network]))
	}
	return strings.Join(parts, " ")
}
