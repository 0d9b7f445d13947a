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

// Less is upstream's rule for the default gateway, in upstream's steps: epi is
// preferred to epj.
func (epi *endpoint) Less(epj *endpoint) bool {
	if epi.gatewayNetwork {
		return false
	}
	if epj.gatewayNetwork {
		return true
	}
	if epi.internal {
		return false
	}
	if epj.internal {
		return true
	}
	if epi.dualStack != epj.dualStack {
		return epi.dualStack
	}
	if epi.priority != epj.priority {
		return epi.priority > epj.priority
	}
	return epi.network < epj.network
}
