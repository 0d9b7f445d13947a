package trial

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"ethorder"

	"github.com/sirupsen/logrus"

	"ethorder/internal/engine"
	"ethorder/internal/observe"
	"ethorder/internal/report"
	"ethorder/internal/tool"
)

// Swarm runs a swarm of three stock engines, and then one of three patched ones.
var Swarm = Suite{
	Name:      "swarm",
	Guarantee: "the tasks of a service have the documented order on each of three nodes, whatever happens to the nodes",
	Trials:    trialsOf(swarmSteps, func(s swarmStep) Trial { return Trial{Name: s.trial} }),
	Run:       runSwarm,
}

const (
	nodes       = 3 // the fewest managers of which one can be lost
	replicas    = 2 * nodes
	serviceName = "web"

	// gatewayNetwork is the network that libnetwork gives a task on top of its own, as
	// overlays lead to other tasks only. The container is not attached to it, and the
	// engine does not list it among the container's networks.
	gatewayNetwork = "docker_gwbridge"
)

// serviceNetworks are those of the service, in the order of its specification. They are also
// made in this order, which is not that of the alphabet.
var serviceNetworks = []string{"zulu", "alpha"}

// taskNetworks are the networks of eth0, eth1, … of a task. Swarm puts ingress, by which
// published ports are reached, in front of the networks that the service asks for, and
// hands this list to the node. The gateway network has no number, and is last.
var taskNetworks = append(append([]string{"ingress"}, serviceNetworks...), gatewayNetwork)

// swarmStep is something that happens to the swarm, after which some tasks are new.
type swarmStep struct {
	trial string
	// do makes it happen, and returns the node whose tasks are replaced by new ones, or
	// allNodes.
	do func(context.Context, *swarm) (node int, err error)
	// want is other networks, in the place of taskNetworks.
	want []string
}

// allNodes says that the tasks of all nodes are replaced, and that each node gets some.
const allNodes = -1

// swarmSteps follow each other. Swarm leaves tasks where they run when a node comes back. It takes an update for
// the node to get some.
var swarmSteps = []swarmStep{
	{"tasks of a new service", func(ctx context.Context, s *swarm) (int, error) {
		return allNodes, s.create(ctx)
	}, nil},
	{"tasks after an update of the service", func(ctx context.Context, s *swarm) (int, error) {
		return allNodes, s.update(ctx)
	}, nil},
	{"tasks after a node is drained", func(ctx context.Context, s *swarm) (int, error) {
		return 2, s.docker(ctx, "node", "update", "--availability", "drain", s.nodes[2].id)
	}, nil},
	{"tasks after the drained node is activated again and the service updated", func(ctx context.Context, s *swarm) (int, error) {
		if err := s.docker(ctx, "node", "update", "--availability", "active", s.nodes[2].id); err != nil {
			return 0, err
		}
		return allNodes, s.update(ctx)
	}, nil},
	{"tasks after the daemon of a node restarts", func(ctx context.Context, s *swarm) (int, error) {
		return 1, s.nodes[1].Restart(ctx)
	}, nil},
	{"tasks after the daemon of the leader is killed", func(ctx context.Context, s *swarm) (int, error) {
		leader, err := s.leader(ctx)
		if err != nil {
			return 0, err
		}
		s.nodes[leader].down = true
		return leader, s.nodes[leader].Signal(syscall.SIGKILL)
	}, nil},
	{"tasks after the killed leader is back and the service updated", func(ctx context.Context, s *swarm) (int, error) {
		for _, n := range s.nodes {
			if n.down {
				if err := n.StartDockerd(ctx); err != nil {
					return 0, err
				}
				n.down = false
			}
		}
		if err := s.reunite(ctx); err != nil {
			return 0, err
		}
		return allNodes, s.update(ctx)
	}, nil},
	{"tasks after the service has given its last network an explicit number", func(ctx context.Context, s *swarm) (int, error) {
		return allNodes, s.docker(ctx, "service", "update", "--detach", "--network-rm", "alpha",
			"--network-add", "name=alpha,driver-opt="+ethorder.AttachSequenceOption+"=1", serviceName)
	}, []string{"alpha", "ingress", "zulu", gatewayNetwork}},
}

// runSwarm plays the steps on swarms of both engines.
func runSwarm(ctx context.Context, env *Env) error {
	stock, patched, err := inTurn(func(patched bool) ([]Outcome, error) { return env.playSwarm(ctx, patched) })
	if err != nil {
		return err
	}
	for i, step := range swarmSteps {
		env.Report(step.trial, stock[i], patched[i])
	}
	return nil
}

// playSwarm makes a swarm, and reads its tasks after each step. They count as starts.
func (env *Env) playSwarm(ctx context.Context, patched bool) (outcomes []Outcome, err error) {
	s := &swarm{}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.start(ctx, env, patched); err != nil {
		return nil, err
	}
	var before map[string]task
	for _, step := range swarmSteps {
		o, tasks, err := s.play(ctx, step, before)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.trial, err)
		}
		logrus.Infof("%s: %v", step.trial, o)
		outcomes, before = append(outcomes, o), tasks
	}
	return outcomes, nil
}

// play makes a step, and reads the tasks after it.
func (s *swarm) play(ctx context.Context, step swarmStep, before map[string]task) (o Outcome, tasks map[string]task, err error) {
	if err := s.reunite(ctx); err != nil {
		return o, nil, err
	}
	node, err := step.do(ctx, s)
	if err != nil {
		return o, nil, err
	}
	if tasks, err = s.settle(ctx, before, node); err != nil {
		return o, nil, err
	}
	want := taskNetworks
	if step.want != nil {
		want = step.want
	}
	o = inOrder(observe.Tally{Total: replicas})
	for _, id := range slices.Sorted(maps.Keys(tasks)) {
		start, err := observe.Read(ctx, s.nodes[tasks[id].node], tasks[id].container)
		if err != nil {
			return o, nil, err
		}
		if problem := misplaced(start, want); problem == "" {
			o.Figures[report.InOrder]++
		} else if o.Problem == "" {
			o.blame("%s", problem)
		}
	}
	if s.parted {
		o.Figures["managers were restarted"] = 1
		s.parted = false
	}
	return o, tasks, nil
}

// swarm is a swarm of engines, all of them managers.
type swarm struct {
	nodes  []*node
	cable  *cable
	parted bool // the managers had to be restarted to know each other, since the last step
}

type node struct {
	*engine.Engine
	docker func(ctx context.Context, args ...string) (string, error) // Engine.Docker
	id     string
	down   bool // its daemon has been killed
}

// task is a container of the service.
type task struct {
	node      int
	container string
}

// start starts the engines, and makes a swarm of them with the service's networks.
func (s *swarm) start(ctx context.Context, env *Env, patched bool) (err error) {
	if s.cable, err = newCable(); err != nil {
		return err
	}
	join := "swarm init"
	for i := range nodes {
		e, err := env.Start(ctx, patched)
		if err != nil {
			return err
		}
		n := &node{Engine: e, docker: e.Docker}
		s.nodes = append(s.nodes, n)
		address, err := s.cable.plug(e.NetNS(1))
		if err != nil {
			return err
		}
		c := &client{Engine: e, ctx: ctx}
		c.Do(fmt.Sprintf("%s --advertise-addr %[2]s --data-path-addr %[2]s --listen-addr %[2]s", join, address))
		n.id = c.Ask("info --format {{.Swarm.NodeID}}")
		if i == 0 {
			join = "swarm join --token " + c.Ask("swarm join-token --quiet manager") + " " + address + ":2377"
		}
		if c.Err != nil {
			return c.Err
		}
	}
	for _, network := range serviceNetworks {
		if err := s.docker(ctx, "network", "create", "--driver", "overlay", network); err != nil {
			return err
		}
	}
	return nil
}

// close ends the engines, and then the cable between them.
func (s *swarm) close() error {
	var err error
	for _, n := range s.nodes {
		err = errors.Join(err, n.Close())
	}
	if s.cable != nil {
		s.cable.close()
	}
	return err
}

// up returns the nodes that answer.
func (s *swarm) up() []*node {
	return slices.DeleteFunc(slices.Clone(s.nodes), func(n *node) bool { return n.down })
}

// manager returns a node that answers.
func (s *swarm) manager() *node { return s.up()[0] }

func (s *swarm) docker(ctx context.Context, args ...string) error {
	_, err := s.manager().docker(ctx, args...)
	return err
}

// leader returns the manager that leads the others.
func (s *swarm) leader(ctx context.Context) (int, error) {
	for i, n := range s.nodes {
		leads, err := s.manager().docker(ctx, "node", "inspect", "--format", "{{.ManagerStatus.Leader}}", n.id)
		if err != nil {
			return 0, err
		}
		if leads == "true" {
			return i, nil
		}
	}
	return 0, errors.New("no manager leads the swarm")
}

// reunite waits until the nodes that are up know each other and can have tasks.
//
// The managers of old engines may have to be restarted for that. Their gRPC takes it for
// final if a TLS handshake is cut short (resetTransport in
// vendor/google.golang.org/grpc/clientconn.go of 17.12.1): a manager that dials another
// one while that dies never dials it again.
func (s *swarm) reunite(ctx context.Context) error {
	err := s.ready(ctx, settleTimeout/4)
	if err == nil || ctx.Err() != nil {
		return err
	}
	logrus.Warnf("managers are restarted: %v", err)
	s.parted = true
	for _, n := range s.up() {
		if err := n.Restart(ctx); err != nil {
			return err
		}
	}
	return s.ready(ctx, settleTimeout)
}

// ready is like reunite, but restarts nothing.
func (s *swarm) ready(ctx context.Context, timeout time.Duration) error {
	return tool.Wait(ctx, timeout, time.Second, "the managers to find each other", func(ctx context.Context) error {
		for _, n := range s.up() {
			state, err := s.manager().docker(ctx, "node", "inspect", "--format", "{{.Status.State}} {{.ManagerStatus.Reachability}}", n.id)
			if err != nil {
				return err
			}
			if state != "ready reachable" {
				return fmt.Errorf("node %s is %s, wanted ready reachable", n.id, state)
			}
		}
		return nil
	})
}

// create creates the service, whose updates replace all tasks at once. It asks the engine's
// API, as docker service create would sort the networks by their ids, which are random.
func (s *swarm) create(ctx context.Context) error {
	return s.manager().Post(ctx, "/services/create", fmt.Sprintf(`{
		"Name": %q,
		"TaskTemplate": {
			"ContainerSpec": {"Image": %q},
			"Networks": [{"Target": %q}, {"Target": %q}],
			"RestartPolicy": {"Condition": "any", "Delay": %d}
		},
		"Mode": {"Replicated": {"Replicas": %d}},
		"UpdateConfig": {"Parallelism": 0},
		"EndpointSpec": {"Ports": [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080}]}
	}`, serviceName, engine.Image, serviceNetworks[0], serviceNetworks[1], 100*time.Millisecond, replicas))
}

// update replaces all tasks.
func (s *swarm) update(ctx context.Context) error {
	return s.docker(ctx, "service", "update", "--detach", "--force", "--no-resolve-image", serviceName)
}

// settle waits until the service runs with new tasks in place of those that a node had
// before, and returns all its tasks by their ids.
func (s *swarm) settle(ctx context.Context, before map[string]task, changed int) (tasks map[string]task, err error) {
	err = tool.Wait(ctx, settleTimeout, time.Second, "the swarm to settle", func(ctx context.Context) error {
		tasks, err = s.settled(ctx, before, changed)
		return err
	})
	return tasks, err
}

// settled returns what settle waits for, or an error that says what is not so yet.
func (s *swarm) settled(ctx context.Context, before map[string]task, changed int) (map[string]task, error) {
	tasks, err := s.tasks(ctx)
	if err != nil {
		return nil, err
	}
	on := make(map[int]int)
	for id, t := range tasks {
		on[t.node]++
		if old, ok := before[id]; ok && (changed == allNodes || changed == old.node) {
			return nil, fmt.Errorf("task %s has not been replaced yet", id)
		}
	}
	for i, n := range s.nodes {
		if changed == allNodes && on[i] == 0 {
			return nil, fmt.Errorf("node %s has no task", n.id)
		}
	}
	return tasks, nil
}

// tasks returns the tasks of the service, or an error unless all that the swarm wants
// run: by the word of the swarm, and as containers of the nodes.
func (s *swarm) tasks(ctx context.Context) (map[string]task, error) {
	out, err := s.manager().docker(ctx, "service", "ps", "--no-trunc", "--filter", "desired-state=running",
		"--format", "{{.ID}} {{.CurrentState}}", serviceName)
	if err != nil {
		return nil, err
	}
	var wanted []string
	for line := range strings.Lines(out) {
		id, state, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.HasPrefix(state, "Running ") {
			return nil, fmt.Errorf("task %s is %q, wanted Running", id, state)
		}
		wanted = append(wanted, id)
	}
	tasks := make(map[string]task)
	for i, n := range s.nodes {
		if n.down {
			continue
		}
		out, err := n.docker(ctx, "ps", "--filter", "label=com.docker.swarm.service.name="+serviceName,
			"--format", `{{.Label "com.docker.swarm.task.id"}} {{.ID}}`)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(out) {
			id, container, _ := strings.Cut(strings.TrimSpace(line), " ")
			tasks[id] = task{node: i, container: container}
		}
	}
	slices.Sort(wanted)
	if got := slices.Sorted(maps.Keys(tasks)); !slices.Equal(got, wanted) || len(got) != replicas {
		return nil, fmt.Errorf("containers of the tasks %q run, wanted those of %q, %d of them", got, wanted, replicas)
	}
	return tasks, nil
}

// settleTimeout is how long the swarm may take to do what it is asked. To notice that
// a node is gone, it takes a minute.
const settleTimeout = 4 * time.Minute
