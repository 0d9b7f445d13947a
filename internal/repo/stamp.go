package repo

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
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
	lines := make([]string, 0, len(s))
	for k, v := range s {
		lines = append(lines, k+"\t"+v+"\n")
	}
	sort.Strings(lines)
	return strings.Join(lines, "")
}

// Write puts the stamp beside path.
func (s Stamp) Write(path string) error {
	return os.WriteFile(StampPath(path), []byte(s.String()), 0o644)
}

// Without returns a copy that lacks the keys.
func (s Stamp) Without(keys ...string) Stamp {
	c := Stamp{}
	for k, v := range s {
		c[k] = v
	}
	for _, k := range keys {
		delete(c, k)
	}
	return c
}

// Key is a digest of the stamp, by which a later stage refers to this one.
func (s Stamp) Key() string { return HashBytes([]byte(s.String())) }

// sealKey is the fact that Seal records.
const sealKey = "tree"

// Seal records the content of the tree in the stamp.
func (s Stamp) Seal(dir string) error {
	sum, err := HashTree(dir)
	s[sealKey] = sum
	return err
}

// Install puts made, which lies in the temporary directory tmp, at dst, and seals
// it. There is no stamp in between, so what is cut short is made anew.
func (s Stamp) Install(made, dst, tmp string) error {
	if err := s.Seal(made); err != nil {
		return err
	}
	os.Remove(StampPath(dst))
	if err := Replace(made, dst, tmp); err != nil {
		return err
	}
	return s.Write(dst)
}

// UpToDate reports whether dir was made from what want says, and still is what
// was made. A tree that somebody edited is an error: remaking it would throw
// the edits away, and using it would build something else than the pins say.
func (s Stamp) UpToDate(dir string) (bool, error) {
	have := ReadStamp(dir)
	if have == nil {
		if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
			return false, fmt.Errorf("%s has no stamp, so nothing is known of it; to make it anew: rm -r %s", dir, dir)
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
	if sum != have[sealKey] {
		return false, fmt.Errorf("%s was changed by hand since it was made (content %s, made %s); keep the changes elsewhere, then make it anew: rm -r %s",
			dir, Short(sum), Short(have[sealKey]), dir)
	}
	return have.Without(sealKey).String() == s.Without(sealKey).String(), nil
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
