package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"gotest.tools/v3/assert"

	"ethorder/internal/build"
	"ethorder/internal/engine"
	"ethorder/internal/observe"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/sandbox"
	"ethorder/internal/trial"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

// releases returns the releases to test, those that ETHORDER_E2E names, and skips
// the test if there are none.
func releases(t *testing.T) []string {
	t.Helper()
	names := strings.Fields(os.Getenv("ETHORDER_E2E"))
	if len(names) == 0 {
		t.Skip("runs real engines: needs root and ETHORDER_E2E='17.12.1 29.7.1', as scripts/test sets it")
	}
	return names
}

// start builds an engine, if it is not built yet, and starts it.
func start(ctx context.Context, t *testing.T, release string, patched bool) *engine.Engine {
	t.Helper()
	root, err := repo.Find()
	assert.NilError(t, err)
	name, _, _ := strings.Cut(t.Name(), "/")
	config := engine.Config{
		LogDir: root.Out(release, "log", name+"-"+map[bool]string{true: "patched", false: "stock"}[patched]),
	}
	config.Dockerd, err = build.Dockerd(ctx, release, patched)
	assert.NilError(t, err)
	config.Runc, err = build.Runc(ctx, release)
	assert.NilError(t, err)
	config.Tools, err = engine.FindTools(ctx, root.Out("tools", "debian"))
	assert.NilError(t, err)
	config.Probe, err = engine.BuildProbe(ctx, root)
	assert.NilError(t, err)
	e, err := engine.Start(ctx, config)
	assert.NilError(t, err)
	t.Cleanup(func() {
		assert.NilError(t, e.Close())
	})
	return e
}

// TestEthOrder plays the scenarios on each release. The patched engine must get
// every start right. In the main scenario the stock engine must not: else nothing
// is proved. In the other ones it shows which default gateway is right.
func TestEthOrder(t *testing.T) {
	for _, name := range releases(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			stock, patched := start(ctx, t, name, false), start(ctx, t, name, true)

			t.Run("patched", func(t *testing.T) {
				t.Run(trial.Main.Name, func(t *testing.T) {
					before, after := playBoth(ctx, t, trial.Main, stock, patched, 20, 20, func() error {
						return assertNumbersAreKept(ctx, patched, strings.Fields(trial.Main.Want))
					})
					assert.Equal(t, observe.Judge(before.Tally(), after.Tally()), observe.Pass, after.Wrong())
				})
				for _, s := range trial.All(pins.Major(name))[1:] {
					t.Run(s.Name, func(t *testing.T) {
						playBoth(ctx, t, s, stock, patched, 2, 4, nil)
					})
				}
			})
		})
	}
}

// One request that attaches several networks gives no order: the engine gets them
// as a map. The one of the network mode is first, and the others go by name.
func TestOneRequest(t *testing.T) {
	names := slices.DeleteFunc(releases(t), func(name string) bool {
		return pins.Major(name) < 25
	})
	if len(names) == 0 {
		t.Skip("up to 24.0 one request attaches one network")
	}
	for _, release := range names {
		t.Run(release, func(t *testing.T) {
			ctx := t.Context()
			e := start(ctx, t, release, true)
			for _, network := range strings.Fields("mike zulu kilo alpha") {
				_, err := e.Docker(ctx, "network", "create", network)
				assert.NilError(t, err)
			}
			assert.NilError(t, e.Post(ctx, "/v1.44/containers/create?name=box", `{
				"Image": "idle",
				"HostConfig": {"NetworkMode": "mike"},
				"NetworkingConfig": {"EndpointsConfig": {"zulu": {}, "alpha": {}, "mike": {}, "kilo": {}}}
			}`))
			for range 5 {
				start, err := trial.Start(ctx, e, "box")
				assert.NilError(t, err)
				assert.DeepEqual(t, start.Networks(), strings.Fields("mike alpha kilo zulu"))
				_, err = e.Docker(ctx, "stop", "box")
				assert.NilError(t, err)
			}
		})
	}
}

// playBoth plays a scenario on a stock and on a patched engine at the same time,
// and checks that the patched one did what is promised.
func playBoth(ctx context.Context, t *testing.T, s trial.Scenario, stock, patched *engine.Engine, stockStarts, patchedStarts int, check func() error) (before, after trial.Result) {
	t.Helper()
	begin := time.Now()
	before, after, err := s.Both(ctx, stock, patched, stockStarts, patchedStarts, check)
	assert.NilError(t, err)
	summary := trial.Compare(before, after)
	t.Log(summary)
	logrus.Infof("%s: %s (%v)", t.Name(), summary, time.Since(begin).Round(time.Second))
	assert.Check(t, trial.Broken(before, after))
	return before, after
}

// assertNumbersAreKept checks that the patched engine keeps the numbers of box's
// attachments in the container's file, in attach order, and does not show them.
func assertNumbersAreKept(ctx context.Context, e *engine.Engine, attached []string) error {
	shown, err := e.Docker(ctx, "inspect", "box")
	if err != nil {
		return err
	}
	if strings.Contains(strings.ToLower(shown), "attachsequence") {
		return fmt.Errorf("docker inspect shows the attach sequence: %s", shown)
	}
	var details []struct{ ID string }
	if err := json.Unmarshal([]byte(shown), &details); err != nil {
		return err
	}
	kept, err := trial.Numbers(e, details[0].ID)
	if err != nil {
		return err
	}
	for i, name := range attached {
		if got := kept[name]; got != uint64(i+1) {
			return fmt.Errorf("config.v2.json: got number %d for %s, wanted %d: %v", got, name, i+1, kept)
		}
	}
	return nil
}
