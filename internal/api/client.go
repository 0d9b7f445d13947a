// Package api talks to a Docker Engine by HTTP, so that no docker command is needed.
package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ethorder/internal/tool"
)

// Client sends requests to an engine. Their paths have no version, which gives that of the engine.
type Client struct {
	http http.Client
	base string // of the URLs of requests
}

// Host says where an engine is.
type Host struct {
	URL string // unix:///PATH or tcp://ADDRESS:PORT, as in DOCKER_HOST
	// Certs is the folder with ca.pem, cert.pem and key.pem for TLS over tcp, as in
	// DOCKER_CERT_PATH; "" is for no TLS.
	Certs string
}

// New returns a client of an engine. It does not connect yet.
func New(host Host) (*Client, error) {
	network, address, _ := strings.Cut(host.URL, "://")
	if network != "unix" && network != "tcp" || address == "" {
		return nil, tool.Usagef("cannot talk to an engine at %q: want unix:///PATH or tcp://ADDRESS:PORT; "+
			"for another machine, run ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock MACHINE, and take unix:///tmp/docker.sock", host.URL)
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	c := &Client{http: http.Client{Transport: transport}, base: "http://docker"}
	if network == "tcp" && host.Certs != "" {
		config, err := tlsConfig(host.Certs)
		if err != nil {
			return nil, tool.CannotRunf("TLS to %s: %w; unset DOCKER_TLS_VERIFY if the engine has no TLS, or set DOCKER_CERT_PATH", host.URL, err)
		}
		transport.TLSClientConfig, c.base = config, "https://"+address
	}
	return c, nil
}

// tlsConfig trusts the authority, and shows the certificate, in the folder certs.
func tlsConfig(certs string) (*tls.Config, error) {
	authority, err := os.ReadFile(filepath.Join(certs, "ca.pem"))
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	if !config.RootCAs.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s has no certificate", filepath.Join(certs, "ca.pem"))
	}
	own, err := tls.LoadX509KeyPair(filepath.Join(certs, "cert.pem"), filepath.Join(certs, "key.pem"))
	config.Certificates = []tls.Certificate{own}
	return config, err
}

// Send sends a request, whose body may be nil, and returns what the engine answers. A status of
// failure is an error.
func (c *Client) Send(ctx context.Context, method, path string, body io.Reader) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
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
	var unreachable *url.Error
	switch {
	case err == nil || errors.Is(err, context.Canceled):
	case errors.Is(err, os.ErrPermission):
		err = tool.CannotRunf("%w; run this with sudo, or join the group that the socket belongs to", err)
	case errors.As(err, &unreachable):
		err = tool.CannotRunf("no Docker Engine answers: %w; start it (systemctl start docker), or say with --host where it is", err)
	default:
		err = tool.CannotRunf("the engine refuses: %w; if it has TLS, set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH", err)
	}
	return v, err
}

// answerTimeout is how long an engine may take to say that it is there.
const answerTimeout = 30 * time.Second
