package ethorder

import (
	"cmp"
	"container/heap"
	"fmt"
	"math"
	"slices"
	"testing"

	"gotest.tools/v3/assert"
	"pgregory.net/rapid"
)

// networkNames are in no useful order: net10 sorts before net2, and bridge, which
// is attached first as a rule, sorts in the middle.
var networkNames = []string{
	"net2", "net10", "bridge", "web", "db", "a", "zoo", "net1", "mail", "net3", "backup", "0net", "net17", "x",
}

// rank states the order that the heap must have as a list of numbers and a name,
// to be compared from left to right. It is written apart from Less on purpose.
func rank(ep *endpoint) (numbers []int, network string) {
	yes := map[bool]int{true: 1}
	return []int{
		yes[ep.attachSequence == 0], ep.attachSequence,
		yes[ep.gatewayNetwork], yes[ep.internal], yes[!ep.dualStack], -ep.priority,
	}, ep.network
}

func compareRanks(a, b *endpoint) int {
	na, sa := rank(a)
	nb, sb := rank(b)
	return cmp.Or(slices.Compare(na, nb), cmp.Compare(sa, sb))
}

// genSequence makes ties and unnumbered endpoints common.
var genSequence = rapid.SampledFrom([]int{0, 0, 1, 2, 3, 4, math.MaxInt32})

func genEndpoint(sequence *rapid.Generator[int]) *rapid.Generator[*endpoint] {
	return rapid.Custom(func(t *rapid.T) *endpoint {
		return &endpoint{
			network:        rapid.SampledFrom(networkNames).Draw(t, "network"),
			attachSequence: sequence.Draw(t, "sequence"),
			gatewayNetwork: rapid.IntRange(0, 9).Draw(t, "gatewayNetwork") == 0,
			internal:       rapid.IntRange(0, 3).Draw(t, "internal") == 0,
			dualStack:      rapid.Bool().Draw(t, "dualStack"),
			priority:       rapid.IntRange(-1, 1).Draw(t, "priority"),
		}
	})
}

// genEndpoints are the endpoints of a sandbox: no two are of the same network.
func genEndpoints(sequence *rapid.Generator[int], atLeast int) *rapid.Generator[[]*endpoint] {
	return rapid.SliceOfNDistinct(genEndpoint(sequence), atLeast, -1, networkOf)
}

func networkOf(ep *endpoint) string { return ep.network }

func networksOf(eps []*endpoint) []string {
	var names []string
	for _, ep := range eps {
		names = append(names, ep.network)
	}
	return names
}

func describe(eps []*endpoint) string {
	var s []string
	for _, ep := range eps {
		n, name := rank(ep)
		s = append(s, fmt.Sprintf("%s%v", name, n))
	}
	return fmt.Sprintf("%q", s)
}

// sameOrder fails unless got has the very endpoints of want, in want's order.
func sameOrder(t *rapid.T, what string, got, want []*endpoint) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s:\n got %s\nwant %s", what, describe(got), describe(want))
	}
}

// popAll pops the endpoints of eh one by one, and leaves eh as it is.
func popAll(t *rapid.T, eh epHeap) []*endpoint {
	t.Helper()
	eh = slices.Clone(eh)
	var popped []*endpoint
	for len(eh) > 0 {
		n := eh.Len()
		popped = append(popped, heap.Pop(&eh).(*endpoint))
		if eh.Len() != n-1 || len(eh) != n-1 {
			t.Fatalf("heap.Pop left %d of %d endpoints, Len says %d", len(eh), n, eh.Len())
		}
	}
	return popped
}

// checkHeap fails unless eh is a heap that yields want's endpoints in want's order.
func checkHeap(t *rapid.T, eh epHeap, want []*endpoint) {
	t.Helper()
	if eh.Len() != len(want) {
		t.Fatalf("Len: got %d, want %d: %s", eh.Len(), len(want), describe(want))
	}
	for i := 1; i < len(want); i++ {
		if parent := (i - 1) / 2; compareRanks(eh[parent], eh[i]) > 0 {
			t.Fatalf("heap: %d comes before its parent %d: %s", i, parent, describe(eh))
		}
	}
	sameOrder(t, "heap.Pop", popAll(t, eh), want)
}

func TestHeapLessIsAStrictTotalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		eh := epHeap(genEndpoints(genSequence, 3).Draw(t, "endpoints"))
		for i := range eh {
			for j := range eh {
				less := eh.Less(i, j)
				switch {
				case i == j && less:
					t.Fatalf("reflexive: %s", describe(eh[i:i+1]))
				case i != j && less == eh.Less(j, i):
					t.Fatalf("both or neither is less: %s", describe([]*endpoint{eh[i], eh[j]}))
				case less != (compareRanks(eh[i], eh[j]) < 0):
					t.Fatalf("Less is %v, the rule is not: %s", less, describe([]*endpoint{eh[i], eh[j]}))
				}
				for k := range eh {
					if less && eh.Less(j, k) && !eh.Less(i, k) {
						t.Fatalf("not transitive: %s", describe([]*endpoint{eh[i], eh[j], eh[k]}))
					}
				}
			}
		}
	})
}

// Neither the order of the pushes nor the array that becomes a heap counts.
func TestHeapOrderIsOfTheEndpointsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genEndpoints(genSequence, 0).Draw(t, "endpoints")
		slices.SortFunc(want, compareRanks)

		var pushed epHeap
		for _, ep := range rapid.Permutation(want).Draw(t, "pushes") {
			heap.Push(&pushed, ep)
		}
		checkHeap(t, pushed, want)

		array := epHeap(rapid.Permutation(want).Draw(t, "array"))
		heap.Init(&array)
		checkHeap(t, array, want)

		eps := rapid.Permutation(want).Draw(t, "argument")
		before := slices.Clone(eps)
		ordered := attachOrder(eps)
		sameOrder(t, "attachOrder", ordered, want)
		clear(ordered) // is an array of its own
		sameOrder(t, "argument of attachOrder", eps, before)
	})
}

// A sandbox that endpoints join and leave, one at a time, beside the sorted slice
// that models it.
func TestHeapInASandbox(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var eh epHeap
		var model []*endpoint
		draw := func(t *rapid.T) *endpoint {
			if len(model) == 0 {
				t.Skip("the sandbox is empty")
			}
			return rapid.SampledFrom(model).Draw(t, "endpoint")
		}
		sort := func() { slices.SortFunc(model, compareRanks) }
		remove := func(t *rapid.T, ep *endpoint) {
			if got := heap.Remove(&eh, slices.Index(eh, ep)).(*endpoint); got != ep {
				t.Fatalf("heap.Remove: got %s, want %s", describe([]*endpoint{got}), describe([]*endpoint{ep}))
			}
			model = slices.DeleteFunc(model, func(e *endpoint) bool { return e == ep })
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				checkHeap(t, eh, model)
			},
			"push": func(t *rapid.T) {
				ep := genEndpoint(genSequence).Draw(t, "endpoint")
				if slices.Contains(networksOf(model), ep.network) {
					t.Skip("the sandbox has an endpoint of this network")
				}
				heap.Push(&eh, ep)
				model = append(model, ep)
				sort()
			},
			"pop": func(t *rapid.T) {
				if len(model) == 0 {
					t.Skip("the sandbox is empty")
				}
				if got := heap.Pop(&eh).(*endpoint); got != model[0] {
					t.Fatalf("heap.Pop: got %s, want %s", describe([]*endpoint{got}), describe(model[:1]))
				}
				model = model[1:]
			},
			"remove": func(t *rapid.T) {
				remove(t, draw(t))
			},
			"remove and push": func(t *rapid.T) {
				ep := draw(t)
				remove(t, ep)
				ep.attachSequence = genSequence.Draw(t, "sequence")
				heap.Push(&eh, ep)
				model = append(model, ep)
				sort()
			},
			"fix": func(t *rapid.T) {
				ep := draw(t)
				ep.attachSequence = genSequence.Draw(t, "sequence")
				heap.Fix(&eh, slices.Index(eh, ep))
				sort()
			},
			"init": func(t *rapid.T) {
				eh = rapid.Permutation(model).Draw(t, "array")
				heap.Init(&eh)
			},
		})
	})
}

func TestHeapOfUnnumberedEndpointsIsUpstreams(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		eh := epHeap(genEndpoints(rapid.Just(0), 2).Draw(t, "endpoints"))
		for i := range eh {
			for j := range eh {
				if got, want := eh.Less(i, j), eh[i].Less(eh[j]); got != want {
					t.Fatalf("Less: got %v, want %v: %s", got, want, describe([]*endpoint{eh[i], eh[j]}))
				}
			}
		}
	})
}

// Unnumbered endpoints come last, whatever upstream prefers, and the numbered
// ones in the order of their numbers.
func TestHeapPutsUnnumberedEndpointsLast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		eps := genEndpoints(rapid.Just(0), 0).Draw(t, "endpoints")
		numbered := rapid.IntRange(0, len(eps)).Draw(t, "numbered")
		for i, ep := range eps[:numbered] {
			ep.attachSequence = i + 1
		}
		want := slices.Clone(eps)
		slices.SortFunc(want[numbered:], func(a, b *endpoint) int {
			if a.Less(b) {
				return -1
			}
			return 1
		})
		sameOrder(t, "attachOrder", attachOrder(rapid.Permutation(eps).Draw(t, "joined")), want)
	})
}

func TestHeapKeepsTheGatewayNetworkBehind(t *testing.T) {
	for _, unnumbered := range []*endpoint{
		{network: "zoo", internal: true},
		{network: "zoo", priority: -1},
	} {
		got := attachOrder([]*endpoint{
			{network: "docker_gwbridge", gatewayNetwork: true, dualStack: true, priority: 1},
			unnumbered,
			{network: "overlay", attachSequence: 2},
			{network: "web", internal: true, attachSequence: 1},
		})
		assert.DeepEqual(t, networksOf(got), []string{"web", "overlay", "zoo", "docker_gwbridge"})
	}
}

func TestHeapPopLetsGoOfTheEndpoint(t *testing.T) {
	eh := epHeap{{network: "net1"}, {network: "net2"}}
	array := eh
	heap.Pop(&eh)
	assert.Equal(t, eh.Len(), 1)
	assert.Assert(t, array[1] == nil, "the array of the heap still refers to an endpoint that has left: %v", array[1])
}

func TestHeapAttachOrderOfNothing(t *testing.T) {
	assert.Equal(t, len(attachOrder(nil)), 0)
	assert.Equal(t, len(attachOrder([]*endpoint{})), 0)
}

// benchEndpoint is an endpoint for benchmarks.
func benchEndpoint(network string, sequence int) *endpoint {
	return &endpoint{network: network, attachSequence: sequence}
}
