package ethorder

// endpoint stands in for libnetwork's endpoint, so that the heap compiles and is
// tested without the engine around it. Stand-in: not installed by any patch.
type endpoint struct {
	network        string
	attachSequence AttachSequence
	gatewayNetwork bool // of docker_gwbridge
	internal       bool // of an internal network
	dualStack      bool // has an IPv4 and an IPv6 gateway
	priority       int
}

func (ep *endpoint) sequence() AttachSequence { return ep.attachSequence }

// Less is upstream's rule for the default gateway, in upstream's steps: ep is
// preferred to other.
func (ep *endpoint) Less(other *endpoint) bool {
	if ep.gatewayNetwork {
		return false
	}
	if other.gatewayNetwork {
		return true
	}
	if ep.internal {
		return false
	}
	if other.internal {
		return true
	}
	if ep.dualStack != other.dualStack {
		return ep.dualStack
	}
	if ep.priority != other.priority {
		return ep.priority > other.priority
	}
	return ep.network < other.network
}
