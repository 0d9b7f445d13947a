package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/build"
	"ethorder/internal/gate"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/sandbox"
	"ethorder/internal/trial"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

// TestBuildKit builds in a container on the BuildKit of the newest patched engine. The result
// must be the same file as that of this machine.
func TestBuildKit(t *testing.T) {
	release := os.Getenv("ETHORDER_E2E")
	if release == "" {
		t.Skip("runs real engines: needs root and ETHORDER_E2E=17.12.1, as scripts/test sets it")
	}
	root, err := repo.Find()
	assert.NilError(t, err)
	table, err := pins.Load(root)
	assert.NilError(t, err)
	rel, err := table.Find(release)
	assert.NilError(t, err)
	_, newest := gate.OldestAndNewest(table)
	with, err := table.Find(newest)
	assert.NilError(t, err)

	env, err := trial.NewEnv(t.Context(), root, with, "", "")
	assert.NilError(t, err)
	engine, err := env.Start(t.Context(), true)
	assert.NilError(t, err)
	defer func() { assert.Check(t, engine.Close()) }()
	t.Setenv("DOCKER_HOST", engine.URL())
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	// Debian's docker has a client of BuildKit in it. Newer ones need the buildx plugin.
	bin := t.TempDir()
	assert.NilError(t, os.Symlink(env.Config.Tools.Docker, filepath.Join(bin, "docker")))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))

	_, err = build.Container(t.Context(), root, build.ContainerOptions{Release: rel, BuildKit: true, Compare: true})
	if errors.Is(err, build.ErrOtherInputs) {
		t.Skip(err)
	}
	assert.NilError(t, err)
}
