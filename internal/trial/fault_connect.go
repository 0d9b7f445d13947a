package trial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"ethorder/internal/engine"
)

// A fault can begin and end.
type fault func(ctx context.Context, box *Box) (begin, end func() error, err error)

// connectDuring is about a network that is connected during a fault. What the client is told
// must be so: without an error the attachment is kept, and with one the container's file
// is as it was. In any case the former order is kept, and the new network, where the
// daemon has it, is the last.
func connectDuring(ctx context.Context, e *engine.Engine, running bool, make fault) (Outcome, error) {
	box := MakeBox(ctx, e, "zulu mike kilo", "alpha")
	box.Starts(1, "before")
	begin, end, err := make(ctx, box)
	if err != nil {
		return Outcome{}, errors.Join(box.Err, err)
	}
	if running {
		box.Start("before")
	}
	box.Try(begin)
	// Not sooner: an engine may save the end of a container after it said that it stopped.
	before, err := os.ReadFile(box.File())
	box.Try(func() error { return err })
	failed := box.Err == nil && post(ctx, e, "/networks/alpha/connect", `{"Container":"box"}`) != nil
	box.Try(end)
	after, err := os.ReadFile(box.File())
	box.Try(func() error { return err })
	told, kept := "no error", true
	if failed {
		told, kept = "an error", bytes.Equal(before, after)
	}
	former := box.Want
	// has sees to it that alpha is wanted where the daemon has it.
	has := func() bool {
		if !slices.Contains(box.Attached(), "alpha") {
			box.Want = former
			return false
		}
		box.Want = append(former[:len(former):len(former)], "alpha")
		return true
	}
	memory := has()
	kept = kept && (memory || failed)
	if running {
		box.Do("stop box")
	}
	box.Starts(starts, "after the fault")
	box.Restart()
	kept = kept && (has() || failed)
	box.Starts(starts, "after the daemon's restart")
	o, err := box.Outcome()
	o.What = fmt.Sprintf("%s to the client, %s", told, o.What)
	if failed && memory {
		o.What += ", attached in memory all the same"
	}
	if !kept {
		o.What, o.Held = o.What+", the file is not as the client was told", false
	}
	return o, err
}

// readOnly makes the folder of the container's file read-only.
func readOnly(ctx context.Context, box *Box) (begin, end func() error, err error) {
	folder := filepath.Join(box.DataRoot(), "containers", box.ID)
	begin = func() error {
		return errors.Join(labCommand(ctx, box.Engine, "/bin/mount", "--bind", folder, folder),
			labCommand(ctx, box.Engine, "/bin/mount", "-o", "remount,bind,ro", folder))
	}
	return begin, func() error { return labCommand(ctx, box.Engine, "/bin/umount", folder) }, nil
}

// fullDisk moves all that the daemon keeps to a small disk, and fills that.
func fullDisk(ctx context.Context, box *Box) (begin, end func() error, err error) {
	if err := box.Signal(unix.SIGTERM); err != nil {
		return nil, nil, err
	}
	data := box.DataRoot()
	if err := os.Rename(data, data+"-large"); err != nil {
		return nil, nil, err
	}
	if err := os.Mkdir(data, 0o755); err != nil {
		return nil, nil, err
	}
	if err := labCommand(ctx, box.Engine, "/bin/mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", data); err != nil {
		return nil, nil, err
	}
	if err := labCommand(ctx, box.Engine, "/bin/cp", "-a", data+"-large/.", data); err != nil {
		return nil, nil, err
	}
	if err := box.StartDockerd(ctx); err != nil {
		return nil, nil, err
	}
	ballast := box.Inside(filepath.Join(data, "ballast"))
	begin = func() error {
		file, err := os.Create(ballast)
		if err != nil {
			return err
		}
		defer file.Close()
		for page := [4096]byte{}; err == nil; {
			_, err = file.Write(page[:])
		}
		if !errors.Is(err, unix.ENOSPC) {
			return err
		}
		return nil
	}
	return begin, func() error { return os.Remove(ballast) }, nil
}

// labCommand runs a program of the machine in the lab.
func labCommand(ctx context.Context, e *engine.Engine, program string, args ...string) error {
	cmd := e.Command(ctx, program, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, out)
	}
	return nil
}
