package moby

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/report"
	"ethorder/internal/source"
	"ethorder/internal/tool"
)

// Matrix checks releases.
type Matrix struct {
	Root     repo.Root
	Releases []string // names; none is all that there is a source of
	// Clone is a git clone of moby, "" to take the releases from their modules.
	Clone string
	Jobs  int  // how many releases to check at a time
	Again bool // whether to check again what was found good
	Out   io.Writer

	digests map[string]string // of the series of each line
	mu      sync.Mutex
	results report.Matrices
	checked int
}

// List prints the releases that Run would check.
func (m *Matrix) List() error {
	todo, err := m.load()
	for _, rel := range todo {
		if m.Again || !m.good(rel) {
			fmt.Fprintln(m.Out, rel.Name)
		}
	}
	return err
}

// load returns the releases, and reads what was found of them.
func (m *Matrix) load() (todo []pins.Release, err error) {
	table, err := pins.Load(m.Root)
	if err != nil {
		return nil, err
	}
	if m.digests, err = patch.Digests(m.Root, table.Lines()); err != nil {
		return nil, err
	}
	if m.results, err = report.LoadMatrix(m.state()); err != nil {
		return nil, err
	}
	return table.Select(m.Releases, m.Clone != "")
}

// state is the file with what was found.
func (m *Matrix) state() string { return m.Root.Out("matrix", "results.tsv") }

// Run checks the releases, and goes on where an earlier run was interrupted. What it finds
// is returned also if some are not good, which is an error.
func (m *Matrix) Run(ctx context.Context) (report.Matrices, error) {
	unlock, err := repo.Lock(ctx, filepath.Dir(m.state()))
	if err != nil {
		return nil, err
	}
	defer unlock()
	todo, err := m.load()
	if err != nil {
		return nil, err
	}
	queue := make(chan pins.Release, len(todo))
	for _, rel := range todo {
		if m.Again || !m.good(rel) {
			queue <- rel
		} else {
			m.checked++
		}
	}
	close(queue)
	begin := time.Now()
	errs := make([]error, m.Jobs)
	var workers sync.WaitGroup
	for i := range m.Jobs {
		workers.Add(1)
		go func() {
			defer workers.Done()
			c := Checker{Repo: m.Root, Clone: m.Clone, Dir: m.Root.Out("matrix", fmt.Sprintf("job%d", i+1))}
			for rel := range queue {
				if ctx.Err() != nil {
					return
				}
				r, err := c.Check(ctx, rel)
				if err = errors.Join(err, m.found(r, err)); err != nil && ctx.Err() == nil {
					errs[i] = errors.Join(errs[i], fmt.Errorf("%s: %w", rel.Name, err))
				}
				logrus.Infof("%d of %d releases, %s", m.checked, len(todo), time.Since(begin).Round(time.Second))
			}
		}()
	}
	workers.Wait()
	if ctx.Err() != nil {
		return m.results, &tool.Exit{Status: tool.Interrupted, Err: errors.New("interrupted; what was found is kept, run it again to go on")}
	}
	bad := slices.DeleteFunc(slices.Clone(todo), m.good)
	fmt.Fprintf(m.Out, "%d of %d releases: series applies without fuzz, root files equal, compiles, vet clean\n", len(todo)-len(bad), len(todo))
	if len(bad) > 0 {
		return m.results, errors.Join(append(errs, fmt.Errorf("%d releases are not good; their last output is in %s", len(bad), m.Root.Rel(m.Root.Out("matrix"))))...)
	}
	return m.results, nil
}

// found prints and keeps what was found of a release, unless that failed.
func (m *Matrix) found(r report.Matrix, failed error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.checked++
	if failed != nil {
		fmt.Fprintf(m.Out, "%-9s not checked: %v\n", r.Release, failed)
		return nil
	}
	fmt.Fprintln(m.Out, r)
	if r.Problem != "" {
		fmt.Fprintln(m.Out, r.Problem)
	}
	m.results = m.results.With(r)
	return m.results.Save(m.state())
}

// good reports whether a release was found good, with its series as it is now and from the
// same kind of source.
func (m *Matrix) good(rel pins.Release) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.results.Find(rel.Name)
	return ok && r.Good() && r.Series == m.digests[rel.Line] && r.Source == source.Kind(rel, m.Clone)
}

// RunAll runs the tests of releases and passes each outcome on. The error says how many
// tests did not end as in the stock tree.
func (r Runner) RunAll(ctx context.Context, releases []pins.Release, found func(report.Upstream) error) error {
	if os.Geteuid() != 0 {
		return tool.CannotRunf("upstream's tests make interfaces and mounts: run this as root (with sudo)")
	}
	if err := tool.Need("git", "tar", "go", "gcc", "iptables"); err != nil {
		return err
	}
	unlock, err := repo.Lock(ctx, r.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	worse := 0
	for _, rel := range releases {
		o, err := r.Run(ctx, rel)
		if err == nil {
			err = found(o)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", rel.Name, err)
		}
		worse += o.Worse
	}
	if worse > 0 {
		return fmt.Errorf("%d tests did not end as in the stock tree; what they printed is in %s", worse, r.Repo.Rel(r.Repo.Out("<release>", "log", "upstream-*")))
	}
	return nil
}

// ListPackages prints the packages whose tests RunAll would run.
func ListPackages(root repo.Root, releases []pins.Release, out io.Writer) error {
	for _, rel := range releases {
		packages, err := Packages(root, rel)
		if err != nil {
			return err
		}
		for _, p := range packages {
			fmt.Fprintf(out, "%s: %s\n", rel.Name, p.Dir)
		}
	}
	return nil
}
