package tool

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// Go returns the go command of a toolchain like go1.21.13, fetched as a
// checksummed module when this machine has another one. It is run by its own
// path, because go switches toolchains in module mode only.
func Go(ctx context.Context, toolchain string) (string, error) {
	if err := Need("go"); err != nil {
		return "", err
	}
	root, err := Run(ctx, Cmd{
		Dir: os.TempDir(), Env: []string{"GOTOOLCHAIN=" + toolchain}, What: "fetch the toolchain " + toolchain,
		Args: []string{"go", "env", "GOROOT"},
	})
	return filepath.Join(strings.TrimSpace(root), "bin", "go"), err
}
