// Package settings tries what the engine makes of numbers in a container's settings
// that no engine has written.
package trial

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
)

// Suite changes stored numbers while the daemon is down.
var CorruptSuite = Suite{
	Name:    "settings",
	Promise: "whatever is stored in the place of a number, the container starts, and what is no number is as if it were missing",
	Run:     runCorrupt,
}

// trials is how many random changes there are; Lab.Scale multiplies it.
const corruptTrials = 10

// networks are box's, in attach order; the first is its network mode.
var corruptNetworks = []string{"zulu", "mike", "alpha", "kilo"}

// others are not attached.
var otherNetworks = []string{"bravo", "yankee"}

// none stands for what is not stored at all.
const notStored = "none"

// What is stored, as JSON, in the place of a number, of all of them, and of an
// explicit number.
var (
	corruptValues = []string{
		notStored, "0", "null", "1", "2", "3", "7", "4611686018427387904",
		"-1", "1.5", "1e3", "4611686018427387905", "9223372036854775808", "18446744073709551615", "99999999999999999999",
		`"2"`, `""`, "true", "[1]", `{"a": 1}`,
	}
	corruptWholes   = []string{notStored, "null", "{}", "5", "-1", "true", "[1]", `"x"`, `[{"zulu": 9}]`}
	corruptExplicit = []string{
		`"1"`, `"2"`, `"3"`, `"9"`, `"4294967295"`,
		`"0"`, `"abc"`, `""`, `"-1"`, `"1.5"`, `"+1"`, `" 1"`, `"0x1"`, `"4294967296"`,
	}
)

// round is a change of what is stored. Without one, a network has the number that it
// got when box was made.
type corruption struct {
	whole    string            // in the place of all numbers, "" for none of that
	numbers  map[string]string // by network
	explicit map[string]string // by network
}

// rounds returns the changes to try.
func corruptions(random *rand.Rand, trials int) (rounds []corruption) {
	// Each at the network that was attached last but one.
	for _, value := range corruptValues {
		rounds = append(rounds, corruption{numbers: map[string]string{"alpha": value}})
	}
	for _, value := range corruptWholes {
		rounds = append(rounds, corruption{whole: value})
	}
	for _, value := range corruptExplicit {
		rounds = append(rounds, corruption{
			numbers:  map[string]string{"alpha": notStored},
			explicit: map[string]string{"alpha": value},
		})
	}
	rounds = append(rounds,
		corruption{numbers: map[string]string{"bravo": "3", "yankee": "9", "mike": notStored}},
		corruption{numbers: map[string]string{"bravo": "true", "zulu": notStored}},
		corruption{whole: `{"bravo": 7, "yankee": "x"}`})
	draw := func(from []string) string { return from[random.IntN(len(from))] }
	for range trials {
		r := corruption{numbers: map[string]string{}, explicit: map[string]string{}}
		for _, network := range corruptNetworks {
			r.numbers[network] = draw(corruptValues)
			if random.IntN(3) == 0 {
				r.explicit[network] = draw(corruptExplicit)
			}
		}
		if random.IntN(3) == 0 {
			r.numbers[draw(otherNetworks)] = draw(corruptValues)
		}
		rounds = append(rounds, r)
	}
	return rounds
}

func runCorrupt(ctx context.Context, l *Lab) error {
	return l.Pair(ctx, func(stock, patched *engine.Engine) error {
		return playCorrupt(ctx, l, stock, patched)
	}, NoFirewall...)
}

func playCorrupt(ctx context.Context, l *Lab, stock, patched *engine.Engine) error {
	ids := map[*engine.Engine]string{}
	for _, e := range []*engine.Engine{stock, patched} {
		box := MakeBox(ctx, e, strings.Join(corruptNetworks, " "), "")
		if box.Err != nil {
			return box.Err
		}
		ids[e] = box.ID
	}
	for _, r := range corruptions(rand.New(rand.NewPCG(l.Seed, 0)), corruptTrials*l.Scale) {
		before, after, err := OnBoth(stock, patched, func(e *engine.Engine) (corruptOutcome, error) {
			return startCorrupt(ctx, e, ids[e], r)
		})
		if err != nil {
			return fmt.Errorf("stored %v: %w", r, err)
		}
		order, numbers := expectedOf(r)
		want := corruptOutcome{strings.Join(order, " "), describeNumbers(numbers)}
		found := after.order
		if after.numbers != want.numbers {
			found += fmt.Sprintf(", numbered %s, wanted %s", after.numbers, want.numbers)
		}
		l.Report(fmt.Sprintf("stored %v", r), before.order, found, after == want)
	}
	return nil
}

// outcome is what the engine made of what was stored.
type corruptOutcome struct{ order, numbers string }

// try stores a change while the daemon is down, and starts box twice with it: the
// daemon must have made up its mind at the first start, and stored that.
func startCorrupt(ctx context.Context, e *engine.Engine, id string, r corruption) (corruptOutcome, error) {
	if err := e.RestartAfter(ctx, func() error { return storeCorrupt(e.SettingsFile(id), r) }); err != nil {
		return corruptOutcome{}, err
	}
	var orders, stored []string
	for range 2 {
		start, err := Start(ctx, e, "box")
		if err != nil {
			return corruptOutcome{}, err
		}
		orders = append(orders, cmp.Or(start.Failed, strings.Join(start.Networks(), " ")))
		numbers, err := Numbers(e, id)
		if err != nil {
			// Stock's file still has what was stored, if it was not saved.
			numbers = nil
		}
		stored = append(stored, describeNumbers(numbers))
		if _, err := e.Docker(ctx, "stop", "box"); err != nil {
			return corruptOutcome{}, err
		}
	}
	return corruptOutcome{strings.Join(slices.Compact(orders), "; then "), strings.Join(slices.Compact(stored), "; then ")}, nil
}

// store changes the file with a container's settings.
func storeCorrupt(path string, r corruption) error {
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
func (r corruption) change(file []byte) ([]byte, error) {
	var config, settings map[string]json.RawMessage
	var kept map[string]map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(file, &config), json.Unmarshal(config["NetworkSettings"], &settings),
		json.Unmarshal(settings["Networks"], &kept)); err != nil {
		return nil, err
	}
	for _, network := range corruptNetworks {
		if kept[network] == nil {
			return nil, fmt.Errorf("network %s is lost: %s", network, settings["Networks"])
		}
		kept[network]["DriverOpts"] = json.RawMessage("null")
		if value, ok := r.explicit[network]; ok {
			kept[network]["DriverOpts"] = json.RawMessage(fmt.Sprintf("{%q: %s}", engine.AttachSequenceOption, value))
		}
	}
	settings["AttachSequences"] = json.RawMessage(r.stored())
	if r.whole == notStored {
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
func (r corruption) stored() string {
	if r.whole != "" {
		return r.whole
	}
	var entries []string
	for _, network := range slices.Concat(corruptNetworks, otherNetworks) {
		if value := r.value(network); value != notStored {
			entries = append(entries, fmt.Sprintf("%q: %s", network, value))
		}
	}
	return "{" + strings.Join(entries, ", ") + "}"
}

// value returns what is stored in the place of the number of a network, if there are
// numbers.
func (r corruption) value(network string) string {
	if value, ok := r.numbers[network]; ok {
		return value
	}
	if i := slices.Index(corruptNetworks, network); i >= 0 {
		return strconv.Itoa(i + 1)
	}
	return notStored
}

// String returns the change, as part of a sentence.
func (r corruption) String() string {
	var parts []string
	if r.whole != "" {
		parts = append(parts, "in the place of all numbers: "+r.whole)
	}
	for _, network := range slices.Concat(corruptNetworks, otherNetworks) {
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
func expectedOf(r corruption) (order []string, numbers map[string]uint64) {
	numbers = make(map[string]uint64)
	chosen := make(map[string]bool) // that have an explicit number
	last := uint64(0)
	for _, network := range corruptNetworks {
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
		return slices.ContainsFunc(corruptNetworks, func(network string) bool { return chosen[network] && numbers[network] == n })
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
	order = slices.Clone(corruptNetworks)
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

func describeNumbers(numbers map[string]uint64) string {
	var parts []string
	for _, network := range slices.Sorted(maps.Keys(numbers)) {
		parts = append(parts, fmt.Sprintf("%s %d", network, numbers[network]))
	}
	return strings.Join(parts, " ")
}
