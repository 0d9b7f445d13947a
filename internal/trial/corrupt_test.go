package trial

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestExpected(t *testing.T) {
	type numbers = map[string]string
	for _, tc := range []struct {
		round   corruption
		order   string
		numbers string
	}{
		{corruption{}, "zulu mike alpha kilo", "alpha:3 kilo:4 mike:2 zulu:1"},
		{corruption{numbers: numbers{"alpha": "7"}}, "zulu mike kilo alpha", "alpha:7 kilo:4 mike:2 zulu:1"},
		{corruption{numbers: numbers{"mike": notStored}}, "zulu alpha kilo mike", "alpha:3 kilo:4 mike:5 zulu:1"},
		{corruption{numbers: numbers{"mike": "null", "zulu": `"1"`}}, "alpha kilo zulu mike", "alpha:3 kilo:4 mike:6 zulu:5"},
		{corruption{numbers: numbers{"zulu": "2"}}, "mike zulu alpha kilo", "alpha:3 kilo:4 mike:2 zulu:2"},
		{
			corruption{numbers: numbers{"zulu": "-1", "mike": "1.5", "alpha": "4611686018427387904", "kilo": "4611686018427387905"}},
			"alpha zulu kilo mike", "alpha:4611686018427387904 kilo:4611686018427387906 mike:4611686018427387907 zulu:4611686018427387905",
		},
		{corruption{numbers: numbers{"yankee": "9", "kilo": notStored}}, "zulu mike alpha kilo", "alpha:3 kilo:4 mike:2 zulu:1"},
		{corruption{whole: "[1]"}, "zulu alpha kilo mike", "alpha:2 kilo:3 mike:4 zulu:1"},
		{corruption{explicit: numbers{"alpha": `"1"`}}, "alpha zulu mike kilo", "alpha:1 kilo:4 mike:2 zulu:1"},
		{corruption{explicit: numbers{"alpha": `"0"`}}, "zulu mike alpha kilo", "alpha:3 kilo:4 mike:2 zulu:1"},
		{
			corruption{numbers: numbers{"alpha": notStored}, explicit: numbers{"alpha": `"abc"`}},
			"zulu mike kilo alpha", "alpha:5 kilo:4 mike:2 zulu:1",
		},
		{
			corruption{whole: "null", explicit: numbers{"kilo": `"2"`, "mike": `"9"`}},
			"zulu kilo alpha mike", "alpha:3 kilo:2 mike:9 zulu:1",
		},
	} {
		order, numbers := expectedOf(tc.round)
		assert.Equal(t, strings.Join(order, " "), tc.order, tc.round.String())
		assert.Equal(t, fmt.Sprint(numbers), "map["+tc.numbers+"]", tc.round.String())
	}
}

// A change leaves nothing of an earlier one, and the rest of the file as it is.
func TestChange(t *testing.T) {
	const made = `{"ID": "1", "NetworkSettings": {"Networks": {
		"zulu": {"NetworkID": "a", "DriverOpts": null}, "mike": {"DriverOpts": null}, "alpha": {"DriverOpts": null}, "kilo": {"DriverOpts": null}
	}, "AttachSequences": {"zulu": 1, "mike": 2, "alpha": 3, "kilo": 4}, "SandboxID": "2"}}`
	file := []byte(made)
	var err error
	random := rand.New(rand.NewPCG(1, 2))
	changes := corruptions()
	for range 100 {
		changes = append(changes, drawCorruption(random))
	}
	for _, r := range append(changes, corruption{}) {
		file, err = r.change(file)
		assert.NilError(t, err, "%v", r)
		if r.whole == notStored {
			assert.Assert(t, !strings.Contains(string(file), "AttachSequences"))
		}
	}
	var got, want any
	assert.NilError(t, json.Unmarshal(file, &got))
	assert.NilError(t, json.Unmarshal([]byte(made), &want))
	assert.DeepEqual(t, got, want)

	file, err = corruption{
		numbers:  map[string]string{"mike": notStored, "yankee": "true"},
		explicit: map[string]string{"kilo": `"abc"`},
	}.change(file)
	assert.NilError(t, err)
	for _, part := range []string{`{"zulu":1,"alpha":3,"kilo":4,"yankee":true}`, `{"com.docker.network.endpoint.attachsequence":"abc"}`} {
		assert.Assert(t, strings.Contains(string(file), part), "%s", file)
	}

	_, err = corruption{}.change([]byte(`{"NetworkSettings": {"Networks": {"zulu": {}}}}`))
	assert.ErrorContains(t, err, "network mike is lost")
}
