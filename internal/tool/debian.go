package tool

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sirupsen/logrus"
)

// UnpackDebian downloads Debian packages, which apt verifies, and unpacks each into a folder of
// dir that has its name. It installs nothing. The caller sees to it that one process does so at a
// time.
func UnpackDebian(ctx context.Context, dir string, names ...string) error {
	logrus.Infof("downloading Debian's %s; they are unpacked in %s, not installed", strings.Join(names, ", "), dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(dir, "download-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	run := func(command ...string) error {
		_, err := Run(ctx, Cmd{Dir: temp, What: "unpack Debian packages", Args: command})
		return err
	}
	download := append([]string{"apt-get", "-q", "-o", "APT::Sandbox::User=root", "download"}, names...)
	if err := run(download...); err != nil {
		// The machine may never have read the lists of packages, or long ago. One
		// that cannot be read need not be the one that matters.
		_ = run("apt-get", "-q", "update")
		if err := run(download...); err != nil {
			return CannotRunf("apt does not give the Debian packages %s: %w", strings.Join(names, ", "), err)
		}
	}
	for _, name := range names {
		files, _ := filepath.Glob(filepath.Join(temp, name+"_*.deb"))
		if len(files) != 1 {
			return fmt.Errorf("apt-get download %s: got %d files, wanted 1", name, len(files))
		}
		root := filepath.Join(temp, name)
		if err := run("dpkg-deb", "--extract", files[0], root); err != nil {
			return err
		}
		if err := os.Rename(root, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// DebianSite returns the address from which apt on this machine gets an archive, by its label, or
// the other one if apt has none.
func DebianSite(ctx context.Context, label, other string) string {
	out, err := Run(ctx, Cmd{Dir: "/", What: "ask apt for its mirror", Args: []string{
		"apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", "Label: " + label,
	}})
	site, _, _ := strings.Cut(out, "\n")
	if err != nil || site == "" { // not a Debian
		return other
	}
	return site
}
