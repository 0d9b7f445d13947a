//go:build patched

package heapera

import "github.com/docker/libnetwork"

func joinOptionAttachSequence(sequence int) libnetwork.EndpointOption {
	return libnetwork.JoinOptionAttachSequence(libnetwork.AttachSequence(sequence))
}
