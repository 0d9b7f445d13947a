package trial

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// fakeSwarm is a swarm of three nodes with what docker service ps prints on the first, and
// docker ps on each.
func fakeSwarm(service string, containers ...string) *swarm {
	s := &swarm{}
	for i, ps := range containers {
		s.nodes = append(s.nodes, &node{
			id: []string{"first", "second", "third"}[i],
			docker: func(_ context.Context, args ...string) (string, error) {
				switch strings.Join(args[:2], " ") {
				case "service ps":
					return service, nil
				case "ps --filter":
					return ps, nil
				}
				return "", errors.New("docker " + strings.Join(args, " "))
			},
		})
	}
	return s
}

func TestSettled(t *testing.T) {
	const all = "t1 Running 2 seconds ago\nt2 Running 2 seconds ago\nt3 Running 1 second ago\n" +
		"t4 Running 2 seconds ago\nt5 Running less than a second ago\nt6 Running 2 seconds ago"
	two := []string{"t1 c1\nt4 c4", "t2 c2\nt5 c5", "t3 c3\nt6 c6"}
	for _, tc := range []struct {
		name, service string
		containers    []string
		before        map[string]task
		changed       int
		want          string // the error, "" for none
	}{
		{"a new service", all, two, nil, allNodes, ""},
		{"all tasks are replaced", all, two, map[string]task{"t0": {0, "c0"}}, allNodes, ""},
		{"those of another node stay", all, two, map[string]task{"t1": {0, "c1"}}, 1, ""},
		{"one is not replaced yet", all, two, map[string]task{"t5": {1, "c5"}}, allNodes, "task t5 has not been replaced yet"},
		{"one of the node is not replaced yet", all, two, map[string]task{"t5": {1, "c5"}}, 1, "task t5 has not been replaced yet"},
		{"a drained node has no task", all, []string{"t1 c1\nt4 c4\nt6 c6", "t2 c2\nt5 c5\nt3 c3", ""}, nil, 2, ""},
		{"a node has no task yet", all, []string{"t1 c1\nt4 c4\nt6 c6", "t2 c2\nt5 c5\nt3 c3", ""}, nil, allNodes, "node third has no task"},
		{"one does not run yet", strings.Replace(all, "t6 Running", "t6 Preparing", 1), two, nil, allNodes, `task t6 is "Preparing 2 seconds ago", wanted Running`},
		{"one was refused", strings.Replace(all, "t1 Running", "t1 Rejected", 1), two, nil, allNodes, `task t1 is "Rejected`},
		{"the swarm wants too few", strings.Join(strings.Split(all, "\n")[:5], "\n"), []string{two[0], two[1], "t3 c3"}, nil, allNodes, "6 of them"},
		{"a container does not run yet", all, []string{two[0], two[1], "t3 c3"}, nil, allNodes, `containers of the tasks ["t1" "t2" "t3" "t4" "t5"] run`},
		{"an old container still runs", all, []string{two[0], two[1] + "\nt0 c0", two[2]}, nil, allNodes, `"t0"`},
		{"an old container runs in the place of a new one", all, []string{two[0], two[1], "t3 c3\nt0 c0"}, nil, allNodes, `"t0"`},
		{"nothing is there yet", "", []string{"", "", ""}, nil, allNodes, "6 of them"},
	} {
		tasks, err := fakeSwarm(tc.service, tc.containers...).settled(t.Context(), tc.before, tc.changed)
		if tc.want != "" {
			assert.ErrorContains(t, err, tc.want, tc.name)
			continue
		}
		assert.NilError(t, err, tc.name)
		assert.Equal(t, len(tasks), replicas, tc.name)
		assert.Equal(t, tasks["t2"], task{1, "c2"}, tc.name)
	}
}

// A node that was killed is not asked, and its tasks do not count.
func TestSettledWithoutANode(t *testing.T) {
	const all = "t1 Running\nt2 Running\nt3 Running\nt4 Running\nt5 Running\nt6 Running"
	s := fakeSwarm(strings.ReplaceAll(all, "Running", "Running 1 second ago"), "t7 c7", "t1 c1\nt2 c2\nt3 c3", "t4 c4\nt5 c5\nt6 c6")
	s.nodes[0].down = true
	tasks, err := s.settled(t.Context(), map[string]task{"t7": {0, "c7"}, "t1": {1, "c1"}}, 0)
	assert.NilError(t, err)
	assert.Equal(t, len(tasks), replicas)
	assert.Equal(t, s.manager(), s.nodes[1])
}

func TestReadyAndLeader(t *testing.T) {
	answer := func(s *swarm, answers map[string]string) {
		for _, n := range s.nodes {
			n.docker = func(_ context.Context, args ...string) (string, error) { return answers[args[len(args)-1]], nil }
		}
	}
	s := fakeSwarm("", "", "", "")
	answer(s, map[string]string{"first": "false", "second": "true", "third": "false"})
	leader, err := s.leader(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, leader, 1)

	answer(s, map[string]string{"first": "false", "second": "false", "third": "false"})
	_, err = s.leader(t.Context())
	assert.ErrorContains(t, err, "no manager leads")

	answer(s, map[string]string{"first": "ready reachable", "second": "down unreachable", "third": "ready reachable"})
	assert.ErrorContains(t, s.ready(t.Context(), 0), "node second is down unreachable")
	s.nodes[1].down = true
	assert.NilError(t, s.ready(t.Context(), 0))
}
