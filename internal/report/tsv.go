// Package tsv keeps results in files of tab-separated values, a row a release.
package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/jszwec/csvutil"

	"ethorder/internal/pins"
)

// Load reads the rows of a file. Lines that start with # are comments. A file that
// is not there has no rows.
func Load[Row any](path string) ([]Row, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.Comma, r.Comment = '\t', '#'
	d, err := csvutil.NewDecoder(r)
	var rows []Row
	if err == nil {
		d.DisallowMissingColumns = true
		err = d.Decode(&rows)
	}
	if err != nil && err != io.EOF { // which a header without rows gives
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rows, nil
}

// With returns rows with one more, in the place of one of the same release and in
// the order of the releases, which name returns.
func With[Row any](rows []Row, row Row, name func(Row) string) []Row {
	all := slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return name(r) == name(row) })
	all = append(all, row)
	slices.SortFunc(all, func(a, b Row) int { return pins.Compare(name(a), name(b)) })
	return all
}

// Put puts a row into a file, in the place of one of the same release. The comment and
// name are as in Save and With.
func Put[Row any](path, comment string, row Row, name func(Row) string) error {
	rows, err := Load[Row](path)
	if err != nil {
		return err
	}
	return Save(path, comment, With(rows, row, name))
}

// Save writes rows to a file, below a comment. The file is never half written.
func Save[Row any](path, comment string, rows []Row) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n", comment)
	w := csv.NewWriter(&b)
	w.Comma = '\t'
	if err := csvutil.NewEncoder(w).Encode(rows); err != nil {
		return err
	}
	w.Flush()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", b.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
