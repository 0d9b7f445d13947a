// Package engine runs a Docker Engine in a sandbox: a containerd, a runc and a dockerd that share
// nothing with the machine on which they run but its kernel. It takes root and Linux, and a main
// that calls sandbox.Init.
package engine

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"ethorder/internal/api"
	"ethorder/internal/sandbox"
)

// Image is the image that every engine has. Its containers run until they are
// told to stop, and then they stop at once.
const Image = "probe"

// maxDir is the longest name of a sandbox's folder: the kernel takes 107 bytes for the
// path of a socket.
const maxDir = 107 - len("/containerd.sock")

// How long an engine may take to answer, and to end when it is told to.
const (
	startTimeout = 60 * time.Second
	stopTimeout  = 30 * time.Second
)

// Config says which engine to start.
type Config struct {
	Dockerd string   // the dockerd binary
	Runc    string   // the runc binary; that of Tools if empty
	Args    []string // more arguments for dockerd
	Tools   Tools    // the rest of the engine
	Probe   string   // the static binary that Image consists of
	LogDir  string   // where to write dockerd.log and containerd.log
}

// Engine is a Docker Engine in a sandbox. It must be closed.
type Engine struct {
	config  Config
	dir     string // the sandbox's folder
	sandbox *sandbox.Sandbox
	api     *api.Client

	containerd, dockerd *process
}

// Start makes a sandbox and starts an engine in it. It returns when the engine
// answers and holds Image, or an error that ends with what the engine logged
// last. An Engine is ended only by Close, not by the end of ctx.
func Start(ctx context.Context, config Config) (_ *Engine, err error) {
	dir, err := os.MkdirTemp("", "ethorder-")
	if err != nil {
		return nil, err
	}
	if len(dir) > maxDir {
		_ = os.Remove(dir)
		return nil, fmt.Errorf("the sandbox's folder %s has a name of %d bytes, wanted at most %d as it holds a socket: set TMPDIR to a shorter one", dir, len(dir), maxDir)
	}
	e := &Engine{config: config, dir: dir}
	defer func() {
		if err != nil {
			_ = e.Close()
		}
	}()
	if e.api, err = api.New(api.Host{URL: e.URL()}); err != nil {
		return nil, err
	}
	if err := e.writeFiles(); err != nil {
		return nil, err
	}
	if e.sandbox, err = sandbox.Start(dir); err != nil {
		return nil, err
	}
	if err := e.StartContainerd(ctx); err != nil {
		return nil, err
	}
	if err := e.StartDockerd(ctx); err != nil {
		return nil, err
	}
	return e, e.importImage(ctx)
}

// writeFiles fills the sandbox's folder.
func (e *Engine) writeFiles() error {
	for _, name := range []string{"bin", "tmp", "cli"} {
		if err := os.Mkdir(filepath.Join(e.dir, name), 0o755); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(e.config.LogDir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"containerd", "dockerd"} {
		_ = os.Remove(e.logFile(name)) // of another engine
	}
	links := maps.Clone(e.config.Tools.Programs)
	links["dockerd"] = e.config.Dockerd
	if e.config.Runc != "" {
		links["runc"], links["docker-runc"] = e.config.Runc, e.config.Runc
	}
	for name, target := range links {
		target, err := filepath.Abs(target)
		if err != nil {
			return err
		}
		if _, err := os.Stat(target); err != nil {
			return fmt.Errorf("the engine's %s: %w", name, err)
		}
		if err := os.Symlink(target, filepath.Join(e.dir, "bin", name)); err != nil {
			return err
		}
	}
	toml := fmt.Sprintf(`version = 2
root = %q
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
address = %q
`, filepath.Join(e.dir, "containerd"), e.containerdSocket())
	return os.WriteFile(filepath.Join(e.dir, "containerd.toml"), []byte(toml), 0o644)
}

// Inside returns a path of the sandbox as one of the machine. They differ for what is mounted in
// the sandbox.
func (e *Engine) Inside(path string) string { return e.sandbox.Path(path) }

// DataRoot returns the folder in which the engine keeps its state.
func (e *Engine) DataRoot() string { return filepath.Join(e.dir, "data") }

// Dockerd returns the path of the dockerd binary that was started last.
func (e *Engine) Dockerd() string { return e.config.Dockerd }

// SettingsFile returns the file in which the engine keeps the settings of a container,
// given its id, as a path of the machine.
func (e *Engine) SettingsFile(id string) string {
	return e.Inside(filepath.Join(e.DataRoot(), "containers", id, "config.v2.json"))
}

// Dir returns the sandbox's folder.
func (e *Engine) Dir() string { return e.dir }

// Log returns the file with what dockerd has written.
func (e *Engine) Log() string { return e.logFile("dockerd") }

func (e *Engine) logFile(program string) string {
	return filepath.Join(e.config.LogDir, program+".log")
}

func (e *Engine) containerdSocket() string { return filepath.Join(e.dir, "containerd.sock") }

// URL returns where the engine's API is, in the form of DOCKER_HOST.
func (e *Engine) URL() string { return "unix://" + filepath.Join(e.dir, "docker.sock") }

// Close ends the engine, its containers and all else in the sandbox, and removes the sandbox. It
// does no harm to close an engine again.
func (e *Engine) Close() error {
	if e.sandbox == nil { // there is a folder only
		return os.RemoveAll(e.dir)
	}
	err := e.sandbox.Close()
	for _, p := range []*process{e.containerd, e.dockerd} {
		if p != nil {
			<-p.done
		}
	}
	return err
}
