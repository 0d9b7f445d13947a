package install

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"ethorder/internal/repo"
)

// The states of a journal. Without a journal, nothing is installed.
const (
	installing = "installing"
	installed  = "installed"
	removing   = "removing"
)

// journal is the one file that says what is installed on a host, and what to do about it.
type journal struct {
	State        string      `json:"state"`
	Step         string      `json:"step,omitempty"`       // step that was begun last
	Systemd      bool        `json:"systemd"`              // a drop-in, not a swapped file
	Stock        string      `json:"stock"`                // path of the host's own dockerd
	StockVersion string      `json:"stock_version"`        // what it answers
	Sums         []string    `json:"sha256"`               // of the dockerd, and of those that it replaced
	Restart      string      `json:"restart,omitempty"`    // command that restarts an engine without systemd
	Restarted    bool        `json:"restarted"`            // the engine that runs may be a new one
	Containers   []container `json:"containers,omitempty"` // those that must run after a restart
}

func (j journal) unfinished() bool { return j.State == installing || j.State == removing }

func (i *installer) load() error {
	text, err := os.ReadFile(i.Host.Path(journalFile))
	if errors.Is(err, fs.ErrNotExist) {
		for _, file := range []string{dropIn, trialDropIn} {
			if _, err := os.Stat(i.Host.Path(file)); err == nil {
				i.journal = journal{State: installing, Step: "that made " + file, Systemd: true, Restarted: true} // the journal was lost
			}
		}
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, &i.journal)
	}
	if err != nil {
		return fmt.Errorf("read the journal of installs %s: %w", journalFile, err)
	}
	return nil
}

func (i *installer) save() error {
	text, err := json.MarshalIndent(i.journal, "", "  ")
	if err == nil {
		err = i.Host.Write(journalFile, bytes.NewReader(append(text, '\n')), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write the journal of installs: %w", err)
	}
	return nil
}

// copy copies a program of this machine to a path of the host, and gives it the SELinux label of
// another file of the host: that of its folder is not one for engines.
func (i *installer) copy(to, from, labelled string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := i.Host.Write(to, f, 0o755); err != nil {
		return err
	}
	label := make([]byte, 1024)
	if n, err := unix.Getxattr(i.Host.Path(labelled), selinuxLabel, label); err == nil && n > 0 {
		return unix.Setxattr(i.Host.Path(to), selinuxLabel, label[:n], 0)
	}
	return nil
}

const selinuxLabel = "security.selinux"

// isOurs reports whether a file of the host is a dockerd that was installed.
func (i *installer) isOurs(path string) bool {
	sum, err := repo.HashFile(i.Host.Path(path))
	return err == nil && slices.Contains(i.journal.Sums, sum)
}
