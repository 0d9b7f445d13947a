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
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs, // so that an unknown command is wrong usage
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return tool.Usagef("%w", err) })
	root.AddGroup(&cobra.Group{ID: "user", Title: "For users:"}, &cobra.Group{ID: "maintainer", Title: "For maintainers:"},
		&cobra.Group{ID: "shell", Title: "For your shell:"})
	for group, commands := range map[string][]*cobra.Command{ // the library sorts them
		"user": {
			demoCommand(), verifyCommand(), inspectCommand(), buildCommand(), installCommand(), uninstallCommand(),
			debCommand(), patchCommand(), composeOrderCommand(),
		},
		"maintainer": {checkCommand(), trialCommand(), matrixCommand(), upstreamCommand(), benchCommand()},
		"shell":      {manCommand()},
	} {
		for _, cmd := range commands {
			cmd.GroupID = group
			if strings.Contains(cmd.Use, "release") {
				cmd.ValidArgsFunction = completeReleases
			}
			root.AddCommand(cmd)
		}
	}
	root.SetCompletionCommandGroupID("shell")
	root.AddCommand(isolateCommand())
	finish(root)
	return root
}

// finish gives a command and those below it the text of --help, and gives errors about arguments
// the status of usage.
func finish(cmd *cobra.Command) {
	if !cmd.Hidden {
		cmd.Long = help(strings.ReplaceAll(strings.TrimPrefix(cmd.CommandPath(), "ethorder "), " ", "-"))
	}
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return tool.Usagef("%w; see: scripts/%s --help", err, cmd.CommandPath())
			}
			return nil
		}
	}
	for _, c := range cmd.Commands() {
		finish(c)
	}
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
