// Package pins has the dependency pins with which releases whose module says too
// little about its dependencies build from Go modules. See README.md.
package pins

import (
	"embed"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"ethorder/internal/release"
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

// missing are the releases, from a first to a last one, of which something that
// upstream itself pins is not available as a Go module. See README.md.
var missing = [][2]string{{"23.0.1", "23.0.18"}, {"24.0.0", "24.0.5"}, {"24.0.7", "24.0.9"}, {"25.0.17", "25.0.17"}}

// Missing reports whether upstream's own pins of a release are not available.
func Missing(name string) bool {
	return slices.ContainsFunc(missing, func(span [2]string) bool {
		return release.Compare(span[0], name) <= 0 && release.Compare(name, span[1]) <= 0
	})
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
