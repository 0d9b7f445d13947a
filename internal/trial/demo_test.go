package trial

import (
	"bytes"
	"slices"
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/observe"
	"ethorder/internal/pins"
	"ethorder/internal/tool"
)

func TestDemoNetworksAreNotAlphabetical(t *testing.T) {
	for n := demoFirst; n <= len(demoNetworks); n++ {
		assert.Check(t, !slices.IsSorted(demoNetworks[:n]))
	}
}

func TestDemoVerdict(t *testing.T) {
	for _, test := range []struct {
		stock, patched observe.Tally
		line           string
		status         int
	}{
		{observe.Tally{Right: 1, Total: 8}, observe.Tally{Right: 8, Total: 8},
			"PASS: Docker Engine 29.7.1 came up in attach order in 8 of 8 starts patched, in 1 of 8 stock\n", 0},
		{observe.Tally{Right: 1, Total: 8}, observe.Tally{Right: 7, Total: 8},
			"FAIL: Docker Engine 29.7.1 came up in attach order in 7 of 8 starts patched, in 1 of 8 stock\n", tool.Failed},
		{observe.Tally{Right: 8, Total: 8}, observe.Tally{Right: 8, Total: 8},
			"INCONCLUSIVE: Docker Engine 29.7.1 came up in attach order in 8 of 8 starts patched, in 8 of 8 stock\n", tool.Inconclusive},
	} {
		var out bytes.Buffer
		d := Demo{Release: pins.Release{Name: "29.7.1"}, Out: &out}
		d.sides[0].tally, d.sides[1].tally = test.stock, test.patched
		err := d.verdict("logs")
		assert.Equal(t, out.String(), test.line)
		assert.Equal(t, status(err), test.status, "%v", err)
	}
}
