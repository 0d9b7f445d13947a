package trial

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"

	"ethorder/internal/engine"
)

// namedInPlugin is about a network of a plugin whose endpoint has a name for its interface. The
// engine passes the name to the plugin, and this one ignores it. If the network were joined before
// the others, as one whose driver knows the name, it would come up first.
func namedInPlugin(c *Container) {
	plugin, err := servePlugin(c.Engine)
	if err != nil {
		c.Try(func() error { return err })
		return
	}
	defer plugin.Close()
	c.Do("network create zulu", "network create --driver plugin --subnet 10.77.2.0/24 mike", "network create alpha")
	c.Create("zulu")
	c.Connect("mike", "--driver-opt com.docker.network.endpoint.ifname=eth0")
	c.Connect("alpha")
	c.Starts(starts, "with the plugin")
}

// servePlugin serves the network driver "plugin" to an engine until it is closed. The engine finds
// it by its socket.
func servePlugin(e *engine.Engine) (io.Closer, error) {
	folder := e.Inside("/run/docker/plugins")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	socket, err := net.Listen("unix", filepath.Join(folder, "plugin.sock"))
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: pluginHandler(e)}
	go func() { _ = server.Serve(socket) }()
	return server, nil
}

// pluginHandler answers what libnetwork asks of a remote driver. An endpoint's interface leads
// nowhere, and gets its address and its name from the engine. It stays until the sandbox ends.
func pluginHandler(e *engine.Engine) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer := map[string]any{}
		switch r.URL.Path {
		case "/Plugin.Activate":
			answer["Implements"] = []string{"NetworkDriver"}
		case "/NetworkDriver.GetCapabilities":
			answer["Scope"] = "local"
		case "/NetworkDriver.Join":
			var endpoint struct{ EndpointID string }
			err := json.NewDecoder(r.Body).Decode(&endpoint)
			name := fmt.Sprintf("plug%.7s", endpoint.EndpointID)
			err = errors.Join(err, e.Interfaces(func(h *netlink.Handle) error {
				return h.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name + "-out"})
			}))
			if err != nil {
				answer["Err"] = err.Error()
			}
			answer["InterfaceName"] = map[string]string{"SrcName": name, "DstPrefix": "eth"}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}
}
