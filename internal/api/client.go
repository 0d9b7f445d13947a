// Package api talks to a Docker Engine by HTTP, so that no docker command is needed.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"ethorder/internal/tool"
)

// Client sends requests to an engine. Their paths have no version, which gives that of the engine.
type Client struct{ http http.Client }

// New returns a client of the engine at a URL, in the form of DOCKER_HOST: unix:///PATH or
// tcp://ADDRESS:PORT. It does not connect yet.
func New(url string) (*Client, error) {
	network, address, _ := strings.Cut(url, "://")
	if network != "unix" && network != "tcp" || address == "" {
		return nil, tool.Usagef("cannot talk to an engine at %q: want unix:///PATH or tcp://ADDRESS:PORT; "+
			"for another machine, run ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock MACHINE, and take unix:///tmp/docker.sock", url)
	}
	return &Client{http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}}}, nil
}

// Send sends a request, whose body may be nil, and returns what the engine answers. A status of
// failure is an error.
func (c *Client) Send(ctx context.Context, method, path string, body io.Reader) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://docker"+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = errors.New(response.Status + ": " + strings.TrimSpace(string(answer)))
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return answer, nil
}

// Get asks the engine, and decodes what it answers into v.
func (c *Client) Get(ctx context.Context, path string, v any) error {
	answer, err := c.Send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, v); err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	return nil
}

// Version is what an engine says of itself.
type Version struct{ Version, Os, Arch string }

// Version asks the engine for its version. If none answers, the error has the status CannotRun.
func (c *Client) Version(ctx context.Context) (v Version, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	err = c.Get(ctx, "/version", &v)
	switch {
	case errors.Is(err, os.ErrPermission):
		err = tool.CannotRunf("%w; run this with sudo, or join the group that the socket belongs to", err)
	case err != nil:
		err = tool.CannotRunf("no Docker Engine answers: %w; start it (systemctl start docker), or say with --host where it is", err)
	}
	return v, err
}

// answerTimeout is how long an engine may take to say that it is there.
const answerTimeout = 30 * time.Second
