package engine

import (
	"context"
	"net/http"
	"strings"

	"ethorder/internal/api"
)

// Get asks the engine's API, and decodes what it answers into v.
func (e *Engine) Get(ctx context.Context, path string, v any) error {
	return e.api(func(c *api.Client) error { return c.Get(ctx, path, v) })
}

// Post sends a request with a JSON body to the engine's API.
func (e *Engine) Post(ctx context.Context, path, body string) error {
	return e.api(func(c *api.Client) error {
		_, err := c.Send(ctx, http.MethodPost, path, strings.NewReader(body))
		return err
	})
}

// api calls use with a client of the engine.
func (e *Engine) api(use func(*api.Client) error) error {
	client, err := api.New(api.Host{URL: e.URL()})
	if err == nil {
		err = use(client)
	}
	if err != nil {
		return e.orEnded(err)
	}
	return nil
}
