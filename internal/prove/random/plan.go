package random

import (
	"maps"
	"slices"

	"pgregory.net/rapid"
)

// plan returns commands that can be given one after the other, and are the same for
// the same seed.
func plan(seed uint64, length int) []command {
	return plans(length).Example(int(seed))
}

// plans draws commands step by step, each from those that are possible in the state
// in which the ones before it leave the model.
func plans(length int) *rapid.Generator[[]command] {
	return rapid.Custom(func(t *rapid.T) []command {
		m := newModel(false)
		var commands []command
		for range length {
			var urn []verb // a verb for each of its chances
			possible := m.possible()
			for _, v := range slices.Sorted(maps.Keys(possible)) {
				urn = append(urn, slices.Repeat([]verb{v}, often[v])...)
			}
			c := pick(t, possible[pick(t, urn)])
			m.do(c)
			commands = append(commands, c)
		}
		return commands
	})
}

// pick draws one of some, each as likely as the other: rapid.SampledFrom has a liking
// for the first ones.
func pick[T any](t *rapid.T, from []T) T {
	n := 0
	for range 16 {
		n *= 2
		if rapid.Bool().Draw(t, "bit") {
			n++
		}
	}
	return from[n%len(from)]
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
	for i := range boxes {
		for _, v := range []verb{remove, start, stop, restart, rename} {
			add(command{verb: v, box: i})
		}
		for _, n := range networks {
			add(command{verb: disconnect, box: i, network: n})
			for _, by := range []string{"", "", "id", "short id"} { // mostly by name
				add(command{verb: create, box: i, network: n, by: by})
				add(command{verb: connect, box: i, network: n, by: by})
			}
		}
	}
	return possible
}

// executable returns the commands that are possible one after the other, without the
// others.
func executable(commands []command) []command {
	m := newModel(false)
	return slices.DeleteFunc(slices.Clone(commands), func(c command) bool {
		if !m.can(c) {
			return true
		}
		m.do(c)
		return false
	})
}

// shortest leaves commands away as long as what is left still fails, first many at
// once and then one by one, until none can be left away alone. Fails returns how many
// commands there are up to the one that fails, or 0 if none does.
func shortest(commands []command, fails func([]command) int) []command {
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
