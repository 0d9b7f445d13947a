//go:build !patched

package heapera

import "github.com/docker/libnetwork"

// optionAttachOrder does nothing: the stock package has no such option.
func optionAttachOrder([]string) libnetwork.SandboxOption {
	return libnetwork.OptionGeneric(nil)
}
