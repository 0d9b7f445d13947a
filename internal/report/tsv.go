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

	"github.com/jszwec/csvutil"
)

// ReadTSV reads the rows of a file of tab-separated values, below a header. Lines that
// start with # are comments. A file that is not there has no rows.
func ReadTSV[Row any](path string) ([]Row, error) {
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

// writeTSV writes rows to a file, below a comment.
func writeTSV[Row any](path, comment string, rows []Row) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n", comment)
	w := csv.NewWriter(&b)
	w.Comma = '\t'
	if err := csvutil.NewEncoder(w).Encode(rows); err != nil {
		return err
	}
	w.Flush()
	return write(path, b.Bytes())
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
