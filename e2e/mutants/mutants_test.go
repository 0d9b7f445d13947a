// Package mutants breaks the rule of the files at the root in one way at a time. The
// property tests there must fail each time.
package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

// testTimeout is for the tests of one mutant, which may not end by themselves.
const testTimeout = 30 * time.Second

// root is the folder with the files that mutants change.
func root(t *testing.T) string {
	dir, err := filepath.Abs("../..")
	assert.NilError(t, err)
	return dir
}

func TestEachMutantIsCaught(t *testing.T) {
	killer, err := test(root(t), t.TempDir(), nil)
	assert.NilError(t, err)
	assert.Equal(t, killer, "", "it fails without a mutant; next: go test -run Heap .")
	for _, m := range mutants {
		t.Run(m.file+"/"+m.name, func(t *testing.T) {
			t.Parallel()
			killer, err := test(root(t), t.TempDir(), &m)
			assert.NilError(t, err)
			assert.Check(t, killer != "", "no test fails with %q in the place of %q", m.new, m.old)
			t.Logf("caught by %s", killer)
		})
	}
}

func TestMutantsThatAreNoneAreNamed(t *testing.T) {
	for _, tc := range []struct {
		mutant mutant
		killer string // a pattern
		err    string
	}{
		{mutant{"breaks", "sequence.go", "= last + 1", "= last"}, `^TestHeap\w+$`, ""},
		{mutant{"changes nothing", "sequence.go", "= last + 1", "= 1 + last"}, `^$`, ""},
		{mutant{"does not apply", "sequence.go", "no such line", ""}, `^$`, "it does not apply"},
		{mutant{"does not compile", "sequence.go", "= last + 1", "= last +"}, `^$`, "it does not compile"},
	} {
		t.Run(tc.mutant.name, func(t *testing.T) {
			t.Parallel()
			killer, err := test(root(t), t.TempDir(), &tc.mutant)
			assert.Check(t, cmp.Regexp(tc.killer, killer))
			if tc.err == "" {
				assert.NilError(t, err)
			} else {
				assert.ErrorContains(t, err, tc.err)
			}
		})
	}
}

func TestMutantsAreToldApart(t *testing.T) {
	names, changes := make(map[string]bool), make(map[mutant]string)
	for _, m := range mutants {
		assert.Assert(t, !names[m.name], "two mutants are called %q", m.name)
		names[m.name] = true
		change := m
		change.name = ""
		assert.Assert(t, changes[change] == "", "%q and %q are the same", changes[change], m.name)
		changes[change] = m.name
	}
}

func TestReadmeHasTheNumberOfMutants(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	assert.NilError(t, err)
	ways := regexp.MustCompile(`(\d+)\s+ways to break the rule`).FindSubmatch(readme)
	assert.Assert(t, ways != nil, "README.md does not say in how many ways the rule is broken")
	assert.Equal(t, string(ways[1]), strconv.Itoa(len(mutants)))
}

// A mutant replaces the only occurrence of old in a file.
type mutant struct {
	name     string
	file     string
	old, new string
}

var mutants = []mutant{
	{"Len leaves one out", "epheap.go", "{ return len(eh) }", "{ return max(len(eh)-1, 0) }"},
	{"Less does not compare numbers", "epheap.go", "si != sj {", "si != sj && false {"},
	{"Less compares numbers last", "epheap.go", "si != sj {", "si != sj && !eh[i].Less(eh[j]) && !eh[j].Less(eh[i]) {"},
	{"Less counts down", "epheap.go", "si < sj)", "si > sj)"},
	{"Less puts the unnumbered first", "epheap.go", "return si != 0 && (sj == 0 || si < sj)", "return si < sj"},
	{"Less puts the unnumbered on both sides", "epheap.go", "si != 0 && (sj == 0 || si < sj)", "sj == 0 || si < sj"},
	{"Less breaks no ties", "epheap.go", "return eh[i].Less(eh[j])", "return false"},
	{"Less breaks ties backwards", "epheap.go", "return eh[i].Less(eh[j])", "return eh[j].Less(eh[i])"},
	{"Less breaks ties both ways", "epheap.go", "return eh[i].Less(eh[j])", "return true"},
	{"Swap does nothing", "epheap.go", "{ eh[i], eh[j] = eh[j], eh[i] }", "{}"},
	{"Swap copies one", "epheap.go", "eh[i], eh[j] = eh[j], eh[i]", "eh[i] = eh[j]"},
	{"Push puts first", "epheap.go", "*eh = append(*eh, x.(*endpoint))", "*eh = append(epHeap{x.(*endpoint)}, *eh...)"},
	{"Push does nothing", "epheap.go", "*eh = append(*eh, x.(*endpoint))", ""},
	{"Pop takes the first", "epheap.go", "*eh = old[0 : n-1]", "*eh = old[1:n]"},
	{"Pop returns the first", "epheap.go", "x := old[n-1]", "x := old[0]"},
	{"Pop leaves it there", "epheap.go", "*eh = old[0 : n-1]", ""},
	{"Pop keeps a reference", "epheap.go", "\told[n-1] = nil\n", ""},
	{"attachOrder returns its argument", "epheap.go", "\tvar eh epHeap\n", "\tif len(eps) > 0 {\n\t\treturn eps\n\t}\n\tvar eh epHeap\n"},
	{"attachOrder heaps in its argument's array", "epheap.go", "var eh epHeap", "eh := epHeap(eps[:0])"},
	{"attachOrder forgets the last", "epheap.go", "range eps {", "range eps[:max(len(eps)-1, 0)] {"},
	{"attachOrder leaves the last in the heap", "epheap.go", "for eh.Len() > 0 {", "for eh.Len() > 1 {"},
	{"attachOrder pushes to the array alone", "epheap.go", "heap.Push(&eh, ep)", "eh.Push(ep)"},
	{"attachOrder pops from the array alone", "epheap.go", "heap.Pop(&eh).(*endpoint)", "eh.Pop().(*endpoint)"},
	{"attachOrder returns the heap's array", "epheap.go", "\tfor eh.Len() > 0 {\n\t\tordered = append(ordered, heap.Pop(&eh).(*endpoint))\n\t}\n",
		"\tordered = append(ordered, eh...)\n"},
	{"what can have been given is less", "sequence.go", "1 << 62", "1 << 32"},
	{"UnmarshalJSON fails", "sequence.go", "\t_ = json.Unmarshal(b, (*map[string]uint64)(as))\n",
		"\tif err := json.Unmarshal(b, (*map[string]uint64)(as)); err != nil {\n\t\treturn err\n\t}\n"},
	{"UnmarshalJSON forgets all that it can read", "sequence.go", "\t_ = json.Unmarshal(b, (*map[string]uint64)(as))\n",
		"\tif json.Unmarshal(b, (*map[string]uint64)(as)) != nil {\n\t\t*as = nil\n\t}\n"},
	{"the error does not name the value", "sequence.go", "string(v), AttachSequenceOption)", `"", AttachSequenceOption)`},
	{"the error is none of the API's", "sequence.go", "InvalidParameter() {}", "Invalid() {}"},
	{"an empty value is no explicit number", "sequence.go", "if !ok {", `if !ok || v == "" {`},
	{"explicit numbers may have 64 bits", "sequence.go", "ParseUint(v, 10, 32)", "ParseUint(v, 10, 64)"},
	{"an explicit number may be 0", "sequence.go", "err != nil || n == 0", "err != nil"},
	{"a bad value is no explicit number", "sequence.go", "return 0, invalidAttachSequence(v)", "return 0, nil"},
	{"settings may not be nil", "sequence.go", "if ep != nil && ep.EndpointSettings != nil {", "if ep.EndpointSettings != nil {"},
	{"explicit numbers are ignored", "sequence.go", `return e, true`, `return 0, true`},
	{"explicit numbers are automatic", "sequence.go", `return e, true`, `return e, false`},
	{"numbers that are too high are read", "sequence.go", `if n > maxAttachSequence {`, `if n > maxAttachSequence && n == 0 {`},
	{"the highest number is not read", "sequence.go", `if n > maxAttachSequence {`, `if n >= maxAttachSequence {`},
	{"stored numbers are ignored", "sequence.go", "\tn = as[key]\n", "\t_ = as[key]\n"},
	{"a number by the network's id is not known", "sequence.go", `if n == 0 && ep.NetworkID != "" {`, `if false {`},
	{"a number by the network's id comes first", "sequence.go", `if n == 0 && ep.NetworkID != "" {`, `if as[ep.NetworkID] != 0 {`},
	{"a number by an empty id is known", "sequence.go", `if n == 0 && ep.NetworkID != "" {`, `if n == 0 {`},

	{"Reconcile changes its receiver", "sequence.go", "numbered, explicit := make(AttachSequences),",
		"if as == nil {\n\t\tas = make(AttachSequences)\n\t}\n\tnumbered, explicit := as,"},
	{"Reconcile does not count from the highest", "sequence.go", "if last < n {", "if false {"},
	{"Reconcile counts from the highest explicit number", "sequence.go", "\t\t\texplicit[n] = true\n",
		"\t\t\texplicit[n], last = true, max(last, n)\n"},
	{"Reconcile gives explicit numbers again", "sequence.go", "explicit[n] = true", "_ = n"},
	{"Reconcile numbers all again", "sequence.go", "} else if n != 0 {", "} else if false {"},
	{"Reconcile looks up when all have numbers", "sequence.go", "if len(found) == 0 {", "if false {"},
	{"Reconcile looks up what has a number", "sequence.go", "\t\t\tkeep(key, n)\n\t\t} else {", "\t\t\tkeep(key, n)\n\t\t\tfind(key)\n\t\t} else {"},
	{"Reconcile goes by the last place of a network", "sequence.go", "for i := len(first) - 1; i >= 0; i-- {", "for i := range first {"},
	{"Reconcile takes first as equals", "sequence.go", `= i - len(first)`, `= -1`},
	{"Reconcile does not know first", "sequence.go", `places[name] = i - len(first)`, `_ = name`},
	{"Reconcile does not look keys up", "sequence.go", "\t\tid, name := find(key)\n", "\t\tid, name := \"\", key\n"},
	{"Reconcile ignores the settings' id", "sequence.go", "id = ep.NetworkID", "_ = ep"},
	{"Reconcile forgets a number by id", "sequence.go", `n != 0 && id != "" {`, `n != 0 && false {`},
	{"Reconcile knows a number by an empty id", "sequence.go", `n != 0 && id != "" {`, `n != 0 {`},
	{"Reconcile does not count a number by id", "sequence.go", "id != \"\" {\n\t\t\tkeep(key, n)", "id != \"\" {\n\t\t\tnumbered[key] = n"},
	{"Reconcile numbers again what has a number by id", "sequence.go", "if numbered[key] == 0 {", "if true {"},
	{"Reconcile ignores the place of an id", "sequence.go", "ranks[key] = places[id]", ""},
	{"Reconcile ignores the place of a name without id", "sequence.go", "if ranks[key] == 0 {", "if true {"},
	{"Reconcile goes by place backwards", "sequence.go", "ranks[a] < ranks[b]", "ranks[a] > ranks[b]"},
	{"Reconcile ignores names", "sequence.go", "if names[a] != names[b] {", "if false {"},
	{"Reconcile leaves equal names to the map", "sequence.go", "return a < b", "return false"},
	{"Reconcile takes explicit numbers", "sequence.go", "last++; explicit[last]; last++", "last++; false; last++"},
	{"Append changes its receiver", "sequence.go", "numbered := make(AttachSequences)\n",
		"if as == nil {\n\t\tas = make(AttachSequences)\n\t}\n\tnumbered := as\n"},
	{"Append counts the old number", "sequence.go", `last < n && k != key`, `last < n`},
	{"Append ignores explicit numbers", "sequence.go", `last < n && k != key`, `last < n && k != key && !explicit`},
	{"Append ignores automatic numbers", "sequence.go", `last < n && k != key`, `last < n && k != key && explicit`},
	{"Append numbers what is not there", "sequence.go", "if _, ok := numbered[key]; ok {", "if true {"},
	{"Append keeps the old number", "sequence.go", "if _, ok := numbered[key]; ok {", "if n, ok := numbered[key]; ok && n == 0 {"},
	{"Append gives the last number again", "sequence.go", "numbered[key] = last + 1", "numbered[key] = last"},
	{"Ordered leaves out the unnumbered", "sequence.go", "\t\tkeys = append(keys, key)\n",
		"\t\tif n, _ := as.sequence(key, networks[key]); n != 0 {\n\t\t\tkeys = append(keys, key)\n\t\t}\n"},
	{"Ordered ignores numbers", "sequence.go", "if a != b {", "if false {"},
	{"Ordered puts the unnumbered first", "sequence.go", "return a != 0 && (b == 0 || a < b)", "return a < b"},
	{"Ordered puts automatic numbers before explicit ones", "sequence.go", "return explicitA", "return explicitB"},
	{"Ordered does not tell explicit numbers from others", "sequence.go", "if explicitA != explicitB {", "if explicitA != explicitB && false {"},
	{"Ordered goes by key", "sequence.go", "if nameA != nameB {", "if false {"},
	{"Ordered leaves equals to the map", "sequence.go", "return keys[i] < keys[j]", "return false"},
}

var failed = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

// test runs the tests of the module at root with m in place, or as they are if m
// is nil. It returns what failed, or "" if nothing did. tmp is for its own files.
func test(root, tmp string, m *mutant) (killer string, err error) {
	binary := filepath.Join(tmp, "root.test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binary)
	if m != nil {
		overlay, err := m.overlay(root, tmp)
		if err != nil {
			return "", err
		}
		build.Args = append(build.Args, "-overlay", overlay)
	}
	build.Args = append(build.Args, ".")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("it does not compile: %w\n%s", err, out)
	}

	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	tests := exec.CommandContext(ctx, binary, "-test.run=Heap", "-test.short", "-test.failfast", "-rapid.nofailfile",
		"-rapid.shrinktime=1ms") // that it fails is enough, shown shortest or not
	tests.Dir = root
	out, err := tests.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "", nil
	case ctx.Err() != nil:
		return fmt.Sprintf("no end within %v", testTimeout), nil
	case !errors.As(err, &exit):
		return "", err
	}
	if name := failed.FindSubmatch(out); name != nil {
		return string(name[1]), nil
	}
	return "", fmt.Errorf("the tests end with %w, but none has failed:\n%s", err, out)
}

// overlay writes the mutated file, and the file for go's -overlay that puts it in
// place, whose path it returns.
func (m mutant) overlay(root, tmp string) (string, error) {
	original := filepath.Join(root, m.file)
	source, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		return "", fmt.Errorf("it does not apply: %q is %d times in %s, want once", m.old, n, m.file)
	}
	mutated := filepath.Join(tmp, m.file)
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o644); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutated}})
	if err != nil {
		return "", err
	}
	path := filepath.Join(tmp, "overlay.json")
	return path, os.WriteFile(path, overlay, 0o644)
}
