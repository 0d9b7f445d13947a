package trial

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"ethorder/internal/api"
	"ethorder/internal/engine"
	"ethorder/internal/observe"
	"ethorder/internal/report"
)

// Verifying tries Verify itself on engines of which is known what it must find.
var Verifying = Suite{
	Name:      "verify",
	Guarantee: "verify tells a patched engine from a stock one, and leaves nothing there",
	Trials:    []Trial{{Name: tellsApart}},
	Run: func(ctx context.Context, env *Env) error {
		before, after, err := env.onPair(ctx, nil, func(e *engine.Engine, patched bool) (Outcome, error) {
			want := observe.Fail
			if patched {
				want = observe.Pass
			}
			return env.verify(ctx, e, want)
		})
		if before.Problem != "" {
			after.blame("stock engine: %s", before.Problem)
		}
		if err == nil {
			env.Report(tellsApart, before, after)
		}
		return err
	},
}

const tellsApart = "verify tells a patched engine from a stock one"

// verify runs Verify on an engine, and says whether that went as it should.
func (env *Env) verify(ctx context.Context, e *engine.Engine, want observe.Verdict) (o Outcome, err error) {
	c := &client{Engine: e, ctx: ctx}
	had := func() (had []string) {
		for _, list := range []string{"ps --all --quiet", "network ls --quiet", "images --quiet"} {
			had = append(had, c.Ask(list))
		}
		return had
	}
	before := had()
	var out bytes.Buffer
	runErr := Verify{Root: env.Root, Host: api.Host{URL: e.URL()}, Starts: env.Starts, JSON: true, Out: &out}.Run(ctx)
	var found verification
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		return o, errors.Join(runErr, err)
	}
	o.Figures = report.Figures{report.Starts: found.Starts, report.InOrder: found.InOrder}
	if text, _ := found.verdict(); found.Verdict != want || (runErr == nil) != (want == observe.Pass) {
		o.blame("verify says %q (error: %v)", text, runErr)
	}
	if !slices.Equal(had(), before) {
		o.blame("verify left something on the engine")
	}
	return o, c.Err
}
