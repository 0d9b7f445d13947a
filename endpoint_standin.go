package ethorder

import "ethorder/internal/standin"

// The types of this file stand in for moby's, so that epheap.go and sequence.go
// compile and are tested without the engine around them. No patch installs it.

// endpoint stands in for libnetwork's endpoint.
type endpoint struct {
	network        string
	attachSequence int
	gatewayNetwork bool // of docker_gwbridge
	internal       bool // of an internal network
	dualStack      bool // has an IPv4 and an IPv6 gateway
	priority       int
}

// Less is upstream's rule for the default gateway, in upstream's steps, and the
// network's name as the last word: ep is preferred to other.
func (ep *endpoint) Less(other *endpoint) bool {
	if ep.gatewayNetwork != other.gatewayNetwork {
		return other.gatewayNetwork
	}
	if ep.internal != other.internal {
		return other.internal
	}
	if ep.dualStack != other.dualStack {
		return ep.dualStack
	}
	if ep.priority != other.priority {
		return ep.priority > other.priority
	}
	return ep.network < other.network
}

// EndpointSettings stands in for daemon/network's EndpointSettings.
type EndpointSettings struct {
	*standin.EndpointSettings
}
