// Package ethorder is the rule that makes a container's eth0, eth1, … come up
// in the order in which its networks were attached.
//
// The daemon gives an attachment its attach sequence when the user makes it, and
// keeps it in the container's settings (see AttachSequences). Up to
// Docker Engine 27.5, it hands the networks to the container's sandbox in that
// order. libnetwork numbers the sandbox's endpoints by it, pushes them to an
// epHeap, and makes the interfaces in the order in which they are popped. From
// 28.0 on, the daemon joins the networks in that order.
//
// epHeap.Less is a strict total order. The attach sequence decides first. Numbered
// endpoints come before unnumbered ones. If the sequences are equal, the endpoint's
// own Less decides: upstream's rule, and then the network's name. So:
//
//   - a heap yields its endpoints in the same order whatever its array, and
//     whatever the order in which they were pushed;
//   - among distinct numbers, nothing but the number counts;
//   - endpoints that nobody has numbered are ordered as upstream orders them.
//
// The patches below patch/ install sequence.go into the daemon's package network,
// and up to 27.5 epheap.go into libnetwork. They change the package clause, and up
// to 18.05 the name epHeap. Both are in Go 1.9, as the oldest engines are.
package ethorder

import "container/heap"

// epHeap is a heap of endpoints, with the one that was attached first at its root.
type epHeap []*endpoint

func (eh epHeap) Len() int { return len(eh) }

// Less compares the attach sequences. Endpoints of the same sequence, which
// unnumbered ones are, compare by their own rule.
func (eh epHeap) Less(i, j int) bool {
	if si, sj := eh[i].attachSequence, eh[j].attachSequence; si != sj {
		return si != 0 && (sj == 0 || si < sj)
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

// attachOrder returns the endpoints in the order in which their networks were
// attached, and leaves eps as it is.
func attachOrder(eps []*endpoint) []*endpoint {
	var eh epHeap
	for _, ep := range eps {
		heap.Push(&eh, ep)
	}
	ordered := make([]*endpoint, 0, len(eps))
	for eh.Len() > 0 {
		ordered = append(ordered, heap.Pop(&eh).(*endpoint))
	}
	return ordered
}
