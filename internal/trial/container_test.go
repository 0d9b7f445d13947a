package trial

import (
	"errors"
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/observe"
	"ethorder/internal/report"
)

func TestOutcomeOfAContainer(t *testing.T) {
	c := &Container{Want: []string{"zulu", "mike"}, Outcome: Outcome{Figures: report.Figures{}}}
	o, err := c.outcome()
	assert.NilError(t, err)
	assert.Equal(t, o.Problem, "nothing was started")

	c.count("first", came("", "zulu", "mike"))
	c.countIf("refused", false)
	o, _ = c.outcome()
	assert.DeepEqual(t, o, Outcome{Figures: report.Figures{report.Starts: 1, report.InOrder: 1, "refused": 0}})

	c.count("second", came("", "mike", "zulu"))
	c.count("third", observe.Snapshot{Failed: "no address"})
	c.countIf("refused", true)
	c.blame("mike has no number")
	o, _ = c.outcome()
	assert.DeepEqual(t, o, Outcome{
		Figures: report.Figures{report.Starts: 3, report.InOrder: 1, "refused": 1},
		Problem: "second: got mike zulu, wanted zulu mike; mike has no number",
	})
}

// After an error of the machine nothing is done, and nothing counts.
func TestContainerStopsAtAnError(t *testing.T) {
	c := &Container{Want: []string{"zulu"}, Outcome: Outcome{Figures: report.Figures{}}}
	c.Try(func() error { return errors.New("disk full") })
	c.Try(func() error { return errors.New("more") })
	c.Do("stop router")
	c.Starts(2, "later")
	c.Look("later")
	assert.Assert(t, !c.refuses("/", ""))
	_, err := c.outcome()
	assert.Error(t, err, "disk full")
	assert.Equal(t, c.Tally.Total, 0)
}
