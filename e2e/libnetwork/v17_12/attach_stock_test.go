//go:build !patched

package v17_12

import "github.com/docker/libnetwork"

// optionAttachOrder does nothing: the stock package has no such option.
func optionAttachOrder([]string) libnetwork.SandboxOption {
	return libnetwork.OptionGeneric(nil)
}
