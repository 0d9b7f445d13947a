// Package pins has the dependency pins with which releases whose module says too
// little about its dependencies build from Go modules. See README.md.
package pins

import (
	"embed"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// A directory for each release.
//
//go:embed */*.txt */gotar/*.txt
var files embed.FS

// Releases returns the releases that there are pins for.
func Releases() []string {
	dirs, err := files.ReadDir(".")
	if err != nil {
		panic(err) // it is embedded
	}
	var names []string
	for _, d := range dirs {
		names = append(names, d.Name())
	}
	return names
}

// Files returns the pins of a release by their names, as Install takes them: none
// when there are no pins for it.
func Files(release string) map[string][]byte {
	found := map[string][]byte{}
	err := fs.WalkDir(files, release, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := files.ReadFile(p)
		found[strings.TrimPrefix(p, release+"/")] = b
		return err
	})
	if err != nil {
		return nil // the release has no directory; what is there is embedded
	}
	return found
}

// Install writes go.mod and go.sum into the tree of a release, and the module
// that they replace one by, if there is one, into gotar beside it. Only go mod
// vendor needs the latter.
func Install(release, tree string) error {
	for name, b := range Files(release) {
		dst := filepath.Join(tree, name)
		if path.Dir(name) == "gotar" {
			dst = filepath.Join(filepath.Dir(tree), name)
		}
		if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(strings.TrimSuffix(dst, ".txt"), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}
