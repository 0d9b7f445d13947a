package trial

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/observe"
)

// A scenario is data: it must say what it means.
func TestScenariosAreSound(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range slices.Concat([]Scenario{Main}, Side, uses) {
		t.Run(s.Name, func(t *testing.T) {
			assert.Check(t, !seen[s.Name], "the name is used twice")
			seen[s.Name] = true

			want := strings.Fields(s.Want)
			assert.Check(t, !slices.IsSorted(want), "an engine that sorts by name would get it right")
			networks := []string{"bridge"}
			for _, line := range lines(s.Networks) {
				name := line[len(line)-1]
				assert.Check(t, slices.ContainsFunc(want, func(w string) bool { return strings.HasSuffix("="+w, "="+name) }), "%s is never wanted", name)
				networks = append(networks, name)
			}
			for _, name := range want {
				name = name[strings.Index(name, "=")+1:] // behind an interface with a name of its own
				assert.Check(t, slices.Contains(networks, name) || strings.Contains(s.Script, fmt.Sprintf(`{"Name":%q`, name)), "%s is never made", name)
			}
			assert.Check(t, !slices.Equal(networks[1:], want), "an engine that keeps the order of creation would get it right")
		})
	}
}

// The patched engine must choose the gateway that stock chooses, and must choose.
func TestSameGateway(t *testing.T) {
	chose := func(gateways ...string) Result {
		r := Result{Want: []string{"a"}}
		for _, g := range gateways {
			r.Starts = append(r.Starts, observe.Snapshot{Gateway: g, Interfaces: []observe.Interface{{Name: "eth0", Network: "a"}}})
		}
		return r
	}
	assert.NilError(t, SameGateway(chose("a", "a", "a"), chose("a", "a")))
	assert.NilError(t, SameGateway(chose("a", "b"), chose("b")))
	assert.ErrorContains(t, SameGateway(chose("a"), chose("b")), "default gateway")
	assert.ErrorContains(t, SameGateway(chose("a", "b"), chose("a", "c")), "default gateway")
	assert.ErrorContains(t, SameGateway(chose("a"), chose()), "default gateway")

	lost := chose("b")
	lost.Want = []string{"a", "b"}
	assert.NilError(t, SameGateway(lost, chose("a")), "stock lost a network, so its choice is none")
}

// A patched engine may lose overlays only where stock does so too.
func TestBrokenByRefusedStarts(t *testing.T) {
	came := Result{Want: []string{"a"}, Starts: []observe.Snapshot{{Interfaces: []observe.Interface{{Name: "eth0", Network: "a"}}}}}
	refused := came
	refused.Refused = 3
	assert.NilError(t, Broken(came, came))
	assert.NilError(t, Broken(refused, refused))
	assert.NilError(t, Broken(refused, came))
	assert.ErrorContains(t, Broken(came, refused), "lost an overlay in 3 starts")
	assert.Assert(t, strings.HasSuffix(Compare(came, refused), "made again: patched 3, stock 0"))
}

// It must not swallow other reasons for which a container does not start.
func TestOverlayLost(t *testing.T) {
	for said, lost := range map[string]bool{
		"failed to get network during CreateEndpoint: network tpi6rl2hb5tqlsl9v5rx5md8w not found; Error: failed": true,
		"Error response from daemon: network kd6cegy7lrxsgtfb0q0cy0ljq not found":                                 true,
		"Error response from daemon: network zulu not found":                                                      false,
		"network kd6cegy7lrxsgtfb0q0cy0ljq: file exists":                                                          false,
	} {
		assert.Check(t, overlayLost.MatchString(said) == lost, said)
	}
}

func TestAllLeavesOutWhatAnEngineCannotDo(t *testing.T) {
	assert.Equal(t, All(17)[0].Name, Main.Name)
	assert.Equal(t, len(All(28)), len(Side)+1)
	assert.Equal(t, len(All(27)), len(All(28))-6, "no explicit names")
}
