package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"ethorder/internal/moby"
	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/report"
	"ethorder/internal/source"
	"ethorder/internal/tool"
)

func init() {
	m := &matrixRun{}
	cmd := &cobra.Command{
		Use:   "matrix [release...]",
		Short: "Apply, compile and vet the series of every release",
		RunE: runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
			m.root = root
			return m.run(cmd, args)
		}),
	}
	cloneFlag(cmd, &m.clone)
	f := cmd.Flags()
	f.IntVar(&m.jobs, "jobs", 2, "check `N` releases at a time")
	f.BoolVar(&m.again, "again", false, "also check what was found good already")
	f.BoolVar(&m.record, "record", false, "write what was found to results/matrix.tsv and docs/support.md")
	subcommands = append(subcommands, cmd)
}

// matrixRun is a run of the command.
type matrixRun struct {
	root          repo.Root
	clone         string
	jobs          int
	again, record bool

	digests map[string]string // of the series of each line
	mu      sync.Mutex
	results report.Matrices
}

func (m *matrixRun) run(cmd *cobra.Command, names []string) error {
	if m.jobs < 1 {
		return tool.Usagef("--jobs %d: want at least 1", m.jobs)
	}
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	table, err := pins.Load(m.root)
	if err != nil {
		return err
	}
	todo, err := table.Select(names, m.clone != "")
	if err != nil {
		return err
	}
	if m.digests, err = patch.Digests(m.root, table.Lines()); err != nil {
		return err
	}
	state := m.root.Out("matrix", "results.tsv")
	unlock, err := repo.Lock(ctx, filepath.Dir(state))
	if err != nil {
		return err
	}
	defer unlock()
	if m.results, err = report.LoadMatrix(state); err != nil {
		return err
	}
	begin, checked := time.Now(), 0
	queue := make(chan pins.Release)
	var workers sync.WaitGroup
	var errs []error
	for i := range m.jobs {
		c := moby.Checker{Repo: m.root, Clone: m.clone, Dir: m.root.Out("matrix", fmt.Sprintf("job%d", i+1))}
		workers.Add(1)
		go func() {
			defer workers.Done()
			for rel := range queue {
				r, err := c.Check(ctx, rel)
				m.mu.Lock()
				checked++
				if err == nil {
					m.results = m.results.With(r)
					err = m.results.Save(state)
				}
				if err == nil {
					fmt.Fprintln(out, r)
					if r.Problem != "" {
						fmt.Fprintln(out, r.Problem)
					}
					logrus.Infof("%d of %d releases, %s", checked, len(todo), time.Since(begin).Round(time.Second))
				} else if ctx.Err() == nil {
					errs = append(errs, fmt.Errorf("%s: %w", rel.Name, err))
					fmt.Fprintf(out, "%-9s not checked: %v\n", rel.Name, err)
				}
				m.mu.Unlock()
			}
		}()
	}
	for _, rel := range todo {
		if m.known(rel) && !m.again {
			m.mu.Lock()
			checked++
			m.mu.Unlock()
			continue
		}
		select {
		case queue <- rel:
		case <-ctx.Done():
		}
	}
	close(queue)
	workers.Wait()
	if ctx.Err() != nil {
		return &tool.Exit{Status: tool.Interrupted, Err: errors.New("interrupted; what was found is kept, run it again to go on")}
	}
	good := 0
	for _, rel := range todo {
		if m.known(rel) {
			good++
		}
	}
	fmt.Fprintf(out, "%d of %d releases: series applies without fuzz, root files equal, compiles, vet clean\n", good, len(todo))
	if m.record {
		if err := m.write(todo); err != nil {
			return err
		}
	}
	if good < len(todo) {
		return errors.Join(append(errs, fmt.Errorf("%d releases are not good; their last output is in %s", len(todo)-good, m.root.Rel(m.root.Out("matrix"))))...)
	}
	return nil
}

// known reports whether a release was found good, with its series as it is now and
// from the same kind of source.
func (m *matrixRun) known(rel pins.Release) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.results.Find(rel.Name)
	return ok && r.Good() && r.Series == m.digests[rel.Line] && r.Source == source.Kind(rel, m.clone)
}

// write records what was found of the releases.
func (m *matrixRun) write(releases pins.Table) error {
	var found []report.Matrix
	for _, rel := range releases {
		if r, ok := m.results.Find(rel.Name); ok {
			found = append(found, r)
		}
	}
	return errors.Join(report.RecordMatrix(m.root, found), writeTables(m.root))
}

// writeTables brings the documents that show results up to date.
func writeTables(root repo.Root) error { return report.WriteTables(root, nil) }
