// Package heapera has the dependency pins with which the engines of the heap
// era, which have no go.mod, build as Go modules. See README.md.
package heapera

import (
	"embed"
	"os"
	"path/filepath"
	"strings"
)

//go:embed go.mod.txt go.sum.txt gotar/*.txt
var files embed.FS

// Names are the files of the pins, as Install writes them.
var Names = []string{"go.mod.txt", "go.sum.txt", "gotar/go.mod.txt", "gotar/tar.go.txt"}

// Read returns one of Names.
func Read(name string) []byte {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return b
}

// Install writes go.mod and go.sum into tree, and the module that they replace
// one by into gotar beside it. Only go mod vendor needs the latter.
func Install(tree string) error {
	for _, name := range Names {
		dst := filepath.Join(tree, name)
		if strings.HasPrefix(name, "gotar/") {
			dst = filepath.Join(filepath.Dir(tree), name)
		}
		if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(strings.TrimSuffix(dst, ".txt"), Read(name), 0o644); err != nil {
			return err
		}
	}
	return nil
}
