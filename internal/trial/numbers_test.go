package trial

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestNumbersIn(t *testing.T) {
	numbers, err := StoredNumbers([]byte(`{"NetworkSettings": {
		"Networks": {
			"zulu": {"NetworkID": "aa", "DriverOpts": null},
			"mike": {"NetworkID": "bb", "DriverOpts": {"com.docker.network.endpoint.attachsequence": "7"}},
			"kilo": {"NetworkID": "cc", "DriverOpts": {"com.docker.network.endpoint.attachsequence": "0"}},
			"alpha": {"NetworkID": "dd"},
			"bravo": {"NetworkID": ""}
		},
		"AttachSequences": {"zulu": 1, "mike": 2, "kilo": 3, "dd": 4, "gone": 5}
	}}`), nil)
	assert.NilError(t, err)
	assert.DeepEqual(t, numbers, map[string]uint64{"zulu": 1, "mike": 7, "kilo": 3, "alpha": 4, "bravo": 0})

	numbers, err = StoredNumbers([]byte(`{"NetworkSettings": {"Networks": {"zulu": {}, "bb": {}}, "AttachSequences": {"aa": 1, "bb": 2}}}`),
		map[string]string{"aa": "zulu", "bb": "mike"})
	assert.NilError(t, err)
	assert.DeepEqual(t, numbers, map[string]uint64{"zulu": 1, "mike": 2})

	numbers, err = StoredNumbers([]byte(`{"NetworkSettings": {"Networks": {"zulu": {}, "mike": {}}, "AttachSequences": {"zulu": -1, "mike": 2}}}`), nil)
	assert.NilError(t, err)
	assert.DeepEqual(t, numbers, map[string]uint64{"zulu": 0, "mike": 2})
}
