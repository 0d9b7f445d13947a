package moby

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"ethorder/internal/build"
	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/report"
	"ethorder/internal/source"
	"ethorder/internal/tool"
)

// Package is a package of upstream's whose tests are run.
type Package struct {
	Since int    `csv:"since"` // the first number of the first release that has it there
	Until int    `csv:"until"` // and of the last one
	Dir   string `csv:"package"`
	Args  string `csv:"args"` // for the test binary
	Why   string `csv:"why"`
}

// Packages returns the packages whose tests are run in a release.
func Packages(root repo.Root, rel pins.Release) ([]Package, error) {
	all, err := repo.ReadTSV[Package](root.Path("patch", "upstream-tests.tsv"))
	major := pins.Major(rel.Name)
	return slices.DeleteFunc(all, func(p Package) bool { return major < p.Since || p.Until < major }), err
}

// Runner runs tests of releases, one after the other.
type Runner struct {
	source.Worktree
	// Libnetwork is a git clone of docker/libnetwork. Engines up to 20.10 vendor
	// libnetwork without its tests, which are taken from there.
	Libnetwork string
	// Isolate is a command line that runs what follows it on its own, as Exec of
	// package sandbox does, with Dir visible.
	Isolate string
}

// Run runs the tests of a release. Logs go to the release's log folder.
func (r Runner) Run(ctx context.Context, rel pins.Release) (report.Upstream, error) {
	o := report.Upstream{Release: rel.Name, Source: source.Kind(rel, r.Clone), Date: time.Now().UTC().Format(time.DateOnly)}
	s, err := patch.Load(r.Repo, rel.Line)
	if err != nil {
		return o, err
	}
	if o.Series, err = s.Digest(); err != nil {
		return o, err
	}
	packages, err := Packages(r.Repo, rel)
	if err != nil {
		return o, err
	}
	o.Packages = len(packages)
	stock, err := r.test(ctx, rel, nil, packages)
	if err != nil {
		return o, err
	}
	patched, err := r.test(ctx, rel, &s, packages)
	if err != nil {
		return o, err
	}
	o.StockPassed, o.StockFailed, o.StockSkipped = stock.Count("pass"), stock.Count("fail"), stock.Count("skip")
	o.PatchedPassed, o.PatchedFailed, o.PatchedSkipped = patched.Count("pass"), patched.Count("fail"), patched.Count("skip")
	o.Problems = Compare(stock, patched)
	o.Worse = len(o.Problems)
	return o, nil
}

// test runs the tests of the packages in a tree of the release, with the series
// applied if there is one.
func (r Runner) test(ctx context.Context, rel pins.Release, s *patch.Series, packages []Package) (Results, error) {
	tree, err := r.Make(ctx, rel)
	if err != nil {
		return nil, err
	}
	what := "stock"
	if s != nil {
		what = "patched"
		if _, err := s.ApplyTo(ctx, tree); err != nil {
			return nil, err
		}
	}
	g, err := open(ctx, r.Dir, rel, tree)
	if err != nil {
		return nil, err
	}
	all := Results{}
	logs := r.Repo.Out(rel.Name, "log", "upstream-"+what)
	if err := os.RemoveAll(logs); err != nil {
		return nil, err
	}
	for _, p := range packages {
		if strings.HasPrefix(p.Dir, "vendor/") {
			if err := r.addTests(ctx, rel, tree); err != nil {
				return nil, err
			}
		}
		results, err := r.testPackage(ctx, g, p, what, filepath.Join(logs, strings.ReplaceAll(p.Dir, "/", "-")))
		if err != nil {
			return nil, err
		}
		maps.Copy(all, results)
	}
	return all, nil
}

// testPackage runs the tests of a package. What they print goes to log + ".log".
func (r Runner) testPackage(ctx context.Context, g gotree, p Package, what, log string) (Results, error) {
	// The vet of a newer Go than upstream's finds fault with upstream's tests.
	args := append([]string{g.gocmd, "test", "-json", "-vet=off", "-count=1", "-timeout=15m", "-exec=" + r.Isolate}, g.Flags...)
	args = append(args, "-tags", build.CheckTags, "./"+p.Dir)
	if p.Args != "" {
		args = append(append(args, "-args"), strings.Fields(p.Args)...)
	}
	begin := time.Now()
	// Only in Dir, test binaries stay visible in isolation.
	output, err := tool.Run(ctx, tool.Cmd{
		Dir: g.Dir, Env: append(g.Env, "GOTMPDIR="+r.Dir), Log: log + ".json",
		What: fmt.Sprintf("test %s of %s, %s", p.Dir, g.rel.Name, what), Args: args,
	})
	if failed := new(tool.CmdError); err != nil && !errors.As(err, &failed) {
		return nil, err
	}
	var text bytes.Buffer
	results, err := ReadResults(strings.NewReader(output), &text)
	if err := errors.Join(err, os.WriteFile(log+".log", text.Bytes(), 0o644)); err != nil {
		return nil, err
	}
	logrus.Infof("%s of %s, %s: %v, %v", p.Dir, g.rel.Name, what, results, time.Since(begin).Round(time.Second))
	if results.Count("pass") == 0 && hasTests(filepath.Join(g.Dir, p.Dir)) {
		return nil, fmt.Errorf("no test of %s passes in the %s tree of %s; see %s", p.Dir, what, g.rel.Name, r.Repo.Rel(log+".log"))
	}
	return results, nil
}

func hasTests(dir string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
	return len(files) > 0
}

var vendored = regexp.MustCompile(`(?m)^github\.com/docker/libnetwork\s+([0-9a-f]{40})\b`)

// addTests puts the tests of the libnetwork that a tree vendors beside it, along with
// libnetwork's own vendor directory, as only that has all that they need. Files that
// are there stay. The rest of the tree does not compile any more with that directory.
func (r Runner) addTests(ctx context.Context, rel pins.Release, tree string) error {
	dir := filepath.Join(tree, "vendor", "github.com", "docker", "libnetwork")
	if _, err := os.Stat(filepath.Join(dir, "vendor")); err == nil {
		return nil // done for a package before this one
	}
	conf, err := os.ReadFile(filepath.Join(tree, "vendor.conf"))
	if err != nil {
		return err
	}
	commit := vendored.FindSubmatch(conf)
	if commit == nil {
		return fmt.Errorf("vendor.conf of %s does not say which libnetwork it has", rel.Name)
	}
	if r.Libnetwork == "" {
		return tool.Usagef("%s has libnetwork without its tests; get a git clone of docker/libnetwork with commit %s and pass it: --libnetwork <clone>, or LIBNETWORK_REPO in the environment", rel.Name, commit[1])
	}
	tar := filepath.Join(r.Dir, "libnetwork.tar")
	if _, err := tool.Git(ctx, r.Libnetwork, "archive", "--format=tar", "--output="+tar, string(commit[1])); err != nil {
		return err
	}
	_, err = tool.Run(ctx, tool.Cmd{
		Dir: dir, What: "unpack libnetwork's tests",
		Args: []string{"tar", "-x", "--skip-old-files", "-f", tar},
	})
	return err
}
