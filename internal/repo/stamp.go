package repo

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

// Stamp says what a tree or file was made from: one fact a line, key and value.
// It lies beside it, as <name>.stamp.
type Stamp map[string]string

// StampPath returns where the stamp of path lies.
func StampPath(path string) string { return path + ".stamp" }

// ReadStamp returns the stamp of path, or nil when it has none.
func ReadStamp(path string) Stamp {
	b, err := os.ReadFile(StampPath(path))
	if err != nil {
		return nil
	}
	s := Stamp{}
	for _, line := range strings.Split(string(b), "\n") {
		if k, v, ok := strings.Cut(line, "\t"); ok {
			s[k] = v
		}
	}
	return s
}

// String is the text of the stamp, its lines sorted.
func (s Stamp) String() string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(s)) {
		b.WriteString(k + "\t" + s[k] + "\n")
	}
	return b.String()
}

// Key is a digest of the stamp, by which a later stage refers to this one.
func (s Stamp) Key() string { return HashBytes([]byte(s.String())) }

// SealKey is the fact that says what was made: the HashTree of it.
const SealKey = "tree"

// Made is what a function made for a stamp.
type Made struct {
	Path   string   // in the temporary directory
	Beside []string // files that go beside it, there too
	Note   string   // for the log
}

// Make puts what make makes at dst, a tree or a file with its checksum, unless it is up
// to date, which it returns. make works in a temporary directory in dir, whose lock the
// caller holds and which needs room for the given MiB. what is for the log.
func (s Stamp) Make(root Root, what, dir, dst string, mib uint64, make func(tmp string) (Made, error)) (upToDate bool, err error) {
	if ok, err := s.upToDate(dst); ok || err != nil {
		return ok, err
	}
	if err := needFree(dir, mib); err != nil {
		return false, err
	}
	start := time.Now()
	tmp, err := tempDir(dir)
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(tmp)
	made, err := make(tmp)
	if err != nil {
		return false, err
	}
	if err := s.install(made, dst, tmp); err != nil {
		return false, err
	}
	logrus.Infof("%s: %s, %s, %s", what, root.Rel(dst), made.Note, time.Since(start).Round(time.Second))
	return false, nil
}

// install puts what was made in the temporary directory tmp at dst, its checksum beside
// it if it is a file, and its stamp. It is the last that goes there, so what is cut short is
// made again.
func (s Stamp) install(made Made, dst, tmp string) error {
	var err error
	if s[SealKey], err = HashTree(made.Path); err != nil {
		return err
	}
	sum, err := HashFile(made.Path)
	isFile := err == nil
	if err := discard(dst, tmp); err != nil {
		return err
	}
	for _, f := range made.Beside {
		if err := replace(f, filepath.Join(filepath.Dir(dst), filepath.Base(f)), tmp); err != nil {
			return err
		}
	}
	if isFile {
		if err := os.WriteFile(dst+".sha256", []byte(sum+"  "+filepath.Base(dst)+"\n"), 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(StampPath(dst), []byte(s.String()), 0o644); err != nil {
		return err
	}
	return os.Rename(made.Path, dst)
}

// upToDate reports whether dir was made from what the stamp says, and still is what
// was made. A tree that somebody edited is an error: remaking it would throw
// the edits away, and using it would build something else than the pins say.
func (s Stamp) upToDate(dir string) (bool, error) {
	have := ReadStamp(dir)
	if have == nil {
		if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
			return false, fmt.Errorf("%s has no stamp, so nothing is known of it\nnext: rm -r %s, then run this again", dir, dir)
		}
		return false, nil
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	sum, err := HashTree(dir)
	if err != nil {
		return false, err
	}
	if sum != have[SealKey] {
		return false, fmt.Errorf("%s was changed by hand since it was made (content %s, made %s)\nnext: keep the changes elsewhere and rm -r %s, then run this again",
			dir, Short(sum), Short(have[SealKey]), dir)
	}
	want := maps.Clone(s)
	want[SealKey] = sum
	return maps.Equal(have, want), nil
}

// Short is the beginning of a digest, for people.
func Short(sum string) string { return sum[:min(12, len(sum))] }

// HashBytes returns the SHA-256 of b in hexadecimal.
func HashBytes(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// HashFile returns the SHA-256 of a file in hexadecimal.
func HashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// HashTree returns a digest of the names and contents of a tree's files and
// symbolic links. A .git directory at its root does not count.
func HashTree(dir string) (string, error) {
	all := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		switch {
		case d.IsDir() && rel == ".git":
			return filepath.SkipDir
		case d.IsDir():
			return nil
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(all, "%s -> %s\n", rel, target)
		default:
			sum, err := HashFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(all, "%s %s\n", rel, sum)
		}
		return nil
	})
	return hex.EncodeToString(all.Sum(nil)), err
}
