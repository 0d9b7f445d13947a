package ethorder

import (
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
)

// AttachSequenceOption is the driver option of an endpoint that gives its network
// an explicit attach sequence, a number from 1 to 4294967295.
const AttachSequenceOption = "com.docker.network.endpoint.attachsequence"

// maxAttachSequence is the highest number that is read. It is more than a container
// can use up, and leaves room to count up.
const maxAttachSequence = 1 << 62

// AttachSequences are the numbers that the daemon has given to the networks of a
// container, by the keys that they have in its settings: of two networks, the one
// that was attached later has the higher number. It is never changed in place.
type AttachSequences map[string]uint64

// UnmarshalJSON reads the numbers that it can. One that cannot be read, or that is
// too high, is as good as none; an error would cost the container.
func (as *AttachSequences) UnmarshalJSON(b []byte) error {
	_ = json.Unmarshal(b, (*map[string]uint64)(as))
	for key, n := range *as {
		if n > maxAttachSequence {
			delete(*as, key)
		}
	}
	return nil
}

// invalidAttachSequence is a value of AttachSequenceOption that cannot be used.
type invalidAttachSequence string

func (v invalidAttachSequence) Error() string {
	return fmt.Sprintf("invalid value %q for driver option %s: want a number from 1 to 4294967295", string(v), AttachSequenceOption)
}

// InvalidParameter makes the API answer with status 400, and IsValidationError
// does so up to 17.07.
func (invalidAttachSequence) InvalidParameter() {}

func (invalidAttachSequence) IsValidationError() bool { return true }

// ExplicitAttachSequence returns the attach sequence that the driver options of
// an endpoint give, or 0 if they give none.
func ExplicitAttachSequence(driverOpts map[string]string) (uint64, error) {
	v, ok := driverOpts[AttachSequenceOption]
	if !ok {
		return 0, nil
	}
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil || n == 0 {
		return 0, invalidAttachSequence(v)
	}
	return n, nil
}

// sequence returns the number of a network, or 0 if it has none.
func (as AttachSequences) sequence(key string, ep *EndpointSettings) (n uint64, explicit bool) {
	n = as[key]
	if ep != nil && ep.EndpointSettings != nil {
		if e, _ := ExplicitAttachSequence(ep.DriverOpts); e != 0 {
			return e, true
		}
		if n == 0 && ep.NetworkID != "" {
			n = as[ep.NetworkID] // from when the settings had the network under its id
		}
	}
	return n, false
}

// Reconcile returns the numbers of networks, which it gives to those that have
// none. It counts up from the highest that is not explicit: first the networks in
// first, in that order, then the others by name. The function find returns the id,
// "" if it is not known, and the name of the network that a key or an element of
// first stands for.
func (as AttachSequences) Reconcile(networks map[string]*EndpointSettings, first []string, find func(string) (id, name string)) AttachSequences {
	numbered, explicit := make(AttachSequences), make(map[uint64]bool)
	var last uint64
	keep := func(key string, n uint64) {
		numbered[key] = n
		if last < n {
			last = n
		}
	}
	var found []string
	for key, ep := range networks {
		if n, ok := as.sequence(key, ep); ok {
			explicit[n] = true
		} else if n != 0 {
			keep(key, n)
		} else {
			found = append(found, key)
		}
	}
	if len(found) == 0 {
		return numbered
	}

	places, ranks, names := make(map[string]int), make(map[string]int), make(map[string]string)
	for i := len(first) - 1; i >= 0; i-- {
		_, name := find(first[i])
		places[name] = i - len(first)
	}
	for _, key := range found {
		id, name := find(key)
		if ep := networks[key]; id == "" && ep != nil && ep.EndpointSettings != nil {
			id = ep.NetworkID
		}
		if n := as[id]; n != 0 && id != "" {
			keep(key, n)
		}
		names[key], ranks[key] = name, places[name]
		if ranks[key] == 0 {
			ranks[key] = places[id]
		}
	}
	sort.Slice(found, func(i, j int) bool {
		a, b := found[i], found[j]
		if ranks[a] != ranks[b] {
			return ranks[a] < ranks[b]
		}
		if names[a] != names[b] {
			return names[a] < names[b]
		}
		return a < b
	})
	for _, key := range found {
		if numbered[key] == 0 {
			for last++; explicit[last]; last++ {
			}
			numbered[key] = last
		}
	}
	return numbered
}

// Append returns the numbers of networks when that of key has just been attached:
// unless it has an explicit number, it gets one more than the highest. The others
// have been reconciled.
func (as AttachSequences) Append(networks map[string]*EndpointSettings, key string) AttachSequences {
	numbered := make(AttachSequences)
	var last uint64
	for k, ep := range networks {
		n, explicit := as.sequence(k, ep)
		if last < n && k != key {
			last = n
		}
		if !explicit {
			numbered[k] = n
		}
	}
	if _, ok := numbered[key]; ok {
		numbered[key] = last + 1
	}
	return numbered
}

// Ordered returns the keys of networks in attach order. Of equal numbers, explicit
// ones come first, and then they go by name, for which find is as in Reconcile.
// Networks without a number come last.
func (as AttachSequences) Ordered(networks map[string]*EndpointSettings, find func(string) (id, name string)) []string {
	keys := make([]string, 0, len(networks))
	for key := range networks {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(i, j int) bool {
		a, explicitA := as.sequence(keys[i], networks[keys[i]])
		b, explicitB := as.sequence(keys[j], networks[keys[j]])
		if a != b {
			return a != 0 && (b == 0 || a < b)
		}
		if explicitA != explicitB {
			return explicitA
		}
		_, nameA := find(keys[i])
		_, nameB := find(keys[j])
		if nameA != nameB {
			return nameA < nameB
		}
		return keys[i] < keys[j]
	})
	return keys
}
