package ethorder

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"gotest.tools/v3/assert"
	"pgregory.net/rapid"

	"ethorder/internal/standin"
)

// settings are an endpoint's, as a request gives them: with an explicit number
// unless that is 0.
func settings(explicit uint64) *EndpointSettings {
	ep := &EndpointSettings{&standin.EndpointSettings{}}
	if explicit != 0 {
		ep.DriverOpts = map[string]string{AttachSequenceOption: strconv.FormatUint(explicit, 10), "other": "option"}
	}
	return ep
}

// networkID is an id that sorts in another way than the name.
func networkID(name string) string {
	return fmt.Sprintf("%02xf00d", 97*slices.Index(networkNames, name)%256)
}

// termsFor are what a request may call a network: its name, id and short id.
func termsFor(name string) []string {
	return []string{name, networkID(name), networkID(name)[:2]}
}

// attachment is what the model knows of a network that is attached.
type attachment struct {
	name, key string
	explicit  uint64
	automatic uint64 // 0: not yet given
}

func (a *attachment) number() uint64 { return cmp.Or(a.explicit, a.automatic) }

// container is one container of a daemon: what the daemon has of it, and a plain
// list that models it.
type container struct {
	networks map[string]*EndpointSettings
	as       AttachSequences
	mode     []string // has the network of the network mode, or those of a Swarm task

	onNode map[string]bool // names of the networks that can be found
	model  []*attachment
}

// highest is the highest number that the container has.
func (c *container) highest(ofAutomatic bool) uint64 {
	numbers := []uint64{0}
	for _, a := range c.model {
		numbers = append(numbers, a.automatic)
		if !ofAutomatic {
			numbers = append(numbers, a.explicit)
		}
	}
	return slices.Max(numbers)
}

// place returns the place of a's network in c.mode, by its name, id or short id,
// or that after the last.
func (c *container) place(a *attachment) int {
	i := slices.IndexFunc(c.mode, func(s string) bool {
		if c.onNode[a.name] {
			return slices.Contains(termsFor(a.name), s)
		}
		ep := c.networks[a.key]
		return s == a.key || ep != nil && ep.EndpointSettings != nil && s == ep.NetworkID
	})
	if i < 0 {
		return len(c.mode)
	}
	return i
}

// shown is a's name, or its key if the network is not on the node.
func (c *container) shown(a *attachment) string {
	if c.onNode[a.name] {
		return a.name
	}
	return a.key
}

// numberFound gives numbers to the networks that are found without one.
func (c *container) numberFound() {
	found := slices.DeleteFunc(slices.Clone(c.model), func(a *attachment) bool { return a.number() != 0 })
	slices.SortFunc(found, func(a, b *attachment) int {
		return cmp.Or(cmp.Compare(c.place(a), c.place(b)), cmp.Compare(c.shown(a), c.shown(b)))
	})
	n := c.highest(true)
	for _, a := range found {
		n++
		for slices.ContainsFunc(c.model, func(a *attachment) bool { return a.explicit == n }) {
			n++
		}
		a.automatic = n
	}
}

// order is the order in which the interfaces must come up.
func (c *container) order() []string {
	ordered := slices.SortedFunc(slices.Values(c.model), func(a, b *attachment) int {
		automatic := map[bool]int{true: 1}
		return cmp.Or(
			cmp.Compare(a.number(), b.number()),
			cmp.Compare(automatic[a.explicit == 0], automatic[b.explicit == 0]),
			cmp.Compare(c.shown(a), c.shown(b)),
			cmp.Compare(a.key, b.key),
		)
	})
	var keys []string
	for _, a := range ordered {
		keys = append(keys, a.key)
	}
	return keys
}

// automatic are the numbers that the daemon must have stored.
func (c *container) automatic() AttachSequences {
	numbers := AttachSequences{}
	for _, a := range c.model {
		if a.explicit == 0 {
			numbers[a.key] = a.automatic
		}
	}
	return numbers
}

// find looks a network up as the daemon does.
func (c *container) find(idOrName string) (id, name string) {
	for _, name := range networkNames {
		if c.onNode[name] && slices.Contains(termsFor(name), idOrName) {
			return networkID(name), name
		}
	}
	return "", idOrName
}

// unchanged calls f, and fails if that has changed numbers or settings in place.
func (c *container) unchanged(t *rapid.T, f func() AttachSequences) AttachSequences {
	t.Helper()
	as, networks := maps.Clone(c.as), maps.Clone(c.networks)
	before := fmt.Sprint(c.describeSettings(), c.mode)
	got := f()
	if !maps.Equal(c.as, as) || (c.as == nil) != (as == nil) {
		t.Fatalf("the receiver was changed from %v to %v", as, c.as)
	}
	if after := fmt.Sprint(c.describeSettings(), c.mode); after != before || !maps.Equal(c.networks, networks) {
		t.Fatalf("the networks were changed from %s to %s", before, after)
	}
	return got
}

func (c *container) describeSettings() string {
	var s []string
	for _, key := range slices.Sorted(maps.Keys(c.networks)) {
		var of any
		if ep := c.networks[key]; ep != nil && ep.EndpointSettings != nil {
			of = *ep.EndpointSettings
		}
		s = append(s, fmt.Sprintf("%s: %v", key, of))
	}
	return strings.Join(s, ", ")
}

// storeAndLoad stores numbers and starts the daemon again.
func (c *container) storeAndLoad(t *rapid.T, numbers AttachSequences) {
	t.Helper()
	if c.highest(true) > 1<<62 {
		t.Skip("a number is too high to be read again")
	}
	stored, err := json.Marshal(numbers)
	assert.NilError(t, err)
	c.as = nil
	assert.NilError(t, json.Unmarshal(stored, &c.as))
}

// reconcile numbers the networks, and looks up none that has a number.
func (c *container) reconcile(t *rapid.T) {
	t.Helper()
	hasNumber := func(key string) bool {
		i := slices.IndexFunc(c.model, func(a *attachment) bool { return a.key == key })
		return i >= 0 && c.model[i].explicit != 0 || c.as[key] != 0
	}
	unnumbered := slices.ContainsFunc(c.model, func(a *attachment) bool { return !hasNumber(a.key) })
	given := c.as
	c.as = c.unchanged(t, func() AttachSequences {
		return c.as.Reconcile(c.networks, c.mode, func(idOrName string) (string, string) {
			if !unnumbered || hasNumber(idOrName) && !slices.Contains(c.mode, idOrName) {
				t.Fatalf("%q was looked up, of %v and %s", idOrName, given, c.describeSettings())
			}
			return c.find(idOrName)
		})
	})
	c.numberFound()
	c.check(t)
	again := c.as.Reconcile(c.networks, c.mode, func(idOrName string) (string, string) {
		t.Fatalf("%q was looked up when all have numbers: %v", idOrName, c.as)
		return "", ""
	})
	if !maps.Equal(again, c.as) {
		t.Fatalf("Reconcile is not idempotent:\n got %v\nwant %v", again, c.as)
	}
}

// check compares what the daemon has with the model.
func (c *container) check(t *rapid.T) {
	t.Helper()
	if want := c.automatic(); !maps.Equal(c.as, want) {
		t.Fatalf("the numbers of %s, first %q:\n got %v\nwant %v", c.describeSettings(), c.mode, c.as, want)
	}
	var got []string
	c.unchanged(t, func() AttachSequences {
		got = c.as.Ordered(c.networks, c.find)
		return nil
	})
	if want := c.order(); !slices.Equal(got, want) {
		t.Fatalf("Ordered of %v and %s:\n got %q\nwant %q", c.as, c.describeSettings(), got, want)
	}
}

// append attaches a network of which the settings are there already.
func (c *container) append(t *rapid.T, a *attachment) {
	a.automatic = 0
	if a.explicit == 0 {
		a.automatic = c.highest(false) + 1
	}
	c.as = c.unchanged(t, func() AttachSequences { return c.as.Append(c.networks, a.key) })
}

func (c *container) add(a *attachment, ep *EndpointSettings) {
	c.networks[a.key] = ep
	c.model = append(c.model, a)
}

func (c *container) remove(a *attachment) {
	delete(c.networks, a.key)
	c.model = slices.DeleteFunc(c.model, func(other *attachment) bool { return other == a })
}

func (c *container) connect(t *rapid.T, name string) {
	c.reconcile(t)
	a := &attachment{name: name, key: name, explicit: c.drawExplicit(t)}
	c.add(a, settings(a.explicit))
	c.append(t, a)
}

// drawExplicit draws an explicit number, or 0 for none: often one that another
// network has.
func (c *container) drawExplicit(t *rapid.T) uint64 {
	numbers := []uint64{0, 0, 0, 1, 2, 3, 5, 9, math.MaxUint32}
	for _, a := range c.model {
		if n := a.number(); n <= math.MaxUint32 {
			numbers = append(numbers, n)
		}
	}
	return rapid.SampledFrom(numbers).Draw(t, "explicit")
}

func (c *container) drawAttached(t *rapid.T) *attachment {
	if len(c.model) == 0 {
		t.Skip("no network is attached")
	}
	return rapid.SampledFrom(c.model).Draw(t, "attached")
}

func (c *container) detached() []string {
	return slices.DeleteFunc(slices.Clone(networkNames), func(name string) bool {
		return slices.ContainsFunc(c.model, func(a *attachment) bool { return a.name == name })
	})
}

func (c *container) drawDetached(t *rapid.T) string {
	names := c.detached()
	if len(names) == 0 {
		t.Skip("every network is attached")
	}
	return rapid.SampledFrom(names).Draw(t, "detached")
}

// create makes the container with the networks of one request.
func (c *container) create(t *rapid.T) {
	*c = container{networks: make(map[string]*EndpointSettings), onNode: make(map[string]bool)}
	for _, name := range networkNames {
		c.onNode[name] = rapid.IntRange(0, 4).Draw(t, "on node") > 0
	}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(networkNames), 0, 3, rapid.ID).Draw(t, "mode") {
		c.mode = append(c.mode, rapid.SampledFrom(termsFor(name)).Draw(t, "mode by"))
	}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(networkNames), 0, 8, rapid.ID).Draw(t, "networks") {
		a := &attachment{name: name, key: rapid.SampledFrom([]string{name, networkID(name)}).Draw(t, "key")}
		ep := settings(0)
		switch rapid.IntRange(0, 4).Draw(t, "settings") {
		case 0:
			ep = nil
		case 1:
			ep = &EndpointSettings{}
		case 2:
			ep.NetworkID = networkID(name)
		case 3:
			a.explicit = c.drawExplicit(t)
			ep = settings(a.explicit)
		}
		c.add(a, ep)
	}
	c.reconcile(t)
}

func (c *container) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"":       c.reconcile,
		"create": c.create,
		"connect": func(t *rapid.T) {
			c.connect(t, c.drawDetached(t))
			c.check(t)
		},
		"disconnect": func(t *rapid.T) {
			c.remove(c.drawAttached(t))
		},
		"reconnect": func(t *rapid.T) {
			a := c.drawAttached(t)
			c.remove(a)
			c.connect(t, a.name)
			c.check(t)
		},
		"connect what an attempt that failed has left": func(t *rapid.T) {
			c.append(t, c.drawAttached(t))
			c.check(t)
		},
		"replace settings": func(t *rapid.T) {
			a := c.drawAttached(t)
			if a.explicit = c.drawExplicit(t); a.explicit != 0 {
				a.automatic = 0
			}
			c.networks[a.key] = settings(a.explicit)
		},
		"a stock daemon had it": func(t *rapid.T) {
			c.as = nil
			for _, a := range c.model {
				a.automatic = 0
			}
		},
		"change a key to the name": func(t *rapid.T) {
			a := c.drawAttached(t)
			if a.key == a.name {
				t.Skip("has it")
			}
			ep := c.networks[a.key]
			delete(c.networks, a.key)
			switch {
			case c.onNode[a.name]:
			case ep != nil && ep.EndpointSettings != nil:
				ep.NetworkID = a.key
			default:
				a.automatic = 0 // whose id it was cannot be known
			}
			a.key = a.name
			c.networks[a.key] = ep
		},
		"store garbage": func(t *rapid.T) {
			a := c.drawAttached(t)
			stored := maps.Clone(c.as)
			stored[a.key] = rapid.SampledFrom([]uint64{0, 1<<62 + 1, 1 << 63, math.MaxUint64}).Draw(t, "garbage")
			c.storeAndLoad(t, stored)
			a.automatic = 0
			if rapid.Bool().Draw(t, "missing") {
				delete(c.as, a.key)
			}
		},
		"store the highest number": func(t *rapid.T) {
			a := c.drawAttached(t)
			if a.explicit != 0 || c.as[a.key] != a.automatic || c.highest(true) >= 1<<62 {
				t.Skip("it has no number of its own, or another has the highest")
			}
			c.as = maps.Clone(c.as)
			a.automatic, c.as[a.key] = 1<<62, 1<<62
		},
		"store numbers of networks that are not attached": func(t *rapid.T) {
			c.as = maps.Clone(c.as)
			name := c.drawDetached(t)
			n := rapid.Uint64().Draw(t, "n")
			c.as[name], c.as[networkID(name)] = n, n
		},
		"store and load": func(t *rapid.T) {
			c.storeAndLoad(t, c.as)
			c.check(t)
		},
		"another node": func(t *rapid.T) {
			name := rapid.SampledFrom(networkNames).Draw(t, "network")
			c.onNode[name] = !c.onNode[name]
		},
	}
}

func TestHeapSequenceOfAContainer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c container
		c.create(t)
		t.Repeat(c.actions())
	})
}

// The life of a container in letters: a network is connected, b another, B that
// one is disconnected. A digit is the explicit number of the network that is
// connected next. Anything else is a stock daemon that has the container. The
// endpoints join in the order of their names.
func FuzzHeapOfAContainer(f *testing.F) {
	for _, life := range []string{"", "a", "a!", "cab!", "dcba!B1b2", "zyx1wvu3t!Mm9m", "aA!a3b~A!"} {
		f.Add(life)
	}
	f.Fuzz(func(t *testing.T, life string) {
		var as AttachSequences
		networks := map[string]*EndpointSettings{}
		var model []*attachment
		var explicit uint64
		find := func(idOrName string) (string, string) { return "", idOrName }
		for _, r := range life {
			c := container{model: model}
			network := string(unicode.ToLower(r))
			attached := networks[network] != nil
			switch {
			case '0' <= r && r <= '9':
				explicit = uint64(r - '0')
			case unicode.IsLower(r) && !attached:
				as = as.Reconcile(networks, nil, find)
				networks[network] = settings(explicit)
				as = as.Append(networks, network)
				a := &attachment{name: network, key: network, explicit: explicit, automatic: c.highest(false) + 1}
				if explicit != 0 {
					a.automatic = 0
				}
				model, explicit = append(model, a), 0
			case unicode.IsUpper(r) && attached:
				delete(networks, network)
				as = as.Reconcile(networks, nil, find)
				model = slices.DeleteFunc(model, func(a *attachment) bool { return a.name == network })
			case !unicode.IsLetter(r):
				as = AttachSequences(nil).Reconcile(networks, nil, find)
				for _, a := range model {
					a.automatic = 0
				}
				c.numberFound()
			}
			c.model = model
			want := c.order()
			if got := as.Ordered(networks, byName); !slices.Equal(got, want) {
				t.Fatalf("Ordered after %q of %q: got %q, want %q", r, life, got, want)
			}
			var joined []*endpoint
			for _, network := range slices.Sorted(maps.Keys(networks)) {
				joined = append(joined, &endpoint{network: network, attachSequence: 1 + slices.Index(want, network)})
			}
			if got := networksOf(attachOrder(joined)); !slices.Equal(got, want) {
				t.Fatalf("attachOrder after %q of %q: got %q, want %q", r, life, got, want)
			}
		}
	})
}

// request is what one request to create a container gives: explicit numbers by
// name, 0 for none.
func request(explicit map[string]uint64) map[string]*EndpointSettings {
	networks := make(map[string]*EndpointSettings)
	for name, n := range explicit {
		networks[name] = settings(n)
	}
	return networks
}

func byName(idOrName string) (id, name string) { return "", idOrName }

func TestHeapSequenceSomeNumberedSomeNot(t *testing.T) {
	for _, tc := range []struct {
		explicit map[string]uint64
		mode     string
		want     []string
	}{
		{map[string]uint64{"alpha": 0, "kilo": 0, "mike": 0, "zulu": 0}, "mike", []string{"mike", "alpha", "kilo", "zulu"}},
		{map[string]uint64{"alpha": 0, "kilo": 0, "mike": 0, "zulu": 1}, "mike", []string{"zulu", "mike", "alpha", "kilo"}},
		{map[string]uint64{"alpha": 0, "kilo": 0, "mike": 2, "zulu": 1}, "alpha", []string{"zulu", "mike", "alpha", "kilo"}},
		{map[string]uint64{"alpha": 9, "kilo": 0, "mike": 0, "zulu": 0}, "zulu", []string{"zulu", "kilo", "mike", "alpha"}},
		{map[string]uint64{"alpha": 0, "kilo": 0, "mike": 0, "zulu": 2}, "mike", []string{"mike", "zulu", "alpha", "kilo"}},
		{map[string]uint64{"alpha": 4, "kilo": 3, "mike": 2, "zulu": 1}, "alpha", []string{"zulu", "mike", "kilo", "alpha"}},
	} {
		t.Run(fmt.Sprint(tc.explicit, tc.mode), func(t *testing.T) {
			networks := request(tc.explicit)
			as := AttachSequences(nil).Reconcile(networks, []string{tc.mode}, byName)
			assert.DeepEqual(t, as.Ordered(networks, byName), tc.want)

			networks["beta"] = settings(0)
			as = as.Append(networks, "beta")
			assert.DeepEqual(t, as.Ordered(networks, byName), append(tc.want, "beta"))
		})
	}
}

// Explicit numbers survive a stock daemon, and others come before them again.
func TestHeapSequenceAfterAStockDaemon(t *testing.T) {
	networks := request(map[string]uint64{"zulu": 0})
	as := AttachSequences(nil).Reconcile(networks, []string{"zulu"}, byName)
	networks["mike"] = settings(0)
	as = as.Append(networks, "mike")
	networks["alpha"] = settings(9)
	as = as.Append(networks, "alpha")
	for _, as := range []AttachSequences{as, AttachSequences(nil).Reconcile(networks, []string{"zulu"}, byName)} {
		assert.DeepEqual(t, as, AttachSequences{"zulu": 1, "mike": 2})
		assert.DeepEqual(t, as.Ordered(networks, byName), []string{"zulu", "mike", "alpha"})
	}
}

func TestHeapSequenceConnectWithANumberThatAnotherHas(t *testing.T) {
	for explicit, want := range map[uint64][]string{
		1: {"x", "c", "b", "a"},
		2: {"c", "x", "b", "a"},
		3: {"c", "b", "x", "a"},
		4: {"c", "b", "a", "x"},
	} {
		networks := request(map[string]uint64{"a": 0, "b": 0, "c": 0, "x": explicit})
		as := AttachSequences{"c": 1, "b": 2, "a": 3}.Append(networks, "x")
		assert.DeepEqual(t, as, AttachSequences{"c": 1, "b": 2, "a": 3})
		assert.DeepEqual(t, as.Ordered(networks, byName), want)

		// Of two explicit ones, the name decides.
		networks["w"] = settings(explicit)
		as = as.Append(networks, "w")
		i := slices.Index(want, "x")
		assert.DeepEqual(t, as.Ordered(networks, byName), slices.Insert(slices.Clone(want), i, "w"))
	}
}

func TestHeapSequenceAppend(t *testing.T) {
	for _, tc := range []struct {
		name     string
		as       AttachSequences
		explicit map[string]uint64
		want     AttachSequences
	}{
		{"the first", nil, map[string]uint64{"x": 0}, AttachSequences{"x": 1}},
		{"behind a gap", AttachSequences{"a": 7}, map[string]uint64{"a": 0, "x": 0}, AttachSequences{"a": 7, "x": 8}},
		{"behind an explicit one", AttachSequences{"a": 1}, map[string]uint64{"a": 0, "b": 9, "x": 0}, AttachSequences{"a": 1, "x": 10}},
		{"explicit", AttachSequences{"a": 1}, map[string]uint64{"a": 0, "x": 1}, AttachSequences{"a": 1}},
		{"was automatic", AttachSequences{"a": 1, "x": 2}, map[string]uint64{"a": 0, "x": 1}, AttachSequences{"a": 1}},
		{"was the last", AttachSequences{"a": 1, "x": 5}, map[string]uint64{"a": 0, "x": 0}, AttachSequences{"a": 1, "x": 2}},
		{"is not there", AttachSequences{"a": 1, "x": 5}, map[string]uint64{"a": 0}, AttachSequences{"a": 1}},
		{"behind the highest that is read", AttachSequences{"a": 1 << 62}, map[string]uint64{"a": 0, "x": 0}, AttachSequences{"a": 1 << 62, "x": 1<<62 + 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			assert.DeepEqual(t, tc.as.Append(request(tc.explicit), "x"), tc.want)
		})
	}
}

func TestHeapSequenceReconcile(t *testing.T) {
	known := map[string]string{"id-zulu": "zulu", "id-mike": "mike", "id-alpha": "alpha"}
	find := func(idOrName string) (string, string) {
		for id, name := range known {
			if idOrName == id || idOrName == name {
				return id, name
			}
		}
		return "", idOrName
	}
	withID := func(id string) *EndpointSettings {
		return &EndpointSettings{&standin.EndpointSettings{NetworkID: id}}
	}
	for _, tc := range []struct {
		name     string
		as       AttachSequences
		networks map[string]*EndpointSettings
		first    []string
		want     AttachSequences
	}{
		{"by name, not by key", nil, map[string]*EndpointSettings{"id-zulu": nil, "mike": nil, "id-alpha": nil}, nil,
			AttachSequences{"id-alpha": 1, "mike": 2, "id-zulu": 3}},
		{"first by id", nil, map[string]*EndpointSettings{"zulu": nil, "mike": nil}, []string{"id-zulu"},
			AttachSequences{"zulu": 1, "mike": 2}},
		{"first by name", nil, map[string]*EndpointSettings{"id-zulu": nil, "mike": nil}, []string{"zulu"},
			AttachSequences{"id-zulu": 1, "mike": 2}},
		{"first by an id that only the settings know", nil, map[string]*EndpointSettings{"x": withID("id-x"), "mike": nil}, []string{"id-x"},
			AttachSequences{"x": 1, "mike": 2}},
		{"several first, one of them twice", nil, map[string]*EndpointSettings{"alpha": nil, "mike": nil, "zulu": nil, "kilo": nil},
			[]string{"zulu", "x", "mike", "id-zulu"}, AttachSequences{"zulu": 1, "mike": 2, "alpha": 3, "kilo": 4}},
		{"first is not known, nor is a network", nil, map[string]*EndpointSettings{"y": nil, "x": withID("id-x")}, []string{"z"},
			AttachSequences{"x": 1, "y": 2}},
		{"one network under its id and its name", nil, map[string]*EndpointSettings{"zulu": nil, "id-zulu": nil, "mike": nil}, nil,
			AttachSequences{"mike": 1, "id-zulu": 2, "zulu": 3}},
		{"the key was the id", AttachSequences{"id-zulu": 1, "mike": 2}, map[string]*EndpointSettings{"zulu": nil, "mike": nil}, nil,
			AttachSequences{"zulu": 1, "mike": 2}},
		{"the key was an id that only the settings know", AttachSequences{"id-x": 3, "mike": 2},
			map[string]*EndpointSettings{"x": withID("id-x"), "mike": nil}, nil, AttachSequences{"x": 3, "mike": 2}},
		{"the key was the id of the highest", AttachSequences{"id-zulu": 5}, map[string]*EndpointSettings{"zulu": nil, "mike": nil}, []string{"mike"},
			AttachSequences{"zulu": 5, "mike": 6}},
		{"one has the highest that is read", AttachSequences{"mike": 1 << 62}, map[string]*EndpointSettings{"mike": nil, "alpha": nil, "zulu": nil},
			[]string{"zulu"}, AttachSequences{"mike": 1 << 62, "zulu": 1<<62 + 1, "alpha": 1<<62 + 2}},
		{"a network that is not there", AttachSequences{"kilo": 9, "mike": 2}, map[string]*EndpointSettings{"mike": nil, "zulu": nil}, nil,
			AttachSequences{"mike": 2, "zulu": 3}},
		{"no network", AttachSequences{"kilo": 9}, nil, []string{"kilo"}, AttachSequences{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			assert.DeepEqual(t, tc.as.Reconcile(tc.networks, tc.first, find), tc.want)
		})
	}
}

// Of networks with the same name, the key decides. More than a dozen of them,
// because short slices are sorted stably by any sort.
func TestHeapSequenceReconcileHasNoTies(t *testing.T) {
	networks, want := make(map[string]*EndpointSettings), make(AttachSequences)
	for i := range 64 {
		key := fmt.Sprintf("%02d", i)
		networks[key], want[key] = nil, uint64(32*(1-i%2)+i/2+1)
	}
	oddFirst := func(key string) (id, name string) {
		return "", map[bool]string{true: "odd", false: "other"}[key[1]%2 == 1]
	}
	assert.DeepEqual(t, AttachSequences(nil).Reconcile(networks, nil, oddFirst), want)
}

// More than a dozen networks of equal numbers, because short slices are sorted
// stably by any sort.
func TestHeapSequenceOrderedHasNoTies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		as, networks := AttachSequences{}, map[string]*EndpointSettings{}
		var automatic, explicit, unnumbered []string
		for i := range rapid.IntRange(0, 40).Draw(t, "networks") {
			key := fmt.Sprintf("%02d", i)
			networks[key] = settings(0)
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				networks[key], as[key] = settings(1), 7 // of these, the explicit one counts
				explicit = append(explicit, key)
			case 1:
				as[key] = 1
				automatic = append(automatic, key)
			case 2:
				unnumbered = append(unnumbered, key)
			case 3:
				networks[key].DriverOpts = map[string]string{AttachSequenceOption: "0"} // as good as none
				unnumbered = append(unnumbered, key)
			}
		}
		if got, want := as.Ordered(networks, byName), slices.Concat(explicit, automatic, unnumbered); !slices.Equal(got, want) {
			t.Fatalf("Ordered:\n got %q\nwant %q", got, want)
		}
	})
}

func TestHeapSequenceExplicit(t *testing.T) {
	for _, opts := range []map[string]string{nil, {}, {"com.docker.network.endpoint.sysctls": "1"}} {
		n, err := ExplicitAttachSequence(opts)
		assert.NilError(t, err)
		assert.Equal(t, n, uint64(0))
	}
	for v, want := range map[string]uint64{"1": 1, "7": 7, "4294967295": math.MaxUint32} {
		n, err := ExplicitAttachSequence(map[string]string{"com.docker.network.endpoint.attachsequence": v})
		assert.NilError(t, err)
		assert.Equal(t, n, want)
	}
	for _, v := range []string{"", "0", "00", "-1", "1.5", "abc", "4294967296", "18446744073709551616", " 1", "1 ", "1e3", "+1", "0x1", "1_0"} {
		n, err := ExplicitAttachSequence(map[string]string{"com.docker.network.endpoint.attachsequence": v})
		assert.Equal(t, n, uint64(0), "%q", v)
		assert.Error(t, err, fmt.Sprintf("invalid value %q for driver option com.docker.network.endpoint.attachsequence: want a number from 1 to 4294967295", v))

		_, ok := err.(interface{ InvalidParameter() })
		assert.Assert(t, ok, "the API does not answer with status 400")
		old, ok := err.(interface{ IsValidationError() bool })
		assert.Assert(t, ok && old.IsValidationError(), "the API does not answer with status 400 up to 17.07")
	}
}

// A stored value that is no number costs neither other numbers nor the container.
func TestHeapSequenceLoad(t *testing.T) {
	networks := request(map[string]uint64{"net1": 0, "net2": 0, "net3": 0})
	type container struct {
		Before          string
		AttachSequences AttachSequences `json:",omitempty"`
		After           string
	}
	for _, v := range []string{`"1"`, `1.5`, `-1`, `1e3`, `18446744073709551616`, `9223372036854775808`, `{"net1": 5}`, `[1]`, `null`, `true`, `0`} {
		t.Run(v, func(t *testing.T) {
			var c container
			err := json.Unmarshal([]byte(`{"Before": "a", "AttachSequences": {"net1": 7, "net2": `+v+`, "net3": 5}, "After": "b"}`), &c)
			assert.NilError(t, err)
			as := c.AttachSequences.Reconcile(networks, nil, byName)
			assert.DeepEqual(t, as, AttachSequences{"net1": 7, "net2": 8, "net3": 5})
			assert.Equal(t, c.Before+c.After, "ab")
		})
	}
	for _, v := range []string{`5`, `[1]`, `"net1"`, `null`, `true`, `{}`} {
		t.Run("all "+v, func(t *testing.T) {
			var c container
			assert.NilError(t, json.Unmarshal([]byte(`{"Before": "a", "AttachSequences": `+v+`, "After": "b"}`), &c))
			assert.Equal(t, len(c.AttachSequences), 0)
			assert.Equal(t, c.Before+c.After, "ab")
		})
	}
}

func TestHeapSequenceStore(t *testing.T) {
	stored, err := json.Marshal(AttachSequences{"net1": 1, "net2": 1 << 62})
	assert.NilError(t, err)
	assert.Equal(t, string(stored), `{"net1":1,"net2":4611686018427387904}`)
	var loaded AttachSequences
	assert.NilError(t, json.Unmarshal(stored, &loaded))
	assert.DeepEqual(t, loaded, AttachSequences{"net1": 1, "net2": 1 << 62})

	// Numbers above it are given, and are not read again.
	as := loaded.Reconcile(map[string]*EndpointSettings{"net2": nil, "alpha": nil, "zulu": nil}, []string{"zulu"}, byName)
	assert.DeepEqual(t, as.Ordered(map[string]*EndpointSettings{"net2": nil, "alpha": nil, "zulu": nil}, byName), []string{"net2", "zulu", "alpha"})
	stored, err = json.Marshal(as)
	assert.NilError(t, err)
	loaded = nil
	assert.NilError(t, json.Unmarshal(stored, &loaded))
	assert.DeepEqual(t, loaded, AttachSequences{"net2": 1 << 62})
}

// The engine asks for the order right after it has changed a key from the network's
// id to its name.
func TestHeapSequenceOfAnID(t *testing.T) {
	at := func(id string) *EndpointSettings { return &EndpointSettings{&standin.EndpointSettings{NetworkID: id}} }
	as := AttachSequences{"id-a": 1, "id-b": 2, "c": 3, "id-c": 0, "d": 4, "id-d": 1, "": 9}
	networks := map[string]*EndpointSettings{"a": at("id-a"), "id-b": at(""), "c": at("id-c"), "d": at("id-d"), "e": at("")}
	assert.DeepEqual(t, as.Ordered(networks, byName), []string{"a", "id-b", "c", "d", "e"})

	assert.DeepEqual(t, as.Reconcile(networks, nil, byName), AttachSequences{"a": 1, "id-b": 2, "c": 3, "d": 4, "e": 5})
}

// A request may give networks by name and by id. Equal numbers go by name all the
// same, as they do when the settings have the names; no other needs a look-up.
func TestHeapSequenceOrderedGoesByName(t *testing.T) {
	networks := map[string]*EndpointSettings{"1d-lima": settings(1), "bravo": settings(1), "0d-mike": settings(1), "zulu": settings(2)}
	names := map[string]string{"1d-lima": "lima", "bravo": "bravo", "0d-mike": "mike"}
	find := func(key string) (id, name string) {
		name, ok := names[key]
		assert.Check(t, ok, "%s was looked up", key)
		return key, name
	}
	assert.DeepEqual(t, AttachSequences(nil).Ordered(networks, find), []string{"bravo", "1d-lima", "0d-mike", "zulu"})

	// More than a dozen, because short slices are sorted stably by any sort.
	networks = make(map[string]*EndpointSettings)
	for i := range 64 {
		networks[fmt.Sprintf("%02d", i)] = settings(1)
	}
	same := func(string) (id, name string) { return "", "same" }
	assert.DeepEqual(t, AttachSequences(nil).Ordered(networks, same), slices.Sorted(maps.Keys(networks)))
}
