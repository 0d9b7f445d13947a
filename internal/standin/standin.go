// Package standin has what the files at the root need of moby's API types.
package standin

// EndpointSettings stands in for the type of this name in moby's api/types/network.
type EndpointSettings struct {
	NetworkID  string
	DriverOpts map[string]string
}
