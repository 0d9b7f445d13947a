package inspect

import (
	"encoding/json"
	"io/fs"
	"net/netip"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/observe"
)

const answer = `{"ID": "5f", "Name": "/router", "State": {"Running": true}, "NetworkSettings": {"Networks": {
	"lan":  {"IPAddress": "10.0.10.2", "IPPrefixLen": 24, "MacAddress": "02:42:0a:00:0a:02", "Gateway": "10.0.10.1"},
	"7a7a": {"IPAddress": "10.0.2.2", "IPPrefixLen": 24, "GlobalIPv6Address": "fd00::2", "GlobalIPv6PrefixLen": 64, "IPv6Gateway": "fd00::1"},
	"dmz":  {"DriverOpts": {"com.docker.network.endpoint.attachsequence": "2"}}}}}`

const file = `{"NetworkSettings": {"AttachSequences": {"lan": 1, "7a7a": 2}, "Networks": {
	"lan": {}, "7a7a": {"NetworkID": "7a7a"},
	"dmz": {"DriverOpts": {"com.docker.network.endpoint.attachsequence": "2"}}}}}`

func TestContainer(t *testing.T) {
	var d details
	assert.NilError(t, json.Unmarshal([]byte(answer), &d))
	seen := observe.Snapshot{Interfaces: []observe.Interface{
		{Name: "eth10", Address: netip.MustParsePrefix("10.0.10.2/24")},
		{Name: "eth2", Address: netip.MustParsePrefix("10.0.2.2/24")},
	}}
	show := func(version, file string, err error) string {
		c, err := d.container(map[string]string{"7a7a": "wan"}, version, []byte(file), err, seen)
		assert.NilError(t, err)
		var b strings.Builder
		c.print(&b)
		return b.String()
	}
	assert.Equal(t, show("29.8.1+ethseq.2", file, nil), `router (running)
network  number       interface  MAC                addresses               gateway
lan      1 automatic  eth10      02:42:0a:00:0a:02  10.0.10.2/24            10.0.10.1
dmz      2 explicit   -          -                  -                       -
wan      2 automatic  eth2       -                  10.0.2.2/24 fd00::2/64  fd00::1

`)
	for _, test := range []struct {
		version, file string
		err           error
		note          string
	}{
		{"29.8.1", `{"NetworkSettings": {}}`, nil, "Docker Engine 29.8.1 is stock: it has no automatic numbers"},
		{"29.8.1", "", fs.ErrPermission, "Docker Engine 29.8.1 is stock: it has no automatic numbers"},
		{"29.8.1+ethseq.2", "", fs.ErrPermission, "run this as root on the engine's host (permission denied)"},
		{"29.8.1+ethseq.2", `{"NetworkSettings": {}}`, nil, "the networks get numbers at the next start"},
	} {
		got := strings.Split(show(test.version, test.file, test.err), "\n")
		assert.Check(t, strings.HasPrefix(got[2], "dmz      2 explicit"), got[2])
		assert.Check(t, strings.HasPrefix(got[3], "wan      -           eth2"), got[3])
		assert.Check(t, strings.HasPrefix(got[4], "lan      -           eth10"), got[4])
		assert.Check(t, strings.Contains(got[5], test.note), got[5])
	}
	assert.Assert(t, !strings.Contains(show("29.8.1", file, nil), "stock"), "it is patched, whatever its version")
	for name := range d.NetworkSettings.Networks {
		if name != "dmz" {
			delete(d.NetworkSettings.Networks, name)
		}
	}
	assert.Assert(t, !strings.Contains(show("29.8.1+ethseq.2", `{"NetworkSettings": {}}`, nil), "next start"), "all are explicit")
}
