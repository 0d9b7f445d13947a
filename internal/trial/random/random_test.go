package random

import (
	"context"
	"errors"
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
	m := newModel(28)
	play(t, m, three...)
	assert.DeepEqual(t, m.containers[0].interfaces(), []string{"zulu", "bridge", "alpha"})
	assert.DeepEqual(t, m.containers[0].numbers(), map[string]uint64{"zulu": 1, "bridge": 2, "alpha": 3})
}

func TestReconnectedNetworkIsTheLast(t *testing.T) {
	for major, hot := range map[int]string{28: "zulu bridge alpha", 27: "- - alpha zulu bridge"} {
		m := newModel(major)
		play(t, m, three...)
		play(t, m,
			command{verb: disconnect, network: "zulu"},
			command{verb: disconnect, network: "bridge"},
			command{verb: connect, network: "zulu"},
			command{verb: connect, network: "bridge"},
		)
		assert.Equal(t, strings.Join(m.containers[0].interfaces(), " "), hot)
		assert.DeepEqual(t, m.containers[0].numbers(), map[string]uint64{"alpha": 3, "zulu": 4, "bridge": 5})
		play(t, m, command{verb: daemonKill}, command{verb: start})
		assert.Equal(t, strings.Join(m.containers[0].interfaces(), " "), "alpha zulu bridge")
	}
}

func TestInterfacesEndWithTheLastThatThereIs(t *testing.T) {
	m := newModel(27)
	play(t, m, three...)
	play(t, m, command{verb: disconnect, network: "bridge"})
	play(t, m, command{verb: rename}, command{verb: restart}, command{verb: disconnect, network: "alpha"})
	assert.DeepEqual(t, m.containers[0].interfaces(), []string{"zulu"})
	play(t, m, command{verb: connect, network: "alpha"})
	assert.DeepEqual(t, m.containers[0].interfaces(), []string{"zulu", "-", "alpha"})
	assert.DeepEqual(t, m.containers[0].numbers(), map[string]uint64{"zulu": 1, "alpha": 2})
}

func TestExplicitNumberIsThePlace(t *testing.T) {
	m := newModel(27)
	play(t, m, three...)
	for _, name := range []string{"mike", "kilo", "lima", "echo"} {
		play(t, m, command{verb: networkCreate, network: name})
	}
	play(t, m,
		command{verb: connect, network: "mike", number: 2},
		command{verb: connect, network: "kilo", number: 2},
		command{verb: connect, network: "lima", number: 6},
		command{verb: connect, network: "echo"},
	)
	assert.Equal(t, strings.Join(m.containers[0].interfaces(), " "), "zulu bridge alpha mike kilo lima echo")
	assert.DeepEqual(t, m.containers[0].numbers(), map[string]uint64{
		"zulu": 1, "bridge": 2, "alpha": 3, "mike": 2, "kilo": 2, "lima": 6, "echo": 7,
	})
	play(t, m, command{verb: restart})
	assert.Equal(t, strings.Join(m.containers[0].interfaces(), " "), "zulu kilo mike bridge alpha lima echo")

	// Attached again, a network has lost its number, and what remains decides the next.
	play(t, m,
		command{verb: disconnect, network: "echo"},
		command{verb: disconnect, network: "lima"},
		command{verb: disconnect, network: "mike"},
		command{verb: connect, network: "mike"},
		command{verb: connect, network: "echo", number: 1},
		command{verb: daemonRestart}, command{verb: start},
	)
	assert.Equal(t, strings.Join(m.containers[0].interfaces(), " "), "echo zulu kilo bridge alpha mike")
	assert.Equal(t, m.containers[0].numbers()["mike"], uint64(4))
}

func TestNetworksOfOneRequest(t *testing.T) {
	for _, tc := range []struct {
		first given
		more  []given
		want  string
		last  uint64 // the number of the last one
	}{
		{given{network: "zulu"}, []given{{network: "mike"}, {network: "alpha", by: "id"}}, "zulu alpha mike", 3},
		{given{network: "zulu", number: 6}, []given{{network: "mike"}, {network: "alpha"}}, "alpha mike zulu", 6},
		{given{network: "zulu"}, []given{{network: "mike", number: 2}, {network: "alpha"}}, "zulu mike alpha", 3},
		{given{network: "zulu", number: 1}, []given{{network: "mike", number: 1}, {network: "alpha", number: 2}, {network: "bridge"}}, "mike zulu alpha bridge", 3},
	} {
		m := newModel(25)
		for _, name := range []string{"zulu", "mike", "alpha", "kilo"} {
			play(t, m, command{verb: networkCreate, network: name})
		}
		play(t, m, command{verb: create, network: tc.first.network, by: tc.first.by, number: tc.first.number, more: tc.more}, command{verb: start})
		got := m.containers[0].interfaces()
		assert.Equal(t, strings.Join(got, " "), tc.want)
		assert.Equal(t, m.containers[0].numbers()[got[len(got)-1]], tc.last)
		play(t, m, command{verb: connect, network: "kilo"})
		assert.Equal(t, m.containers[0].numbers()["kilo"], tc.last+1)
	}
}

func TestModelRefuses(t *testing.T) {
	m := newModel(28)
	play(t, m, command{verb: networkCreate, network: "mike"}, command{verb: create, network: "mike", container: 2})
	play(t, m, command{verb: disconnect, network: "mike", container: 2})
	assert.Assert(t, !m.can(command{verb: networkRemove, network: "mike"}))
	play(t, m, command{verb: remove, container: 2}, command{verb: networkRemove, network: "mike"})
	play(t, m, three...)
	play(t, m, command{verb: stop}, command{verb: create, network: "alpha", container: 1, by: "short id"})
	for _, c := range []command{
		{verb: networkCreate, network: "zulu"},
		{verb: networkCreate, network: defaultBridge},
		{verb: networkRemove, network: "zulu"},
		{verb: networkRemove, network: defaultBridge},
		{verb: create, network: "zulu"},
		{verb: create, network: "kilo", container: 2},
		{verb: connect, network: "zulu"},
		{verb: connect, network: "zulu", container: 2},
		{verb: connect, network: defaultBridge, container: 1, by: "id"},
		{verb: disconnect, network: "kilo"},
		{verb: disconnect, network: "alpha", container: 1},
		{verb: stop},
		{verb: start, container: 2},
		{verb: rename, container: 2},
		{verb: create, network: "alpha", by: "short id", number: 1, container: 2},
		{verb: create, network: "alpha", more: []given{{network: "alpha"}}, container: 2},
		{verb: create, network: "alpha", more: []given{{network: "kilo"}}, container: 2},
		{verb: create, network: "alpha", more: []given{{network: "zulu", by: "short id"}}, container: 2},
		{verb: create, network: "alpha", more: []given{{network: defaultBridge, by: "id"}}, container: 2},
	} {
		assert.Assert(t, !m.can(c), c.text(m.name(c)))
	}
	several := command{verb: create, network: "alpha", by: "id", more: []given{{network: "zulu"}}, container: 2}
	assert.Assert(t, m.can(several))
	m.several = false
	assert.Assert(t, !m.can(several))
}

func TestCommandsAreAsTyped(t *testing.T) {
	assert.DeepEqual(t, texts([]command{
		{verb: networkCreate, network: "zulu"},
		{verb: create, network: "zulu", container: 1},
		{verb: rename, container: 1},
		{verb: daemonKill},
		{verb: disconnect, network: "zulu", container: 1},
		{verb: connect, network: "zulu", container: 1, by: "short id"},
		{verb: rename, container: 1},
		{verb: remove, container: 1},
		{verb: create, network: "zulu", container: 1, by: "id", number: 3},
		{verb: networkCreate, network: "mike"},
		{verb: connect, network: "mike", container: 1, number: 2},
		{verb: create, network: "zulu", more: []given{{network: "mike", number: 2}}},
	}), []string{
		"docker network create zulu",
		"docker create --name two --network zulu probe",
		"docker rename two due",
		"kill -9 dockerd",
		"docker network disconnect zulu due",
		"docker network connect $(docker network inspect --format {{.Id}} zulu | cut -c 1-12) due",
		"docker rename due two",
		"docker rm --force two",
		"docker create --name two --network name=$(docker network inspect --format {{.Id}} zulu),driver-opt=com.docker.network.endpoint.attachsequence=3 probe",
		"docker network create mike",
		"docker network connect --driver-opt com.docker.network.endpoint.attachsequence=2 mike two",
		`POST /v1.44/containers/create?name=one {"HostConfig":{"NetworkMode":"zulu"},"Image":"probe","NetworkingConfig":{"EndpointsConfig":{"mike":{"DriverOpts":{"com.docker.network.endpoint.attachsequence":"2"}},"zulu":{}}}}`,
	})
}

// What is drawn can be done, is the same for the same seed, and has every kind of
// command in it.
func TestPlan(t *testing.T) {
	long := plan(7, 1000, 28)
	assert.Equal(t, len(long), 1000)
	assert.DeepEqual(t, texts(long), texts(plan(7, 1000, 28)))
	assert.Assert(t, !slices.Equal(texts(long), texts(plan(8, 1000, 28))))
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

// About a third of the networks have an explicit number, which is often that of
// another one, or below it. Containers are created with several networks where that can be.
func TestPlanHasExplicitNumbers(t *testing.T) {
	for major, several := range map[int]bool{28: true, 25: true, 24: false} {
		m := newModel(major)
		var attached, explicit, equal, overtaken, more int
		for _, c := range plan(7, 1000, major) {
			m.do(c)
			if c.verb != create && c.verb != connect {
				continue
			}
			if len(c.more) > 0 {
				more++
			}
			for _, g := range c.given() {
				attached++
				if g.number > 0 {
					explicit++
				}
			}
			if all := m.containers[c.container].attached; c.number > 0 {
				if slices.ContainsFunc(all, func(a attachment) bool { return a.number == c.number && a.network != c.network }) {
					equal++
				}
				if all[len(all)-1].network != c.network {
					overtaken++
				}
			}
		}
		assert.Assert(t, explicit*2 > attached/2 && explicit*2 < attached, "%d of %d", explicit, attached)
		assert.Assert(t, equal > 10 && overtaken > 10, "%d equal, %d overtaken", equal, overtaken)
		assert.Assert(t, more > 5 == several, "%d creates with several networks", more)
	}
}

// In whatever state commands leave the model, numbers do not fall, those that are not
// explicit rise, and a container that has just been started has its interfaces in their
// order.
func TestModelKeepsItsWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		major := rapid.IntRange(24, 28).Draw(t, "major")
		m := newModel(major)
		for _, c := range plan(rapid.Uint64().Draw(t, "seed"), 100, major) {
			assert.Assert(t, m.can(c))
			m.do(c)
			for _, b := range m.containers {
				if b == nil {
					continue
				}
				var attached, live []string
				var last, lastOwn uint64
				for _, a := range b.attached {
					assert.Assert(t, a.number >= max(last, 1))
					assert.Assert(t, a.explicit || a.number > lastOwn)
					last = a.number
					if !a.explicit {
						lastOwn = a.number
					}
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
		a, b := newModel(28), newModel(27)
		for i, c := range commands {
			a.do(c)
			b.do(c)
			for j := range a.containers {
				if a.containers[j] != nil && !slices.Equal(a.containers[j].interfaces(), b.containers[j].interfaces()) {
					return i + 1
				}
			}
		}
		return 0
	}
	for seed := range uint64(50) {
		commands := plan(seed, 200, 28)
		n := differ(commands)
		assert.Assert(t, n > 0)
		short := shortest(commands[:n], differ)
		assert.Equal(t, differ(short), len(short))
		assert.Assert(t, len(short) <= 8, strings.Join(texts(short), "\n"))
		assert.DeepEqual(t, texts(executable(short)), texts(short))
		for i := range short {
			assert.Equal(t, differ(executable(slices.Delete(slices.Clone(short), i, i+1))), 0, "the command %d of %q is not needed", i, texts(short))
			assert.Assert(t, len(short[i].more) < 2 && short[i].number == 0, "the command %d of %q could be simpler", i, texts(short))
		}
	}
}

// Stock may count endpoints wrong, and nothing else that an engine refuses is excused.
func TestMiscounts(t *testing.T) {
	active := errors.New("Error response from daemon: error while removing network: network zulu id 6a1 has active endpoints")
	for _, tc := range []struct {
		name       string
		command    command
		failed     error
		containers string
		err        error // of the question how many containers there are
		want       bool
	}{
		{"a network without containers", command{verb: networkRemove, network: "zulu"}, active, "0", nil, true},
		{"a network with a container", command{verb: networkRemove, network: "zulu"}, active, "1", nil, false},
		{"a network that is gone", command{verb: networkRemove, network: "zulu"}, active, "", errors.New("not found"), false},
		{"another reason", command{verb: networkRemove, network: "zulu"}, errors.New("network zulu not found"), "0", nil, false},
		{"another command", command{verb: disconnect, network: "zulu"}, active, "0", nil, false},
	} {
		s := &session{docker: func(_ context.Context, args ...string) (string, error) {
			assert.DeepEqual(t, args, []string{"network", "inspect", "--format", "{{len .Containers}}", "zulu"})
			return tc.containers, tc.err
		}}
		assert.Equal(t, s.miscounts(t.Context(), tc.command, tc.failed), tc.want, tc.name)
	}
}
