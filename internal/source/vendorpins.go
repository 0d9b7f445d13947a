package source

import (
	"embed"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"ethorder/internal/pins"
)

// vendorPins has the pins with which releases whose module says too little about its
// dependencies build from Go modules, a folder for each. See vendorpins/README.md.
//
//go:embed vendorpins/*/*.txt vendorpins/*/gotar/*.txt
var vendorPins embed.FS

// pinsOf returns the pins of a release by their names, none where there are none.
func pinsOf(release string) map[string][]byte {
	found := map[string][]byte{}
	dir := "vendorpins/" + release
	err := fs.WalkDir(vendorPins, dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := vendorPins.ReadFile(p)
		found[strings.TrimPrefix(p, dir+"/")] = b
		return err
	})
	if err != nil {
		return nil // the release has no directory; what is there is embedded
	}
	return found
}

// missing are the releases, from a first to a last one, of which something that
// upstream itself pins is not available as a Go module. See vendorpins/README.md.
var missing = [][2]string{{"23.0.1", "23.0.18"}, {"24.0.0", "24.0.5"}, {"24.0.7", "24.0.9"}, {"25.0.17", "25.0.17"}}

// lacksModules reports whether upstream's own pins of a release are not available.
func lacksModules(name string) bool {
	return slices.ContainsFunc(missing, func(span [2]string) bool {
		return pins.Compare(span[0], name) <= 0 && pins.Compare(name, span[1]) <= 0
	})
}

// installPins writes go.mod and go.sum into the tree of a release, and the module
// that they replace one by, if there is one, into gotar beside it. Only go mod
// vendor needs the latter.
func installPins(release, tree string) error {
	for name, b := range pinsOf(release) {
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
