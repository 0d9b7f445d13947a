package ethorder

import "sort"

// AttachSequence is the place of an attachment among the attachments of its
// container: of two of them, the one that was made later has the higher number.
// Zero means that the attachment has not been numbered.
type AttachSequence uint64

// before returns true if an attachment with number s comes before one with
// number t: in the order of the numbers, and unnumbered attachments last.
func (s AttachSequence) before(t AttachSequence) bool {
	return s != 0 && (t == 0 || s < t)
}

// AttachSequences holds the numbers of a container's attachments, by the name
// or id of the network under which the container's settings keep each of them.
type AttachSequences map[string]AttachSequence

// Next returns the number for an attachment that is newer than all of as.
func (as AttachSequences) Next() AttachSequence {
	var last AttachSequence
	for _, s := range as {
		if last < s {
			last = s
		}
	}
	return last + 1
}

// Number gives each attachment that has no number the next one, in the order of
// the networks' names, which name returns for a key. For the network that is to
// be the first, it returns the empty string. A number that is given stays.
func (as AttachSequences) Number(name func(key string) string) {
	var unnumbered []string
	names := make(map[string]string)
	for _, key := range as.Ordered() {
		if as[key] == 0 {
			unnumbered = append(unnumbered, key)
			names[key] = name(key)
		}
	}
	sort.SliceStable(unnumbered, func(i, j int) bool {
		return names[unnumbered[i]] < names[unnumbered[j]]
	})
	for _, key := range unnumbered {
		as[key] = as.Next()
	}
}

// Ordered returns the keys of as in attach order: numbered attachments before
// unnumbered ones, and by key among equals.
func (as AttachSequences) Ordered() []string {
	keys := make([]string, 0, len(as))
	for key := range as {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(i, j int) bool {
		si, sj := as[keys[i]], as[keys[j]]
		if si != sj {
			return si.before(sj)
		}
		return keys[i] < keys[j]
	})
	return keys
}
