package trial

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"ethorder/internal/observe"
	"ethorder/internal/report"
)

// Crash kills engines at random.
var Crash = Suite{
	Name:      "crash",
	Guarantee: "a kill -9 at any moment loses nothing that the client was told of, and keeps the order",
	Trials: []Trial{
		{Name: "kill -9 of dockerd, of containerd or of both at random moments of a connect, a start or a stop", Play: crashes},
	},
}

// kills is how many there are; Env.Scale multiplies it.
const kills = 20

// killer kills an engine's programs while the engine is at work.
type killer struct {
	*Container
	*rand.Rand
	numbered bool                     // whether the engine numbers attachments
	spare    []string                 // networks that the container does not have
	took     map[string]time.Duration // how long a kind of request takes if nothing is killed
}

// crashes kills dockerd, containerd or both at random moments of a connect, a start or a
// stop. What the client was told is then in the container's file, each network with a
// number of its own, and the next start is in order.
func crashes(c *Container) {
	c.Make("zulu mike", "kilo alpha bravo yankee")
	k := &killer{
		Container: c,
		numbered:  c.dockerd == c.env.Patched,
		Rand:      rand.New(rand.NewPCG(c.env.Seed, 0)),
		spare:     strings.Fields("kilo alpha bravo yankee"),
		took:      map[string]time.Duration{},
	}
	n := kills * c.env.Scale
	c.Figures[report.Kills] = n
	for _, figure := range []string{report.RequestsCut, report.StopsHung, report.ContainerdLost, report.TasksKept, report.LateExits} {
		c.Figures[figure] = 0
	}
	for i := 1; i <= n && c.Err == nil; i++ {
		if err := k.kill(i); err != nil {
			c.blame("%v", err)
			return
		}
		if i%20 == 0 {
			logrus.Infof("%s: %d of %d kills", filepath.Base(filepath.Dir(c.dockerd)), i, n)
		}
	}
}

// kill kills once. The container is stopped before and afterwards. An error is one of
// the engine, which does not come back.
func (k *killer) kill(i int) error {
	kind := []string{"connect", "hot connect", "start", "stop"}[k.IntN(4)]
	victims := []string{"dockerd", "containerd", "dockerd and containerd"}[k.IntN(3)]
	when := fmt.Sprintf("kill %d, of %s in a %s", i, victims, kind)
	path, body, network := "/containers/router/"+kind, "", ""
	switch {
	case kind == "stop":
		path += "?t=1" // seconds that it waits before it kills
	case strings.HasSuffix(kind, "connect"):
		network = k.free()
		path, body = "/networks/"+network+"/connect", connectBody("null")
	}
	if kind == "hot connect" || kind == "stop" {
		k.start("before " + when)
	}
	if k.Err != nil {
		return nil
	}

	answer := make(chan error, 1)
	begin := time.Now()
	go func() { answer <- post(k.ctx, k.Engine, path, body) }()
	moment := cmp.Or(k.took[kind], 300*time.Millisecond)
	time.Sleep(time.Duration(k.Float64() * 1.2 * float64(moment)))
	var answered error
	select {
	case answered = <-answer:
		k.took[kind] = time.Since(begin)
		answer <- answered
	default:
	}
	if err := k.killAndStart(victims); err != nil {
		return fmt.Errorf("%s: %w", when, err)
	}
	answered = <-answer
	k.countIf(report.RequestsCut, answered != nil)
	k.check(when, network, answered)
	return nil
}

// free returns a network that the container does not have.
func (k *killer) free() string {
	if len(k.spare) == 0 {
		network := k.Want[k.IntN(len(k.Want))]
		k.Disconnect(network)
		k.spare = append(k.spare, network)
	}
	return k.spare[k.IntN(len(k.spare))]
}

// killAndStart kills victims and starts them again.
func (k *killer) killAndStart(victims string) error {
	dockerd, containerd := strings.Contains(victims, "dockerd"), strings.Contains(victims, "containerd")
	if dockerd {
		if err := k.Engine.Signal(unix.SIGKILL); err != nil {
			return err
		}
	}
	if containerd {
		if err := k.Engine.SignalContainerd(unix.SIGKILL); err != nil {
			return err
		}
		if err := k.Engine.StartContainerd(k.ctx); err != nil {
			return err
		}
	}
	if dockerd {
		return k.Engine.StartDockerd(k.ctx)
	}
	return nil
}

// check compares the container with what the client was told, and starts it.
func (k *killer) check(when, network string, answered error) {
	if network != "" && (answered == nil || slices.Contains(k.Attached(), network)) {
		k.Want = append(k.Want, network)
		k.spare = slices.DeleteFunc(k.spare, func(name string) bool { return name == network })
	}
	k.attachments(when)
	k.stop()
	k.start("after " + when)
	k.stop()
}

// attachments checks that the networks are in the container's file, each with a number
// of its own, and that the engine knows them. Only the first problem of a trial is kept.
func (k *killer) attachments(when string) {
	attached, numbers := k.Attached(), k.Numbers()
	if k.Err != nil || k.Problem != "" {
		return
	}
	owner := map[uint64]string{}
	for _, name := range k.Want {
		number, saved := numbers[name]
		switch {
		case !saved || !slices.Contains(attached, name):
			k.blame("%s: %s is lost", when, name)
			return
		case k.numbered && owner[number] != "":
			k.blame("%s: %s has the number %d of %s", when, name, number, owner[number])
			return
		}
		owner[number] = name
	}
}

// What an engine says if it has not found the new containerd yet, or has started what does
// not run, and if containerd still has the container.
var (
	noContainerd = regexp.MustCompile(`connection error|connection closed|Unavailable|transport|` + observe.ErrNotRunning.Error())
	keptTask     = regexp.MustCompile(`: id already in use|AlreadyExists|task \w{64}: already exists|/\w{64}: file exists`)
)

// lateEnd is what an engine logs that hears of the end of a task while the next one runs.
// It takes the networks from the container, and what it hears then, that the next task has
// started, makes it show the container as running (handleContainerExit and ProcessEvent in
// daemon/monitor.go of 28.5).
const lateEnd = "task must be stopped before deletion"

// remedy is what a start calls for that says nothing about the order, because of a kill
// before it.
type remedy string

const (
	none     remedy = "" // the start counts
	wait     remedy = "wait until the engine finds the new containerd"
	restart  remedy = "restart dockerd, which does not find the new containerd"
	recreate remedy = "create the container again, as containerd keeps its task"
	repeat   remedy = "start the container again, as its last task ended late"
)

// remedyFor returns what a start calls for, given how many there have been, this one
// included, and what the engine has logged meanwhile. The 21st counts in any case.
func remedyFor(start observe.Snapshot, try int, log string) remedy {
	switch {
	case try > 20:
	case noContainerd.MatchString(start.Failed) && try == 4:
		return restart
	case noContainerd.MatchString(start.Failed):
		return wait
	case keptTask.MatchString(start.Failed):
		return recreate
	case start.Failed == "" && len(start.Interfaces) == 0 && strings.Contains(log, lateEnd):
		return repeat
	}
	return none
}

// start starts the container until a start counts. No remedy may cost the container a
// network.
func (k *killer) start(when string) {
	logged := len(k.log())
	for try := 1; ; try++ {
		tally, wrong := k.Tally, k.Wrong
		start := k.Start(when)
		log := k.log()
		if k.Err != nil {
			return
		}
		switch remedyFor(start, try, log[logged:]) {
		case none:
			return
		case wait:
			time.Sleep(time.Second)
		case restart:
			time.Sleep(time.Second)
			k.Figures[report.ContainerdLost]++
			k.Try(func() error { return k.killAndStart("dockerd") })
		case recreate:
			k.Figures[report.TasksKept]++
			k.attachments(when)
			k.Do("rm --force router")
			networks := k.Want
			k.Create(networks[0])
			for _, network := range networks[1:] {
				k.Connect(network)
			}
		case repeat:
			logged = len(log)
			k.Figures[report.LateExits]++
			k.attachments(when)
			k.stop()
		}
		k.Tally, k.Wrong = tally, wrong
	}
}

func (k *killer) log() string {
	return string(try(&k.client, func() ([]byte, error) { return os.ReadFile(k.Engine.Log()) }))
}

// stop stops the container. An engine whose containerd was killed may not notice that a
// container has ended, and wait for that without end, or say that it is stopped and go on
// showing it as running; then it is started again.
func (k *killer) stop() {
	k.Try(func() error {
		ctx, cancel := context.WithTimeout(k.ctx, 20*time.Second)
		defer cancel()
		running := "true"
		_, err := k.Engine.Docker(ctx, "stop", "--time", "1", router)
		if err == nil {
			running, _ = k.Engine.Docker(ctx, "inspect", "--format", "{{.State.Running}}", router)
		}
		if running == "false" || k.ctx.Err() != nil {
			return k.ctx.Err()
		}
		k.Figures[report.StopsHung]++
		return k.killAndStart("dockerd")
	})
}
