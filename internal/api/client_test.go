package api

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"ethorder/internal/tool"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"
)

func TestClient(t *testing.T) {
	socket, err := net.Listen("unix", filepath.Join(t.TempDir(), "docker.sock"))
	assert.NilError(t, err)
	server := &httptest.Server{Listener: socket, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/version" {
			http.Error(w, `{"message":"page not found"}`, http.StatusNotFound)
			return
		}
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, `{"Version":"29.8.1`+string(body)+`"}`)
	})}}
	server.Start()
	defer server.Close()
	client, err := New(Host{URL: "unix://" + socket.Addr().String()})
	assert.NilError(t, err)

	var version struct{ Version string }
	assert.NilError(t, client.Get(t.Context(), "/version", &version))
	assert.Equal(t, version.Version, "29.8.1")
	answer, err := client.Send(t.Context(), "POST", "/version", strings.NewReader("+more"))
	assert.NilError(t, err)
	assert.Equal(t, string(answer), `{"Version":"29.8.1+more"}`)
	assert.ErrorContains(t, client.Get(t.Context(), "/other", &version), `GET /other: 404 Not Found: {"message":"page not found"}`)
}

func TestNewRefusesURLs(t *testing.T) {
	for _, url := range []string{"", "unix://", "/var/run/docker.sock", "ssh://host", "fd://"} {
		_, err := New(Host{URL: url})
		assert.ErrorContains(t, err, "want unix:///PATH or tcp://ADDRESS:PORT", url)
	}
}

func TestVersionSaysWhatToDoWithoutAnEngine(t *testing.T) {
	client, err := New(Host{URL: "unix://" + filepath.Join(t.TempDir(), "docker.sock")})
	assert.NilError(t, err)
	_, err = client.Version(t.Context())
	var exit *tool.Exit
	assert.Assert(t, errors.As(err, &exit) && exit.Status == tool.CannotRun)
	assert.ErrorContains(t, err, "no Docker Engine answers")
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"Version":"%d certificates"}`, len(r.TLS.PeerCertificates))
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	defer server.Close()
	own := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	assert.NilError(t, err)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]})
	certs := fs.NewDir(t, "certs",
		fs.WithFile("ca.pem", "", fs.WithBytes(certificate)), fs.WithFile("cert.pem", "", fs.WithBytes(certificate)),
		fs.WithFile("key.pem", "", fs.WithBytes(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))))

	url := "tcp://" + server.Listener.Addr().String()
	client, err := New(Host{URL: url, Certs: certs.Path()})
	assert.NilError(t, err)
	version, err := client.Version(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, version.Version, "1 certificates")

	client, err = New(Host{URL: url})
	assert.NilError(t, err)
	_, err = client.Version(t.Context())
	assert.ErrorContains(t, err, "if it has TLS, set DOCKER_TLS_VERIFY=1")
	_, err = New(Host{URL: url, Certs: t.TempDir()})
	assert.ErrorContains(t, err, "ca.pem: no such file")
}
