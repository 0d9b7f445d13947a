// Command ethorder builds patched Docker Engines and proves on real ones that
// a container's interfaces come up in the order in which its networks were
// attached.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
)

// exitError is an error that asks for a process exit status of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// The exit statuses of every subcommand.
const (
	exitFailed       = 1  // a verdict or a stage failed
	exitUsage        = 2  // the command line is wrong
	exitInconclusive = 3  // stock shows no difference: nothing is proved
	exitCannotRun    = 77 // a tool or a privilege is missing here
	exitInterrupted  = 130
)

func main() {
	logrus.SetOutput(os.Stderr)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRootCommand().ExecuteContext(ctx)
	interrupted := ctx.Err() != nil
	stop()
	if err == nil {
		return
	}
	logrus.Error(err)
	var exit *exitError
	if errors.As(err, &exit) {
		os.Exit(exit.code)
	}
	if interrupted {
		os.Exit(exitInterrupted)
	}
	os.Exit(exitFailed)
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "ethorder",
		Short:         "Docker interfaces in the order in which networks were attached",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return &exitError{exitUsage, err}
	})
	root.AddCommand(subcommands...)
	return root
}

// subcommands is filled by the files of this package, a file a subcommand.
var subcommands []*cobra.Command
