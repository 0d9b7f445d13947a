package trial

import (
	"encoding/json"
	"errors"
	"fmt"
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
	c.servePlugin()
	c.Do("network create zulu", "network create --driver plugin --subnet 10.77.2.0/24 mike", "network create alpha")
	c.Create("zulu")
	c.Connect("mike", "--driver-opt com.docker.network.endpoint.ifname=eth0")
	c.Connect("alpha")
	c.Starts(starts, "with the plugin")
}

// pluginRefuses is why a network of a plugin cannot be joined.
var pluginRefuses = cause{
	create:  "--driver plugin --subnet 10.77.2.0/24 mike",
	prepare: (*Container).servePlugin,
	begin:   func(c *Container) { c.Try(func() error { return os.WriteFile(refusal(c.Engine), nil, 0o644) }) },
	end:     func(c *Container) { c.Try(func() error { return os.Remove(refusal(c.Engine)) }) },

	running: true,
}

// refusal is a file that has the plugin refuse joins while it is there.
func refusal(e *engine.Engine) string { return filepath.Join(e.Dir(), "plugin-refuses") }

// servePlugin serves the network driver "plugin" to the engine until the trial ends. The engine
// finds it by its socket.
func (c *Container) servePlugin() {
	c.Try(func() error {
		folder := c.Engine.Inside("/run/docker/plugins")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		socket, err := net.Listen("unix", filepath.Join(folder, "plugin.sock"))
		if err != nil {
			return err
		}
		server := &http.Server{Handler: pluginHandler(c.Engine)}
		c.plugin = server
		go func() { _ = server.Serve(socket) }()
		return nil
	})
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
			if _, err := os.Stat(refusal(e)); err == nil {
				answer["Err"] = "this plugin refuses"
				break
			}
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
