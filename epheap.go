// Package ethorder is the rule that makes a container's eth0, eth1, … come up
// in the order in which its networks were attached.
//
// The daemon numbers an attachment when the user makes it, and keeps the number
// with the container's settings (see AttachSequences). libnetwork is told the
// number when an endpoint joins its sandbox, and makes the interfaces in the order
// of a heap.Interface that compares it.
//
// The contract of epHeap.Less is that of a strict weak order: the sequence
// decides first, numbered endpoints come before unnumbered ones, and equal
// sequences leave the decision to the endpoint's own Less, which is upstream's
// rule. So Less is a strict weak order wherever upstream's is, and:
//
//   - a sandbox in which nothing is numbered is ordered as upstream orders it;
//   - among distinct numbers, nothing but the number counts: the order is the
//     same on every start, whatever order the endpoints joined in, and whatever
//     their networks are called;
//   - a heap's array is not sorted. Whoever walks endpoints in order takes a
//     copy from attachOrder, which is stable for endpoints that are equal.
//
// The files epheap.go and sequence.go are what the patches under patch/ install
// into libnetwork, byte for byte below the package clause. They are written in
// the language of Go 1.9, because the oldest engines are.
package ethorder

import "sort"

// epHeap is a heap.Interface of a sandbox's endpoints, with the endpoint that
// was attached first at its root.
type epHeap []*endpoint

func (eh epHeap) Len() int { return len(eh) }

// Less compares the attach sequence first. Endpoints of the same sequence, which
// unnumbered ones are, compare by their own rule.
func (eh epHeap) Less(i, j int) bool {
	if si, sj := eh[i].sequence(), eh[j].sequence(); si != sj {
		return si.before(sj)
	}
	return eh[i].Less(eh[j])
}

func (eh epHeap) Swap(i, j int) { eh[i], eh[j] = eh[j], eh[i] }

func (eh *epHeap) Push(x interface{}) {
	*eh = append(*eh, x.(*endpoint))
}

func (eh *epHeap) Pop() interface{} {
	old := *eh
	n := len(old)
	x := old[n-1]
	old[n-1] = nil
	*eh = old[0 : n-1]
	return x
}

// attachOrder returns a copy of eps in attach order. It does not change eps, the
// array of a heap as a rule, which is in no order past its root.
func attachOrder(eps []*endpoint) []*endpoint {
	ordered := append(epHeap(nil), eps...)
	sort.Stable(ordered)
	return ordered
}
