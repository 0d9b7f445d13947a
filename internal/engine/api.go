package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Get asks the engine's API, and decodes what it answers into v.
func (e *Engine) Get(ctx context.Context, path string, v any) error {
	return e.request(ctx, http.MethodGet, path, "", v)
}

// Post sends a request with a JSON body to the engine's API.
func (e *Engine) Post(ctx context.Context, path, body string) error {
	return e.request(ctx, http.MethodPost, path, body, nil)
}

func (e *Engine) request(ctx context.Context, method, path, body string, v any) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://docker"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := e.http().Do(request)
	if err != nil {
		return e.orEnded(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		err = e.orEnded(err)
	case response.StatusCode >= http.StatusBadRequest:
		err = errors.New(response.Status + ": " + strings.TrimSpace(string(answer)))
	case v != nil:
		err = json.Unmarshal(answer, v)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// http returns a client of the engine's API.
func (e *Engine) http() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", e.socket())
		},
	}}
}
