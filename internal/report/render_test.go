package report

import (
	"bytes"
	"fmt"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"ethorder/internal/observe"
)

// up returns a snapshot in which eth0, eth1, … have the given networks.
func up(gateway string, networks ...string) observe.Snapshot {
	s := observe.Snapshot{Gateway: gateway}
	for i, n := range networks {
		if n != "-" {
			s.Interfaces = append(s.Interfaces, observe.Interface{Name: fmt.Sprintf("eth%d", i), Network: n})
		}
	}
	return s
}

func TestStartTable(t *testing.T) {
	var b bytes.Buffer
	attached := []string{"web", "db", "cache"}
	assert.NilError(t, StartTable(&b, "start 1", attached, []StartRow{
		{"stock", up("cache", "cache", "web", "db")},
		{"patched", up("cache", "web", "db", "cache")},
		{"another", up("", "web", "-", "cache", "db")},
		{"failed", observe.Snapshot{Failed: "file exists"}},
	}))
	golden.Assert(t, b.String(), "table.golden")
}

// Colours do not move the columns.
func TestStartTableInColours(t *testing.T) {
	around := func(begin, end string) func(...any) string {
		return func(text ...any) string { return begin + fmt.Sprint(text...) + end }
	}
	var b bytes.Buffer
	assert.NilError(t, startTable(&b, paint{around("(", ")"), around("<", ">"), around("{", "}")}, "start", []string{"web", "db"}, []StartRow{
		{"1", up("db", "db", "web")},
		{"2", up("db", "web", "db")},
		{"3", up("", "web", "-", "cache")},
	}))
	assert.Equal(t, b.String(), `
start     (eth0)  (eth1)  (eth2)   gateway
attached  (web)   (db)    (-)
1         {db}    {web}   (-)      db       {2 of 2 misplaced}
2         (web)   (db)    (-)      db       <in attach order>
3         (web)   {-}     {cache}  -        {2 of 2 misplaced}
`[1:])
}

func TestSVG(t *testing.T) {
	var b bytes.Buffer
	assert.NilError(t, SVG(&b, []string{"web", "db", "a<b"}, []Panel{
		{"stock & all", []observe.Snapshot{up("", "db", "web"), up("", "a<b", "web", "db"), {Failed: "file exists"}}},
		{"patched", []observe.Snapshot{up("", "web", "db"), up("", "web", "db", "a<b"), up("", "web", "?", "db")}},
	}))
	golden.Assert(t, b.String(), "starts.svg.golden")
}
