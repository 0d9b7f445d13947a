// Package source makes the stock tree of a release, laid out like a checkout of
// moby with its vendor directory, from a checksummed Go module or from a git
// clone.
package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/tool"

	"github.com/sirupsen/logrus"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

// layout is part of every stamp: raise it when trees come to be laid out in
// another way.
const layout = "1"

// Dir returns where the stock tree of a release is, or goes.
func Dir(root repo.Root, rel pins.Release) string { return root.Out(rel.Name, "source") }

// OrModule returns the git clone of moby to take a release from: none if the release
// has no commit, so that a clone that is named for all releases does for the others.
func OrModule(rel pins.Release, clone string) string {
	if clone == "" || rel.Commit != "" {
		return clone
	}
	logrus.Infof("%s is taken from its Go module, not from %s: patch/releases.tsv has no commit of it", rel.Name, clone)
	return ""
}

// Fetch makes the stock tree of a release unless it is up to date, and returns
// its directory. With clone, a git clone of moby that may be bare, the tree is
// the archive of the pinned commit; otherwise it is the pinned Go module. A
// source that is not what the pin says is an error, and nothing of it is
// unpacked. The caller holds the lock of the release.
func Fetch(ctx context.Context, root repo.Root, rel pins.Release, clone string) (string, error) {
	dir := Dir(root, rel)
	stamp := repo.Stamp{"layout": layout, "release": rel.Name, "commit": rel.Commit}
	switch {
	case clone != "":
		stamp["origin"] = "git archive of the commit" // what it would give
	case rel.Module == "":
		return "", tool.Usagef("%s is not available as a Go module; %s", rel.Name, rel.UseClone())
	case beforeModules(rel) && pinsOf(rel.Name) == nil:
		return "", tool.Usagef("the module of %s does not say what it depends on, and internal/source/vendorpins has no pins for it; %s", rel.Name, rel.UseClone())
	default:
		stamp["origin"] = rel.Module + "@" + rel.Version + " " + rel.Sum
		stamp["toolchain"] = rel.Toolchain
		for name, b := range pinsOf(rel.Name) {
			stamp["pins "+name] = repo.HashBytes(b)
		}
	}
	_, err := stamp.Make(root, "source "+rel.Name, root.Out(rel.Name), dir, 1024, func(tmp string) (repo.Made, error) {
		w := Worktree{Repo: root, Clone: clone, Dir: tmp}
		var err error
		note := "from " + stamp["origin"]
		if clone != "" {
			note = "from " + rel.Tag + " of the git clone"
			_, err = w.checkout(ctx, rel)
		} else {
			err = fromModule(ctx, root, rel, w.tree())
		}
		if err != nil {
			err = fmt.Errorf("source of %s: %w", rel.Name, err)
		}
		return repo.Made{Path: w.tree(), Note: note}, err
	})
	return dir, err
}

// beforeModules reports whether a release is of the time when moby had neither
// go.mod nor vendor.mod.
func beforeModules(rel pins.Release) bool {
	return rel.Module == "github.com/docker/docker" && pins.Compare(rel.Name, "23.0") < 0
}

// FromModules returns the releases of a table that build from Go modules.
func FromModules(table pins.Table) pins.Table {
	return slices.DeleteFunc(slices.Clone(table), func(rel pins.Release) bool {
		return rel.Module == "" || beforeModules(rel) && pinsOf(rel.Name) == nil || lacksModules(rel.Name)
	})
}

// Kind says in a record what the source of a release is made from: "git" with a clone,
// or "module".
func Kind(rel pins.Release, clone string) string {
	if clone == "" || rel.Commit == "" {
		return "module"
	}
	return "git"
}

// Clone returns the absolute path of a git clone, or an error if it is none.
func Clone(ctx context.Context, clone string) (string, error) {
	if err := tool.Need("git"); err != nil {
		return "", err
	}
	clone, err := filepath.Abs(clone)
	if err != nil {
		return "", err
	}
	if _, err := tool.Git(ctx, clone, "rev-parse", "--git-dir"); err != nil {
		return "", tool.Usagef("%s is not a git clone: %v", clone, err)
	}
	return clone, nil
}

// verify checks that a git clone of moby has the pinned commit of a release, and
// no other one under its tag.
func verify(ctx context.Context, rel pins.Release, clone string) error {
	if err := rel.CheckCommit(); err != nil {
		return fmt.Errorf("%w\nnext: leave --moby-repo and MOBY_REPO out", err)
	}
	clone, err := Clone(ctx, clone)
	if err != nil {
		return err
	}
	out, err := tool.Git(ctx, clone, "rev-parse", "--verify", "--quiet", "refs/tags/"+rel.Tag+"^{commit}")
	if got := strings.TrimSpace(out); err == nil && got != rel.Commit {
		return fmt.Errorf("tag %s of %s is commit %s, want %s as patch/releases.tsv pins it: the tag was moved, or this is not moby's repository\ncompare: git -C %s log -1 %s",
			rel.Tag, clone, got, rel.Commit, clone, rel.Tag)
	}
	if _, err := tool.Git(ctx, clone, "cat-file", "-e", rel.Commit+"^{commit}"); err != nil {
		return fmt.Errorf("%s has neither tag %s nor commit %s; fetch it: git -C %s fetch --depth 1 <moby's repository> tag %s",
			clone, rel.Tag, rel.Commit, clone, rel.Tag)
	}
	return nil
}

// fromModule writes the tree of the pinned module, with a vendor directory, to
// dir.
func fromModule(ctx context.Context, root repo.Root, rel pins.Release, dir string) error {
	if err := tool.Need("go"); err != nil {
		return err
	}
	if err := Unzip(ctx, rel.Module, rel.Version, rel.Sum, rel.Commit, dir); err != nil {
		return err
	}
	gocmd, err := tool.Go(ctx, rel.Toolchain)
	if err != nil {
		return err
	}
	args := []string{gocmd, "mod", "vendor"}
	if pinsOf(rel.Name) != nil {
		if err := installPins(rel.Name, dir); err != nil {
			return err
		}
		args = append(args, "-e")
	} else if ok, err := adoptVendorMod(dir); err != nil {
		return err
	} else if !ok {
		return tool.Usagef("the module of %s has neither go.mod nor both of vendor.mod and vendor.sum; %s", rel.Name, rel.UseClone())
	}
	before, err := readPins(dir)
	if err != nil {
		return err
	}
	if _, err := tool.Run(ctx, tool.Cmd{
		Dir: dir, Env: []string{"GOTOOLCHAIN=local", "GOFLAGS=-mod=mod"},
		Log: root.Out(rel.Name, "log", "source.log"), What: "fetch the dependencies of " + rel.Name, Args: args,
	}); err != nil {
		return fmt.Errorf("%w\nif a dependency is not available as a Go module, %s", err, rel.UseClone())
	}
	after, err := readPins(dir)
	if err != nil {
		return err
	}
	if after != before {
		return fmt.Errorf("go mod vendor of %s changed go.mod or go.sum: the pins are not complete; see %s", rel.Name, root.Rel(root.Out(rel.Name, "log", "source.log")))
	}
	return nil
}

// adoptVendorMod gives a tree of 23.0 to 28.5 a go.mod and a go.sum. Upstream has
// them there under the names vendor.mod and vendor.sum, and its build puts a
// go.mod beside them while it runs. It returns whether the tree has a go.mod.
func adoptVendorMod(dir string) (bool, error) {
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); !errors.Is(err, fs.ErrNotExist) {
		return err == nil, err
	}
	for _, name := range []string{"mod", "sum"} {
		from, to := "vendor."+name, "go."+name
		b, err := os.ReadFile(filepath.Join(dir, from))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if err := os.WriteFile(filepath.Join(dir, to), b, 0o644); err != nil {
			return false, err
		}
	}
	return true, nil
}

// readPins returns go.mod and go.sum of a tree. A module without dependencies has only
// the first.
func readPins(dir string) (string, error) {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	sum, _ := os.ReadFile(filepath.Join(dir, "go.sum"))
	return string(mod) + string(sum), err
}

// Unzip downloads a module and unpacks it to dir, once the checksum of its zip
// is known to be sum, and the commit it says it was made from to be commit, when
// both say one.
func Unzip(ctx context.Context, path, version, sum, commit, dir string) error {
	empty, err := os.MkdirTemp("", "ethorder-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(empty)
	out, runErr := tool.Run(ctx, tool.Cmd{Dir: empty, What: "download " + path + "@" + version, Args: []string{"go", "mod", "download", "-json", path + "@" + version}})
	var info struct {
		Zip, Sum, Error string
		Origin          struct{ Hash string }
	}
	if err := json.Unmarshal([]byte(out), &info); err != nil || info.Error != "" || info.Zip == "" {
		if runErr == nil {
			runErr = fmt.Errorf("go mod download %s@%s: %s", path, version, out)
		}
		return runErr
	}
	if commit != "" && info.Origin.Hash != "" && info.Origin.Hash != commit {
		return fmt.Errorf("%s@%s comes from commit %s, want %s as patch/releases.tsv pins it", path, version, info.Origin.Hash, commit)
	}
	// The module cache remembers a checksum; the zip itself is what counts.
	got, err := dirhash.HashZip(info.Zip, dirhash.Hash1)
	if err != nil {
		return err
	}
	if got != sum {
		return fmt.Errorf("checksum of %s@%s:\n got  %s\n want %s (patch/releases.tsv)\nnothing was unpacked; the zip is %s", path, version, got, sum, info.Zip)
	}
	if err := modzip.Unzip(dir, module.Version{Path: path, Version: version}, info.Zip); err != nil {
		return fmt.Errorf("unpack %s: %w", info.Zip, err)
	}
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chmod(p, 0o644)
	})
}
