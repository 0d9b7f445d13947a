// Package install puts a patched dockerd in the place of the one that a host runs, and takes it out
// again.
//
// The host keeps an engine that runs. Install writes to a journal what it is about to do, before
// each step. If a step fails, it removes what is there, and the host's own engine runs again. If it
// is killed, the next Install or Uninstall does so. A removal is therefore the same list of steps
// after any step of an install, also after half of one, and each of them may be repeated.
//
// With systemd, the host does not depend on the next run: until the new engine has passed all checks,
// its drop-in is in /run, where it does not outlive a reboot, and a timer removes it and restarts the
// engine unless Install stops the timer.
package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"ethorder/internal/repo"
	"ethorder/internal/tool"
)

// What an install makes. The drop-in has the last name of its folder, because the last ExecStart
// counts, and "systemctl edit" makes an override.conf.
const (
	ownDockerd  = "/usr/local/lib/ethorder/dockerd"
	dropIn      = "/etc/systemd/system/docker.service.d/zz-ethorder.conf"
	trialDropIn = "/run/systemd/system/docker.service.d/zz-ethorder.conf" // until all checks have passed
	guard       = "ethorder-guard"                                        // unit of the timer
	journalFile = "/var/lib/ethorder/install.json"
	backup      = ".ethorder-stock" // added to the name of a dockerd that was swapped
)

// mark is in the version of every patched engine.
const mark = "+ethseq"

// Options say what to install, and where.
type Options struct {
	Host    Host
	Release string // release to install; "" is the host's
	Force   bool   // accept another release than the host's, and an engine that is not patched
	DryRun  bool   // only print the steps
	Restart string // shell command that restarts the engine of a host without systemd; "" leaves that to the user
	Out     io.Writer

	// Build returns the path of the patched dockerd of a release.
	Build func(ctx context.Context, release string) (string, error)
	// Verify returns an error when the engine that runs does not do what it should. It may be nil.
	Verify func(ctx context.Context) error

	StopLimit  time.Duration // how long the engine may take to end
	StartLimit time.Duration // how long it may take to answer, and then its containers to run
	Settle     time.Duration // how long it must then keep running
	GuardLimit time.Duration // with systemd: how long all of that and Verify may take
}

// A step is one change of the host. It may be repeated.
type step struct {
	name     string
	restarts bool // from here on, another engine than the host's own may run
	do       func(context.Context) error
}

type installer struct {
	Options
	journal journal
	pid     string // process of the engine that has answered after a restart, with systemd
}

// open returns an installer that knows the journal, and no other works until unlock.
func open(ctx context.Context, o Options) (_ *installer, unlock func(), err error) {
	unlock = func() {}
	if !o.DryRun {
		if unlock, err = repo.Lock(ctx, o.Host.Path("/run/ethorder")); err != nil {
			return nil, nil, err
		}
	}
	i := &installer{Options: o}
	if err := i.load(); err != nil {
		unlock()
		return nil, nil, err
	}
	if o.Restart != "" { // that of an earlier run may have been wrong
		i.journal.Restart = o.Restart
	}
	return i, unlock, nil
}

// Install installs the patched engine and restarts the host's. If that fails, the host's own engine
// runs again when Install returns. With the status CannotRun or Usage, nothing was changed.
func Install(ctx context.Context, o Options) error {
	i, unlock, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer unlock()
	if i.journal.unfinished() {
		logrus.Warnf("an earlier run ended in the step %q; its changes are removed first", i.journal.Step)
		if err := i.remove(ctx); err != nil {
			return err
		}
		if o.DryRun {
			return nil // what follows depends on it
		}
	}
	s, err := i.survey(ctx)
	if err != nil {
		return err
	}
	bin, err := i.choose(ctx, s)
	if err != nil {
		return err
	}
	if i.isInstalled(s, bin) {
		return i.report(ctx, bin.version)
	}
	j := &i.journal
	if j.Containers, err = i.containers(ctx); err != nil {
		return err
	}
	j.State, j.Systemd, j.Stock, j.StockVersion, j.Restart = installing, s.systemd, s.path, s.version, o.Restart
	if bin.sum != "" && !slices.Contains(j.Sums, bin.sum) {
		j.Sums = append(j.Sums, bin.sum)
	}
	inTime, cancel := ctx, func() {}
	if s.systemd && i.GuardLimit > 0 { // the guard must find none of this at work
		inTime, cancel = context.WithTimeoutCause(ctx, i.GuardLimit*9/10, fmt.Errorf("this takes more than %v", i.GuardLimit*9/10))
	}
	err = i.play(inTime, i.installSteps(s, bin))
	cancel()
	if err == nil && !o.DryRun {
		j.State, j.Step, j.Containers = installed, "", nil
		err = i.save()
	}
	if err != nil {
		logrus.Warnf("%v; rolling back", err)
		i.showLog(ctx)
		if undo := i.remove(ctx); undo != nil {
			return fmt.Errorf("%w\nthe roll-back failed too, run scripts/uninstall to repeat it: %w", err, undo)
		}
		return fmt.Errorf("rolled back to %s: %w", s.version, err)
	}
	return i.report(ctx, bin.version)
}

// Uninstall brings the host's own engine back. It does nothing if none was installed.
func Uninstall(ctx context.Context, o Options) error {
	i, unlock, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer unlock()
	j := &i.journal
	if j.State == "" {
		fmt.Fprintln(o.Out, "no engine of ethorder is installed")
		if o.DryRun {
			return nil
		}
		return o.Host.Remove(journalFile) // what a kill left of its first write
	}
	if j.State == installed { // else the engine may be down, and the journal knows what ran
		j.Containers, _ = i.containers(ctx)
	}
	if err := i.remove(ctx); err != nil {
		return err
	}
	return i.report(ctx, j.StockVersion)
}

// report prints that a version is in place, and whether it runs.
func (i *installer) report(ctx context.Context, version string) error {
	running, _ := i.running(ctx)
	switch {
	case i.DryRun:
	case running == version:
		fmt.Fprintf(i.Out, "Docker Engine %s is installed and runs\n", version)
	default:
		fmt.Fprintf(i.Out, "Docker Engine %s is installed; it runs when you restart the engine, for example by: service docker restart\n", version)
	}
	return nil
}

// play does the steps in turn, and writes each into the journal first. A removal goes on without a
// journal, as the disk may be full and every step of it may be repeated.
func (i *installer) play(ctx context.Context, steps []step) error {
	for _, s := range steps {
		if i.DryRun {
			fmt.Fprintf(i.Out, "would %s\n", s.name)
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		restarted := i.journal.Restarted
		i.journal.Step, i.journal.Restarted = s.name, restarted || s.restarts
		if err := i.save(); err != nil && i.journal.State != removing {
			i.journal.Restarted = restarted
			return err
		} else if err != nil {
			logrus.Warn(err)
		}
		logrus.Info(s.name)
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// installSteps are the steps that put the new engine in.
func (i *installer) installSteps(s survey, bin binary) []step {
	var steps []step
	if s.systemd {
		steps = i.dropInSteps(s, bin)
	} else {
		steps = []step{
			{name: "keep " + s.path + " as " + s.path + backup, do: func(context.Context) error {
				if i.isOurs(s.path) {
					return nil // the backup is from an earlier install
				}
				return i.copy(s.path+backup, i.Host.Path(s.path), s.path)
			}},
			{name: "copy " + bin.path + " to " + s.path, do: func(context.Context) error {
				return i.copy(s.path, bin.path, s.path+backup)
			}},
		}
	}
	if !s.systemd && i.Restart == "" {
		return steps
	}
	steps = append(steps,
		step{name: "restart the engine, and wait until " + bin.version + " answers", restarts: true, do: func(ctx context.Context) error {
			return i.restart(ctx, bin.version, i.StartLimit)
		}},
		step{name: fmt.Sprintf("watch it for %v, and wait for %d containers", i.Settle, len(i.journal.Containers)), do: func(ctx context.Context) error {
			if err := i.watch(ctx, i.Settle); err != nil {
				return err
			}
			return i.awaitContainers(ctx)
		}},
	)
	if i.Verify != nil {
		steps = append(steps, step{name: "verify the order of interfaces", do: func(ctx context.Context) error {
			err := i.Verify(ctx)
			if exit := (*tool.Exit)(nil); errors.As(err, &exit) && exit.Status == tool.CannotRun {
				logrus.Warnf("the order is not verified: %v", err)
				err = nil
			}
			if err == nil { // it may have ended since
				err = i.watch(ctx, 0)
			}
			return err
		}})
	}
	if s.systemd {
		steps = append(steps, step{name: "move " + trialDropIn + " to " + dropIn, do: func(ctx context.Context) error {
			if err := i.Host.Write(dropIn, strings.NewReader(dropInText(s.newExec)), 0o644); err != nil {
				return err
			}
			if err := i.Host.Remove(trialDropIn); err != nil {
				return err
			}
			if err := i.systemctl(ctx, "daemon-reload"); err != nil {
				return err
			}
			return i.stopGuard(ctx)
		}})
	}
	return steps
}

// dropInSteps have systemd run the new engine at its next start, for a limited time.
func (i *installer) dropInSteps(s survey, bin binary) (steps []step) {
	if _, err := os.Stat(i.Host.Path(dropIn)); err == nil { // else a reboot would run the new file before the checks
		steps = append(steps, step{name: "remove the drop-in of an earlier install", do: func(ctx context.Context) error {
			return errors.Join(i.Host.Remove(dropIn), i.systemctl(ctx, "daemon-reload"))
		}})
	}
	return append(steps,
		step{name: "copy " + bin.path + " to " + ownDockerd, do: func(ctx context.Context) error {
			if err := i.copy(ownDockerd, bin.path, s.path); err != nil {
				return err
			}
			_, err := i.askVersion(ctx, i.Host.Path(ownDockerd)) // the disk may forbid programs
			return err
		}},
		step{name: "write " + trialDropIn + " with ExecStart=" + s.newExec, do: func(context.Context) error {
			return i.Host.Write(trialDropIn, strings.NewReader(dropInText(s.newExec)), 0o644)
		}},
		step{name: "run systemctl daemon-reload", do: func(ctx context.Context) error {
			if err := i.systemctl(ctx, "daemon-reload"); err != nil {
				return err
			}
			text, err := i.unitText(ctx)
			if got := execStart(text); err == nil && got != s.newExec {
				err = fmt.Errorf("docker.service has ExecStart=%s from another drop-in, want %s", got, s.newExec)
			}
			return err
		}},
		step{name: fmt.Sprintf("have systemd bring back %s after %v, unless all goes well", s.path, i.GuardLimit), do: i.startGuard},
	)
}

// startGuard has systemd bring back the host's own engine after a while, whatever becomes of this
// program.
func (i *installer) startGuard(ctx context.Context) error {
	_ = i.stopGuard(ctx) // of a run that was killed
	_, err := i.Host.Run(ctx, "systemd-run", "--unit="+guard, fmt.Sprintf("--on-active=%.0fs", i.GuardLimit.Seconds()),
		"sh", "-c", "rm -f "+trialDropIn+" "+dropIn+"; systemctl daemon-reload; systemctl reset-failed docker.service; "+
			"timeout 300 systemctl restart docker.service || "+killEngine+"; true") // a unit that has failed would stay
	return err
}

// killEngine ends an engine that does not obey. Upstream's unit has no time limit for that, and a
// restart that waits goes on.
const killEngine = "systemctl kill --signal=KILL --kill-who=main docker.service"

func (i *installer) stopGuard(ctx context.Context) error {
	return i.systemctl(ctx, "stop", guard+".timer")
}

// remove takes the new engine out, whatever of it is there, and ends with the journal.
// It does not end early with ctx, as half of a restart leaves no engine.
func (i *installer) remove(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	j := &i.journal
	var steps []step
	if j.Systemd {
		if _, path, _, err := i.ownExec(ctx); err == nil { // another package may have put it elsewhere
			j.Stock = path
		}
		steps = []step{
			{name: "remove " + dropIn, do: func(context.Context) error {
				return errors.Join(i.Host.Remove(dropIn), i.Host.Remove(trialDropIn))
			}},
			{name: "run systemctl daemon-reload", do: func(ctx context.Context) error { return i.systemctl(ctx, "daemon-reload") }},
		}
	} else {
		steps = []step{{name: "put " + j.Stock + backup + " back to " + j.Stock, do: func(context.Context) error {
			// Another file is there if its package was upgraded.
			if i.isOurs(j.Stock) {
				if err := i.Host.Rename(j.Stock+backup, j.Stock); err != nil {
					return err
				}
			}
			return errors.Join(i.Host.Remove(j.Stock+backup), i.Host.Remove(j.Stock+unfinished))
		}}}
	}
	restart := j.Restarted
	if !restart { // but it may have ended, and come back as the new one
		version, _ := i.running(ctx)
		restart = version != j.StockVersion
	}
	if restart && (j.Systemd || j.Restart != "") {
		steps = append(steps, step{name: "restart the engine, and wait until " + j.Stock + " answers", do: func(ctx context.Context) error {
			if _, err := os.Stat(i.Host.Path(j.Stock)); errors.Is(err, fs.ErrNotExist) {
				logrus.Warnf("%s is gone, and its package with it: no engine is started", j.Stock)
				return nil
			}
			version, err := i.askVersion(ctx, i.Host.Path(j.Stock))
			if err != nil {
				return err
			}
			j.StockVersion = version
			// One that starts many containers first takes long to answer.
			if err := i.restart(ctx, version, i.StopLimit); err != nil {
				return err
			}
			return i.startContainers(ctx)
		}})
	}
	steps = append(steps, step{name: "remove " + filepath.Dir(ownDockerd) + " and the journal", do: func(ctx context.Context) error {
		if j.Systemd {
			_ = i.stopGuard(ctx) // there may be none
		}
		return errors.Join(i.Host.Remove(ownDockerd), i.Host.Remove(journalFile))
	}})
	if i.DryRun {
		return i.play(ctx, steps)
	}
	j.State = removing
	if err := i.play(ctx, steps); err != nil {
		return err
	}
	*j = journal{StockVersion: j.StockVersion}
	return nil
}
