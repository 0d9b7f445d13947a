package trial

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"ethorder"

	"go.yaml.in/yaml/v3"

	"ethorder/internal/engine"
	"ethorder/internal/observe"
	"ethorder/internal/tool"
)

// Scenario is what a user does to the networks of a container, and the order in which the
// container's interfaces must then come up. The container is called router.
type Scenario struct {
	// Name is a sentence.
	Name string
	// Since is the first engine that can do it, by the first number of its release, and
	// Until the last; 0 is none.
	Since, Until int
	// Swarm says that the engine must be a swarm of its own.
	Swarm bool
	// Parent says that the sandbox must have an interface called parent, of which
	// networks can be made.
	Parent bool
	// Networks are made first: what docker network create is given, a network an item.
	Networks []string
	// Script has the commands that lead to a stopped container.
	Script []string
	// Again are the commands after which the container has started once more. Without any
	// they are "stop router" and "start router".
	Again []string
	// Same are commands that both engines must answer alike while the container runs for
	// the last time.
	Same []string
	// Want is the network of eth0, of eth1, and so on, after each start.
	Want []string
}

// A command of a scenario is a docker command without "docker". "id:NAME" stands for the id
// of a network, "shortid:NAME" for the first 12 digits of it, "{id:NAME}" for the id within
// a request, and "{seq}" for the driver option of an explicit number. These are no docker
// commands:
//
//	! COMMAND          a command that must fail
//	POST PATH BODY     a request to the engine's API
//	daemon restart     a restart of the daemon
//	daemon kill        a kill -9 of the daemon, and a new one
//	crash              the end of the container's first process, and its next start
//	await STATE        waits for the container's state of health
//	leave NETWORK      waits until the swarm has taken an overlay from the node
//	probe ARGUMENT...  the probe beside the container, not in it
var (
	//go:embed scenarios/core.yaml
	coreScenarios []byte
	//go:embed scenarios/extended.yaml
	extendedScenarios []byte

	core, extended = parseYAML[Scenario](coreScenarios), parseYAML[Scenario](extendedScenarios)
)

// parseYAML panics if the text is no list of items: it is embedded.
func parseYAML[Item any](text []byte) (all []Item) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&all); err != nil {
		panic(err)
	}
	return all
}

// possible reports whether an engine can do what there is since a first and until a last
// one, by the first numbers of their releases.
func possible(since, until, major int) bool { return major >= since && (until == 0 || major <= until) }

// Result is how a scenario went on an engine.
type Result struct {
	Want   []string
	Starts []observe.Snapshot
	// Refused counts the starts that failed as the engine had lost an overlay, and that
	// were made again.
	Refused int
	Same    []string // the answers to the commands of Scenario.Same
}

// Tally counts the starts that were right.
func (r Result) Tally() (t observe.Tally) {
	for _, s := range r.Starts {
		t.Add(s.Follows(r.Want))
	}
	return t
}

// gateways returns the networks of the default gateways that were seen, each once, in
// starts with all the networks: a stock engine may lose one in a start that fails.
func (r Result) gateways() (seen []string) {
	for _, s := range r.Starts {
		networks := slices.DeleteFunc(s.Networks(), func(n string) bool { return n == "-" })
		if len(networks) == len(r.Want) && !slices.Contains(seen, s.Gateway) {
			seen = append(seen, s.Gateway)
		}
	}
	slices.Sort(seen)
	return seen
}

// wrong returns the first start that was not right.
func (r Result) wrong() string {
	for i, s := range r.Starts {
		if problem := misplaced(s, r.Want); problem != "" {
			return fmt.Sprintf("start %d: %s", i+1, problem)
		}
	}
	return ""
}

// misplaced says how the interfaces of a start differ from those that are wanted, "" if
// they do not.
func misplaced(s observe.Snapshot, want []string) string {
	switch {
	case s.Failed != "":
		return s.Failed
	case s.Follows(want):
		return ""
	}
	return fmt.Sprintf("got %s, wanted %s", strings.Join(s.Networks(), " "), strings.Join(want, " "))
}

// play plays the scenario on an engine, and starts the container as often as given. Check,
// if not nil, is called while the container runs for the last time. The engine is left as
// it was.
func (s Scenario) play(ctx context.Context, e *engine.Engine, starts int, check func() error) (result Result, err error) {
	defer func() { err = errors.Join(err, s.clean(e)) }()
	result.Want = s.Want
	if s.Parent {
		if err := e.AddParent(); err != nil {
			return result, err
		}
	}
	var commands []string
	if s.Swarm {
		commands = append(commands, "swarm init --advertise-addr 127.0.0.1")
	}
	for _, network := range s.Networks {
		commands = append(commands, "network create "+network)
	}
	if _, err := runAll(ctx, e, append(commands, s.Script...)); err != nil {
		return result, err
	}
	for i := range starts {
		start, err := s.start(ctx, e, i == 0)
		for tries := 1; err == nil && s.Swarm && overlayLost.MatchString(start.Failed) && tries < 10; tries++ {
			result.Refused++
			start, err = startContainer(ctx, e, router)
		}
		if err != nil {
			return result, fmt.Errorf("start %d: %w", i+1, err)
		}
		result.Starts = append(result.Starts, start)
	}
	if check != nil {
		err = check()
	}
	if err == nil {
		result.Same, err = runAll(ctx, e, s.Same)
	}
	return result, err
}

// overlayLost is what the stock engines 18.06.3, 18.09.9 and 19.03.15 say at every
// second or third start after a stop: they still remove the overlay because of the stop
// while they start the container (mended in 20.10 by moby's commit 5363fed8).
var overlayLost = regexp.MustCompile(`network [0-9a-z]{25} not found`)

// start starts the container for the first time, or again, and reads its interfaces.
func (s Scenario) start(ctx context.Context, e *engine.Engine, first bool) (observe.Snapshot, error) {
	if !first && s.Again != nil {
		if _, err := runAll(ctx, e, s.Again); err != nil {
			return observe.Snapshot{}, err
		}
		return observe.Read(ctx, e, router)
	}
	if !first {
		if _, err := e.Docker(ctx, "stop", router); err != nil {
			return observe.Snapshot{}, err
		}
	}
	return startContainer(ctx, e, router)
}

// onBoth calls play for a stock and for a patched engine at the same time, and returns
// what it found on either.
func onBoth[R any](stock, patched *engine.Engine, play func(*engine.Engine) (R, error)) (before, after R, err error) {
	done := make(chan error)
	go func() {
		var err error
		before, err = play(stock)
		done <- err
	}()
	after, err = play(patched)
	if err != nil {
		err = fmt.Errorf("patched engine: %w", err)
	}
	if stockErr := <-done; stockErr != nil {
		err = errors.Join(fmt.Errorf("stock engine: %w", stockErr), err)
	}
	return before, after, err
}

// broken returns what of the patched engine's result breaks the guarantee, nil if nothing
// does. Where stock's choice of the default gateway varies, the patched engine may make any
// of its choices; where stock never started, or never with all the networks, it has made
// none.
func broken(stock, patched Result) error {
	var errs []error
	may, got := stock.gateways(), patched.gateways()
	if len(may) > 0 || len(got) == 0 {
		foreign := func(g string) bool { return !slices.Contains(may, g) }
		if len(may) == 1 && !slices.Equal(got, may) || slices.ContainsFunc(got, foreign) {
			errs = append(errs, fmt.Errorf("default gateway: got %q, wanted stock's %q", got, may))
		}
	}
	if !slices.Equal(stock.Same, patched.Same) {
		errs = append(errs, fmt.Errorf("got the answers %q, wanted stock's %q", patched.Same, stock.Same))
	}
	if stock.Refused == 0 && patched.Refused > 0 {
		errs = append(errs, fmt.Errorf("lost an overlay in %d starts, which stock did not", patched.Refused))
	}
	if wrong := patched.wrong(); wrong != "" {
		errs = append(errs, errors.New(wrong))
	}
	return errors.Join(errs...)
}

// startContainer starts a container and reads its interfaces. A container that does not
// start, or does not run afterwards, is no error as long as its engine answers: what is
// returned says so.
func startContainer(ctx context.Context, e *engine.Engine, name string) (observe.Snapshot, error) {
	if _, err := e.Docker(ctx, "start", name); err != nil {
		if _, dead := e.Docker(ctx, "version"); dead != nil {
			return observe.Snapshot{}, errors.Join(err, dead)
		}
		return observe.Snapshot{Failed: strings.ReplaceAll(err.Error(), "\n", "; ")}, nil
	}
	start, err := observe.Read(ctx, e, name)
	if errors.Is(err, observe.ErrNotRunning) {
		return observe.Snapshot{Failed: err.Error()}, nil
	}
	return start, err
}

// commandable is what the commands of a scenario need of an engine.
type commandable interface {
	Docker(ctx context.Context, args ...string) (string, error)
	Post(ctx context.Context, path, body string) error
	RunProbe(ctx context.Context, args ...string) (string, error)
	Restart(ctx context.Context) error
	Signal(signal syscall.Signal) error
	StartDockerd(ctx context.Context) error
}

// runAll runs commands of a scenario, and returns each with what it printed.
func runAll(ctx context.Context, e commandable, commands []string) (answers []string, err error) {
	for _, command := range commands {
		answer, err := runCommand(ctx, e, command)
		if err != nil {
			return nil, err
		}
		answers = append(answers, command+": "+answer)
	}
	return answers, nil
}

// networkID is where the id of a network is wanted.
var networkID = regexp.MustCompile(`\{id:(\w+)\}|\b(short)?id:(\w+)`)

// expand replaces what stands for something else in a command.
func expand(command string, id func(network string) (string, error)) (string, error) {
	var err error
	command = networkID.ReplaceAllStringFunc(command, func(found string) string {
		m := networkID.FindStringSubmatch(found)
		full, e := id(m[1] + m[3])
		if err = errors.Join(err, e); m[2] != "" {
			return full[:min(12, len(full))]
		}
		return full
	})
	return strings.ReplaceAll(command, "{seq}", ethorder.AttachSequenceOption), err
}

// runCommand runs a command of a scenario, and returns what it printed.
func runCommand(ctx context.Context, e commandable, command string) (string, error) {
	command, err := expand(command, func(network string) (string, error) {
		return e.Docker(ctx, "network", "inspect", "--format", "{{.Id}}", network)
	})
	if err != nil {
		return "", err
	}
	words := strings.Fields(command)
	switch verb, arguments := words[0], words[1:]; verb {
	case "daemon":
		if arguments[0] == "restart" {
			return "", e.Restart(ctx)
		}
		if err := e.Signal(syscall.SIGKILL); err != nil {
			return "", err
		}
		return "", e.StartDockerd(ctx)
	case "crash":
		return "", crash(ctx, e)
	case "await":
		return "", await(ctx, e, router, "{{.State.Health.Status}}", func(now string) bool { return now == arguments[0] })
	case "leave":
		return "", await(ctx, e, arguments[0], "{{len .Peers}}", func(peers string) bool { return peers == "0" })
	case "POST":
		return "", e.Post(ctx, arguments[0], strings.Join(arguments[1:], " "))
	case "probe":
		return e.RunProbe(ctx, arguments...)
	case "!":
		out, err := e.Docker(ctx, arguments...)
		if err == nil {
			return "", fmt.Errorf("docker %s succeeded with %q, want an error", strings.Join(arguments, " "), out)
		}
		return err.Error(), ctx.Err()
	}
	return e.Docker(ctx, words...)
}

// crash ends the container's first process, and waits until its engine has started it
// again.
func crash(ctx context.Context, e commandable) error {
	const state = "{{.State.Running}} {{.State.Restarting}} {{.State.StartedAt}}"
	before, err := e.Docker(ctx, "inspect", "--format", state, router)
	if err != nil {
		return err
	}
	// The exec ends with the process, and may say that it failed.
	_, _ = e.Docker(ctx, "exec", router, "/probe", "end")
	return await(ctx, e, router, state, func(now string) bool {
		return now != before && strings.HasPrefix(now, "true false ")
	})
}

// await waits until what docker inspect says of a container or network is as wanted.
func await(ctx context.Context, e commandable, name, format string, wanted func(string) bool) error {
	return tool.Wait(ctx, 2*time.Minute, 100*time.Millisecond, name, func(ctx context.Context) error {
		now, err := e.Docker(ctx, "inspect", "--format", format, name)
		if err == nil && !wanted(now) {
			return fmt.Errorf("%s is %q", format, now)
		}
		return tool.StopWaiting(err)
	})
}

// clean removes the containers and the networks, also if ctx has ended.
func (s Scenario) clean(e *engine.Engine) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := e.RemoveContainers(ctx)
	if s.Swarm {
		_, e2 := e.Docker(ctx, "swarm", "leave", "--force")
		err = errors.Join(err, e2)
	}
	err = errors.Join(err, e.RemoveNetworks(ctx))
	if s.Parent {
		err = errors.Join(err, e.RemoveParent())
	}
	return err
}
