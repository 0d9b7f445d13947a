package ethorder

import (
	"container/heap"
	"fmt"
)

// A container was attached to bridge, net10, net9 and net1. The daemon connects
// them in the order of a map when it starts the container.
func Example_epHeap() {
	var sandbox epHeap
	for _, ep := range []*endpoint{
		{network: "net9", attachSequence: 3},
		{network: "docker_gwbridge", gatewayNetwork: true}, // made by libnetwork: not numbered
		{network: "net1", attachSequence: 4},
		{network: "bridge", attachSequence: 1},
		{network: "net10", attachSequence: 2},
	} {
		heap.Push(&sandbox, ep)
	}
	for i, ep := range attachOrder(sandbox) {
		fmt.Printf("eth%d %s\n", i, ep.network)
	}
	// Output:
	// eth0 bridge
	// eth1 net10
	// eth2 net9
	// eth3 net1
	// eth4 docker_gwbridge
}

// A number is given when the user attaches a network, and goes with it.
func ExampleAttachSequences_Next() {
	as := AttachSequences{}
	for _, network := range []string{"bridge", "web", "db"} {
		as[network] = as.Next()
	}
	delete(as, "web") // docker network disconnect
	as["web"] = as.Next()
	fmt.Println(as.Ordered())
	// Output: [bridge db web]
}

// A container of a daemon that did not number attachments, or one that was
// created with several networks at once: its --network comes first.
func ExampleAttachSequences_Number() {
	as := AttachSequences{"web": 0, "db": 0, "mail": 0}
	as.Number(func(key string) string {
		if key == "mail" {
			return ""
		}
		return key
	})
	fmt.Println(as.Ordered())

	as["a"] = as.Next() // attached afterwards
	as.Number(func(key string) string { return key })
	fmt.Println(as.Ordered())
	// Output:
	// [mail db web]
	// [mail db web a]
}
