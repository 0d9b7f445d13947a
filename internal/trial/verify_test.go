package trial

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/api"
)

func TestFreeSubnetsOverlapNothing(t *testing.T) {
	prefixes := func(texts ...string) (all []netip.Prefix) {
		for _, text := range texts {
			all = append(all, netip.MustParsePrefix(text))
		}
		return all
	}
	for _, test := range []struct{ taken, want []netip.Prefix }{
		{nil, prefixes("198.18.0.0/28", "198.18.0.16/28")},
		{prefixes("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "fd00::/8"), prefixes("198.18.0.0/28", "198.18.0.16/28")},
		{prefixes("198.18.0.5/24", "198.18.1.16/32"), prefixes("198.18.1.0/28", "198.18.1.32/28")},
		{prefixes("198.18.0.0/16", "198.19.0.0/16", "10.0.0.0/9"), prefixes("10.128.0.0/28", "10.128.0.16/28")},
		{prefixes("198.18.0.0/15", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/17"), prefixes("192.168.128.0/28", "192.168.128.16/28")},
	} {
		got, err := freeSubnets(test.taken, 2)
		assert.NilError(t, err)
		assert.Check(t, slices.Equal(got, test.want), "%v: %v", test.taken, got)
	}
	_, err := freeSubnets(prefixes("198.0.0.0/8", "10.0.0.0/8", "172.0.0.0/8", "192.0.0.0/8"), 1)
	assert.ErrorContains(t, err, "all but 0 of the private subnets: want 1")
}

// It must not play what a user's engine may lack, or what would restart it.
func TestPlayable(t *testing.T) {
	var names []string
	for _, s := range core {
		if playable(s) {
			names = append(names, s.Name)
		}
	}
	assert.Equal(t, len(names), 13, "the help of verify has their number: %q", names)
	assert.Equal(t, names[0], core[0].Name)
	for _, s := range []Scenario{
		{Swarm: true}, {Since: 28}, {Networks: []string{"--driver overlay zulu"}}, {Want: []string{"bridge"}},
		{Script: []string{"daemon restart"}}, {Script: []string{"create --name router --network name=zulu,driver-opt=a=b probe"}},
	} {
		assert.Check(t, !playable(s), "%+v", s)
	}
}

func TestRequestsHaveTheNamesOfVerify(t *testing.T) {
	h, s := host{prefix: "own-"}, Scenario{Networks: []string{"net1", "net10", "--internal zulu"}}
	for command, want := range map[string]string{
		"stop router":                                        "/containers/own-router/stop ",
		"network connect net10 router":                       `/networks/own-net10/connect {"Container":"own-router"}`,
		"network disconnect net1 router":                     `/networks/own-net1/disconnect {"Container":"own-router"}`,
		"network connect 0123456789ab router":                `/networks/0123456789ab/connect {"Container":"own-router"}`,
		"create --name router --network zulu probe":          `/containers/create?name=own-router {"Image":"own-probe","HostConfig":{"NetworkMode":"own-zulu"}}`,
		`POST /networks/net1/connect {"Container":"router"}`: `/networks/own-net1/connect {"Container":"own-router"}`,
		"network connect --ip 10.0.0.1 net1 router":          " ",
	} {
		path, body, _ := request(h.rename(s, command))
		assert.Equal(t, path+" "+body, want)
	}
}

func TestVerdictOfVerify(t *testing.T) {
	right, wrong := []string{"zulu", "mike"}, []string{"mike", "zulu"}
	for _, test := range []struct {
		version    string
		starts     [][]string
		misplaced  int
		text, json string
	}{
		{
			"20.10.24", [][]string{right, right}, 0, "in attach order: 4 of 4 starts, on Docker Engine 20.10.24",
			`{"version":"20.10.24","verdict":"PASS","inOrder":4,"misplaced":0,"starts":4,"scenarios":[{"name":"one",`,
		}, {
			"29.8.1", [][]string{right, wrong}, 1, "NOT in attach order: 2 of 4 starts misplaced; this engine is stock 29.8.1, see README.md",
			`"verdict":"FAIL","inOrder":2,"misplaced":2,"starts":4,"scenarios":[{"name":"one","attached":["zulu","mike"],"misplaced":1,"starts":[["zulu","mike"],["mike","zulu"]]},{`,
		}, {
			"29.8.1+ethseq.2", [][]string{wrong}, 1, "NOT in attach order: 2 of 2 starts misplaced; this engine is 29.8.1+ethseq.2, which is patched: this is a defect",
			`"verdict":"FAIL","inOrder":0,"misplaced":2,"starts":2,`,
		},
	} {
		found := verification{Version: test.version}
		for _, name := range []string{"one", "two"} {
			found.add(verified{Name: name, Attached: right, Misplaced: test.misplaced, Starts: test.starts})
		}
		text, err := found.verdict()
		assert.Check(t, strings.HasPrefix(text, test.text), text)
		assert.Equal(t, err == nil, test.misplaced == 0)
		printed, err := json.Marshal(found)
		assert.NilError(t, err)
		assert.Check(t, strings.Contains(string(printed), test.json), string(printed))
	}
}

// fakeHost is an engine that has things with the label of verify.
type fakeHost struct {
	t    *testing.T
	has  map[string][]string // ids of a kind
	busy int                 // removals of networks that fail before one does not
	got  []string            // the other requests
}

func (f *fakeHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.Method == http.MethodGet && r.URL.Query().Has("filters"):
		assert.Check(f.t, r.URL.Query().Get("filters") == `{"label":["ethorder.verify"]}`)
		list := []string{}
		for _, id := range f.has[kind] {
			list = append(list, fmt.Sprintf(`{"Id":%q}`, id))
		}
		fmt.Fprintf(w, "[%s]", strings.Join(list, ","))
	case r.Method == http.MethodDelete && kind == "networks" && f.busy > 0:
		f.busy--
		http.Error(w, `{"message":"it has active endpoints"}`, http.StatusForbidden)
	case r.Method == http.MethodDelete:
		f.has[kind] = slices.DeleteFunc(f.has[kind], func(id string) bool { return id == rest })
	case kind == "exec":
		const seen = `{"Interfaces":{"eth0":["198.18.0.18/28"],"eth1":["198.18.0.2/28"]},"Routes":""}`
		for _, part := range []string{seen[:20], seen[20:]} {
			_, _ = w.Write(append(binary.BigEndian.AppendUint32([]byte{1, 0, 0, 0}, uint32(len(part))), part...))
		}
	default:
		body, _ := io.ReadAll(r.Body)
		f.got = append(f.got, strings.TrimSpace(r.URL.Path+" "+string(body)))
		fmt.Fprint(w, `{"Id":"7"}`)
	}
}

func newFakeHost(t *testing.T) (*fakeHost, *host) {
	f := &fakeHost{t: t, has: map[string][]string{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	client, err := api.New(api.Host{URL: "tcp://" + server.Listener.Addr().String()})
	assert.NilError(t, err)
	subnets, err := freeSubnets(nil, 2)
	assert.NilError(t, err)
	return f, &host{client: client, prefix: "own-", subnets: subnets}
}

func TestVerifyPlaysAScenario(t *testing.T) {
	f, h := newFakeHost(t)
	f.has["containers"] = []string{"left"}
	result, err := h.play(t.Context(), Scenario{
		Networks: []string{"mike", "--internal zulu"},
		Script:   []string{"create --name router --network zulu probe", "network connect id:mike router"},
		Want:     []string{"zulu", "mike"},
	}, 2)
	assert.NilError(t, err)
	assert.Equal(t, result.Tally().String(), "2 of 2")
	assert.Equal(t, len(f.has["containers"]), 0)
	assert.DeepEqual(t, f.got, []string{
		`/networks/create {"Name":"own-mike","Driver":"bridge","Internal":false,"Labels":{"ethorder.verify":"own-"},"IPAM":{"Driver":"default","Config":[{"Subnet":"198.18.0.0/28"}]}}`,
		`/networks/create {"Name":"own-zulu","Driver":"bridge","Internal":true,"Labels":{"ethorder.verify":"own-"},"IPAM":{"Driver":"default","Config":[{"Subnet":"198.18.0.16/28"}]}}`,
		`/containers/create {"Image":"own-probe","HostConfig":{"NetworkMode":"own-zulu"}}`,
		`/networks/own-mike`,
		`/networks/7/connect {"Container":"own-router"}`,
		`/containers/own-router/start`,
		`/containers/own-router/exec {"AttachStdout":true,"AttachStderr":true,"Cmd":["/probe","net"]}`,
		`/containers/own-router/stop`,
		`/containers/own-router/start`,
		`/containers/own-router/exec {"AttachStdout":true,"AttachStderr":true,"Cmd":["/probe","net"]}`,
	})
}

func TestCleanRemovesWhatHasTheLabel(t *testing.T) {
	f, h := newFakeHost(t)
	f.busy = 2
	for _, kind := range []string{"containers", "networks", "images"} {
		f.has[kind] = []string{"1", "2"}
	}
	assert.NilError(t, h.clean("containers", "networks"))
	assert.Equal(t, len(f.has["containers"])+len(f.has["networks"]), 0)
	assert.Equal(t, len(f.has["images"]), 2)
	assert.NilError(t, h.clean("images"))
	assert.Equal(t, len(f.has["images"]), 0)
	assert.Equal(t, len(f.got), 0)
}
