package install

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"ethorder/internal/repo"
	"ethorder/internal/tool"
)

// survey is what a host has before anything is changed.
type survey struct {
	systemd bool
	path    string // the host's own dockerd
	version string // what it says to --version
	answers string // version of the engine that runs
	newExec string // with systemd, the unit's own ExecStart, but with the new dockerd
}

// binary is the dockerd to install. Only the version is known in a dry run.
type binary struct{ path, version, sum string }

// survey looks at the host. Its engine must run.
func (i *installer) survey(ctx context.Context) (s survey, err error) {
	if s.answers, err = i.running(ctx); err != nil {
		return s, tool.CannotRunf("the host's engine must run, so that its release and its containers are known: %w", err)
	}
	if _, err := os.Stat(i.Host.Path("/run/systemd/system")); err == nil {
		s.systemd = true
		prefix, path, args, err := i.ownExec(ctx)
		if err != nil {
			return s, err
		}
		if s.path = path; path == ownDockerd {
			return s, tool.Usagef("a drop-in made by hand has ExecStart=%s: remove it (systemctl cat docker.service names it), restart the engine, and repeat this", prefix+path+args)
		}
		s.newExec = prefix + ownDockerd + args
	} else if s.path, err = i.findDockerd(); err != nil {
		return s, err
	}
	own := s.path
	if i.isOurs(own) {
		own += backup
	}
	s.version, err = i.askVersion(ctx, i.Host.Path(own))
	return s, err
}

// findDockerd returns the path of the dockerd of a host without systemd.
func (i *installer) findDockerd() (string, error) {
	for _, dir := range []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"} {
		path := filepath.Join(dir, "dockerd")
		if info, err := os.Lstat(i.Host.Path(path)); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", tool.CannotRunf("no file dockerd in /usr/local/sbin, /usr/local/bin, /usr/sbin and /usr/bin (symbolic links do not count)")
}

// choose builds the dockerd to install, if it goes with the host.
func (i *installer) choose(ctx context.Context, s survey) (bin binary, err error) {
	host := release(s.version)
	if i.Release == "" {
		i.Release = host
	}
	switch {
	case i.Force:
	case i.Release != host:
		return bin, tool.Usagef("the host has %s, not %s: install %s, or give --force", s.version, i.Release, host)
	case i.journal.State == "" && s.answers != s.version:
		return bin, tool.Usagef("%s is %s, and the engine that runs is %s: restart it first, or give --force", s.path, s.version, s.answers)
	}
	if strings.Contains(s.version, mark) && !i.Force {
		return bin, tool.Usagef("the engine of the host's package is patched already: %s; or give --force", s.version)
	}
	if _, extra, _ := strings.Cut(s.version, "+"); extra != "" {
		logrus.Warnf("the host's %s has changes of its distribution (%s), the new engine has not", s.version, extra)
	}
	if bin.path, err = i.Build(ctx, i.Release); err != nil {
		return bin, err
	}
	if bin.sum, err = repo.HashFile(bin.path); i.DryRun && err != nil {
		return binary{path: bin.path, version: i.Release + mark}, nil // it is not built
	} else if err != nil {
		return bin, err
	}
	if own, _ := repo.HashFile(i.Host.Path(s.path)); own == bin.sum && i.journal.State == "" {
		return bin, tool.Usagef("%s is the dockerd that the host has: nothing to install", bin.path)
	}
	if bin.version, err = i.askVersion(ctx, bin.path); err != nil || i.Force {
		return bin, err
	}
	if release(bin.version) != host || !strings.Contains(bin.version, mark) {
		return bin, tool.Usagef("%s is %s, want a patched %s: %s%s; or give --force", bin.path, bin.version, host, host, mark)
	}
	return bin, nil
}

// isInstalled reports whether there is nothing to do.
func (i *installer) isInstalled(s survey, bin binary) bool {
	at, right := s.path, true
	if s.systemd {
		at = ownDockerd
		text, _ := os.ReadFile(i.Host.Path(dropIn))
		right = string(text) == dropInText(s.newExec)
	}
	sum, err := repo.HashFile(i.Host.Path(at))
	return i.journal.State == installed && s.answers == bin.version && err == nil && sum == bin.sum && right
}

// program splits an ExecStart into the characters that may be before the program, its path, and
// its arguments.
var program = regexp.MustCompile(`^([-@:+!|]*)(\S+)(.*)$`)

// ownExec returns the ExecStart of docker.service without our drop-ins, in the parts of program.
func (i *installer) ownExec(ctx context.Context) (prefix, path, args string, err error) {
	text, err := i.unitText(ctx)
	if err != nil {
		return "", "", "", tool.CannotRunf("systemd has no docker.service: %w", err)
	}
	own := execStart(text, dropIn, trialDropIn)
	m := program.FindStringSubmatch(own)
	if m == nil || !filepath.IsAbs(m[2]) || filepath.Base(m[2]) != "dockerd" && filepath.Base(m[2]) != "dockerd-ce" {
		return "", "", "", tool.CannotRunf("docker.service has ExecStart=%s, want the path of dockerd and its arguments", own)
	}
	return m[1], m[2], m[3], nil
}

// unitText returns docker.service and its drop-ins, each behind a comment with its path.
func (i *installer) unitText(ctx context.Context) (string, error) {
	return i.Host.Run(ctx, "systemctl", "cat", "docker.service")
}

func (i *installer) systemctl(ctx context.Context, args ...string) error {
	_, err := i.Host.Run(ctx, append([]string{"systemctl"}, args...)...)
	return err
}

// execStart returns the ExecStart that counts in what unitText returns, on one line. It passes over
// the files in skip.
func execStart(text string, skip ...string) string {
	var exec, section, file, line string
	for _, part := range strings.Split(text, "\n") {
		if m := fileHead.FindStringSubmatch(part); m != nil && line == "" {
			file, section = m[1], ""
		}
		if part = strings.TrimSpace(part); strings.HasPrefix(part, "#") || strings.HasPrefix(part, ";") {
			continue // also between the parts of a line
		}
		start, more := strings.CutSuffix(part, `\`)
		if line += start; more {
			line += " "
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		switch key = strings.TrimSpace(key); {
		case strings.HasPrefix(key, "["):
			section = key
		case section == "[Service]" && key == "ExecStart" && !slices.Contains(skip, file):
			exec = strings.TrimSpace(value)
		}
		line = ""
	}
	return exec
}

// fileHead is what systemctl cat puts before a file. Users write comments that begin with a path.
var fileHead = regexp.MustCompile(`^# (/\S+\.(?:service|conf))$`)

func dropInText(exec string) string {
	return "# Made by ethorder; scripts/uninstall removes it.\n[Service]\nExecStart=\nExecStart=" + exec + "\n"
}

var versionWord = regexp.MustCompile(`version ([^\s,]+)`)

// askVersion returns the version that a dockerd says to --version.
func (i *installer) askVersion(ctx context.Context, path string) (string, error) {
	out, err := i.Host.Run(ctx, path, "--version")
	if err != nil {
		return "", err
	}
	if m := versionWord.FindStringSubmatch(out); m != nil {
		return m[1], nil
	}
	return "", fmt.Errorf("%s --version says %q, want a version", path, strings.TrimSpace(out))
}

// release returns the release that a version is of: 20.10.24 for Debian's 20.10.24+dfsg1, and
// 17.12.1 for 17.12.1-ce.
func release(version string) string {
	name, _, _ := strings.Cut(version, "+")
	return strings.TrimSuffix(name, "-ce")
}
