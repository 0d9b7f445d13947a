package trial

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ethorder"

	"golang.org/x/sys/unix"

	"ethorder/internal/engine"
)

// A fault prepares the container and its engine, and returns what begins and what ends it.
type fault func(c *Container) (begin, end func())

// connectDuring is about a network that is connected during a fault. What the client is told
// must be so: without an error the attachment is kept, and with one the container's file
// is as it was. In any case the former order is kept, and the new network, where the
// daemon has it, is the last.
func connectDuring(make fault, running bool) func(*Container) {
	return func(c *Container) {
		c.Make("zulu mike kilo", "alpha")
		c.Starts(1, "before")
		begin, end := make(c)
		if running {
			c.Start("before")
		}
		begin()
		before := c.saved()
		failed := c.refuses("/networks/alpha/connect", connectBody("null"))
		end()
		if failed && !bytes.Equal(before, c.read()) {
			c.blame("the request was refused, and the file has changed")
		}
		former := c.Want
		// look sees to it that alpha is wanted where the daemon has it.
		look := func() {
			c.Want = former
			if slices.Contains(c.Attached(), "alpha") {
				c.Want = append(former[:len(former):len(former)], "alpha")
			} else if !failed {
				c.blame("alpha is lost")
			}
		}
		look()
		if running {
			c.Do("stop router")
		}
		c.Starts(starts, "after the fault")
		c.RestartDaemon()
		look()
		c.Starts(starts, "after the daemon's restart")
		if failed {
			c.Figures["refused"] = 1
		}
	}
}

// readOnly makes the folder of the container's file read-only.
func readOnly(c *Container) (begin, end func()) {
	folder := filepath.Join(c.Engine.DataRoot(), "containers", c.ID)
	return func() {
		c.runBeside("/bin/mount", "--bind", folder, folder)
		c.runBeside("/bin/mount", "-o", "remount,bind,ro", folder)
	}, func() { c.runBeside("/bin/umount", folder) }
}

// fullDisk moves all that the daemon keeps to a small disk, and fills that.
func fullDisk(c *Container) (begin, end func()) {
	data := c.Engine.DataRoot()
	c.Try(func() error { return c.Engine.Signal(unix.SIGTERM) })
	c.Try(func() error { return os.Rename(data, data+"-large") })
	c.Try(func() error { return os.Mkdir(data, 0o755) })
	c.runBeside("/bin/mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", data)
	c.runBeside("/bin/cp", "-a", data+"-large/.", data)
	c.Try(func() error { return c.Engine.StartDockerd(c.ctx) })

	ballast := c.Engine.Inside(filepath.Join(data, "ballast"))
	return func() {
		c.Try(func() error {
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
		})
	}, func() { c.Try(func() error { return os.Remove(ballast) }) }
}

// runBeside runs a program of the machine in the engine's sandbox.
func (c *Container) runBeside(program string, args ...string) {
	c.Try(func() error {
		if out, err := c.Engine.Command(c.ctx, program, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, out)
		}
		return nil
	})
}

// badNumbers are no explicit numbers.
var badNumbers = []string{"", "0", "-1", "1.5", "abc", "4294967296"}

// badExplicit is about requests with an explicit number that is none. A patched engine
// refuses them with status 400, and stores nothing; to a stock engine it is an option like
// any other.
func badExplicit(c *Container) {
	c.Make("zulu mike", "alpha")
	c.Starts(1, "before")
	attempt := func(path string, body func(endpoint string) string, clean string) {
		for _, bad := range badNumbers {
			before := c.saved()
			err := post(c.ctx, c.Engine, path, body(explicitly(bad)))
			c.countIf("requests", true)
			c.countIf("refused", err != nil)
			if err == nil {
				c.blame("%q is taken", bad)
				c.Do(clean)
				continue
			}
			for _, words := range []string{"400 ", ethorder.AttachSequenceOption, fmt.Sprintf(`\"%s\"`, bad), "1 to 4294967295"} {
				if !strings.Contains(err.Error(), words) {
					c.blame("%q does not say %q", err, words)
				}
			}
			if !bytes.Equal(before, c.read()) {
				c.blame("the file has changed for %q", bad)
			}
		}
	}
	attempt("/containers/create?name=other", func(endpoint string) string {
		return createBody("zulu", endpoint)
	}, "rm --force other")
	attempt("/networks/alpha/connect", connectBody, "network disconnect alpha router")
	c.Do("start router")
	attempt("/networks/alpha/connect", connectBody, "network disconnect alpha router")
	c.Do("stop router")
	if names := c.Ask("ps --all --format {{.Names}}"); names != router {
		c.blame("containers are left: %s", names)
	}
	c.Starts(2, "after the requests")
}

// createBody is the body of a request that creates a container with a network, given the
// settings of the endpoint as JSON.
func createBody(network, endpoint string) string {
	return fmt.Sprintf(`{"Image":%q,"HostConfig":{"NetworkMode":%q},"NetworkingConfig":{"EndpointsConfig":{%q:%s}}}`,
		engine.Image, network, network, endpoint)
}
