package install

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"ethorder/internal/tool"
)

var (
	// interval is the time between two looks at the engine.
	interval = 500 * time.Millisecond
	// answerLimit is how long the engine may take for one answer. One that does not run never
	// answers, as systemd listens in its place.
	answerLimit = 30 * time.Second
)

// container is one that runs.
type container struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// docker runs a docker command.
func (i *installer) docker(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	return i.Host.Run(ctx, append([]string{"docker"}, args...)...)
}

// running returns the version that the engine answers.
func (i *installer) running(ctx context.Context) (string, error) {
	out, err := i.docker(ctx, "version", "--format", "{{.Server.Version}}")
	return strings.TrimSpace(out), err
}

// containers returns the containers that run and must run after a restart of the engine, and warns
// of what the restart does to the others.
func (i *installer) containers(ctx context.Context) (must []container, err error) {
	live, err := i.docker(ctx, "info", "--format", "{{.LiveRestoreEnabled}}")
	if err != nil {
		return nil, err
	}
	ids, err := i.containerIDs(ctx)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	// If one has gone, this fails, but says what it knows of the others.
	out, err := i.docker(ctx, append([]string{
		"inspect", "--type", "container", "--format", "{{.Id}} {{.Name}} {{.HostConfig.RestartPolicy.Name}}",
	}, ids...)...)
	if out == "" {
		return nil, err
	}
	keeps := strings.TrimSpace(live) == "true"
	if !keeps {
		logrus.Warnf("live-restore is off: the restart of the engine stops %d containers", len(ids))
	}
	for line := range strings.Lines(out) {
		fields := append(strings.Fields(line), "no") // the oldest engines have no name for this policy
		if len(fields) < 3 {
			continue
		}
		c, policy := container{fields[0], strings.TrimPrefix(fields[1], "/")}, fields[2]
		if keeps || policy == "always" || policy == "unless-stopped" {
			must = append(must, c)
		} else {
			logrus.Warnf("%s may not start again: its restart policy is %s", c.Name, policy)
		}
	}
	return must, nil
}

func (i *installer) containerIDs(ctx context.Context) ([]string, error) {
	out, err := i.docker(ctx, "ps", "--quiet", "--no-trunc")
	return strings.Fields(out), err
}

// restart ends the engine and waits until one answers with the given version, for as long as limit.
func (i *installer) restart(ctx context.Context, version string, limit time.Duration) error {
	if !i.journal.Systemd {
		limited, cancel := context.WithTimeout(ctx, i.StopLimit+limit)
		defer cancel()
		// One that leaves the engine with our pipes has done its work.
		if _, err := i.Host.Run(limited, "sh", "-c", i.journal.Restart); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
			return err
		}
		return i.await(ctx, version, limit)
	}
	// After a few engines that did not start, systemd starts no other for a while.
	_ = i.systemctl(ctx, "reset-failed", "docker.service", "docker.socket")
	old, _, err := i.unitState(ctx)
	if err != nil {
		return err
	}
	// A restart that waits for an engine which hangs would never end.
	if err := i.systemctl(ctx, "--no-block", "restart", "docker.service"); err != nil {
		return err
	}
	ended := func() error {
		return tool.Wait(ctx, i.StopLimit, interval, "the old engine to end", func(ctx context.Context) error {
			pid, _, err := i.unitState(ctx)
			if err == nil && pid == old && pid != "0" {
				err = errors.New("it still runs as process " + pid)
			}
			return err
		})
	}
	if err := ended(); err != nil {
		if ctx.Err() != nil {
			return err
		}
		logrus.Warnf("%v; killing it", err)
		if _, err := i.Host.Run(ctx, "sh", "-c", killEngine); err != nil {
			return err
		}
		if err := ended(); err != nil {
			return err
		}
	}
	return i.await(ctx, version, limit)
}

// await waits until the engine answers with a version, for as long as limit.
func (i *installer) await(ctx context.Context, version string, limit time.Duration) error {
	failed := 0 // looks in a row; for a moment, it is so if the old engine ended badly
	return tool.Wait(ctx, limit, interval, "the engine to answer", func(ctx context.Context) error {
		if i.journal.Systemd {
			pid, state, err := i.unitState(ctx)
			i.pid = pid
			if failed++; err != nil || state != "failed" {
				failed = 0
			}
			if failed > 4 {
				return tool.StopWaiting(errors.New("the engine does not start; its log: journalctl --unit docker.service"))
			}
			if pid == "0" { // systemd would hold the question back until there is one
				return errors.New("it has no process")
			}
		}
		got, err := i.running(ctx)
		if err == nil && got != version {
			err = fmt.Errorf("it answers as %s, want %s", got, version)
		}
		return err
	})
}

// showLog prints what systemd has logged last of the engine, before the roll-back adds to it.
func (i *installer) showLog(ctx context.Context) {
	if !i.journal.Systemd || !i.journal.Restarted {
		return
	}
	if log, err := i.Host.Run(ctx, "journalctl", "--unit=docker.service", "--lines=15", "--output=cat", "--no-pager"); err == nil {
		logrus.Warnf("the last lines of the engine's log:\n  %s", strings.ReplaceAll(strings.TrimSpace(log), "\n", "\n  "))
	}
}

// unitState returns the process of docker.service, "0" if there is none, and its state.
func (i *installer) unitState(ctx context.Context) (pid, state string, err error) {
	out, err := i.Host.Run(ctx, "systemctl", "show", "--property=MainPID,ActiveState", "docker.service")
	for line := range strings.Lines(out) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), "="); key {
		case "MainPID":
			pid = value
		case "ActiveState":
			state = value
		}
	}
	return pid, state, err
}

// watch returns an error if the engine that has answered does not keep running for a while. One that
// systemd has started again has ended.
func (i *installer) watch(ctx context.Context, long time.Duration) error {
	for end := time.Now().Add(long); ; {
		last := time.Now().After(end)
		if i.journal.Systemd {
			if pid, _, err := i.unitState(ctx); err != nil || pid != i.pid {
				return errors.Join(fmt.Errorf("the engine ended: its process was %s, and is %s", i.pid, pid), err)
			}
		}
		if _, err := i.running(ctx); err != nil {
			return fmt.Errorf("the engine answers no more: %w", err)
		}
		if last {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval):
		}
	}
}

// awaitContainers waits until the containers run that must.
func (i *installer) awaitContainers(ctx context.Context) error {
	return tool.Wait(ctx, i.StartLimit, interval, "containers to run", func(ctx context.Context) error {
		lost, err := i.lostContainers(ctx)
		if err == nil && len(lost) > 0 {
			err = fmt.Errorf("these ran before, and do not run: %s (a job that ends by itself must end before the install)", lost)
		}
		return err
	})
}

// startContainers starts the containers that must run and do not. An engine that is ended while it
// stops what an engine that crashed has left, takes them for stopped by the user.
func (i *installer) startContainers(ctx context.Context) error {
	lost, err := i.lostContainers(ctx)
	for _, c := range lost {
		logrus.Infof("start %s, which ran before", c.Name)
		if _, err := i.docker(ctx, "start", c.ID); err != nil {
			logrus.Warn(err) // it may have been removed since
		}
	}
	return err
}

func (i *installer) lostContainers(ctx context.Context) (lost []container, err error) {
	ids, err := i.containerIDs(ctx)
	for _, c := range i.journal.Containers {
		if err == nil && !slices.Contains(ids, c.ID) {
			lost = append(lost, c)
		}
	}
	return lost, err
}

// String is the name.
func (c container) String() string { return c.Name }
