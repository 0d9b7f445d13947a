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

	"ethorder"

	"ethorder/internal/engine"
	"ethorder/internal/observe"
)

// Corrupt changes stored numbers while the daemon is down, to what no engine has written.
var Corrupt = Suite{
	Name:      "corrupt",
	Guarantee: "whatever is stored in the place of a number, the container starts, and what is no number is as if it were missing",
	Trials:    append(trialsOf(corruptions(), corruption.trial), Trial{Name: randomCorruptions}),
	Run: func(ctx context.Context, env *Env) error {
		return env.pair(ctx, noFirewall, func(stock, patched *engine.Engine) error {
			return env.playCorrupt(ctx, stock, patched)
		})
	},
}

// randomCorruptions is the trial of changes that are drawn: ten, which Env.Scale multiplies.
const randomCorruptions = "stored numbers that are drawn at random"

// corruptNetworks are those of the container, in attach order; the first is its network mode.
var corruptNetworks = []string{"zulu", "mike", "alpha", "kilo"}

// otherNetworks are not attached.
var otherNetworks = []string{"bravo", "yankee"}

// notStored stands for what is not stored at all.
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

// corruption is a change of what is stored. Without one, a network has the number that it
// got when the container was made.
type corruption struct {
	whole    string            // in the place of all numbers, "" for none of that
	numbers  map[string]string // by network
	explicit map[string]string // by network
}

// corruptions returns the changes that are tried one by one.
func corruptions() (all []corruption) {
	// Each at the network that was attached last but one.
	for _, value := range corruptValues {
		all = append(all, corruption{numbers: map[string]string{"alpha": value}})
	}
	for _, value := range corruptWholes {
		all = append(all, corruption{whole: value})
	}
	for _, value := range corruptExplicit {
		all = append(all, corruption{
			numbers:  map[string]string{"alpha": notStored},
			explicit: map[string]string{"alpha": value},
		})
	}
	return append(all,
		corruption{numbers: map[string]string{"bravo": "3", "yankee": "9", "mike": notStored}},
		corruption{numbers: map[string]string{"bravo": "true", "zulu": notStored}},
		corruption{whole: `{"bravo": 7, "yankee": "x"}`})
}

// drawCorruption draws a change of all numbers.
func drawCorruption(random *rand.Rand) corruption {
	draw := func(from []string) string { return from[random.IntN(len(from))] }
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
	return r
}

// playCorrupt makes the changes on both engines, and reports each that is not drawn.
func (env *Env) playCorrupt(ctx context.Context, stock, patched *engine.Engine) error {
	on := map[*engine.Engine]*Container{stock: newContainer(ctx, env, stock), patched: newContainer(ctx, env, patched)}
	for _, c := range on {
		c.Make(strings.Join(corruptNetworks, " "), "")
	}
	try := func(r corruption) (before, after Outcome, err error) {
		before, after, err = onBoth(stock, patched, func(e *engine.Engine) (Outcome, error) {
			return on[e].startCorrupt(r)
		})
		if err != nil {
			err = fmt.Errorf("stored %v: %w", r, err)
		}
		return before, after, err
	}
	for _, r := range corruptions() {
		if !env.selected(r.trial().Name) {
			continue
		}
		before, after, err := try(r)
		if err != nil {
			return err
		}
		env.Report(r.trial().Name, before, after)
	}
	if !env.selected(randomCorruptions) {
		return nil
	}
	random := rand.New(rand.NewPCG(env.Seed, 0))
	allBefore, allAfter := inOrder(observe.Tally{}), inOrder(observe.Tally{})
	for range 10 * env.Scale {
		r := drawCorruption(random)
		before, after, err := try(r)
		if err != nil {
			return err
		}
		for figure := range before.Figures {
			allBefore.Figures[figure] += before.Figures[figure]
			allAfter.Figures[figure] += after.Figures[figure]
		}
		if after.Problem != "" {
			allAfter.blame("stored %v: %s", r, after.Problem)
		}
	}
	env.Report(randomCorruptions, allBefore, allAfter)
	return nil
}

// startCorrupt stores a change while the daemon is down, and starts the container twice
// with it: the daemon must have made up its mind at the first start, and stored that.
func (c *Container) startCorrupt(r corruption) (Outcome, error) {
	c.Tally, c.Wrong, c.Problem = observe.Tally{}, nil, ""
	c.Try(func() error {
		return c.Engine.RestartAfter(c.ctx, func() error { return storeCorrupt(c.File(), r) })
	})
	var wanted map[string]uint64
	c.Want, wanted = expectedOf(r)
	for range 2 {
		c.Start("changed")
		numbers, err := Numbers(c.Engine, c.ID, nil)
		if c.Err == nil && (err != nil || !maps.Equal(numbers, wanted)) {
			// Stock's file still has what was stored, if it was not saved.
			c.blame("numbered %v, wanted %v: %v", numbers, wanted, err)
		}
		c.Do("stop router")
	}
	return c.outcome()
}

// storeCorrupt changes the file with a container's settings.
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
			kept[network]["DriverOpts"] = json.RawMessage(fmt.Sprintf("{%q: %s}", ethorder.AttachSequenceOption, value))
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

func (r corruption) trial() Trial { return Trial{Name: "stored " + r.String()} }

// expectedOf returns the order that follows from what is stored, and the numbers that
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
	rank := map[bool]int{true: 1, false: 2} // explicit numbers come before equal ones that are not
	order = slices.Clone(corruptNetworks)
	slices.SortFunc(order, func(a, b string) int {
		return cmp.Or(cmp.Compare(numbers[a], numbers[b]), cmp.Compare(rank[chosen[a]], rank[chosen[b]]), strings.Compare(a, b))
	})
	return order, numbers
}

// decimal returns the number that a text of digits is, and 0 for another text, or for
// a number that has no place in 64 bits.
func decimal(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
