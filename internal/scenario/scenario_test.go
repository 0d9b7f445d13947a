package scenario

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// A scenario is data: it must say what it means.
func TestScenariosAreSound(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range append([]Scenario{Main}, Side...) {
		t.Run(s.Name, func(t *testing.T) {
			assert.Check(t, !seen[s.Name], "the name is used twice")
			seen[s.Name] = true
			assert.Check(t, s.Starts >= 10)

			want := strings.Fields(s.Want)
			assert.Check(t, !slices.IsSorted(want), "an engine that sorts by name would get it right")
			networks := []string{"bridge"}
			for _, line := range lines(s.Networks) {
				name := line[len(line)-1]
				assert.Check(t, slices.Contains(want, name), "%s is never wanted", name)
				networks = append(networks, name)
			}
			for _, name := range want {
				assert.Check(t, slices.Contains(networks, name), "%s is never made", name)
			}
			assert.Check(t, !slices.Equal(networks[1:], want), "an engine that keeps the order of creation would get it right")
		})
	}
}
