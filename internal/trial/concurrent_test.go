package trial

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestOrdered(t *testing.T) {
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
