package engine

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"

	"ethorder/internal/repo"
	"ethorder/internal/tool"
)

// Tools are the programs around a dockerd: paths of binaries.
type Tools struct {
	Docker string // the command line client
	// Programs are all that an engine can find besides its dockerd, by the names that it asks for.
	// It has no modprobe, so that it loads no modules.
	Programs map[string]string
}

// FindTools returns the tools of Debian's packages. Those of Docker and
// containerd it takes from the machine if they are installed there; otherwise it
// downloads the packages (a few seconds, 65 MB) and unpacks them into dir, since
// installing them would start a Docker Engine on the machine. Of several processes, one does so
// at a time.
func FindTools(ctx context.Context, dir string) (Tools, error) {
	unlock, err := repo.Lock(ctx, dir)
	if err != nil {
		return Tools{}, err
	}
	defer unlock()
	roots := map[string]string{}
	var missing []string
	for _, name := range []string{"docker.io", "containerd", "runc"} {
		out, _ := exec.CommandContext(ctx, "dpkg-query", "--show", "--showformat=${db:Status-Status}", name).Output()
		if string(out) == "installed" {
			roots[name] = "/"
			continue
		}
		roots[name] = filepath.Join(dir, name)
		if _, err := os.Stat(roots[name]); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		if err := tool.UnpackDebian(ctx, dir, missing...); err != nil {
			return Tools{}, err
		}
	}
	for path, name := range map[string]string{"/usr/sbin/iptables": "iptables", "/usr/bin/nsenter": "util-linux"} {
		if _, err := os.Stat(path); err != nil {
			return Tools{}, tool.CannotRunf("%s", path+" is missing: apt-get install "+name)
		}
	}
	// Of containerd it must be 1.6, the last with the runtime that the oldest engines ask for. Up
	// to 17.12, they have names of their own for some programs.
	shim, runc := filepath.Join(roots["containerd"], "usr/bin/containerd-shim"), filepath.Join(roots["runc"], "usr/sbin/runc")
	return Tools{
		Docker: filepath.Join(roots["docker.io"], "usr/bin/docker"),
		Programs: map[string]string{
			"containerd":              filepath.Join(roots["containerd"], "usr/bin/containerd"),
			"containerd-shim":         shim,
			"docker-containerd-shim":  shim,
			"containerd-shim-runc-v2": shim + "-runc-v2", // from 20.10
			"runc":                    runc,
			"docker-runc":             runc,
			"docker-proxy":            filepath.Join(roots["docker.io"], "usr/sbin/docker-proxy"),
			"iptables":                "/usr/sbin/iptables",
			"ip6tables":               "/usr/sbin/ip6tables",
		},
	}, nil
}

// BuildProbe builds the binary that Image consists of, for the architecture arch as Go calls it, and
// returns its path.
func BuildProbe(ctx context.Context, root repo.Root, arch string) (string, error) {
	unlock, err := repo.Lock(ctx, root.Out("tools"))
	if err != nil {
		return "", err
	}
	defer unlock()
	path := root.Out("tools", "probe-"+arch)
	_, err = tool.Run(ctx, tool.Cmd{
		Dir:  root.Path(),
		Env:  []string{"CGO_ENABLED=0", "GOARCH=" + arch},
		What: "build the binary of the image",
		Args: []string{"go", "build", "-o", path, "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "./cmd/probe"},
	})
	return path, err
}
