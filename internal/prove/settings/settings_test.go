package settings

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestExpected(t *testing.T) {
	for _, tc := range []struct {
		round    map[string]string
		want     string
		warnings int
	}{
		{nil, "zulu mike alpha kilo", 0},
		{map[string]string{"alpha": "7"}, "zulu mike kilo alpha", 0},
		{map[string]string{"mike": ""}, "zulu alpha kilo mike", 0},
		{map[string]string{"mike": "null", "zulu": `"1"`}, "alpha kilo zulu mike", 1},
		{map[string]string{"zulu": "2"}, "mike zulu alpha kilo", 0},
		{map[string]string{"zulu": "-1", "mike": "1.5", "alpha": "true", "kilo": "9223372036854775808"}, "zulu alpha kilo mike", 4},
	} {
		order, warnings := expected(tc.round)
		assert.Equal(t, strings.Join(order, " "), tc.want, describe(tc.round))
		assert.Equal(t, warnings, tc.warnings, describe(tc.round))
	}
}
