// Package deb rebuilds Debian's docker.io with the patches, from Debian's source package, in a
// clean root, and tries the result in another one. It takes root, and a main that calls
// sandbox.Init.
package deb

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"ethorder/internal/repo"
	"ethorder/internal/tool"
)

//go:embed build.sh
var buildScript string

// maker makes the package of a suite.
type maker struct {
	root     repo.Root
	suite    string   // of Debian, like bookworm
	dir      string   // out/deb/<suite>
	archives []string // see archives
}

// Make makes the package of a suite of Debian's, unless it is up to date with Debian, and returns
// its path. It is an error if lintian finds new faults in it, or if its dockerd does not keep the
// order.
func Make(ctx context.Context, root repo.Root, suite string) (string, error) {
	if os.Geteuid() != 0 {
		return "", tool.CannotRunf("making a clean root takes root: run this with sudo")
	}
	if err := tool.Need("go", "apt-get", "dpkg-source", "mmdebstrap", "nsenter"); err != nil {
		return "", err
	}
	m := &maker{root: root, suite: suite, dir: root.Out("deb", suite), archives: archives(ctx, suite)}
	unlock, err := repo.Lock(ctx, m.dir)
	if err != nil {
		return "", err
	}
	defer unlock()
	src, err := m.find(ctx)
	if err != nil {
		return "", err
	}
	stamp, err := src.stamp()
	if err != nil {
		return "", err
	}
	dst := filepath.Join(m.dir, "package")
	upToDate, err := stamp.Make(root, "docker.io of "+suite, m.dir, dst, 6144, func(tmp string) (repo.Made, error) { return m.build(ctx, src, tmp) })
	if err != nil {
		return "", err
	}
	deb, err := only(filepath.Join(dst, "docker.io_*.deb"))
	if err != nil {
		return "", err
	}
	if upToDate {
		logrus.Infof("%s is up to date", root.Rel(deb))
	}
	// What took so long to build stays, so that people can look at it.
	if err := m.compareLintian(dst); err != nil {
		return "", err
	}
	tried := repo.Stamp{"package": repo.ReadStamp(dst).Key()}
	_, err = tried.Make(root, "try docker.io of "+suite, m.dir, filepath.Join(m.dir, "verify.txt"), 2048, func(tmp string) (repo.Made, error) {
		return m.try(ctx, deb, tmp)
	})
	return deb, err
}

// only returns the one file that has a name like the pattern.
func only(pattern string) (string, error) {
	files, err := filepath.Glob(pattern)
	if err == nil && len(files) != 1 {
		err = fmt.Errorf("%s: got %d files, want 1", pattern, len(files))
	}
	if err != nil {
		return "", err
	}
	return files[0], nil
}

// build makes the folder with the package and with what lintian says.
func (m *maker) build(ctx context.Context, src source, tmp string) (made repo.Made, err error) {
	if _, err := m.unpack(ctx, src, tmp); err != nil {
		return made, err
	}
	if err := os.WriteFile(filepath.Join(tmp, "build.sh"), []byte(buildScript), 0o644); err != nil {
		return made, err
	}
	made.Path = filepath.Join(tmp, "package")
	logrus.Infof("building docker.io %s, which takes 10 to 30 minutes; its log: %s", src.version+suffix, m.root.Rel(filepath.Join(m.dir, "log", "build.log")))
	// The root has the name of a folder that mmdebstrap makes in TMPDIR, and removes.
	err = m.mmdebstrap(ctx, "build docker.io "+src.version+suffix, "build", []string{"FROM=" + tmp, "TMPDIR=" + tmp},
		`mkdir "$1/build"
		cp -a "$FROM/tree" "$FROM/build.sh" "$1/build"
		`+inRoot+`sh /build/build.sh
		cp -a "$1/build/result" "$FROM/package"`,
		"--variant=buildd", "--include=lintian", "--format=null", m.suite, "-")
	if err != nil {
		return made, err
	}
	deb, err := only(filepath.Join(made.Path, "docker.io_*.deb"))
	if err != nil {
		return made, err
	}
	info, err := os.Stat(deb)
	if err != nil {
		return made, err
	}
	made.Note = fmt.Sprintf("%s, %d MB", filepath.Base(deb), info.Size()/1e6)
	return made, nil
}

// compareLintian returns an error if lintian says of the package what it does not say of Debian's.
func (m *maker) compareLintian(dir string) error {
	ours, errOurs := os.ReadFile(filepath.Join(dir, "lintian.txt"))
	theirs, errTheirs := os.ReadFile(filepath.Join(dir, "lintian-debian.txt"))
	if err := errors.Join(errOurs, errTheirs); err != nil {
		return err
	}
	if tags := newTags(string(theirs), string(ours)); len(tags) > 0 {
		return fmt.Errorf("lintian says of the package in %s what it does not say of Debian's own:\n%s", m.root.Rel(dir), strings.Join(tags, "\n"))
	}
	return nil
}

// newTags returns the lines of ours that theirs has not, both from lintian.
func newTags(theirs, ours string) []string {
	known := strings.Split(theirs, "\n")
	return slices.DeleteFunc(strings.Split(ours, "\n"), func(line string) bool { return slices.Contains(known, line) })
}

// inRoot begins a command in the root $1, with an environment that has nothing of this machine's.
const inRoot = `env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C http_proxy="${http_proxy-}" chroot "$1" `

// mmdebstrap makes a root of the suite, and runs the shell script hook with its path in $1. In
// namespaces of its own, no process and no mount is left of it, however it ends.
func (m *maker) mmdebstrap(ctx context.Context, what, log string, env []string, hook string, args ...string) error {
	args = append([]string{
		"unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
		"mmdebstrap", "--mode=root", "--dpkgopt=force-unsafe-io", "--customize-hook=set -eu\n" + hook,
	}, args...)
	for _, archive := range m.archives {
		args = append(args, "deb "+archive)
	}
	_, err := tool.Run(ctx, tool.Cmd{Dir: "/", Env: env, Log: filepath.Join(m.dir, "log", log+".log"), What: what, Args: args})
	return err
}
