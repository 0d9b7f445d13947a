package ethorder

import (
	"cmp"
	"container/heap"
	"fmt"
	"maps"
	"slices"
	"testing"
	"unicode"

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
func rank(ep *endpoint) (numbers []int, name string) {
	unnumbered := 0
	if ep.attachSequence == 0 {
		unnumbered = 1
	}
	numbers = []int{unnumbered, int(ep.attachSequence)}
	switch {
	case ep.gatewayNetwork:
		return append(numbers, 2), ""
	case ep.internal:
		return append(numbers, 1), ""
	case ep.dualStack:
		return append(numbers, 0, 0, -ep.priority), ep.network
	default:
		return append(numbers, 0, 1, -ep.priority), ep.network
	}
}

func compareRanks(a, b *endpoint) int {
	na, sa := rank(a)
	nb, sb := rank(b)
	if c := slices.Compare(na, nb); c != 0 {
		return c
	}
	return cmp.Compare(sa, sb)
}

func genEndpoint(sequence *rapid.Generator[AttachSequence]) *rapid.Generator[*endpoint] {
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

// fewSequences makes ties and unnumbered endpoints common.
var fewSequences = rapid.Custom(func(t *rapid.T) AttachSequence {
	return AttachSequence(rapid.IntRange(0, 4).Draw(t, "n"))
})

func describe(eps []*endpoint) string {
	var s []string
	for _, ep := range eps {
		n, name := rank(ep)
		s = append(s, fmt.Sprintf("%s%v%s", ep.network, n, name))
	}
	return fmt.Sprintf("%q", s)
}

// sameOrder fails unless got has want's endpoints in want's order. Endpoints that
// the rule does not tell apart may have changed places.
func sameOrder(t *rapid.T, what string, got, want []*endpoint) {
	t.Helper()
	ok := slices.EqualFunc(got, want, func(a, b *endpoint) bool { return compareRanks(a, b) == 0 })
	for _, ep := range want {
		ok = ok && slices.Contains(got, ep)
	}
	if !ok {
		t.Fatalf("%s:\n got %s\nwant %s", what, describe(got), describe(want))
	}
}

// checkHeap fails unless eh is a heap that yields want's endpoints in want's
// order: taken from a copy, one by one, and by attachOrder.
func checkHeap(t *rapid.T, eh epHeap, want []*endpoint) {
	t.Helper()
	for i := 1; i < eh.Len(); i++ {
		if parent := (i - 1) / 2; eh.Less(i, parent) {
			t.Fatalf("heap: %d is less than its parent %d: %s", i, parent, describe(eh))
		}
	}

	array := slices.Clone(eh)
	ordered := attachOrder(eh)
	if !slices.Equal(eh, array) {
		t.Fatalf("attachOrder changed its argument:\n got %s\nwant %s", describe(eh), describe(array))
	}
	sameOrder(t, "attachOrder", ordered, want)

	var popped []*endpoint
	for range eh {
		popped = append(popped, heap.Pop(&array).(*endpoint))
	}
	sameOrder(t, "heap.Pop", popped, want)
	if len(array) > 0 {
		t.Fatalf("heap.Pop left %s", describe(array))
	}
}

// container is one container of a daemon, and the model of it: attached and
// unnumbered are the order in which its eths must come up.
type container struct {
	networks map[string]*endpoint // what each network is like; not in any heap

	settings AttachSequences // as the daemon keeps them
	sandbox  epHeap

	attached   []*endpoint // numbered, in attach order
	unnumbered []*endpoint // joined without the daemon's settings, by upstream's rule
}

func newContainer(t *rapid.T) *container {
	c := &container{networks: map[string]*endpoint{}, settings: AttachSequences{}}
	for _, name := range networkNames {
		ep := genEndpoint(rapid.Just(AttachSequence(0))).Draw(t, name)
		ep.network, ep.gatewayNetwork = name, false
		c.networks[name] = ep
	}
	return c
}

// endpoint returns a new endpoint of the network with the given number.
func (c *container) endpoint(network string, sequence AttachSequence) *endpoint {
	ep := *c.networks[network]
	ep.attachSequence = sequence
	return &ep
}

func (c *container) want() []*endpoint { return slices.Concat(c.attached, c.unnumbered) }

func (c *container) check(t *rapid.T) {
	checkHeap(t, c.sandbox, c.want())
	ordered := c.settings.Ordered()
	byNumber := slices.Clone(c.attached)
	// The settings do not know upstream's rule: equal numbers go by key there.
	slices.SortStableFunc(byNumber, func(a, b *endpoint) int {
		if a.attachSequence == b.attachSequence {
			return cmp.Compare(a.network, b.network)
		}
		return 0
	})
	if !slices.EqualFunc(ordered, byNumber, func(key string, ep *endpoint) bool { return key == ep.network }) {
		t.Fatalf("Ordered:\n got %q\nwant %s", ordered, describe(byNumber))
	}
}

func (c *container) drawDetached(t *rapid.T) string {
	var names []string
	for _, name := range networkNames {
		if _, ok := c.settings[name]; !ok {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		t.Skip("every network is attached")
	}
	return rapid.SampledFrom(names).Draw(t, "network")
}

func (c *container) drawAttached(t *rapid.T) *endpoint {
	if len(c.attached) == 0 {
		t.Skip("no network is attached")
	}
	return rapid.SampledFrom(c.attached).Draw(t, "attached")
}

func (c *container) attach(network string) {
	sequence := c.settings.Next()
	c.settings[network] = sequence
	ep := c.endpoint(network, sequence)
	heap.Push(&c.sandbox, ep)
	c.attached = append(c.attached, ep)
}

func (c *container) detach(t *rapid.T, ep *endpoint) {
	removed := heap.Remove(&c.sandbox, slices.Index(c.sandbox, ep))
	if removed != any(ep) {
		t.Fatalf("heap.Remove: got %s, want %s", describe([]*endpoint{removed.(*endpoint)}), describe([]*endpoint{ep}))
	}
	delete(c.settings, ep.network)
	c.attached = slices.DeleteFunc(c.attached, func(e *endpoint) bool { return e == ep })
}

// start makes a new sandbox in which the same endpoints join in any order, as
// they do when the daemon ranges over a map.
func (c *container) start(t *rapid.T) {
	joins := rapid.Permutation(c.want()).Draw(t, "joins")
	c.sandbox = nil
	if rapid.Bool().Draw(t, "fromStore") {
		c.sandbox = slices.Clone(joins)
		heap.Init(&c.sandbox)
		return
	}
	for _, ep := range joins {
		heap.Push(&c.sandbox, ep)
	}
}

// restore has the container's settings come from a daemon that does not know the
// numbers. It starts as with that daemon, and then as numbered by this one: the
// primary network first, and the others by name.
func (c *container) restore(t *rapid.T) {
	var names []string
	for _, ep := range c.attached {
		ep.attachSequence = 0
		c.settings[ep.network] = 0
		names = append(names, ep.network)
	}
	unordered := c.want()
	slices.SortFunc(unordered, compareRanks)
	c.attached, c.unnumbered, unordered = nil, unordered, c.unnumbered
	c.start(t)
	checkHeap(t, c.sandbox, c.unnumbered)
	c.unnumbered = unordered

	slices.Sort(names)
	if len(names) > 0 {
		primary := rapid.SampledFrom(names).Draw(t, "primary")
		c.settings.Number(primaryFirst(primary))
		names = append([]string{primary}, slices.DeleteFunc(names, func(name string) bool { return name == primary })...)
	}
	for _, name := range names {
		c.attached = append(c.attached, c.endpoint(name, c.settings[name]))
	}
	c.start(t)
}

func (c *container) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"": c.check,
		"attach": func(t *rapid.T) {
			c.attach(c.drawDetached(t))
		},
		"detach": func(t *rapid.T) {
			c.detach(t, c.drawAttached(t))
		},
		"reattach": func(t *rapid.T) {
			ep := c.drawAttached(t)
			c.detach(t, ep)
			c.attach(ep.network)
		},
		"reattach in place": func(t *rapid.T) {
			ep := c.drawAttached(t)
			ep.attachSequence = c.settings.Next()
			c.settings[ep.network] = ep.attachSequence
			heap.Fix(&c.sandbox, slices.Index(c.sandbox, ep))
			c.attached = append(slices.DeleteFunc(c.attached, func(e *endpoint) bool { return e == ep }), ep)
		},
		"duplicate a number": func(t *rapid.T) {
			twin := c.drawAttached(t)
			ep := c.endpoint(c.drawDetached(t), twin.attachSequence)
			c.settings[ep.network] = ep.attachSequence
			heap.Push(&c.sandbox, ep)
			i := slices.Index(c.attached, twin)
			for i > 0 && c.attached[i-1].attachSequence == ep.attachSequence {
				i--
			}
			for i < len(c.attached) && c.attached[i].attachSequence == ep.attachSequence && compareRanks(c.attached[i], ep) < 0 {
				i++
			}
			c.attached = slices.Insert(c.attached, i, ep)
		},
		"join unnumbered": func(t *rapid.T) {
			ep := genEndpoint(rapid.Just(AttachSequence(0))).Draw(t, "endpoint")
			heap.Push(&c.sandbox, ep)
			i, _ := slices.BinarySearchFunc(c.unnumbered, ep, compareRanks)
			c.unnumbered = slices.Insert(c.unnumbered, i, ep)
		},
		"leave unnumbered": func(t *rapid.T) {
			if len(c.unnumbered) == 0 {
				t.Skip("nothing is unnumbered")
			}
			i := rapid.IntRange(0, len(c.unnumbered)-1).Draw(t, "i")
			heap.Remove(&c.sandbox, slices.Index(c.sandbox, c.unnumbered[i]))
			c.unnumbered = slices.Delete(c.unnumbered, i, i+1)
		},
		"start":   c.start,
		"restore": c.restore,
	}
}

func TestHeapOfAContainerYieldsTheAttachOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		t.Repeat(newContainer(t).actions())
	})
}

// The life of a container in letters: a network is attached, b another, B that
// one is detached. Anything else starts the container: the endpoints join in the
// order of their names from some name on.
func FuzzHeapOfAContainer(f *testing.F) {
	for _, life := range []string{"", "a", "a0", "cab0", "dcba0B1b2", "zyxwvutsrqponmlkjihgfedcba0Mm9", "aA0a0b~A0"} {
		f.Add(life)
	}
	f.Fuzz(func(t *testing.T, life string) {
		settings := AttachSequences{}
		var sandbox epHeap
		var attached []string // the model
		for _, r := range life {
			network := string(unicode.ToLower(r))
			_, ok := settings[network]
			switch {
			case unicode.IsLower(r) && !ok:
				settings[network] = settings.Next()
				heap.Push(&sandbox, &endpoint{network: network, attachSequence: settings[network]})
				attached = append(attached, network)
			case unicode.IsUpper(r) && ok:
				delete(settings, network)
				heap.Remove(&sandbox, slices.IndexFunc(sandbox, func(ep *endpoint) bool { return ep.network == network }))
				attached = slices.DeleteFunc(attached, func(name string) bool { return name == network })
			case !unicode.IsLetter(r) && len(attached) > 0:
				names := slices.Sorted(maps.Keys(settings))
				first := int(r) % len(names)
				sandbox = nil
				for _, network := range slices.Concat(names[first:], names[:first]) {
					heap.Push(&sandbox, &endpoint{network: network, attachSequence: settings[network]})
				}
			}
			if got := networksOf(attachOrder(sandbox)); !slices.Equal(got, attached) {
				t.Fatalf("after %q of %q: got %q, want %q", r, life, got, attached)
			}
			if got := settings.Ordered(); !slices.Equal(got, attached) {
				t.Fatalf("Ordered after %q of %q: got %q, want %q", r, life, got, attached)
			}
		}
		for _, want := range attached {
			if got := heap.Pop(&sandbox).(*endpoint).network; got != want {
				t.Fatalf("heap.Pop after %q: got %q, want %q of %q", life, got, want, attached)
			}
		}
	})
}

// Any endpoints at all, ties and twins of a network among them, in any array.
func TestHeapOfAnyEndpoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		eps := rapid.SliceOf(genEndpoint(fewSequences)).Draw(t, "endpoints")
		want := slices.Clone(eps)
		slices.SortStableFunc(want, compareRanks)
		if got := attachOrder(eps); !slices.Equal(got, want) {
			t.Fatalf("attachOrder is not stable:\n got %s\nwant %s", describe(got), describe(want))
		}
		eh := epHeap(slices.Clone(eps))
		heap.Init(&eh)
		checkHeap(t, eh, want)
	})
}

// The endpoints of internal networks are equal by upstream's rule. More than a
// dozen of them, because short slices are sorted stably by any sort.
func TestHeapAttachOrderIsStable(t *testing.T) {
	var eps []*endpoint
	for i := range 64 {
		eps = append(eps, &endpoint{network: fmt.Sprint(i), internal: true, attachSequence: AttachSequence(1 + i%2)})
	}
	got := attachOrder(eps)
	for i, ep := range got {
		assert.Equal(t, ep, eps[2*(i%32)+i/32], "endpoint %d", i)
	}
}

func TestHeapLessIsAStrictWeakOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		eh := epHeap(rapid.SliceOfN(genEndpoint(fewSequences), 3, 8).Draw(t, "endpoints"))
		incomparable := func(i, j int) bool { return !eh.Less(i, j) && !eh.Less(j, i) }
		for i := range eh {
			if eh.Less(i, i) {
				t.Fatalf("reflexive: %s", describe(eh[i:i+1]))
			}
			for j := range eh {
				if eh.Less(i, j) && eh.Less(j, i) {
					t.Fatalf("symmetric: %s", describe([]*endpoint{eh[i], eh[j]}))
				}
				for k := range eh {
					three := []*endpoint{eh[i], eh[j], eh[k]}
					if eh.Less(i, j) && eh.Less(j, k) && !eh.Less(i, k) {
						t.Fatalf("not transitive: %s", describe(three))
					}
					if incomparable(i, j) && incomparable(j, k) && !incomparable(i, k) {
						t.Fatalf("incomparability is not transitive: %s", describe(three))
					}
				}
			}
		}
	})
}

func TestHeapOfUnnumberedEndpointsIsUpstreams(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		eh := epHeap(rapid.SliceOfN(genEndpoint(rapid.Just(AttachSequence(0))), 2, 2).Draw(t, "endpoints"))
		if got, want := eh.Less(0, 1), eh[0].Less(eh[1]); got != want {
			t.Fatalf("Less: got %v, want %v: %s", got, want, describe(eh))
		}
	})
}

func TestHeapKeepsTheGatewayNetworkBehind(t *testing.T) {
	gwbridge := &endpoint{network: "docker_gwbridge", gatewayNetwork: true}
	overlay := &endpoint{network: "overlay", attachSequence: 2}
	web := &endpoint{network: "web", internal: true, attachSequence: 1}
	assert.DeepEqual(t, networksOf(attachOrder([]*endpoint{gwbridge, overlay, web})), []string{"web", "overlay", "docker_gwbridge"})
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
}

func networksOf(eps []*endpoint) []string {
	var names []string
	for _, ep := range eps {
		names = append(names, ep.network)
	}
	return names
}
