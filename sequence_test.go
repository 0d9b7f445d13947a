package ethorder

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"

	"gotest.tools/v3/assert"
	"pgregory.net/rapid"
)

var genSequences = rapid.Custom(func(t *rapid.T) AttachSequences {
	m := rapid.MapOf(rapid.SampledFrom(networkNames), fewSequences).Draw(t, "sequences")
	return AttachSequences(m)
})

// primaryFirst names networks by their keys, but for the primary one.
func primaryFirst(primary string) func(key string) string {
	return func(key string) string {
		if key == primary {
			return ""
		}
		return key
	}
}

func TestHeapSequenceBefore(t *testing.T) {
	ordered := []AttachSequence{1, 2, 1 << 40, 0}
	for i, s := range ordered {
		for j, u := range ordered {
			assert.Equal(t, s.before(u), i < j, "%d before %d", s, u)
		}
	}
}

func TestHeapSequenceNextIsNewerThanAll(t *testing.T) {
	assert.Equal(t, AttachSequences(nil).Next(), AttachSequence(1))
	assert.Equal(t, AttachSequences{"net1": 0}.Next(), AttachSequence(1))
	rapid.Check(t, func(t *rapid.T) {
		as := genSequences.Draw(t, "as")
		for key, s := range as {
			if next := as.Next(); !s.before(next) && s != 0 || next == 0 {
				t.Fatalf("Next: got %d, want more than %d of %s", next, s, key)
			}
		}
	})
}

func TestHeapSequenceNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		given := genSequences.Draw(t, "given")
		primaries := rapid.SliceOfNDistinct(rapid.SampledFrom(networkNames), 0, 2, rapid.ID).Draw(t, "primaries")
		renamed := rapid.Permutation(networkNames).Draw(t, "renamed") // keys may be ids, which sort in another way
		name := func(key string) string {
			if slices.Contains(primaries, key) {
				return ""
			}
			return renamed[slices.Index(networkNames, key)]
		}

		// The model: a sorted slice of those that need a number.
		unnumbered := slices.DeleteFunc(slices.Collect(maps.Keys(given)), func(key string) bool { return given[key] != 0 })
		slices.SortFunc(unnumbered, func(a, b string) int {
			return cmp.Or(cmp.Compare(name(a), name(b)), cmp.Compare(a, b))
		})
		var last AttachSequence
		for _, s := range given {
			last = max(last, s)
		}
		want := maps.Clone(given)
		for i, key := range unnumbered {
			want[key] = last + AttachSequence(i+1)
		}

		got := maps.Clone(given)
		got.Number(name)
		if !maps.Equal(got, want) {
			t.Fatalf("Number(%q by %q) of %v:\n got %v\nwant %v", primaries, renamed, given, got, want)
		}
		got.Number(func(string) string { return "" })
		if !maps.Equal(got, want) {
			t.Fatalf("Number is not idempotent:\n got %v\nwant %v", got, want)
		}
	})
}

// A network that is kept under its id and its name has the same name twice. More
// than a dozen of them, because short slices are sorted stably by any sort.
func TestHeapSequenceNumberBreaksTiesByKey(t *testing.T) {
	as := AttachSequences{}
	var want []string
	for i := range 64 {
		as[fmt.Sprintf("%02d", i)] = 0
		want = append(want, fmt.Sprintf("%02d", 2*(i%32)+i/32))
	}
	evenFirst := func(key string) string { return map[bool]string{true: "even", false: "odd"}[key[1]%2 == 0] }
	as.Number(evenFirst)
	assert.DeepEqual(t, as.Ordered(), want)
}

func TestHeapSequenceOrdered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		as := genSequences.Draw(t, "as")
		before := maps.Clone(as)
		want := slices.SortedFunc(maps.Keys(as), func(a, b string) int {
			// As of an unsigned number, 0 - 1 is the greatest there is.
			return cmp.Or(cmp.Compare(as[a]-1, as[b]-1), cmp.Compare(a, b))
		})
		if got := as.Ordered(); !slices.Equal(got, want) {
			t.Fatalf("Ordered of %v:\n got %q\nwant %q", as, got, want)
		}
		if !maps.Equal(as, before) {
			t.Fatalf("Ordered changed %v to %v", before, as)
		}
	})
}

// A reconnected network is a new attachment, even if its old number was the
// highest, or a lower one has become free.
func TestHeapSequenceOfAReconnectedNetworkIsTheLast(t *testing.T) {
	as := AttachSequences{"net1": 1, "net2": 2, "net3": 3}
	delete(as, "net2")
	as["net2"] = as.Next()
	assert.DeepEqual(t, as, AttachSequences{"net1": 1, "net2": 4, "net3": 3})
	assert.DeepEqual(t, as.Ordered(), []string{"net1", "net3", "net2"})
}
