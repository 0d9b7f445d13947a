package build

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"ethorder/internal/release"
	"ethorder/internal/source"
	"ethorder/internal/stage"

	"github.com/sirupsen/logrus"
)

const runcModule = "github.com/opencontainers/runc"

// Runc builds the runc that the release is pinned to, unless it is up to date,
// and returns its path; "" says that Debian's own serves.
func Runc(ctx context.Context, name string) (string, error) {
	repo, err := stage.FindRepo()
	if err != nil {
		return "", err
	}
	rel, err := release.Find(repo, name)
	if err != nil {
		return "", err
	}
	return RuncOf(ctx, repo, rel)
}

// RuncOf is Runc for a row of the table.
//
// It is built with seccomp, as distributions do: dockerd gives every container a
// seccomp profile, and a runc without refuses to start one that has it.
func RuncOf(ctx context.Context, repo stage.Repo, rel release.Release) (string, error) {
	if !rel.NeedsRunc() {
		return "", nil
	}
	if err := stage.Need("go", "gcc", "pkg-config"); err != nil {
		return "", err
	}
	if err := exec.CommandContext(ctx, "pkg-config", "--exists", "libseccomp").Run(); err != nil {
		return "", &stage.CannotRunError{Msg: "no libseccomp to build runc with; on Debian: apt-get install libseccomp-dev"}
	}
	out := repo.Out("tools", "runc-"+rel.Runc)
	unlock, err := stage.Lock(ctx, out)
	if err != nil {
		return "", err
	}
	defer unlock()
	dst := filepath.Join(out, "runc")
	stamp := stage.Stamp{"module": runcModule + "@" + rel.Runc + " " + rel.RuncSum, "toolchain": rel.Toolchain, "flags": strings.Join(flags, " ")}
	if ok, err := stamp.UpToDate(dst); ok || err != nil {
		return dst, err
	}
	if err := stage.NeedFree(out, 1024); err != nil {
		return "", err
	}
	start := time.Now()
	tmp, err := stage.TempDir(out)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	src, bin := filepath.Join(tmp, "src"), filepath.Join(tmp, "runc")
	if err := source.Unzip(ctx, runcModule, rel.Runc, rel.RuncSum, "", src); err != nil {
		return "", err
	}
	gocmd, err := stage.Go(ctx, rel.Toolchain)
	if err != nil {
		return "", err
	}
	args := append([]string{gocmd, "build", "-v"}, flags...)
	if _, err := stage.Run(ctx, stage.Cmd{
		Dir: src, Env: goEnv, Log: filepath.Join(out, "build.log"), What: "compile runc " + rel.Runc,
		Args: append(args, "-mod=readonly", "-tags", "seccomp urfave_cli_no_docs", "-ldflags", "-w -buildid=", "-o", bin, "."),
	}); err != nil {
		return "", err
	}
	says, err := stage.Run(ctx, stage.Cmd{Dir: tmp, What: "ask the new runc for its version", Args: []string{bin, "--version"}})
	if err != nil {
		return "", err
	}
	if want := "runc version " + strings.TrimPrefix(rel.Runc, "v") + "\n"; !strings.Contains(says, want) {
		return "", fmt.Errorf("the new runc says %q, want %q in it", says, want)
	}
	if err := install(bin, dst, tmp, stamp); err != nil {
		return "", err
	}
	logrus.Infof("build runc %s: %s, %s", rel.Runc, repo.Rel(dst), time.Since(start).Round(time.Second))
	return dst, nil
}
