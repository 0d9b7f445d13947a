package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jszwec/csvutil"
)

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
