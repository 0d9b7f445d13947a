// Command ethorder builds patched Docker Engines, and tries on real ones that a container's
// interfaces come up in the order in which its networks were attached.
package main

import (
	"context"
	"embed"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"ethorder/internal/repo"
	"ethorder/internal/sandbox"
	"ethorder/internal/tool"
)

func main() {
	sandbox.Init()
	tool.LogPlainly()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRootCommand().ExecuteContext(ctx)
	interrupted := ctx.Err() != nil
	stop()
	if err == nil {
		return
	}
	logrus.Error(err)
	exit := &tool.Exit{Status: tool.Failed}
	if interrupted {
		exit.Status = tool.Interrupted
	}
	_ = errors.As(err, &exit)
	os.Exit(exit.Status)
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "ethorder",
		Short:         "Docker interfaces in the order in which networks were attached",
		Long:          help("ethorder"),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return tool.Usagef("%w", err) })
	root.AddGroup(&cobra.Group{ID: "user", Title: "For users:"}, &cobra.Group{ID: "maintainer", Title: "For maintainers:"},
		&cobra.Group{ID: "shell", Title: "For your shell:"})
	users := []*cobra.Command{
		demoCommand(), verifyCommand(), inspectCommand(), buildCommand(), installCommand(), uninstallCommand(),
		debCommand(), patchCommand(), composeOrderCommand(),
	}
	for _, cmd := range users {
		cmd.GroupID = "user"
		root.AddCommand(cmd)
	}
	for _, cmd := range []*cobra.Command{checkCommand(), trialCommand(), matrixCommand(), upstreamCommand(), benchCommand()} {
		cmd.GroupID = "maintainer"
		root.AddCommand(cmd)
	}
	man := manCommand()
	man.GroupID = "shell"
	root.SetCompletionCommandGroupID("shell")
	root.AddCommand(man, isolateCommand())
	return root
}

//go:embed help/*.txt
var helpFiles embed.FS

// help returns the text of a command's --help.
func help(command string) string {
	text, err := helpFiles.ReadFile("help/" + command + ".txt")
	if err != nil {
		panic(err) // it is embedded
	}
	return strings.TrimSpace(string(text))
}

// runE is a cobra.Command.RunE that knows the repository.
func runE(run func(cmd *cobra.Command, root repo.Root, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		root, err := findRoot()
		if err != nil {
			return err
		}
		return run(cmd, root, args)
	}
}

// findRoot returns the repository, which scripts/ethorder names.
func findRoot() (repo.Root, error) {
	if root := os.Getenv("ETHORDER_ROOT"); root != "" {
		return repo.Root(root), nil
	}
	return repo.Find()
}

// orUsage gives an error about the arguments the status of usage.
func orUsage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return tool.Usagef("%w; see: scripts/ethorder %s --help", err, cmd.Name())
		}
		return nil
	}
}
