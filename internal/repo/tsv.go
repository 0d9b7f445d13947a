package repo

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/jszwec/csvutil"
)

// ReadTSV reads the rows of a file of tab-separated values. Lines that start with # are
// comments, and "-" stands for an empty field. A file that is not there has no rows.
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
		d.Map = func(field, _ string, _ any) string {
			if field == "-" {
				return ""
			}
			return field
		}
		err = d.Decode(&rows)
	}
	if err != nil && err != io.EOF { // which a header without rows gives
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rows, nil
}
