package trial

import (
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/observe"
	"ethorder/internal/report"
)

func TestByNumber(t *testing.T) {
	names, distinct := byNumber(map[string]uint64{"alpha": 12, "mike": 2, "zulu": 1})
	assert.DeepEqual(t, names, []string{"zulu", "mike", "alpha"})
	assert.Assert(t, distinct)
	for _, numbers := range []map[string]uint64{
		{"alpha": 2, "mike": 1, "zulu": 2},
		{"alpha": 1, "mike": 0},
	} {
		_, distinct := byNumber(numbers)
		assert.Assert(t, !distinct)
	}
}

func TestCountNumbered(t *testing.T) {
	type numbers = map[string]uint64
	for _, tc := range []struct {
		name    string
		start   observe.Snapshot
		numbers numbers
		inOrder int
		problem string
	}{
		{"in order", came("", "mike", "zulu"), numbers{"mike": 2, "zulu": 7}, 1, ""},
		{"out of order", came("", "zulu", "mike"), numbers{"mike": 2, "zulu": 7}, 0, "router0: got zulu mike, wanted mike zulu"},
		{"an interface is missing", came("", "mike"), numbers{"mike": 2, "zulu": 7}, 0, "router0: got mike, wanted mike zulu"},
		{"it does not start", observe.Snapshot{Failed: "no address"}, numbers{"mike": 2, "zulu": 7}, 0, "router0: no address"},
		{"a network is lost", came("", "mike"), numbers{"mike": 2}, 1, "router0 has the numbers map[mike:2]"},
		{"one number twice", came("", "mike", "zulu"), numbers{"mike": 2, "zulu": 2}, 0, "router0 has the numbers map[mike:2 zulu:2]"},
		{"a number is missing", came("", "mike", "zulu"), numbers{"mike": 0, "zulu": 2}, 0, "router0 has the numbers map[mike:0 zulu:2]"},
	} {
		o := inOrder(observe.Tally{})
		o.countNumbered("router0", tc.start, tc.numbers, 2)
		assert.DeepEqual(t, o, Outcome{Figures: report.Figures{report.Starts: 1, report.InOrder: tc.inOrder}, Problem: tc.problem})
	}

	o := inOrder(observe.Tally{})
	o.blame("a connect was refused")
	o.countNumbered("router0", came("", "mike", "zulu"), numbers{"mike": 2, "zulu": 1}, 2)
	assert.Equal(t, o.Problem, "a connect was refused")
}
