package ethorder

import (
	"container/heap"
	"fmt"
)

// A container was attached to bridge, net10, net9 and net1. The daemon connects
// them in the order of a map when it starts the container.
func Example_epHeap() {
	var eh epHeap
	for _, ep := range []*endpoint{
		{network: "net9", attachSequence: 3},
		{network: "docker_gwbridge", gatewayNetwork: true}, // made by libnetwork: not numbered
		{network: "net1", attachSequence: 4},
		{network: "bridge", attachSequence: 1},
		{network: "net10", attachSequence: 2},
	} {
		heap.Push(&eh, ep)
	}
	for i := 0; eh.Len() > 0; i++ {
		fmt.Printf("eth%d %s\n", i, heap.Pop(&eh).(*endpoint).network)
	}
	// Output:
	// eth0 bridge
	// eth1 net10
	// eth2 net9
	// eth3 net1
	// eth4 docker_gwbridge
}

// One request creates a container with three networks, and mail is that of its
// network mode. Then net1 is connected, and web is disconnected and connected.
func ExampleAttachSequences() {
	find := func(idOrName string) (id, name string) { return "", idOrName }
	networks := map[string]*EndpointSettings{"web": nil, "db": nil, "mail": nil}
	as := AttachSequences(nil).Reconcile(networks, []string{"mail"}, find)
	fmt.Println(as.Ordered(networks, find))

	networks["net1"] = nil
	as = as.Append(networks, "net1")
	fmt.Println(as.Ordered(networks, find))

	delete(networks, "web")
	as = as.Reconcile(networks, []string{"mail"}, find)
	networks["web"] = nil
	as = as.Append(networks, "web")
	fmt.Println(as.Ordered(networks, find))
	// Output:
	// [mail db web]
	// [mail db web net1]
	// [mail db net1 web]
}
