package trial

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/observe"
	"ethorder/internal/pins"
	"ethorder/internal/report"
)

// A scenario is data: it must say what it means.
func TestScenariosAreSound(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range slices.Concat(core, extended) {
		t.Run(s.Name, func(t *testing.T) {
			assert.Check(t, !seen[s.Name], "the name is used twice")
			seen[s.Name] = true

			want := s.Want
			assert.Check(t, !slices.IsSorted(want), "an engine that sorts by name would get it right")
			networks := []string{"bridge", "docker_gwbridge"}
			for _, network := range s.Networks {
				name := network[strings.LastIndex(network, " ")+1:]
				assert.Check(t, slices.ContainsFunc(want, func(w string) bool { return strings.HasSuffix("="+w, "="+name) }), "%s is never wanted", name)
				networks = append(networks, name)
			}
			for _, name := range want {
				name = name[strings.Index(name, "=")+1:] // behind an interface with a name of its own
				assert.Check(t, slices.Contains(networks, name) || strings.Contains(strings.Join(s.Script, "\n"), fmt.Sprintf(`{"Name":%q`, name)), "%s is never made", name)
			}
			assert.Check(t, !slices.Equal(networks[2:], want), "an engine that keeps the order of creation would get it right")
		})
	}
}

// The patched engine must choose the gateway that stock chooses, and must choose.
func TestBrokenByTheGateway(t *testing.T) {
	chose := func(gateways ...string) Result {
		r := Result{Want: []string{"a"}}
		for _, g := range gateways {
			r.Starts = append(r.Starts, came(g, "a"))
		}
		return r
	}
	assert.NilError(t, broken(chose("a", "a", "a"), chose("a", "a")))
	assert.NilError(t, broken(chose("a", "b"), chose("b")))
	assert.ErrorContains(t, broken(chose("a"), chose("b")), "default gateway")
	assert.ErrorContains(t, broken(chose("a", "b"), chose("a", "c")), "default gateway")
	assert.ErrorContains(t, broken(chose("a"), chose()), "default gateway")

	lost := chose("b")
	lost.Want = []string{"a", "b"}
	assert.NilError(t, broken(lost, chose("a")), "stock lost a network, so its choice is none")
}

// came is a start that came up with networks, the gateway in one of them.
func came(gateway string, networks ...string) observe.Snapshot {
	s := observe.Snapshot{Gateway: gateway}
	for i, n := range networks {
		s.Interfaces = append(s.Interfaces, observe.Interface{Name: fmt.Sprintf("eth%d", i), Network: n})
	}
	return s
}

// The patched engine must answer as stock does, and may lose overlays only where stock does
// so too.
func TestBrokenByAnswersAndRefusedStarts(t *testing.T) {
	good := Result{Want: []string{"a"}, Starts: []observe.Snapshot{came("", "a")}}
	refused, other := good, good
	refused.Refused, other.Same = 3, []string{"lookup: none"}
	assert.NilError(t, broken(good, good))
	assert.NilError(t, broken(refused, refused))
	assert.NilError(t, broken(refused, good))
	assert.ErrorContains(t, broken(good, refused), "lost an overlay in 3 starts")
	assert.ErrorContains(t, broken(good, other), "lookup: none")
	assert.DeepEqual(t, refused.outcome(nil).Figures, report.Figures{report.Starts: 1, report.InOrder: 1, "without an overlay": 3})
}

// It must not swallow other reasons for which a container does not start.
func TestOverlayLost(t *testing.T) {
	for said, lost := range map[string]bool{
		"failed to get network during CreateEndpoint: network tpi6rl2hb5tqlsl9v5rx5md8w not found; Error: failed": true,
		"Error response from daemon: network kd6cegy7lrxsgtfb0q0cy0ljq not found":                                 true,
		"Error response from daemon: network zulu not found":                                                      false,
		"network kd6cegy7lrxsgtfb0q0cy0ljq: file exists":                                                          false,
	} {
		assert.Check(t, overlayLost.MatchString(said) == lost, said)
	}
}

func TestNamesLeaveOutWhatAnEngineCannotDo(t *testing.T) {
	all := Core.Names(28)
	assert.Equal(t, all[0], core[0].Name)
	assert.Equal(t, len(all), len(core))
	assert.Equal(t, len(Core.Names(27)), len(all)-6, "no explicit names")
	for _, s := range []struct{ since, until, major int }{{0, 0, 17}, {28, 0, 28}, {0, 27, 27}, {25, 27, 26}} {
		assert.Check(t, possible(s.since, s.until, s.major), "%v", s)
	}
	for _, s := range []struct{ since, until, major int }{{28, 0, 27}, {0, 27, 28}, {25, 27, 24}} {
		assert.Check(t, !possible(s.since, s.until, s.major), "%v", s)
	}
}

// What is found in a scenario is reported as failed, unless the kernel cannot do it, or
// neither engine can and that is excused.
func TestJudge(t *testing.T) {
	want := []string{"zulu", "mike"}
	decides := Scenario{Name: core[0].Name, Want: want}
	other := Scenario{Name: "another", Want: want}
	result := func(starts ...observe.Snapshot) Result { return Result{Want: want, Starts: starts} }
	right, wrong := came("", "zulu", "mike"), came("", "mike", "zulu")
	unsupported, refused := observe.Snapshot{Failed: "operation not supported"}, observe.Snapshot{Failed: "no address"}
	figures := func(inOrder int) report.Figures { return report.Figures{report.Starts: 1, report.InOrder: inOrder} }
	for _, tc := range []struct {
		name           string
		scenario       Scenario
		stock, patched Result
		err            error
		excused        bool
		want           report.Trial
		inconclusive   bool
	}{
		{"in order", decides, result(wrong), result(right), nil, false,
			report.Trial{Passed: true, Stock: figures(0), Patched: figures(1)}, false},
		{"out of order", decides, result(wrong), result(wrong), nil, true,
			report.Trial{Problem: "start 1: got mike zulu, wanted zulu mike", Stock: figures(0), Patched: figures(0)}, false},
		{"both in order", decides, result(right), result(right), nil, false,
			report.Trial{Passed: true, Stock: figures(1), Patched: figures(1)}, true},
		{"both in order where nothing is decided", other, result(right), result(right), nil, false,
			report.Trial{Passed: true, Stock: figures(1), Patched: figures(1)}, false},
		{"an error at the end", decides, result(wrong), result(right), errors.New("not numbered"), true,
			report.Trial{Problem: "not numbered", Stock: figures(0), Patched: figures(1)}, false},
		{"the kernel cannot", decides, result(unsupported), result(unsupported), nil, false,
			report.Trial{Skipped: "no support in this kernel"}, false},
		{"the kernel lacks a driver", Scenario{Name: "ipvlan", Networks: []string{"mike", "--driver ipvlan zulu"}},
			result(unsupported), result(unsupported), nil, false, report.Trial{Skipped: "no ipvlan in this kernel"}, false},
		{"neither starts", other, result(refused), result(refused), errors.New("does not run"), false,
			report.Trial{Problem: "does not run start 1: no address", Stock: figures(0), Patched: figures(0)}, false},
		{"neither starts, which is excused", other, result(refused), result(refused), errors.New("does not run"), true,
			report.Trial{Passed: true, Stock: figures(0), Patched: figures(0)}, false},
		{"only stock starts", other, result(right), result(refused), nil, true,
			report.Trial{Problem: `default gateway: got [], wanted stock's [""] start 1: no address`, Stock: figures(1), Patched: figures(0)}, false},
	} {
		env := &Env{Release: pins.Release{Name: "28.5.2"}, filter: regexp.MustCompile(""), suite: Suite{Trials: []Trial{{Name: tc.scenario.Name}}}}
		env.judge(tc.scenario, tc.stock, tc.patched, tc.err, tc.excused)
		tc.want.Name = tc.scenario.Name
		assert.DeepEqual(t, env.found, []report.Trial{tc.want})
		assert.Equal(t, env.inconclusive != "", tc.inconclusive, tc.name)
	}
}

// A kernel that cannot do something is no fault of the engine, and anything else is.
func TestImpossible(t *testing.T) {
	failed := func(why ...string) (r Result) {
		for _, w := range why {
			r.Starts = append(r.Starts, observe.Snapshot{Failed: w})
		}
		return r
	}
	const no = "failed to create the ipvlan port: operation not supported"
	for _, tc := range []struct {
		name           string
		stock, patched Result
		err            error
		want           string
	}{
		{"neither makes the network", Result{}, Result{}, errors.New(no), no},
		{"neither starts", failed(no), failed(no), nil, no},
		{"later starts do without the network", failed(no, ""), failed(no, ""), nil, no},
		{"only the patched one fails", failed(""), failed(no), nil, ""},
		{"only stock fails", failed(no), failed(""), nil, ""},
		{"another error", Result{}, Result{}, errors.New("no such network"), ""},
		{"another failure", failed("file exists"), failed("file exists"), nil, ""},
		{"an error behind starts", failed(""), failed(""), errors.New(no), ""},
	} {
		assert.Equal(t, impossible(tc.stock, tc.patched, tc.err), tc.want, tc.name)
	}
	assert.Check(t, neverStarted(failed("x", "x"), failed("x")))
	assert.Check(t, !neverStarted(failed("x", ""), failed("x")))
	assert.Check(t, !neverStarted(Result{}, failed("x")), "nothing was tried")
}

func TestExpand(t *testing.T) {
	ids := map[string]string{"zulu": "0123456789abcdef", "mike": "fedcba9876543210"}
	id := func(network string) (string, error) {
		if ids[network] == "" {
			return "", errors.New("no network " + network)
		}
		return ids[network], nil
	}
	for command, want := range map[string]string{
		"network connect id:zulu router":                     "network connect 0123456789abcdef router",
		"create --network shortid:mike probe":                "create --network fedcba987654 probe",
		`POST /x {"{id:zulu}":{"DriverOpts":{"{seq}":"1"}}}`: `POST /x {"0123456789abcdef":{"DriverOpts":{"com.docker.network.endpoint.attachsequence":"1"}}}`,
		"create --ip6 fd00:91:3::9 --mac-address 02:42:0a":   "create --ip6 fd00:91:3::9 --mac-address 02:42:0a",
		"inspect --format {{.Id}} router":                    "inspect --format {{.Id}} router",
	} {
		got, err := expand(command, id)
		assert.NilError(t, err)
		assert.Equal(t, got, want)
	}
	_, err := expand("network connect id:kilo router", id)
	assert.ErrorContains(t, err, "no network kilo")
}

// fakeEngine notes what it is asked. To docker commands it gives its answers, one after the
// other; "!" is an error.
type fakeEngine struct {
	asked, answers []string
}

func (f *fakeEngine) ask(words ...string) (string, error) {
	f.asked = append(f.asked, strings.Join(words, " "))
	if len(f.answers) == 0 {
		return "", nil
	}
	answer := f.answers[0]
	f.answers = f.answers[1:]
	if answer == "!" {
		return "", errors.New("refused")
	}
	return answer, nil
}

func (f *fakeEngine) Docker(_ context.Context, args ...string) (string, error) {
	return f.ask(append([]string{"docker"}, args...)...)
}

func (f *fakeEngine) RunProbe(_ context.Context, args ...string) (string, error) {
	return f.ask(append([]string{"probe"}, args...)...)
}

func (f *fakeEngine) Post(_ context.Context, path, body string) error {
	_, err := f.ask("POST", path, body)
	return err
}

func (f *fakeEngine) Restart(context.Context) error {
	_, err := f.ask("restart")
	return err
}

func (f *fakeEngine) Signal(signal syscall.Signal) error {
	_, err := f.ask(signal.String())
	return err
}

func (f *fakeEngine) StartDockerd(context.Context) error {
	_, err := f.ask("start")
	return err
}

func TestRunCommand(t *testing.T) {
	const health, state = "docker inspect --format {{.State.Health.Status}} router",
		"docker inspect --format {{.State.Running}} {{.State.Restarting}} {{.State.StartedAt}} router"
	for _, tc := range []struct {
		command string
		answers []string
		asked   []string
		said    string
		err     string // "" for none
	}{
		{"network connect zulu router", []string{"done"}, []string{"docker network connect zulu router"}, "done", ""},
		{"network connect zulu router", []string{"!"}, []string{"docker network connect zulu router"}, "", "refused"},
		{"! network connect none router", []string{"!"}, []string{"docker network connect none router"}, "refused", ""},
		{"! network connect none router", []string{"done"}, []string{"docker network connect none router"}, "", `docker network connect none router succeeded with "done", want an error`},
		{"POST /x?name=y {\"{seq}\": \"1\"}", nil, []string{`POST /x?name=y {"com.docker.network.endpoint.attachsequence": "1"}`}, "", ""},
		{"POST /x {}", []string{"!"}, []string{"POST /x {}"}, "", "refused"},
		{"daemon restart", nil, []string{"restart"}, "", ""},
		{"daemon kill", nil, []string{"killed", "start"}, "", ""},
		{"daemon kill", []string{"!"}, []string{"killed"}, "", "refused"},
		{"probe get 172.17.0.1:8080", []string{"hello"}, []string{"probe get 172.17.0.1:8080"}, "hello", ""},
		{"await healthy", []string{"starting", "healthy"}, []string{health, health}, "", ""},
		{"await healthy", []string{"!"}, []string{health}, "", "refused"},
		{
			"crash", []string{"true false 1", "!", "true false 1", "false true 1", "true false 2"},
			[]string{state, "docker exec router /probe end", state, state, state}, "", "",
		},
		{"crash", []string{"!"}, []string{state}, "", "refused"},
		{
			"network connect shortid:zulu router", []string{"0123456789abcdef", "done"},
			[]string{"docker network inspect --format {{.Id}} zulu", "docker network connect 0123456789ab router"}, "done", "",
		},
		{"network connect id:zulu router", []string{"!"}, []string{"docker network inspect --format {{.Id}} zulu"}, "", "refused"},
	} {
		e := &fakeEngine{answers: tc.answers}
		said, err := runCommand(t.Context(), e, tc.command)
		if tc.err == "" {
			assert.NilError(t, err, tc.command)
		} else {
			assert.ErrorContains(t, err, tc.err, tc.command)
		}
		assert.Equal(t, said, tc.said, tc.command)
		assert.DeepEqual(t, e.asked, tc.asked)
	}
}

func TestRunAllEndsWithTheFirstError(t *testing.T) {
	e := &fakeEngine{answers: []string{"", "!"}}
	_, err := runAll(t.Context(), e, []string{"stop router", "start router", "rm router"})
	assert.ErrorContains(t, err, "refused")
	assert.DeepEqual(t, e.asked, []string{"docker stop router", "docker start router"})

	said, err := runAll(t.Context(), &fakeEngine{answers: []string{"one", "!"}}, []string{"port router", "! start router"})
	assert.NilError(t, err)
	assert.DeepEqual(t, said, []string{"port router: one", "! start router: refused"})
}
