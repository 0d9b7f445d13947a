package api

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"ethorder/internal/tool"

	"gotest.tools/v3/assert"
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
	client, err := New("unix://" + socket.Addr().String())
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
		_, err := New(url)
		assert.ErrorContains(t, err, "want unix:///PATH or tcp://ADDRESS:PORT", url)
	}
}

func TestVersionSaysWhatToDoWithoutAnEngine(t *testing.T) {
	client, err := New("unix://" + filepath.Join(t.TempDir(), "docker.sock"))
	assert.NilError(t, err)
	_, err = client.Version(t.Context())
	var exit *tool.Exit
	assert.Assert(t, errors.As(err, &exit) && exit.Status == tool.CannotRun)
	assert.ErrorContains(t, err, "no Docker Engine answers")
}
