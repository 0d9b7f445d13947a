//go:build !patched

package heapera

import "github.com/docker/libnetwork"

// joinOptionAttachSequence does nothing: the stock package has no such option.
func joinOptionAttachSequence(int) libnetwork.EndpointOption {
	return libnetwork.EndpointOptionGeneric(nil)
}
