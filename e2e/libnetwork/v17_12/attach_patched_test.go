//go:build patched

package v17_12

import "github.com/docker/libnetwork"

func optionAttachOrder(networks []string) libnetwork.SandboxOption {
	return libnetwork.OptionAttachOrder(networks)
}
