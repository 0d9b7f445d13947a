// Package scenario holds what a user does to a container's networks, and the
// order in which the container's interfaces must then come up.
package trial

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"ethorder/internal/engine"
	"ethorder/internal/observe"
)

// Scenario is a list of docker commands and the order that follows from them.
type Scenario struct {
	// Name is a sentence.
	Name string
	// Since is the first engine that can do it, by the first number of its release, and
	// Until the last; 0 is none.
	Since, Until int
	// Swarm says that the engine must be a swarm of its own.
	Swarm bool
	// Parent says that the lab must have an interface called parent, of which
	// networks can be made.
	Parent bool
	// Networks are the networks to make first, a line each, with the options that
	// docker network create takes, if any.
	Networks string
	// Script has a docker command a line, without "docker". Its container is called
	// box, and is stopped at the end. "id:NAME" in it stands for the id of a network,
	// and "shortid:NAME" for the first 12 digits of it. "{seq}" is the driver option that
	// gives an explicit number, and "{id:NAME}" an id in a request. "daemon restart" restarts the
	// engine's daemon, and "daemon kill" does so without giving it time to end. A
	// command behind "!" must fail. "POST" is a request to the engine's API, for what the
	// docker command of the lab is too old for.
	Script string
	// Again are the commands after which box has started once more, in the place of
	// "stop box" and "start box". "crash" ends the container's first process, and
	// "await" waits for a state of health.
	Again string
	// Same are commands that both engines must answer alike while box runs for the
	// last time. "lab" is in the place of "exec box /idle" what is run beside the
	// container.
	Same string
	// Want is the network of eth0, of eth1, and so on, after each start.
	Want string
}

// Result is how a scenario went on an engine.
type Result struct {
	Want   []string
	Starts []observe.Start
	Took   time.Duration // of the starts, with their stops
	// Refused counts the starts that failed as the engine had lost an overlay, and that
	// were made again.
	Refused int
	Same    []string // the answers to the commands of Scenario.Same
}

// Tally counts the starts that were right.
func (r Result) Tally() observe.Tally {
	var t observe.Tally
	for _, s := range r.Starts {
		t.Add(s.Follows(r.Want))
	}
	return t
}

// Gateways returns the networks of the default gateways that were seen, each once, in
// starts with all the networks: a stock engine may lose one in a start that fails.
func (r Result) Gateways() []string {
	var seen []string
	for _, s := range r.Starts {
		networks := slices.DeleteFunc(s.Networks(), func(n string) bool { return n == "-" })
		if len(networks) == len(r.Want) && !slices.Contains(seen, s.Gateway) {
			seen = append(seen, s.Gateway)
		}
	}
	slices.Sort(seen)
	return seen
}

// PerStart is the time that a start and the stop after it took.
func (r Result) PerStart() time.Duration {
	return (r.Took / time.Duration(max(len(r.Starts), 1))).Round(10 * time.Millisecond)
}

// Wrong returns the first start that was not right.
func (r Result) Wrong() string {
	for i, s := range r.Starts {
		if !s.Follows(r.Want) {
			if s.Failed != "" {
				return fmt.Sprintf("start %d: %s", i+1, s.Failed)
			}
			return fmt.Sprintf("start %d: got %s, wanted %s", i+1, strings.Join(s.Networks(), " "), strings.Join(r.Want, " "))
		}
	}
	return ""
}

// Run plays s on an engine and starts the container as often as given. Check, if
// not nil, is called while the container runs for the last time. The engine is
// left as it was.
func (s Scenario) Run(ctx context.Context, e *engine.Engine, starts int, check func() error) (_ Result, err error) {
	defer func() {
		err = errors.Join(err, s.clean(e))
	}()
	if s.Swarm {
		if _, err := e.Docker(ctx, "swarm", "init", "--advertise-addr", "127.0.0.1"); err != nil {
			return Result{}, err
		}
	}
	if s.Parent {
		if err := e.AddParent(); err != nil {
			return Result{}, err
		}
	}
	for _, network := range lines(s.Networks) {
		if _, err := e.Docker(ctx, append([]string{"network", "create"}, network...)...); err != nil {
			return Result{}, err
		}
	}
	for _, command := range lines(s.Script) {
		if _, err := runCommand(ctx, e, command); err != nil {
			return Result{}, err
		}
	}
	result := Result{Want: strings.Fields(s.Want)}
	begin := time.Now()
	for i := range starts {
		start, err := s.start(ctx, e, i == 0)
		for tries := 1; err == nil && s.Swarm && overlayLost.MatchString(start.Failed) && tries < 10; tries++ {
			result.Refused++
			start, err = Start(ctx, e, "box")
		}
		if err != nil {
			return result, fmt.Errorf("start %d: %w", i+1, err)
		}
		result.Starts = append(result.Starts, start)
		if i < starts-1 {
			continue
		}
		if check != nil {
			if err := check(); err != nil {
				return result, err
			}
		}
		for _, command := range lines(s.Same) {
			answer, err := runCommand(ctx, e, command)
			if err != nil {
				return result, err
			}
			result.Same = append(result.Same, fmt.Sprintf("%s: %s", strings.Join(command, " "), answer))
		}
	}
	result.Took = time.Since(begin)
	return result, nil
}

// overlayLost is what the stock engines 18.06.3, 18.09.9 and 19.03.15 say at every
// second or third start after a stop: they still remove the overlay because of the stop
// while they start the container (mended in 20.10 by moby's commit 5363fed8).
var overlayLost = regexp.MustCompile(`network [0-9a-z]{25} not found`)

// start starts box for the first time, or again, and reads its interfaces.
func (s Scenario) start(ctx context.Context, e *engine.Engine, first bool) (observe.Start, error) {
	if first {
		return Start(ctx, e, "box")
	}
	if s.Again == "" {
		if _, err := e.Docker(ctx, "stop", "box"); err != nil {
			return observe.Start{}, err
		}
		return Start(ctx, e, "box")
	}
	for _, command := range lines(s.Again) {
		if _, err := runCommand(ctx, e, command); err != nil {
			return observe.Start{}, err
		}
	}
	return observe.Read(ctx, e, "box")
}

// All returns the scenarios that an engine can do, by the first number of its
// release: Main first.
func All(major int) []Scenario {
	return since(append([]Scenario{Main}, Side...), major)
}

// since returns those of the scenarios that an engine can do.
func since(all []Scenario, major int) []Scenario {
	return slices.DeleteFunc(slices.Clone(all), func(s Scenario) bool { return major < s.Since || s.Until != 0 && major > s.Until })
}

// Both plays s on a stock and on a patched engine at the same time. Check is as in
// Run, for the patched one.
func (s Scenario) Both(ctx context.Context, stock, patched *engine.Engine, stockStarts, patchedStarts int, check func() error) (before, after Result, err error) {
	return OnBoth(stock, patched, func(e *engine.Engine) (Result, error) {
		if e == stock {
			return s.Run(ctx, e, stockStarts, nil)
		}
		return s.Run(ctx, e, patchedStarts, check)
	})
}

// OnBoth calls play for a stock and for a patched engine at the same time, and returns
// what it found on either.
func OnBoth[R any](stock, patched *engine.Engine, play func(*engine.Engine) (R, error)) (before, after R, err error) {
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

// Compare says how a scenario went on a stock and on a patched engine.
func Compare(stock, patched Result) string {
	s := fmt.Sprintf("patched %v, stock %v, gateway %s, %v a start", patched.Tally(), stock.Tally(),
		strings.Join(patched.Gateways(), " or "), patched.PerStart())
	if stock.Refused+patched.Refused > 0 {
		s += fmt.Sprintf(", starts without an overlay made again: patched %d, stock %d", patched.Refused, stock.Refused)
	}
	return s
}

// SameGateway returns an error unless the patched engine chose the default gateway
// that the stock engine chose. Where stock's own choice varies, the patched engine
// may make any of its choices; where stock never started, or never with all the
// networks, it has made none.
func SameGateway(stock, patched Result) error {
	may, got := stock.Gateways(), patched.Gateways()
	if len(may) == 0 && len(got) > 0 {
		return nil
	}
	wrong := func(g string) bool { return !slices.Contains(may, g) }
	if len(may) == 1 && !slices.Equal(got, may) || slices.ContainsFunc(got, wrong) {
		return fmt.Errorf("default gateway: got %q, wanted stock's %q", got, may)
	}
	return nil
}

// SameAnswers returns an error unless both engines answered alike.
func SameAnswers(stock, patched Result) error {
	if slices.Equal(stock.Same, patched.Same) {
		return nil
	}
	return fmt.Errorf("got the answers %q, wanted stock's %q", patched.Same, stock.Same)
}

// Broken returns what of the patched engine's result is not as promised, nil if all of
// it is.
func Broken(stock, patched Result) error {
	err := errors.Join(SameGateway(stock, patched), SameAnswers(stock, patched))
	if stock.Refused == 0 && patched.Refused > 0 {
		err = errors.Join(err, fmt.Errorf("lost an overlay in %d starts, which stock did not", patched.Refused))
	}
	if wrong := patched.Wrong(); wrong != "" {
		err = errors.Join(err, errors.New(wrong))
	}
	return err
}

// Start starts a container and reads its interfaces. A container that does not
// start, or does not run afterwards, is no error, but a Start that says so, as long as
// its engine answers.
func Start(ctx context.Context, e *engine.Engine, container string) (observe.Start, error) {
	if _, err := e.Docker(ctx, "start", container); err != nil {
		if _, dead := e.Docker(ctx, "version"); dead != nil {
			return observe.Start{}, errors.Join(err, dead)
		}
		return observe.Start{Failed: strings.ReplaceAll(err.Error(), "\n", "; ")}, nil
	}
	start, err := observe.Read(ctx, e, container)
	if errors.Is(err, observe.ErrNotRunning) {
		return observe.Start{Failed: err.Error()}, nil
	}
	return start, err
}

// idInRequest is where the id of a network is wanted in a request.
var idInRequest = regexp.MustCompile(`\{id:(\w+)\}`)

// runCommand runs a command of a script, and returns what it printed.
func runCommand(ctx context.Context, e *engine.Engine, command []string) (string, error) {
	command = slices.Clone(command)
	for i, word := range command {
		word = strings.ReplaceAll(word, "{seq}", engine.AttachSequenceOption)
		for _, m := range idInRequest.FindAllStringSubmatch(word, -1) {
			id, err := e.Docker(ctx, "network", "inspect", "--format", "{{.Id}}", m[1])
			if err != nil {
				return "", err
			}
			word = strings.ReplaceAll(word, m[0], id)
		}
		command[i] = word
	}
	switch command[0] {
	case "daemon":
		if command[1] == "restart" {
			return "", e.Restart(ctx)
		}
		if err := e.Signal(syscall.SIGKILL); err != nil {
			return "", err
		}
		return "", e.StartDockerd(ctx)
	case "crash":
		return "", crash(ctx, e)
	case "await":
		return "", Await(ctx, e, "{{.State.Health.Status}}", func(now string) bool { return now == command[1] })
	case "POST":
		return "", e.Post(ctx, command[1], strings.Join(command[2:], " "))
	case "lab":
		return e.RunIdle(ctx, command[1:]...)
	case "!":
		out, err := runCommand(ctx, e, command[1:])
		if err == nil {
			return "", fmt.Errorf("docker %s succeeded with %q, want an error", strings.Join(command[1:], " "), out)
		}
		return err.Error(), ctx.Err()
	}
	for i, word := range command {
		kind, name, _ := strings.Cut(word, ":")
		if kind != "id" && kind != "shortid" {
			continue
		}
		id, err := e.Docker(ctx, "network", "inspect", "--format", "{{.Id}}", name)
		if err != nil {
			return "", err
		}
		if kind == "shortid" {
			id = id[:12]
		}
		command[i] = id
	}
	return e.Docker(ctx, command...)
}

// crash ends box's first process, and waits until its engine has started it again.
func crash(ctx context.Context, e *engine.Engine) error {
	const state = "{{.State.Running}} {{.State.Restarting}} {{.State.StartedAt}}"
	before, err := e.Docker(ctx, "inspect", "--format", state, "box")
	if err != nil {
		return err
	}
	// The exec ends with the process, and may say that it failed.
	_, _ = e.Docker(ctx, "exec", "box", "/idle", "end")
	return Await(ctx, e, state, func(now string) bool {
		return now != before && strings.HasPrefix(now, "true false ")
	})
}

// Await waits until what docker inspect says of box is as wanted.
func Await(ctx context.Context, e *engine.Engine, format string, wanted func(string) bool) error {
	var now string
	for begin := time.Now(); time.Since(begin) < 2*time.Minute; time.Sleep(100 * time.Millisecond) {
		var err error
		if now, err = e.Docker(ctx, "inspect", "--format", format, "box"); err != nil || wanted(now) {
			return err
		}
	}
	return fmt.Errorf("after two minutes %s of box is %q", format, now)
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

// lines returns the words of each line of text that has any.
func lines(text string) [][]string {
	var found [][]string
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 0 {
			found = append(found, words)
		}
	}
	return found
}
