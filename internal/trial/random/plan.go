package random

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// plan returns commands that can be given one after the other to an engine of which the
// first number of its release is given, and are the same for the same seed. Each is drawn
// from those that are possible in the state in which the ones before it leave the model.
func plan(seed uint64, length, major int) (commands []command) {
	r := rand.New(rand.NewPCG(seed, 0))
	m := newModel(major)
	for range length {
		var urn []verb // a verb for each of its chances
		possible := m.possible()
		for _, v := range slices.Sorted(maps.Keys(possible)) {
			urn = append(urn, slices.Repeat([]verb{v}, often[v])...)
		}
		c := m.detail(r, pick(r, possible[pick(r, urn)]))
		m.do(c)
		commands = append(commands, c)
	}
	return commands
}

// pick draws one of some, each as likely as the other.
func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// numbers are explicit ones that are given: so low that they are often equal, and often
// below those of networks that were attached before.
var numbers = []uint64{1, 2, 3, 4, 5, 6}

// detail gives an explicit number to about a third of the networks that a command
// attaches, and more networks to some of the containers that it creates.
func (m *model) detail(r *rand.Rand, c command) command {
	if c.verb != create && c.verb != connect {
		return c
	}
	third := func() bool { return pick(r, []bool{true, false, false}) }
	number := func() uint64 {
		if third() {
			return pick(r, numbers)
		}
		return 0
	}
	if c.verb == create && pick(r, []bool{true, false}) {
		for _, n := range networks {
			more := c
			more.more = append(slices.Clip(c.more), given{n, pick(r, []string{"", "id"}), number()})
			if pick(r, []bool{true, false}) && m.can(more) {
				c = more
			}
		}
	}
	numbered := c
	if numbered.number = number(); m.can(numbered) {
		return numbered
	}
	return c
}

// possible returns the commands that are possible, by verb.
func (m *model) possible() map[verb][]command {
	possible := make(map[verb][]command)
	add := func(c command) {
		if m.can(c) {
			possible[c.verb] = append(possible[c.verb], c)
		}
	}
	add(command{verb: daemonRestart})
	add(command{verb: daemonKill})
	for _, n := range networks {
		add(command{verb: networkCreate, network: n})
		add(command{verb: networkRemove, network: n})
	}
	for i := range containerNames {
		for _, v := range []verb{remove, start, stop, restart, rename} {
			add(command{verb: v, container: i})
		}
		for _, n := range networks {
			add(command{verb: disconnect, container: i, network: n})
			for _, by := range []string{"", "", "id", "short id"} { // mostly by name
				add(command{verb: create, container: i, network: n, by: by})
				add(command{verb: connect, container: i, network: n, by: by})
			}
		}
	}
	return possible
}

// executable returns the commands that are possible one after the other, without the
// others.
func executable(commands []command) []command {
	m := newModel(latest)
	return slices.DeleteFunc(slices.Clone(commands), func(c command) bool {
		if !m.can(c) {
			return true
		}
		m.do(c)
		return false
	})
}

// shortest leaves commands away as long as what is left still fails, and then networks
// and explicit numbers of the commands, until nothing can be left away alone. Fails
// returns how many commands there are up to the one that fails, or 0 if none does.
func shortest(commands []command, fails func([]command) int) []command {
	for simpler := true; simpler; {
		commands = fewest(commands, fails)
		commands, simpler = simplify(commands, fails)
	}
	return commands
}

// fewest leaves commands away, first many at once and then one by one.
func fewest(commands []command, fails func([]command) int) []command {
	for size := (len(commands) + 1) / 2; size > 0; {
		shrunk := false
		// From the end: what comes later needs what comes before it.
		for end := len(commands); end > 0; end -= size {
			rest := executable(slices.Concat(commands[:max(end-size, 0)], commands[end:]))
			if n := fails(rest); n > 0 {
				commands, shrunk = rest[:n], true
				end = min(end, n+size)
			}
		}
		if size > 1 || !shrunk {
			size /= 2
		}
	}
	return commands
}

// simplify replaces a command by a simpler one, if there is one with which the commands
// still fail.
func simplify(commands []command, fails func([]command) int) (_ []command, simpler bool) {
	for i, c := range commands {
		for _, c := range c.simpler() {
			changed := slices.Clone(commands)
			changed[i] = c
			changed = executable(changed)
			if n := fails(changed); n > 0 {
				return changed[:n], true
			}
		}
	}
	return commands, false
}

// simpler returns a command without one of its networks or explicit numbers each.
func (c command) simpler() (simpler []command) {
	for i, g := range c.more {
		without := c
		without.more = slices.Delete(slices.Clone(c.more), i, i+1)
		simpler = append(simpler, without)
		if g.number > 0 {
			unnumbered := c
			unnumbered.more = slices.Clone(c.more)
			unnumbered.more[i].number = 0
			simpler = append(simpler, unnumbered)
		}
	}
	if c.number > 0 {
		unnumbered := c
		unnumbered.number = 0
		simpler = append(simpler, unnumbered)
	}
	return simpler
}
