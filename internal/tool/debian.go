package tool

import (
	"context"
	"fmt"
	"os"
	"os/exec"
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
	download := func() error {
		cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-q", "-o", "APT::Sandbox::User=root", "download"}, names...)...)
		cmd.Dir = temp
		if out, err := cmd.CombinedOutput(); err != nil {
			return CannotRunf("apt does not give the Debian packages %s: %v: %v: %s",
				strings.Join(names, ", "), cmd, err, strings.TrimSpace(string(out)))
		}
		return nil
	}
	if err := download(); err != nil {
		// The machine may never have read the lists of packages, or long ago. One
		// that cannot be read need not be the one that matters.
		_ = exec.CommandContext(ctx, "apt-get", "-q", "update").Run()
		if err := download(); err != nil {
			return err
		}
	}
	for _, name := range names {
		files, _ := filepath.Glob(filepath.Join(temp, name+"_*.deb"))
		if len(files) != 1 {
			return fmt.Errorf("apt-get download %s: got %d files, wanted 1", name, len(files))
		}
		root := filepath.Join(temp, name)
		cmd := exec.CommandContext(ctx, "dpkg-deb", "--extract", files[0], root)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w: %s", cmd, err, out)
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
