package trial

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/observe"
)

// What engines say after a kill, and what they say when they have a defect: only the first
// may be tried again.
func TestRemedies(t *testing.T) {
	const (
		said  = "docker start router: Error response from daemon: "
		ended = `level=error msg="failed to delete task" error="task must be stopped before deletion: running: failed precondition"`
	)
	id := strings.Repeat("d47acb85fe67c00b", 4)
	failed := func(why string) observe.Snapshot { return observe.Snapshot{Failed: said + why} }
	for _, tc := range []struct {
		start observe.Snapshot
		log   string
		want  remedy
	}{
		{failed(`connection error: desc = "transport: dial unix /var/run/docker/containerd/docker-containerd.sock: connect: connection refused": unknown`), "", wait},
		{failed("transport is closing: unavailable"), "", wait},
		{failed("rpc error: code = Unavailable desc = error reading from server: EOF"), "", wait},
		{failed("connection closed: unknown"), "", wait},
		{observe.Snapshot{Failed: "container router does not run"}, ended, wait},

		{failed("id already in use"), "", recreate},
		{failed(`failed to create task for container: task ` + id + `: already exists`), "", recreate},
		{failed("failed to create task for container: failed to start shim: mkdir /run/containerd/io.containerd.runtime.v2.task/moby/" + id + ": file exists"), "", recreate},

		{observe.Snapshot{}, "level=info\n" + ended + "\n", repeat},

		// The engine's own defects, each with the log of a late end beside it.
		{observe.Snapshot{}, "level=info\n", none},
		{came("zulu", "zulu"), ended, none},
		{came("zulu", "zulu", "mike"), ended, none},
		{failed("network zulu not found"), ended, none},
		{failed("endpoint with name router already exists in network zulu"), ended, none},
		{failed("network with name zulu already exists"), ended, none},
		{failed("failed to add the host (veth3d2a5e2) <=> sandbox (vethf1d8d95) pair interfaces: file exists"), ended, none},
		{failed("Address already in use"), ended, none},
		{failed("driver failed programming external connectivity on endpoint router: port is already allocated"), ended, none},
		{failed("failed to set up container networking: could not find a network matching network mode zulu"), ended, none},
		{failed("container is marked for removal and cannot be started"), ended, none},
		{failed("cannot join network of a non running container: " + id), ended, none},
	} {
		for try := 1; try <= 21; try++ {
			want := tc.want
			switch {
			case try > 20:
				want = none
			case try == 4 && want == wait:
				want = restart
			}
			assert.Equal(t, remedyFor(tc.start, try, tc.log), want, "%v, try %d", tc.start, try)
		}
	}
}
