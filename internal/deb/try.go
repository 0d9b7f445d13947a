package deb

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ethorder/internal/api"
	"ethorder/internal/build"
	"ethorder/internal/repo"
	"ethorder/internal/sandbox"
	"ethorder/internal/tool"
	"ethorder/internal/trial"
)

// try installs the package in a clean root, starts its dockerd in a sandbox, and verifies that it
// keeps the order. It returns what that printed.
func (m *maker) try(ctx context.Context, deb, tmp string) (made repo.Made, err error) {
	dir, err := os.MkdirTemp(tmp, "ethorder-") // its name is also that of the cgroups
	if err != nil {
		return made, err
	}
	root := filepath.Join(dir, "root")
	err = m.mmdebstrap(ctx, "install "+filepath.Base(deb), "install", []string{"DEB=" + deb, "TMPDIR=" + tmp},
		// The package starts dockerd, unless this says no.
		`printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
		chmod +x "$1/usr/sbin/policy-rc.d"
		cp "$DEB" "$1/root"
		`+inRoot+`sh -c 'DEBIAN_FRONTEND=noninteractive apt-get -q -y install /root/docker.io_*.deb'`,
		"--variant=minbase", m.suite, root)
	if err != nil {
		return made, err
	}
	sb, err := sandbox.Start(dir)
	if err != nil {
		return made, err
	}
	defer sb.Close()
	url, err := m.start(ctx, sb, root)
	if err != nil {
		return made, err
	}
	var out bytes.Buffer
	if err := (trial.Verify{Root: m.root, Host: api.Host{URL: url}, Starts: 20, Out: &out}).Run(ctx); err != nil {
		return made, fmt.Errorf("%s\n%w", out.String(), err)
	}
	made = repo.Made{Path: filepath.Join(tmp, "verify.txt"), Note: tool.LastLines(out.String(), 1)}
	return made, os.WriteFile(made.Path, out.Bytes(), 0o644)
}

// start starts the containerd and the dockerd of a root in a sandbox, and returns the URL of the
// engine.
func (m *maker) start(ctx context.Context, sb *sandbox.Sandbox, root string) (url string, err error) {
	path := filepath.Join(m.dir, "log", "dockerd.log")
	log, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer log.Close()
	// runc wants the root of the mount namespace, so chroot would not do.
	cmd := sb.Command(ctx, "/usr/bin/unshare", "--mount", "/bin/sh", "-euc", `
		cd "$1"
		mount --bind . .
		cd "$1"
		for dir in dev proc sys run; do mount --rbind "/$dir" "$dir"; done
		pivot_root . mnt
		umount --lazy /mnt
		containerd &
		exec dockerd --containerd=/run/containerd/containerd.sock --cgroup-parent="$2"
		`, "sh", root, sb.CgroupParent())
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	// The root's /run is that of the sandbox.
	url = "unix://" + sb.Path("/run/docker.sock")
	client, err := api.New(api.Host{URL: url})
	if err != nil {
		return "", err
	}
	err = tool.Wait(ctx, time.Minute, 100*time.Millisecond, "the dockerd of the package to answer", func(ctx context.Context) error {
		version, err := client.Version(ctx)
		select {
		case <-ended:
			return tool.StopWaiting(fmt.Errorf("it has ended"))
		default:
		}
		if err == nil && !strings.Contains(version.Version, build.Suffix) {
			err = tool.StopWaiting(fmt.Errorf("it is %s, want %s in that", version.Version, build.Suffix))
		}
		return err
	})
	if err != nil {
		text, _ := os.ReadFile(path)
		return "", fmt.Errorf("dockerd of the package: %w; the last lines of %s:\n%s", err, m.root.Rel(path), tool.LastLines(string(text), 15))
	}
	return url, nil
}
