package build

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/source"
	"ethorder/internal/tool"
)

const runcModule = "github.com/opencontainers/runc"

// Runc builds the runc that a release is pinned to, unless it is up to date, and returns
// its path; "" says that Debian's own serves.
//
// It is built with seccomp, as distributions do: dockerd gives every container a
// seccomp profile, and a runc without refuses to start one that has it.
func Runc(ctx context.Context, root repo.Root, rel pins.Release) (string, error) {
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
	_, err = stamp.Make(root, "build runc", out, dst, 1024, func(tmp string) (repo.Made, error) {
		src, bin := filepath.Join(tmp, "src"), filepath.Join(tmp, "runc")
		if err := source.Unzip(ctx, runcModule, rel.Runc, rel.RuncSum, "", src); err != nil {
			return repo.Made{}, err
		}
		gocmd, err := tool.Go(ctx, rel.Toolchain)
		if err != nil {
			return repo.Made{}, err
		}
		args := append([]string{gocmd, "build", "-v"}, flags...)
		if _, err := tool.Run(ctx, tool.Cmd{
			Dir: src, Env: goEnv, Log: filepath.Join(out, "build.log"), What: "compile runc " + rel.Runc,
			Args: append(args, "-mod=readonly", "-tags", "seccomp urfave_cli_no_docs", "-ldflags", "-w -buildid=", "-o", bin, "."),
		}); err != nil {
			return repo.Made{}, err
		}
		says, err := askVersion(ctx, bin, "runc version "+strings.TrimPrefix(rel.Runc, "v")+"\n")
		return repo.Made{Path: bin, Note: says}, err
	})
	return dst, err
}
