package observe

import (
	"net/netip"
	"testing"

	"gotest.tools/v3/assert"
)

const printed = `{"Interfaces": {"lo": ["127.0.0.1/8"], "eth10": ["198.18.0.18/28"], "eth2": ["198.18.0.2/28", "fe80::1/64"], "tunl0": null, "eth0": ["10.0.0.1/8"]},
"Routes": "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\neth2\t00000000\t010012C6\t0003\t0\t0\t0\t00000000\t0\t0\t0\neth10\t100012C6\t00000000\t0001\t0\t0\t0\tF0FFFFFF\t0\t0\t0\n"}
`

func TestInside(t *testing.T) {
	in, err := ParseInside([]byte(printed))
	assert.NilError(t, err)
	assert.Equal(t, len(in.Routes), 2)
	assert.Equal(t, in.Routes[1], Route{"eth10", netip.MustParsePrefix("198.18.0.16/28")})
	s := in.Snapshot(map[netip.Prefix]string{
		netip.MustParsePrefix("198.18.0.0/28"):  "zulu",
		netip.MustParsePrefix("198.18.0.16/28"): "mike",
	})
	assert.DeepEqual(t, s.Networks(), []string{"?", "-", "zulu", "-", "-", "-", "-", "-", "-", "-", "mike"})
	assert.Equal(t, s.Gateway, "zulu")
}

func TestParseInsideRefusesWhatIsNoneOfIt(t *testing.T) {
	for _, output := range []string{
		"exec failed", `{"Interfaces": {"eth0": ["here"]}}`, `{"Routes": "Iface\neth0 1"}`,
		`{"Routes": "Iface\neth0 x 0 0 0 0 0 0"}`, `{"Routes": "Iface\neth0 0 0 0 0 0 0 x"}`,
	} {
		_, err := ParseInside([]byte(output))
		assert.Check(t, err != nil, output)
	}
}
