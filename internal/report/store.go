// Package report keeps what was measured of each release, and makes the documents that
// show it.
//
// results/<release>.json has the suites of trials on engines and upstream's own tests;
// results/matrix.tsv has, a row a release, whether the series applies and compiles.
package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
)

// Release is what was measured of a release.
type Release struct {
	Release  string    `json:"release"`
	Suites   []Suite   `json:"suites"` // by name
	Upstream *Upstream `json:"upstream"`
	Bench    *Bench    `json:"bench,omitempty"`
}

// Suite returns a suite of the release by its name, nil if it was not run.
func (r Release) Suite(name string) *Suite {
	if i := slices.IndexFunc(r.Suites, func(s Suite) bool { return s.Suite == name }); i >= 0 {
		return &r.Suites[i]
	}
	return nil
}

// Data is what was measured with the series as they are now.
type Data struct {
	Pins     pins.Table
	Matrix   Matrices
	Releases []Release // in the order of the pins; none without any result
}

// Load reads what was measured. Records of a series that has changed do not count.
func Load(root repo.Root) (*Data, error) {
	table, err := pins.Load(root)
	if err != nil {
		return nil, err
	}
	digests, err := patch.Digests(root, table.Lines())
	if err != nil {
		return nil, err
	}
	d := &Data{Pins: table}
	for _, rel := range table {
		r, err := read(root, rel.Name)
		if err != nil {
			return nil, err
		}
		current := digests[rel.Line]
		r.Suites = slices.DeleteFunc(r.Suites, func(s Suite) bool { return s.Series != current })
		if r.Upstream != nil && r.Upstream.Series != current {
			r.Upstream = nil
		}
		if r.Bench != nil && r.Bench.Series != current {
			r.Bench = nil
		}
		if len(r.Suites) > 0 || r.Upstream != nil || r.Bench != nil {
			d.Releases = append(d.Releases, r)
		}
	}
	if d.Matrix, err = LoadMatrix(matrixFile(root)); err != nil {
		return nil, err
	}
	d.Matrix = slices.DeleteFunc(d.Matrix, func(m Matrix) bool {
		rel, err := table.Find(m.Release)
		return err != nil || digests[rel.Line] != m.Series
	})
	return d, nil
}

// Record puts a suite into the results of its release, in the place of what the suite
// found before. Trials keep their order.
func Record(root repo.Root, s Suite) error {
	return change(root, s.Release, func(r *Release) {
		r.Suites = slices.DeleteFunc(r.Suites, func(old Suite) bool { return old.Suite == s.Suite })
		r.Suites = append(r.Suites, s)
		slices.SortFunc(r.Suites, func(a, b Suite) int { return strings.Compare(a.Suite, b.Suite) })
	})
}

// RecordUpstream puts the outcome of upstream's tests into the results of its release, in
// the place of the one before.
func RecordUpstream(root repo.Root, u Upstream) error {
	return change(root, u.Release, func(r *Release) { r.Upstream = &u })
}

// RecordBench puts times into the results of their release, in the place of those before.
func RecordBench(root repo.Root, b Bench) error {
	return change(root, b.Release, func(r *Release) { r.Bench = &b })
}

// RecordMatrix puts what was found of releases into results/matrix.tsv, in the place of
// what was found of them before.
func RecordMatrix(root repo.Root, found []Matrix) error {
	return locked(root, func() error {
		all, err := LoadMatrix(matrixFile(root))
		if err != nil {
			return err
		}
		for _, m := range found {
			all = all.With(m)
		}
		return all.Save(matrixFile(root))
	})
}

func matrixFile(root repo.Root) string { return root.Path("results", "matrix.tsv") }

func file(root repo.Root, release string) string { return root.Path("results", release+".json") }

// read returns the results of a release. A release without a file has none.
func read(root repo.Root, release string) (Release, error) {
	r := Release{Release: release, Suites: []Suite{}}
	path := file(root, release)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	if r.Release != release {
		return r, fmt.Errorf("%s has the results of release %q", path, r.Release)
	}
	return r, nil
}

func change(root repo.Root, release string, apply func(*Release)) error {
	return locked(root, func() error {
		r, err := read(root, release)
		if err != nil {
			return err
		}
		apply(&r)
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", "\t")
		if err := e.Encode(r); err != nil {
			return err
		}
		return write(file(root, release), b.Bytes())
	})
}

// write writes a file that is never half written.
func write(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", b, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// locked runs do while no other process changes results.
func locked(root repo.Root, do func() error) error {
	unlock, err := repo.Lock(context.Background(), root.Out("results"))
	if err != nil {
		return err
	}
	defer unlock()
	return do()
}
