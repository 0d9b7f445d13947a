package engine

import (
	"context"
	"net/http"
	"strings"
)

// Get asks the engine's API, and decodes what it answers into v.
func (e *Engine) Get(ctx context.Context, path string, v any) error {
	return e.orEnded(e.api.Get(ctx, path, v))
}

// Post sends a request with a JSON body to the engine's API.
func (e *Engine) Post(ctx context.Context, path, body string) error {
	_, err := e.api.Send(ctx, http.MethodPost, path, strings.NewReader(body))
	return e.orEnded(err)
}
