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

	"ethorder/internal/sandbox"
	"ethorder/internal/tool"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
)

func main() {
	sandbox.Init()
	logrus.SetOutput(os.Stderr)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRootCommand().ExecuteContext(ctx)
	interrupted := ctx.Err() != nil
	stop()
	if err == nil {
		return
	}
	logrus.Error(err)
	var exit *tool.Exit
	if errors.As(err, &exit) {
		os.Exit(exit.Status)
	}
	if interrupted {
		os.Exit(tool.Interrupted)
	}
	os.Exit(tool.Failed)
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "ethorder",
		Short:         "Docker interfaces in the order in which networks were attached",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return &tool.Exit{Status: tool.Usage, Err: err}
	})
	root.AddCommand(subcommands...)
	return root
}

// subcommands is filled by the files of this package, a file a subcommand.
var subcommands []*cobra.Command
