package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ethorder/internal/tool"
)

// leaveTimeout is how long a removed container may take to leave its networks.
var leaveTimeout = 10 * time.Second

// importImage makes Image from the probe binary.
func (e *Engine) importImage(ctx context.Context) error {
	archive, err := ImageArchive(e.config.Probe)
	if err != nil {
		return err
	}
	_, err = e.client(ctx, archive, e.config.Tools.Docker, "import", "--change", `ENTRYPOINT ["/probe"]`, "-", Image)
	return err
}

// ImageArchive returns the files of Image as a tar archive, given the path of the probe binary.
func ImageArchive(probe string) (io.Reader, error) {
	binary, err := os.ReadFile(probe)
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	_ = w.WriteHeader(&tar.Header{Name: "probe", Mode: 0o755, Size: int64(len(binary))})
	_, _ = w.Write(binary)
	_ = w.WriteHeader(&tar.Header{Name: "bin/sh", Typeflag: tar.TypeSymlink, Linkname: "/probe", Mode: 0o777})
	return &archive, w.Close()
}

// RunProbe runs the probe binary in the sandbox, outside of containers, and returns its
// standard output.
func (e *Engine) RunProbe(ctx context.Context, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := e.Command(ctx, e.config.Probe, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("probe %s, in the sandbox: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// Docker runs the docker command on the engine and returns its standard output
// without the space around it. The error, if any, has its standard error and, if
// the engine has ended, what it logged last.
func (e *Engine) Docker(ctx context.Context, args ...string) (string, error) {
	return e.Client(ctx, e.config.Tools.Docker, args...)
}

// Compose runs the docker-compose command on the engine, as Docker does with docker.
func (e *Engine) Compose(ctx context.Context, args ...string) (string, error) {
	const program = "/usr/bin/docker-compose"
	if _, err := os.Stat(program); err != nil {
		return "", tool.CannotRunf("%s is missing: apt-get install --no-install-recommends docker-compose", program)
	}
	return e.Client(ctx, program, args...)
}

// Client runs a command line client on the engine, given its path, as Docker does with docker.
func (e *Engine) Client(ctx context.Context, program string, args ...string) (string, error) {
	return e.client(ctx, nil, program, args...)
}

func (e *Engine) client(ctx context.Context, stdin io.Reader, program string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+e.URL(), "DOCKER_CONFIG="+filepath.Join(e.dir, "cli"),
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
	// To prune many networks may take longer than the timeout, and is not interrupted.
	return tool.Wait(ctx, leaveTimeout, 100*time.Millisecond, "prune to remove the networks", func(context.Context) error {
		if _, err := e.Docker(ctx, "network", "prune", "--force"); err != nil {
			return tool.StopWaiting(err)
		}
		networks, err := e.Docker(ctx, "network", "ls", "--filter", "type=custom", "--format", "{{.Scope}} {{.Name}}")
		if err != nil {
			return tool.StopWaiting(err)
		}
		// The rest is the engine's own, or the swarm's.
		left := slices.DeleteFunc(strings.Split(networks, "\n"), func(network string) bool {
			return !strings.HasPrefix(network, "local ") || network == "local docker_gwbridge"
		})
		if len(left) > 0 {
			return fmt.Errorf("these have endpoints: %s", strings.Join(left, ", "))
		}
		return nil
	})
}
