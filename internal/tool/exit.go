// Package tool runs other programs, waits for conditions, and defines the exit statuses of
// ethorder.
package tool

import (
	"cmp"
	"fmt"
	"os/exec"
	"strings"
)

// The exit statuses of ethorder.
const (
	Failed       = 1  // a verdict, or a step, failed
	Usage        = 2  // the request cannot be right
	Inconclusive = 3  // the stock engine kept the order too, so that nothing is shown
	CannotRun    = 77 // this machine lacks a command, a privilege or room
	Interrupted  = 130
)

// Exit is an error that ends ethorder with an exit status.
type Exit struct {
	Status int
	Err    error
}

func (e *Exit) Error() string { return e.Err.Error() }
func (e *Exit) Unwrap() error { return e.Err }

// Usagef returns an error with the status Usage.
func Usagef(format string, args ...any) error { return &Exit{Usage, fmt.Errorf(format, args...)} }

// CannotRunf returns an error with the status CannotRun.
func CannotRunf(format string, args ...any) error {
	return &Exit{CannotRun, fmt.Errorf(format, args...)}
}

// packages maps a command to the Debian package that has it, if that has another name.
var packages = map[string]string{
	"apt-get":     "apt",
	"docker":      "docker.io",
	"dpkg-source": "dpkg-dev",
	"gcc":         "gcc libc6-dev",
	"go":          "golang-go",
	"nsenter":     "util-linux",
}

// Need returns an error with the status CannotRun that names the packages to install when one of
// the commands is not on the PATH.
func Need(commands ...string) error {
	var missing, install []string
	for _, c := range commands {
		if _, err := exec.LookPath(c); err != nil {
			missing = append(missing, c)
			install = append(install, cmp.Or(packages[c], c))
		}
	}
	if missing == nil {
		return nil
	}
	return CannotRunf("not on the PATH: %s; on Debian: apt-get install %s",
		strings.Join(missing, ", "), strings.Join(install, " "))
}
