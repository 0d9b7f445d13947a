// Package moby runs go in trees of moby: it finds out whether the series of a release
// applies, compiles and is vet clean, and whether upstream's own tests end in the patched
// tree as in the stock one.
package moby

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"ethorder/internal/build"
	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/report"
	"ethorder/internal/source"
	"ethorder/internal/tool"
)

// Checker checks releases, one after the other, in a place of its own, which holds
// what later checks go on with.
type Checker source.Worktree

// Check checks a release. The error is one of the machine or of the source; what
// the series does wrong is in the result.
func (c Checker) Check(ctx context.Context, rel pins.Release) (report.Matrix, error) {
	r := report.Matrix{Release: rel.Name, Source: source.Kind(rel, c.Clone), Date: time.Now().UTC().Format(time.DateOnly)}
	s, err := patch.Load(c.Repo, rel.Line)
	if err != nil {
		return r, err
	}
	if r.Series, err = s.Digest(); err != nil {
		return r, err
	}
	tree, err := source.Worktree(c).Make(ctx, rel)
	if err != nil {
		return r, err
	}
	format := s.CheckFormat(ctx, tree)
	offsets, err := s.ApplyTo(ctx, tree)
	if failed := new(patch.ApplyError); errors.As(err, &failed) {
		r.Problem = failed.Error()
		return r, nil
	} else if err != nil {
		return r, err
	}
	r.Applies, r.Offsets = true, len(offsets)
	if err := errors.Join(s.CheckInstalled(ctx, c.Repo, tree), format); err != nil {
		r.Problem = err.Error()
		return r, nil
	}
	r.Same = true

	files, err := s.Touched(ctx)
	if err != nil {
		return r, err
	}
	g, err := open(ctx, c.Dir, rel, tree)
	if err != nil {
		return r, err
	}
	if err := g.compile(ctx, files); err != nil {
		r.Problem = err.Error()
		return r, ctx.Err()
	}
	r.Compiles = true
	found := g.vet(ctx, files)
	if found == nil {
		r.Vetted = true
		return r, ctx.Err()
	}
	if i := slices.IndexFunc(found, func(f string) bool { return strings.Contains(f, "cannot find ") }); i >= 0 {
		// The vendor directory lacks what only tests need, so nothing was vetted.
		r.Problem = "go vet cannot load the packages: " + found[i]
		return r, ctx.Err()
	}
	// Upstream's own code is not clean for every vet. Only what is new counts.
	if _, err := source.Worktree(c).Make(ctx, rel); err != nil {
		return r, err
	}
	before := g.vet(ctx, files)
	news := slices.DeleteFunc(found, func(f string) bool { return slices.Contains(before, f) })
	r.Vetted = len(news) == 0
	r.Problem = strings.Join(news, "\n")
	return r, ctx.Err()
}

// gotree runs go in a tree.
type gotree struct {
	build.Workspace
	gocmd string
	log   string
	rel   pins.Release
}

// open says how go is run in a tree, with working files in dir.
func open(ctx context.Context, dir string, rel pins.Release, tree string) (gotree, error) {
	w, err := build.OpenWorkspace(tree, dir)
	if err != nil {
		return gotree{}, err
	}
	gocmd, err := tool.Go(ctx, rel.Toolchain)
	return gotree{w, gocmd, filepath.Join(dir, "go.log"), rel}, err
}

// compile builds the packages of the files, also for Windows where a file is only
// for that.
func (g gotree) compile(ctx context.Context, files []string) error {
	_, err := g.run(ctx, "compile", nil, "build", packages(files))
	windows := slices.DeleteFunc(slices.Clone(files), func(f string) bool { return !strings.HasSuffix(f, "_windows.go") })
	if err == nil && len(windows) > 0 {
		_, err = g.run(ctx, "compile for Windows", []string{"GOOS=windows", "CGO_ENABLED=0"}, "build", packages(windows))
	}
	return err
}

var position = regexp.MustCompile(`^(?:vet: )?(\S+\.go):\d+(?::\d+)?: `)

// vet returns what go vet says of the packages of the files, without line numbers.
func (g gotree) vet(ctx context.Context, files []string) []string {
	dirs := packages(files)
	output, err := g.run(ctx, "vet", nil, "vet", dirs)
	if err == nil {
		return nil
	}
	if found := findings(output, dirs); found != nil {
		return found
	}
	return []string{err.Error()} // vet itself failed
}

// findings returns what vet found in the packages, of its output.
func findings(output string, packages []string) []string {
	var found []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		m := position.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		file := m[1]
		for _, dir := range packages {
			// go keeps what vet says of equal packages, and may give it as it said it
			// in another tree: with a path that leads there.
			if below := path.Join(dir, path.Base(file)); strings.HasSuffix(file, "/"+below) {
				file = below
			}
		}
		found = append(found, file+": "+line[len(m[0]):])
	}
	return found
}

// run runs a go command on packages, and returns all that it printed.
func (g gotree) run(ctx context.Context, what string, env []string, command string, packages []string) (string, error) {
	args := append([]string{g.gocmd, command}, g.Flags...)
	// Nothing runs of what is compiled here, and optimizing takes a third of the time.
	args = append(args, "-gcflags=all=-N -l", "-tags", build.CheckTags)
	_, err := tool.Run(ctx, tool.Cmd{
		Dir: g.Dir, Env: append(slices.Clone(g.Env), env...), Log: g.log,
		What: what + " " + g.rel.Name, Args: append(args, packages...),
	})
	if err == nil {
		return "", nil
	}
	output, readErr := os.ReadFile(g.log)
	return string(output), errors.Join(err, readErr)
}

// packages returns the directories of Go files, each once, as go takes them.
func packages(files []string) []string {
	var dirs []string
	for _, f := range files {
		if strings.HasSuffix(f, ".go") {
			dirs = append(dirs, "./"+path.Dir(f))
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}
