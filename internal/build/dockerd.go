// Package build compiles the engines of releases, stock and patched, and the
// runc that they need.
package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/source"
	"ethorder/internal/tool"

	"github.com/sirupsen/logrus"
)

// Suffix is what the version of a patched engine ends in. Raise the number when
// the behaviour of patched engines changes.
const Suffix = "+ethseq.2"

// packageTags are build tags of Docker's own packages; libraries has the others. Only some releases
// know them.
const packageTags = "selinux nri_no_wasm"

// CheckTags are for what compiles packages of a release, but no dockerd: they need no library.
const CheckTags = "netgo osusergo static_build nri_no_wasm " +
	"exclude_graphdriver_btrfs exclude_graphdriver_devicemapper exclude_graphdriver_zfs"

// Options say which engine to build.
type Options struct {
	Release      pins.Release
	Stock        bool   // the engine as upstream made it, not the patched one
	StockVersion bool   // a patched engine calls itself as the stock one does
	Clone        string // git clone of moby to take the source from; "" is the Go module
	Tags         string // build tags in the place of the default ones
	Race         bool   // with Go's race detector, beside the engine without it
	Image        string // for the provenance: the image in which this runs
}

// Path returns where the engine of a release is, or goes.
func Path(root repo.Root, release string, patched bool) string {
	if patched {
		return root.Out(release, "patched", "dockerd")
	}
	return root.Out(release, "stock", "dockerd")
}

// Engine builds an engine, the sources first where they are missing, unless it is up to
// date, and returns its path. Beside the engine lie its checksum, as sha256sum writes it,
// its provenance, and the patches that it has.
func Engine(ctx context.Context, root repo.Root, o Options) (string, error) {
	rel := o.Release
	if err := tool.Need("go", "gcc", "git"); err != nil {
		return "", err
	}
	unlock, err := repo.Lock(ctx, root.Out(rel.Name))
	if err != nil {
		return "", err
	}
	defer unlock()

	fetch, version := patch.Fetch, rel.Name+Suffix
	if o.Stock {
		fetch = source.Fetch
	}
	if o.Stock || o.StockVersion {
		version = rel.Name
	}
	tree, err := fetch(ctx, root, rel, o.Clone)
	if err != nil {
		return "", err
	}
	libs, err := link(ctx, root, tree, libraries)
	if err != nil {
		return "", err
	}
	dst := Path(root, rel.Name, !o.Stock)
	b := builder{rel: rel, tree: tree, version: version, tags: strings.Join(libs.tags, " "), env: libs.env, flags: pieFlags}
	if o.Tags != "" {
		b.tags, libs.lacking = o.Tags, nil
	}
	for _, lack := range libs.lacking {
		logrus.Warn(lack)
	}
	if o.Race {
		dst = filepath.Join(filepath.Dir(dst)+"-race", "dockerd")
		b.flags = raceFlags
	}
	made, err := b.make(ctx, root, dst, "version "+version+",", func(bin string) ([]string, error) {
		return b.provenance(ctx, root, o, bin)
	})
	if err != nil || o.Stock || o.Race || o.Image != "" {
		return dst, err
	}
	if made {
		logrus.Infof("the official dockerd has a build time, a platform name and a product license in docker version, which this one lacks, and is built by another Go than %s", rel.Toolchain)
	}
	return dst, b.makeProxy(ctx, root, filepath.Dir(dst))
}

// make builds the program that dst is named after, unless it is up to date, and reports whether it
// did. What the program says to --version must have want in it. The files that describe makes of the
// program go beside it.
func (b builder) make(ctx context.Context, root repo.Root, dst, want string, describe func(bin string) ([]string, error)) (made bool, err error) {
	name := filepath.Base(dst)
	b.log = root.Out(b.rel.Name, "log", "build-"+filepath.Base(filepath.Dir(dst))+"-"+name+".log")
	stamp := repo.Stamp{
		"source": repo.ReadStamp(b.tree).Key(), "version": b.version, "toolchain": b.rel.Toolchain, "tags": b.tags,
		"flags": stampFlags(b.flags), "provenance": provenanceForm,
	}
	upToDate, err := stamp.Make(root, "build "+b.rel.Name, root.Out(b.rel.Name), dst, 2048, func(tmp string) (repo.Made, error) {
		bin := filepath.Join(tmp, name)
		if err := b.compile(ctx, tmp, bin); err != nil {
			return repo.Made{}, err
		}
		says, err := askVersion(ctx, bin, want)
		if err != nil {
			return repo.Made{}, fmt.Errorf("%w; see %s", err, root.Rel(b.log))
		}
		beside, err := describe(bin)
		return repo.Made{Path: bin, Beside: beside, Note: says}, err
	})
	return !upToDate && err == nil, err
}

// makeProxy builds the docker-proxy of a tree that has it into dir. The patches leave it alone.
func (b builder) makeProxy(ctx context.Context, root repo.Root, dir string) error {
	if _, err := os.Stat(filepath.Join(b.tree, "cmd", "docker-proxy")); errors.Is(err, fs.ErrNotExist) { // up to 20.10
		logrus.Infof("the source of %s has no docker-proxy: that of a Docker package stays in use", b.rel.Name)
		return nil
	} else if err != nil {
		return err
	}
	b.version = b.rel.Name
	_, err := b.make(ctx, root, filepath.Join(dir, "docker-proxy"), "version "+b.version+"\n", func(string) ([]string, error) { return nil, nil })
	return err
}

// askVersion returns what a new program says to --version, which must have want in it.
func askVersion(ctx context.Context, bin, want string) (string, error) {
	says, err := tool.Run(ctx, tool.Cmd{
		Dir: filepath.Dir(bin), What: "ask the new " + filepath.Base(bin) + " for its version", Args: []string{bin, "--version"},
	})
	if err == nil && !strings.Contains(says, want) {
		err = fmt.Errorf("the new %s says %q, want %q in it", filepath.Base(bin), says, want)
	}
	first, _, _ := strings.Cut(says, "\n")
	return first, err
}

// builder compiles one tree.
type builder struct {
	rel     pins.Release
	tree    string // root of the tree
	version string // what dockerd is to call itself
	tags    string
	env     []string // additions to the environment
	flags   []string // more of them
	log     string
}

// With these flags the binary depends on nothing but the source, the toolchain
// and the C compiler and libraries: not on where the tree lies, so that stock and patched share
// the compiled packages.
var flags = []string{"-trimpath", "-buildvcs=false"}

const ldflags = "-w -buildid="

// Docker's packages have position-independent executables.
var pieFlags = []string{"-buildmode=pie"}

// With the race detector comes a check of pointer arithmetic that ends an engine of 2017 in its
// first use of boltdb; it is not wanted.
var raceFlags = []string{"-race", "-gcflags=all=-d=checkptr=0"}

// stampFlags is what a stamp says of how a binary is built.
func stampFlags(more []string) string {
	return strings.Join(slices.Concat(flags, more), " ") + " -ldflags " + ldflags + " " + cFlags + " GOMODCACHE="
}

// compile builds the program that bin is named after to bin, with its working files in tmp.
func (b builder) compile(ctx context.Context, tmp, bin string) error {
	gocmd, err := tool.Go(ctx, b.rel.Toolchain)
	if err != nil {
		return err
	}
	w, err := OpenWorkspace(b.tree, tmp)
	if err != nil {
		return err
	}
	xflags, overlay, err := b.stampVersion(w.Dir, tmp, w.Package+"/dockerversion")
	if err != nil {
		return err
	}
	name := filepath.Base(bin)
	args := append([]string{gocmd, "build", "-v"}, w.Flags...)
	args = append(args, b.flags...)
	args = append(args, "-tags", b.tags, "-ldflags", strings.TrimSpace(ldflags+" "+xflags))
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	_, err = tool.Run(ctx, tool.Cmd{
		Dir: w.Dir, Env: append(w.Env, b.env...), Log: b.log, What: "compile " + name + " " + b.version,
		Args: append(args, "-o", bin, "./cmd/"+name),
	})
	return err
}

// goEnv is how go is run to build. Go's compiler takes a quarter less time if it
// collects garbage only when it must.
var goEnv = []string{"GOTOOLCHAIN=local", "CGO_ENABLED=1", cFlags, "GOGC=800", "GOMEMLIMIT=2GiB"}

// cFlags are go's own without -g, which puts the paths of headers into a binary.
const cFlags = "CGO_CFLAGS=-O2"

// Workspace is how go is run in a tree of moby.
type Workspace struct {
	Dir     string   // where it is run
	Package string   // import path of the root
	Flags   []string // what go build, go test and go vet are given
	Env     []string // additions to the environment
}

// OpenWorkspace says how go is run in a tree that has a vendor directory. It may
// put files into tmp, which must last as long as go runs.
func OpenWorkspace(tree, tmp string) (Workspace, error) {
	w := Workspace{
		Dir:   tree,
		Flags: slices.Clone(flags),
		// Everything is vendored. Without this, the checksums of those modules that
		// happen to be in the module cache would get into a binary.
		Env: append(slices.Clone(goEnv), "GOENV=off", "GOMODCACHE="+filepath.Join(tmp, "empty")),
	}
	mod, err := os.ReadFile(filepath.Join(tree, "go.mod"))
	if err == nil {
		m := moduleLine.FindSubmatch(mod)
		if m == nil {
			return w, fmt.Errorf("%s/go.mod has no module line", tree)
		}
		w.Package = string(m[1])
		w.Flags = append(w.Flags, "-mod=vendor")
		return w, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return w, err
	}
	// A tree of git from before modules builds in a GOPATH of its own.
	gopath := filepath.Join(tmp, "gopath")
	w.Package = "github.com/docker/docker"
	w.Dir = filepath.Join(gopath, "src", w.Package)
	w.Env = append(w.Env, "GO111MODULE=off", "GOPATH="+gopath, "PWD="+w.Dir)
	if err := os.MkdirAll(filepath.Dir(w.Dir), 0o755); err != nil {
		return w, err
	}
	if err := os.Symlink(tree, w.Dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return w, err
	}
	return w, nil
}

var moduleLine = regexp.MustCompile(`(?m)^module (\S+)$`)

var versionValue = regexp.MustCompile(`(?m)^(\s+(\w+)\s+(?:string )?= )".*"$`)

// stampVersion says how to build the version in. Where dockerversion has
// variables, the linker sets them. Up to 18.x they are constants in a file
// that upstream's build replaces by a generated one; so does an overlay here,
// and the tree stays as it is. Where the commit is not known, what upstream's
// library says stays.
func (b builder) stampVersion(dir, tmp, pkg string) (xflags, overlay string, err error) {
	values := map[string]string{"Version": b.version, "BuildTime": "", "IAmStatic": "false"}
	if b.rel.Commit != "" {
		values["GitCommit"] = b.rel.Commit[:7]
	}
	file := filepath.Join("dockerversion", "version_lib.go")
	src, err := os.ReadFile(filepath.Join(b.tree, file))
	if err != nil {
		return "", "", err
	}
	if strings.Contains(string(src), "\nvar (") {
		for _, k := range []string{"Version", "GitCommit", "BuildTime", "IAmStatic"} {
			if v, ok := values[k]; ok {
				xflags += fmt.Sprintf(" -X %s.%s=%s", pkg, k, v)
			}
		}
		return xflags, "", nil
	}
	for _, name := range []string{"Containerd", "Runc", "Init"} {
		values[name+"CommitID"] = b.binaryCommit(name)
	}
	out := versionValue.ReplaceAllStringFunc(string(src), func(l string) string {
		m := versionValue.FindStringSubmatch(l)
		if v, ok := values[m[2]]; ok {
			return fmt.Sprintf("%s%q", m[1], v)
		}
		return l
	})
	if !strings.Contains(out, b.version) {
		return "", "", fmt.Errorf("%s of %s has no Version to replace", file, b.rel.Name)
	}
	lib := filepath.Join(tmp, "version_lib.go")
	if err := os.WriteFile(lib, []byte(out), 0o644); err != nil {
		return "", "", err
	}
	js, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(dir, file): lib}})
	if err != nil {
		return "", "", err
	}
	overlay = filepath.Join(tmp, "overlay.json")
	return "", overlay, os.WriteFile(overlay, js, 0o644)
}

// binaryCommit returns the commit of a program that upstream's tree says it
// goes with.
func (b builder) binaryCommit(name string) string {
	if name == "Init" {
		name = "Tini"
	}
	src, _ := os.ReadFile(filepath.Join(b.tree, "hack", "dockerfile", "binaries-commits"))
	m := regexp.MustCompile(`(?m)^` + strings.ToUpper(name) + `_COMMIT=(\w+)`).FindSubmatch(src)
	if m == nil {
		return ""
	}
	return string(m[1])
}
