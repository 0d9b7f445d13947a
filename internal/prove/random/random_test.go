package random

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"pgregory.net/rapid"
)

// play gives commands to a model.
func play(t *testing.T, m *model, commands ...command) {
	t.Helper()
	for _, c := range commands {
		assert.Assert(t, m.can(c), c.text(m.name(c)))
		m.do(c)
	}
}

// three is a running container with three networks.
var three = []command{
	{verb: networkCreate, network: "zulu"},
	{verb: networkCreate, network: "alpha"},
	{verb: create, network: "zulu"},
	{verb: connect, network: "bridge"},
	{verb: connect, network: "alpha", by: "id"},
	{verb: start},
}

func TestInterfacesComeUpAsAttached(t *testing.T) {
	m := newModel(true)
	play(t, m, three...)
	assert.DeepEqual(t, m.boxes[0].interfaces(), []string{"zulu", "bridge", "alpha"})
	assert.DeepEqual(t, m.boxes[0].numbers(), map[string]uint64{"zulu": 1, "bridge": 2, "alpha": 3})
}

func TestReconnectedNetworkIsTheLast(t *testing.T) {
	for fillsGaps, hot := range map[bool]string{true: "zulu bridge alpha", false: "- - alpha zulu bridge"} {
		m := newModel(fillsGaps)
		play(t, m, three...)
		play(t, m,
			command{verb: disconnect, network: "zulu"},
			command{verb: disconnect, network: "bridge"},
			command{verb: connect, network: "zulu"},
			command{verb: connect, network: "bridge"},
		)
		assert.Equal(t, strings.Join(m.boxes[0].interfaces(), " "), hot)
		assert.DeepEqual(t, m.boxes[0].numbers(), map[string]uint64{"alpha": 3, "zulu": 4, "bridge": 5})
		play(t, m, command{verb: daemonKill}, command{verb: start})
		assert.Equal(t, strings.Join(m.boxes[0].interfaces(), " "), "alpha zulu bridge")
	}
}

func TestInterfacesEndWithTheLastThatThereIs(t *testing.T) {
	m := newModel(false)
	play(t, m, three...)
	play(t, m, command{verb: disconnect, network: "bridge"})
	play(t, m, command{verb: rename}, command{verb: restart}, command{verb: disconnect, network: "alpha"})
	assert.DeepEqual(t, m.boxes[0].interfaces(), []string{"zulu"})
	play(t, m, command{verb: connect, network: "alpha"})
	assert.DeepEqual(t, m.boxes[0].interfaces(), []string{"zulu", "-", "alpha"})
	assert.DeepEqual(t, m.boxes[0].numbers(), map[string]uint64{"zulu": 1, "alpha": 2})
}

func TestModelRefuses(t *testing.T) {
	m := newModel(true)
	play(t, m, command{verb: networkCreate, network: "mike"}, command{verb: create, network: "mike", box: 2})
	play(t, m, command{verb: disconnect, network: "mike", box: 2})
	assert.Assert(t, !m.can(command{verb: networkRemove, network: "mike"}))
	play(t, m, command{verb: remove, box: 2}, command{verb: networkRemove, network: "mike"})
	play(t, m, three...)
	play(t, m, command{verb: stop}, command{verb: create, network: "alpha", box: 1, by: "short id"})
	for _, c := range []command{
		{verb: networkCreate, network: "zulu"},
		{verb: networkCreate, network: defaultBridge},
		{verb: networkRemove, network: "zulu"},
		{verb: networkRemove, network: defaultBridge},
		{verb: create, network: "zulu"},
		{verb: create, network: "kilo", box: 2},
		{verb: connect, network: "zulu"},
		{verb: connect, network: "zulu", box: 2},
		{verb: connect, network: defaultBridge, box: 1, by: "id"},
		{verb: disconnect, network: "kilo"},
		{verb: disconnect, network: "alpha", box: 1},
		{verb: stop},
		{verb: start, box: 2},
		{verb: rename, box: 2},
	} {
		assert.Assert(t, !m.can(c), c.text(m.name(c)))
	}
}

func TestCommandsAreAsTyped(t *testing.T) {
	assert.DeepEqual(t, texts([]command{
		{verb: networkCreate, network: "zulu"},
		{verb: create, network: "zulu", box: 1},
		{verb: rename, box: 1},
		{verb: daemonKill},
		{verb: disconnect, network: "zulu", box: 1},
		{verb: connect, network: "zulu", box: 1, by: "short id"},
		{verb: rename, box: 1},
		{verb: remove, box: 1},
	}), []string{
		"docker network create zulu",
		"docker create --name two --network zulu idle",
		"docker rename two due",
		"kill -9 dockerd",
		"docker network disconnect zulu due",
		"docker network connect $(docker network inspect --format {{.Id}} zulu | cut -c 1-12) due",
		"docker rename due two",
		"docker rm --force two",
	})
}

// What is drawn can be done, is the same for the same seed, and has every kind of
// command in it.
func TestPlan(t *testing.T) {
	long := plan(7, 1000)
	assert.Equal(t, len(long), 1000)
	assert.DeepEqual(t, texts(long), texts(plan(7, 1000)))
	assert.Assert(t, !slices.Equal(long, plan(8, 1000)))
	for v, chances := range often {
		n := 0
		for _, c := range long {
			if c.verb == v {
				n++
			}
		}
		assert.Assert(t, n >= 5, "%s has %d chances of 100, and came %d times in 1000", v, chances, n)
	}
}

// In whatever state commands leave the model, numbers rise, and a container that has
// just been started has its interfaces in their order.
func TestModelKeepsItsWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(rapid.Bool().Draw(t, "fillsGaps"))
		for _, c := range plans(100).Draw(t, "commands") {
			assert.Assert(t, m.can(c))
			m.do(c)
			for _, b := range m.boxes {
				if b == nil {
					continue
				}
				var attached, live []string
				last := uint64(0)
				for _, a := range b.attached {
					assert.Assert(t, a.number > last)
					last = a.number
					attached = append(attached, a.network)
				}
				for _, n := range b.live {
					if n != "-" {
						live = append(live, n)
					}
				}
				if b.began {
					assert.DeepEqual(t, b.interfaces(), attached)
				}
				if b.running {
					slices.Sort(attached)
					slices.Sort(live)
					assert.DeepEqual(t, live, attached)
				}
			}
		}
	})
}

// Two models that differ only in where a network goes that is connected while the
// container runs. It takes a gap to see it, in a container that has two networks or more.
func TestShortest(t *testing.T) {
	differ := func(commands []command) int {
		a, b := newModel(true), newModel(false)
		for i, c := range commands {
			a.do(c)
			b.do(c)
			for j := range a.boxes {
				if a.boxes[j] != nil && !slices.Equal(a.boxes[j].interfaces(), b.boxes[j].interfaces()) {
					return i + 1
				}
			}
		}
		return 0
	}
	for seed := range uint64(50) {
		commands := plan(seed, 200)
		n := differ(commands)
		assert.Assert(t, n > 0)
		short := shortest(commands[:n], differ)
		assert.Equal(t, differ(short), len(short))
		assert.Assert(t, len(short) <= 8, strings.Join(texts(short), "\n"))
		assert.DeepEqual(t, texts(executable(short)), texts(short))
		for i := range short {
			assert.Equal(t, differ(executable(slices.Delete(slices.Clone(short), i, i+1))), 0, "the command %d of %q is not needed", i, texts(short))
		}
	}
}
