// Package engine runs a Docker Engine in a sandbox: a containerd, a runc and a dockerd that share
// nothing with the machine on which they run but its kernel. It takes root and Linux, and a main
// that calls sandbox.Init.
package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"ethorder/internal/sandbox"
	"ethorder/internal/tool"
)

// Image is the image that every engine has. Its containers run until they are
// told to stop, and then they stop at once.
const Image = "idle"

// AttachSequenceOption is the driver option of an endpoint that gives its network an
// explicit attach sequence, as the patched engines know it.
const AttachSequenceOption = "com.docker.network.endpoint.attachsequence"

// maxDir is the longest name of a sandbox's folder: the kernel takes 107 bytes for the
// path of a socket.
const maxDir = 107 - len("/containerd.sock")

// How long an engine may take to answer, and to end when it is told to.
const (
	startTimeout = 60 * time.Second
	stopTimeout  = 30 * time.Second
)

// leaveTimeout is how long a removed container may take to leave its networks.
var leaveTimeout = 10 * time.Second

// Config says which engine to start.
type Config struct {
	Dockerd string   // the dockerd binary
	Runc    string   // the runc binary; that of Tools if empty
	Args    []string // more arguments for dockerd
	Tools   Tools    // the rest of the engine
	Idle    string   // the static binary that Image consists of
	LogDir  string   // where to write dockerd.log and containerd.log; the sandbox's folder if empty
}

// Engine is a Docker Engine in a sandbox. It must be closed.
type Engine struct {
	config  Config
	dir     string // the sandbox's folder
	sandbox *sandbox.Sandbox

	containerd, dockerd *process
}

// process is a program that runs in the sandbox.
type process struct {
	name string        // the path of its binary
	cmd  *exec.Cmd     // the nsenter that waits for the program
	log  string        // the file with its output
	done chan struct{} // closed when it has ended
}

// Start makes a sandbox and starts an engine in it. It returns when the engine
// answers and holds Image, or an error that ends with what the engine logged
// last. An Engine is ended only by Close, not by the end of ctx.
func Start(ctx context.Context, config Config) (_ *Engine, err error) {
	if os.Geteuid() != 0 {
		return nil, tool.CannotRunf("an engine makes interfaces and mounts: run this as root (sudo)")
	}
	if config.Runc == "" {
		config.Runc = config.Tools.Runc
	}
	dir, err := os.MkdirTemp("", "ethorder-")
	if err != nil {
		return nil, err
	}
	if len(dir) > maxDir {
		_ = os.Remove(dir)
		return nil, fmt.Errorf("the sandbox's folder %s has a name of %d bytes, wanted at most %d as it holds a socket: set TMPDIR to a shorter one", dir, len(dir), maxDir)
	}
	if config.LogDir == "" {
		config.LogDir = dir
	}
	e := &Engine{config: config, dir: dir}
	defer func() {
		if err != nil {
			_ = e.Close()
		}
	}()
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
	t := e.config.Tools
	// All that the engine can find. It has no modprobe, so that it loads no
	// modules; and up to 17.12 it gives these programs names of its own.
	links := map[string]string{
		"dockerd":                 e.config.Dockerd,
		"containerd":              t.Containerd,
		"containerd-shim":         t.Shim,
		"docker-containerd-shim":  t.Shim,
		"containerd-shim-runc-v2": t.ShimV2,
		"runc":                    e.config.Runc,
		"docker-runc":             e.config.Runc,
		"docker-proxy":            t.Proxy,
		"iptables":                t.Iptables,
		"ip6tables":               t.IP6tables,
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

// start starts a program of the sandbox's bin folder in the sandbox.
func (e *Engine) start(name string, args ...string) (*process, error) {
	link := filepath.Join(e.dir, "bin", name)
	program, err := os.Readlink(link)
	if err != nil {
		return nil, err
	}
	p := &process{name: program, log: e.logFile(name), done: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = e.Command(context.Background(), link, args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Command returns a command that runs a program in the sandbox, with the environment of an engine.
func (e *Engine) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := e.sandbox.Command(ctx, program, args...)
	cmd.Env = []string{
		"PATH=" + filepath.Join(e.dir, "bin"), "TMPDIR=" + filepath.Join(e.dir, "tmp"), "HOME=" + e.dir,
		// Else 29.0 refuses a docker command that is older than API 1.44, as Debian's is.
		"DOCKER_MIN_API_VERSION=1.24",
	}
	return cmd
}

// StartContainerd starts the engine's containerd, which must not run, and waits
// until it answers: the oldest engines do not wait for it.
func (e *Engine) StartContainerd(ctx context.Context) (err error) {
	if e.containerd, err = e.start("containerd", "--config", filepath.Join(e.dir, "containerd.toml")); err != nil {
		return err
	}
	return e.await(ctx, e.containerd, e.containerdAnswers)
}

// StartDockerd starts the engine's dockerd, which must not run, and waits until
// it answers.
func (e *Engine) StartDockerd(ctx context.Context) (err error) {
	args := append([]string{
		"--host=unix://" + e.socket(),
		"--data-root=" + filepath.Join(e.dir, "data"),
		"--exec-root=" + filepath.Join(e.dir, "exec"),
		"--pidfile=/run/docker.pid",
		"--containerd=" + e.containerdSocket(),
		// The images are one file each, and vfs works on every file system.
		"--storage-driver=vfs",
		"--cgroup-parent=" + e.sandbox.CgroupParent(),
		"--exec-opt=native.cgroupdriver=cgroupfs",
	}, e.config.Args...)
	if e.dockerd, err = e.start("dockerd", args...); err != nil {
		return err
	}
	return e.await(ctx, e.dockerd, e.dockerdAnswers)
}

func (e *Engine) containerdAnswers(context.Context) bool {
	connection, err := net.Dial("unix", e.containerdSocket())
	if err == nil {
		_ = connection.Close()
	}
	return err == nil
}

func (e *Engine) dockerdAnswers(ctx context.Context) bool {
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/_ping", nil)
	response, err := e.http().Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// await waits until a process of the sandbox answers.
func (e *Engine) await(ctx context.Context, p *process, answers func(context.Context) bool) error {
	for start := time.Now(); !answers(ctx); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.containerd.done:
			return e.failure(e.containerd.name+" ended before the engine answered", e.containerd)
		case <-p.done:
			return e.failure(p.name+" ended before it answered", p)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Since(start) > startTimeout {
			return e.failure(fmt.Sprintf("%s does not answer after %v", p.name, startTimeout), p)
		}
	}
	return nil
}

// importImage makes Image from the idle binary.
func (e *Engine) importImage(ctx context.Context) error {
	binary, err := os.ReadFile(e.config.Idle)
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	_ = w.WriteHeader(&tar.Header{Name: "idle", Mode: 0o755, Size: int64(len(binary))})
	_, _ = w.Write(binary)
	_ = w.WriteHeader(&tar.Header{Name: "bin/sh", Typeflag: tar.TypeSymlink, Linkname: "/idle", Mode: 0o777})
	if err := w.Close(); err != nil {
		return err
	}
	_, err = e.client(ctx, &archive, e.config.Tools.Docker, "import", "--change", `ENTRYPOINT ["/idle"]`, "-", Image)
	return err
}

// RunIdle runs the idle binary in the sandbox, outside of containers, and returns its
// standard output.
func (e *Engine) RunIdle(ctx context.Context, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := e.Command(ctx, e.config.Idle, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("idle %s, in the sandbox: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// Docker runs the docker command on the engine and returns its standard output
// without the space around it. The error, if any, has its standard error and, if
// the engine has ended, what it logged last.
func (e *Engine) Docker(ctx context.Context, args ...string) (string, error) {
	return e.client(ctx, nil, e.config.Tools.Docker, args...)
}

// Compose runs the docker-compose command on the engine, as Docker does with docker.
func (e *Engine) Compose(ctx context.Context, args ...string) (string, error) {
	if _, err := os.Stat(e.config.Tools.Compose); err != nil {
		return "", tool.CannotRunf("%s", e.config.Tools.Compose+" is missing: apt-get install --no-install-recommends docker-compose")
	}
	return e.client(ctx, nil, e.config.Tools.Compose, args...)
}

// client runs a command line client of the engine.
func (e *Engine) client(ctx context.Context, stdin io.Reader, program string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST=unix://"+e.socket(), "DOCKER_CONFIG="+filepath.Join(e.dir, "cli"),
		"DOCKER_CONTEXT=", "DOCKER_API_VERSION=", "DOCKER_TLS_VERIFY=", "LC_ALL=C",
		// Else docker-compose 1.x asks for one that engines from 29 refuse.
		"COMPOSE_API_VERSION=auto")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	err := cmd.Run()
	switch {
	case err == nil:
		return strings.TrimSpace(stdout.String()), nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	}
	return "", e.orEnded(fmt.Errorf("%s %s: %w: %s", filepath.Base(program), strings.Join(args, " "), err, strings.TrimSpace(stderr.String())))
}

// RemoveContainers removes all containers of the engine.
func (e *Engine) RemoveContainers(ctx context.Context) error {
	ids, err := e.Docker(ctx, "ps", "--all", "--quiet")
	if ids == "" {
		return err
	}
	_, err = e.Docker(ctx, append([]string{"rm", "--force"}, strings.Fields(ids)...)...)
	return err
}

// RemoveNetworks removes the networks that the engine has been asked for, once no
// container is in them, and returns an error if any is left: prune passes over a network
// that has endpoints.
func (e *Engine) RemoveNetworks(ctx context.Context) error {
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if _, err := e.Docker(ctx, "network", "prune", "--force"); err != nil {
			return err
		}
		networks, err := e.Docker(ctx, "network", "ls", "--filter", "type=custom", "--format", "{{.Scope}} {{.Name}}")
		if err != nil {
			return err
		}
		// The rest is the engine's own, or the swarm's.
		left := slices.DeleteFunc(strings.Split(networks, "\n"), func(network string) bool {
			return !strings.HasPrefix(network, "local ") || network == "local docker_gwbridge"
		})
		if len(left) == 0 {
			return nil
		}
		if time.Since(begin) > leaveTimeout {
			return fmt.Errorf("networks are not removed by prune, as they have endpoints: %s", strings.Join(left, ", "))
		}
	}
}

// Signal sends a signal to the engine's dockerd and waits until it has ended.
func (e *Engine) Signal(signal syscall.Signal) error { return e.signal(e.dockerd, signal) }

// SignalContainerd sends a signal to the engine's containerd and waits until it
// has ended. What runs in the engine's containers goes on.
func (e *Engine) SignalContainerd(signal syscall.Signal) error { return e.signal(e.containerd, signal) }

func (e *Engine) signal(p *process, signal syscall.Signal) error {
	pid, err := p.pid()
	if err != nil {
		return err
	}
	if err := unix.Kill(pid, signal); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTimeout):
		return e.failure(fmt.Sprintf("%s has not ended %v after %v", p.name, stopTimeout, signal), p)
	}
}

// DockerdPid returns the id of the engine's dockerd process.
func (e *Engine) DockerdPid() (int, error) { return e.dockerd.pid() }

// pid returns the id of the program's process.
func (p *process) pid() (int, error) {
	nsenter := p.cmd.Process.Pid
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", nsenter, nsenter))
	if err != nil {
		return 0, fmt.Errorf("%s does not run: %w", p.name, err)
	}
	var pid int
	if _, err := fmt.Sscan(string(children), &pid); err != nil {
		return 0, fmt.Errorf("%s does not run: %w", p.name, err)
	}
	return pid, nil
}

// Restart ends the engine's dockerd in an orderly way and starts it again.
func (e *Engine) Restart(ctx context.Context) error {
	return e.RestartAfter(ctx, func() error { return nil })
}

// RestartAfter is Restart, and calls change while no dockerd runs.
func (e *Engine) RestartAfter(ctx context.Context, change func() error) error {
	if err := e.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	return e.StartDockerd(ctx)
}

// Replace ends the engine's dockerd in an orderly way and starts another one on
// the same containers.
func (e *Engine) Replace(ctx context.Context, dockerd string) error {
	return e.RestartAfter(ctx, func() error {
		link := filepath.Join(e.dir, "bin", "dockerd")
		if err := os.Remove(link); err != nil {
			return err
		}
		if err := os.Symlink(dockerd, link); err != nil {
			return err
		}
		e.config.Dockerd = dockerd
		return nil
	})
}

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

// orEnded adds to an error what the engine logged last, if it has ended.
func (e *Engine) orEnded(err error) error {
	select {
	case <-e.dockerd.done:
		return errors.Join(err, e.failure("the engine has ended", e.dockerd))
	default:
		return err
	}
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

// NetNS returns the path of the network namespace of a process of the sandbox, given
// its id in the sandbox, which is what the engine reports.
func (e *Engine) NetNS(pid int) string {
	return e.Inside(fmt.Sprintf("/proc/%d/ns/net", pid))
}

// Inside returns a path of the sandbox as one of the machine. They differ for what is mounted in
// the sandbox.
func (e *Engine) Inside(path string) string { return e.sandbox.Path(path) }

// Parent is the name of the interface that AddParent makes.
const Parent = "parent"

// AddParent makes an interface in the sandbox that can be the parent of macvlan networks.
func (e *Engine) AddParent() error {
	return e.Interfaces(func(h *netlink.Handle) error {
		parent := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: Parent}, PeerName: Parent + "-peer"}
		if err := h.LinkAdd(parent); err != nil {
			return err
		}
		return h.LinkSetUp(parent)
	})
}

// RemoveParent removes that interface.
func (e *Engine) RemoveParent() error {
	return e.Interfaces(func(h *netlink.Handle) error {
		return h.LinkDel(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: Parent}})
	})
}

// Interfaces calls f with a handle on the sandbox's interfaces.
func (e *Engine) Interfaces(f func(*netlink.Handle) error) error {
	ns, err := netns.GetFromPath(e.NetNS(1))
	if err != nil {
		return err
	}
	defer ns.Close()
	handle, err := netlink.NewHandleAt(ns)
	if err != nil {
		return err
	}
	defer handle.Close()
	return f(handle)
}

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

func (e *Engine) socket() string { return filepath.Join(e.dir, "docker.sock") }

// failure returns an error that ends with what the process logged last.
func (e *Engine) failure(what string, p *process) error {
	const lines = 15
	log, _ := os.ReadFile(p.log)
	last := strings.Split(strings.TrimSpace(string(log)), "\n")
	if len(last) > lines {
		last = last[len(last)-lines:]
	}
	where := ""
	if e.config.LogDir != e.dir {
		where = ", all of it in " + p.log
	}
	return fmt.Errorf("%s; the last lines of its log%s:\n  %s", what, where, strings.Join(last, "\n  "))
}

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
