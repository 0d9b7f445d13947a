package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ethorder/internal/repo"
)

// Suite is how the trials of a suite went on the engines of a release.
type Suite struct {
	Suite    string `json:"suite"`
	Release  string `json:"-"`
	Revision string `json:"revision"` // changes with the trials of the suite, see Revision
	Origin
	Seed    uint64  `json:"seed,omitempty"`
	Date    string  `json:"date"`
	Seconds int     `json:"seconds"`
	Trials  []Trial `json:"trials"`
}

// Trial is what was found in a trial. One that was skipped has neither passed nor failed.
type Trial struct {
	Name    string  `json:"name"` // a sentence
	Passed  bool    `json:"passed"`
	Skipped string  `json:"skipped,omitempty"` // why this machine cannot do it
	Stock   Figures `json:"stock,omitempty"`
	Patched Figures `json:"patched,omitempty"`
	// Problem is what the patched engine did wrong, "" if it passed.
	Problem string `json:"problem,omitempty"`
}

// Figures are what was counted of an engine in a trial, by what it counts: Starts and
// InOrder in most trials.
type Figures map[string]int

// String is the figures for people, those of starts first.
func (f Figures) String() string {
	var parts []string
	right, ordered := f[InOrder]
	if ordered {
		parts = append(parts, fmt.Sprintf("%d of %d starts in order", right, f[Starts]))
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if !ordered || name != Starts && name != InOrder {
			parts = append(parts, fmt.Sprintf("%s %d", name, f[name]))
		}
	}
	return strings.Join(parts, ", ")
}

// The figures that most trials have.
const (
	Starts  = "starts"
	InOrder = "in order" // starts whose interfaces came up as they must
)

// The figures that single suites have besides.
const (
	Kills          = "kills"           // crash: kill -9 of dockerd, containerd or both
	RequestsCut    = "requests cut"    // crash: requests that a kill cut short
	StopsHung      = "stops hung"      // crash: stops that did not end until the daemon was started again
	ContainerdLost = "containerd lost" // crash: daemons that did not find the new containerd
	TasksKept      = "tasks kept"      // crash: starts that a task left in containerd prevented
	LateExits      = "late exits"      // crash: starts that lost their networks to the late exit of the task before
	Orders         = "orders"          // concurrent: different orders in which a container came up
	Steps          = "steps"           // random: commands that were compared with the model
	Differences    = "differences"     // random: commands after which engine and model differed
	Races          = "races"           // race: kinds of races, each a pair of functions
	NewRaces       = "new races"       // race: kinds that the stock engine did not show
	OwnRaces       = "own races"       // race: of these, kinds in lines of the patches
)

// Known returns the names of the trials that each suite has for a release, by suite.
type Known func(release string) map[string][]string

// Revision returns 8 hexadecimal digits that change with the names of a suite's trials,
// not with their order.
func Revision(names []string) string {
	names = slices.Sorted(slices.Values(names))
	return repo.HashBytes([]byte(strings.Join(names, "\n")))[:8]
}
