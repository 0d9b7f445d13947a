package build

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/source"
	"ethorder/internal/tool"

	"github.com/sirupsen/logrus"
)

const runcModule = "github.com/opencontainers/runc"

// Runc builds the runc that the release is pinned to, unless it is up to date,
// and returns its path; "" says that Debian's own serves.
func Runc(ctx context.Context, name string) (string, error) {
	root, err := repo.Find()
	if err != nil {
		return "", err
	}
	rel, err := pins.Find(root, name)
	if err != nil {
		return "", err
	}
	return RuncOf(ctx, root, rel)
}

// RuncOf is Runc for a row of the table.
//
// It is built with seccomp, as distributions do: dockerd gives every container a
// seccomp profile, and a runc without refuses to start one that has it.
func RuncOf(ctx context.Context, root repo.Root, rel pins.Release) (string, error) {
	if !rel.NeedsRunc() {
		return "", nil
	}
	if err := tool.Need("go", "gcc", "pkg-config"); err != nil {
		return "", err
	}
	if err := exec.CommandContext(ctx, "pkg-config", "--exists", "libseccomp").Run(); err != nil {
		return "", tool.CannotRunf("no libseccomp to build runc with; on Debian: apt-get install libseccomp-dev")
	}
	out := root.Out("tools", "runc-"+rel.Runc)
	unlock, err := repo.Lock(ctx, out)
	if err != nil {
		return "", err
	}
	defer unlock()
	dst := filepath.Join(out, "runc")
	stamp := repo.Stamp{"module": runcModule + "@" + rel.Runc + " " + rel.RuncSum, "toolchain": rel.Toolchain, "flags": strings.Join(flags, " ")}
	if ok, err := stamp.UpToDate(dst); ok || err != nil {
		return dst, err
	}
	if err := repo.NeedFree(out, 1024); err != nil {
		return "", err
	}
	start := time.Now()
	tmp, err := repo.TempDir(out)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	src, bin := filepath.Join(tmp, "src"), filepath.Join(tmp, "runc")
	if err := source.Unzip(ctx, runcModule, rel.Runc, rel.RuncSum, "", src); err != nil {
		return "", err
	}
	gocmd, err := tool.Go(ctx, rel.Toolchain)
	if err != nil {
		return "", err
	}
	args := append([]string{gocmd, "build", "-v"}, flags...)
	if _, err := tool.Run(ctx, tool.Cmd{
		Dir: src, Env: goEnv, Log: filepath.Join(out, "build.log"), What: "compile runc " + rel.Runc,
		Args: append(args, "-mod=readonly", "-tags", "seccomp urfave_cli_no_docs", "-ldflags", "-w -buildid=", "-o", bin, "."),
	}); err != nil {
		return "", err
	}
	says, err := tool.Run(ctx, tool.Cmd{Dir: tmp, What: "ask the new runc for its version", Args: []string{bin, "--version"}})
	if err != nil {
		return "", err
	}
	if want := "runc version " + strings.TrimPrefix(rel.Runc, "v") + "\n"; !strings.Contains(says, want) {
		return "", fmt.Errorf("the new runc says %q, want %q in it", says, want)
	}
	if err := install(bin, dst, tmp, stamp); err != nil {
		return "", err
	}
	logrus.Infof("build runc %s: %s, %s", rel.Runc, root.Rel(dst), time.Since(start).Round(time.Second))
	return dst, nil
}
