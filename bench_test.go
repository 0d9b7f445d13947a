package ethorder

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand"
	"slices"
	"sort"
	"testing"
)

// stockHeap is the heap of 17.06 to 18.05, which only the rule for the gateway orders.
type stockHeap struct{ epHeap }

func (sh stockHeap) Less(i, j int) bool { return sh.epHeap[i].Less(sh.epHeap[j]) }

// sortedInsert adds an endpoint to sorted ones, as 18.06 to 27.5 do.
func sortedInsert(eps []*endpoint, ep *endpoint) []*endpoint {
	i := sort.Search(len(eps), func(i int) bool { return ep.Less(eps[i]) })
	return slices.Insert(eps, i, ep)
}

func bySequence(a, b *endpoint) int {
	if (epHeap{a, b}).Less(0, 1) {
		return -1
	}
	return 1
}

// The metric ns/nlogn stays about the same for all numbers of endpoints if the growth is
// that of n log n.
func BenchmarkHeap(b *testing.B) {
	for _, n := range []int{1, 8, 64, 1024} {
		eps := make([]*endpoint, n)
		for i, sequence := range rand.New(rand.NewSource(1)).Perm(n) {
			eps[i] = benchEndpoint(fmt.Sprintf("net%d", i), sequence+1)
		}
		pushed, stock, sorted := epHeap{}, stockHeap{}, []*endpoint{}
		for _, ep := range eps {
			heap.Push(&pushed, ep)
			heap.Push(&stock, ep)
			sorted = sortedInsert(sorted, ep)
		}
		measure := func(name string, do func()) {
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; i < b.N; i++ {
					do()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(float64(n)*math.Log2(float64(n)+1)), "ns/nlogn")
			})
		}
		measure("order/attachOrder", func() { attachOrder(eps) })
		measure("order/SortFunc", func() { slices.SortFunc(slices.Clone(eps), bySequence) })
		measure("push/epHeap", func() {
			var eh epHeap
			for _, ep := range eps {
				heap.Push(&eh, ep)
			}
		})
		measure("push/stock heap", func() {
			var sh stockHeap
			for _, ep := range eps {
				heap.Push(&sh, ep)
			}
		})
		measure("push/stock sorted insert", func() {
			var s []*endpoint
			for _, ep := range eps {
				s = sortedInsert(s, ep)
			}
		})
		// The one that is removed is added again.
		measure("remove from the middle/epHeap", func() { heap.Push(&pushed, heap.Remove(&pushed, n/2)) })
		measure("remove from the middle/stock heap", func() { heap.Push(&stock, heap.Remove(&stock, n/2)) })
		measure("remove from the middle/stock sorted insert", func() {
			ep := sorted[n/2]
			sorted = sortedInsert(slices.Delete(sorted, n/2, n/2+1), ep)
		})
	}
}
