package engine

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"ethorder/internal/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	if filepath.Base(os.Args[0]) == "containerd" {
		listen()
	}
	os.Exit(m.Run())
}

// listen is the tests' containerd. It answers where it is told to.
func listen() {
	socket := strings.TrimSuffix(os.Args[2], ".toml") + ".sock"
	if _, err := net.Listen("unix", socket); err != nil {
		panic(err)
	}
	select {}
}

// fakes makes a configuration in which the other programs are shell scripts.
func fakes(t *testing.T, dockerd string) Config {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a sandbox needs root")
	}
	dir := t.TempDir()
	temp, err := os.MkdirTemp("/tmp", "t") // a short name, unlike that of t.TempDir
	assert.NilError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(temp) })
	t.Setenv("TMPDIR", temp)
	script := func(name, body string) string {
		path := filepath.Join(dir, name)
		assert.NilError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755))
		return path
	}
	self, err := os.Executable()
	assert.NilError(t, err)
	fake := script("fake", "exec /bin/sleep 1000")
	return Config{
		Dockerd: script("fake-dockerd", dockerd),
		LogDir:  filepath.Join(dir, "log"),
		Tools:   Tools{Docker: fake, Programs: map[string]string{"containerd": self, "runc": fake}},
	}
}

// assertNothingLeft checks that no sandbox has left its folder.
func assertNothingLeft(t *testing.T) {
	t.Helper()
	dirs, err := os.ReadDir(os.Getenv("TMPDIR"))
	assert.NilError(t, err)
	assert.Equal(t, len(dirs), 0, "folders of sandboxes are left: %v", dirs)
}

func TestStartReportsWhatTheEngineLoggedLast(t *testing.T) {
	config := fakes(t, `i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo line $i; done; exit 1`)
	_, err := Start(context.Background(), config)
	assert.ErrorContains(t, err, "ended before it answered")
	assert.ErrorContains(t, err, "line 40")
	assert.Check(t, !strings.Contains(err.Error(), "line 20\n"), "more than the last lines: %v", err)
	assertNothingLeft(t)
}

func TestStartNamesTheLogThatItKeeps(t *testing.T) {
	config := fakes(t, `echo it is in the log; exit 1`)
	for range 2 { // an old log makes no difference
		_, err := Start(context.Background(), config)
		assert.ErrorContains(t, err, filepath.Join(config.LogDir, "dockerd.log"))
	}
	log, err := os.ReadFile(filepath.Join(config.LogDir, "dockerd.log"))
	assert.NilError(t, err)
	assert.Equal(t, string(log), "it is in the log\n")
	assertNothingLeft(t)
}

func TestStartEndsWithItsContext(t *testing.T) {
	config := fakes(t, `exec /bin/sleep 1000`)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Start(ctx, config)
	assert.ErrorIs(t, err, context.Canceled)
	assertNothingLeft(t)
}

func TestStartNeedsContainerd(t *testing.T) {
	config := fakes(t, `exec /bin/sleep 1000`)
	containerd := filepath.Join(filepath.Dir(config.Dockerd), "containerd")
	config.Tools.Programs["containerd"] = containerd
	assert.NilError(t, os.WriteFile(containerd, []byte("#!/bin/sh\necho no such runtime; exit 1\n"), 0o755))
	_, err := Start(context.Background(), config)
	assert.ErrorContains(t, err, "containerd ended before")
	assert.ErrorContains(t, err, "no such runtime")
	assertNothingLeft(t)
}

func TestStartNamesAProgramThatIsNotThere(t *testing.T) {
	config := fakes(t, "")
	config.Runc = "/no/runc"
	_, err := Start(context.Background(), config)
	assert.ErrorContains(t, err, "the engine's")
	assert.ErrorContains(t, err, "/no/runc")
	assertNothingLeft(t)
}

func TestStartRefusesALongFolder(t *testing.T) {
	config := fakes(t, "")
	t.Setenv("TMPDIR", filepath.Join(os.Getenv("TMPDIR"), strings.Repeat("x", 80)))
	assert.NilError(t, os.Mkdir(os.Getenv("TMPDIR"), 0o755))
	_, err := Start(context.Background(), config)
	assert.ErrorContains(t, err, "set TMPDIR to a shorter one")
	assertNothingLeft(t)
}

func TestRemoveNetworksLeavesNone(t *testing.T) {
	defer func(t time.Duration) { leaveTimeout = t }(leaveTimeout)
	for _, test := range []struct{ name, left, err string }{
		{"none is left", "", ""},
		{"a container is just leaving", `[ "$(wc -l <"$pruned")" -ge 3 ] || echo local lima`, ""},
		{"the engine's own and the swarm's", `echo local docker_gwbridge; echo swarm ingress`, ""},
		{"prune passes over one", `echo swarm ingress; echo local lima`, "have endpoints: local lima"},
		{"no engine", `exit 1`, "docker network ls"},
	} {
		t.Run(test.name, func(t *testing.T) {
			docker := filepath.Join(t.TempDir(), "docker")
			script := "#!/bin/sh\npruned=$0.pruned\n" +
				`if [ "$2" = prune ]; then echo >>"$pruned"; exit; fi` + "\n" + test.left + "\n"
			assert.NilError(t, os.WriteFile(docker, []byte(script), 0o755))
			e := &Engine{dir: t.TempDir(), config: Config{Tools: Tools{Docker: docker}}, dockerd: &process{done: make(chan struct{})}}
			leaveTimeout = time.Minute
			if test.err == "" {
				assert.NilError(t, e.RemoveNetworks(context.Background()))
				return
			}
			leaveTimeout = 0
			assert.ErrorContains(t, e.RemoveNetworks(context.Background()), test.err)
		})
	}
}
