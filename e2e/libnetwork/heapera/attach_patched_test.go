//go:build patched

package heapera

import "github.com/docker/libnetwork"

func optionAttachOrder(networks []string) libnetwork.SandboxOption {
	return libnetwork.OptionAttachOrder(networks)
}
