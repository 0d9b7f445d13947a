package main

import (
	"cmp"
	"os"

	"github.com/spf13/cobra"

	"ethorder/internal/inspect"
	"ethorder/internal/repo"
	"ethorder/internal/tool"
	"ethorder/internal/trial"
)

// runningURL is the engine that a command talks to unless it is told another.
func runningURL() string { return cmp.Or(os.Getenv("DOCKER_HOST"), "unix:///var/run/docker.sock") }

// addRunning adds the flags of a command for an engine that runs.
func addRunning(cmd *cobra.Command, url *string, json *bool) {
	cmd.Flags().StringVar(url, "host", runningURL(),
		"talk to the engine at this `URL`, unix:///PATH or tcp://ADDRESS:PORT (default $DOCKER_HOST)")
	cmd.Flags().BoolVar(json, "json", false, "print JSON")
}

func verifyCommand() *cobra.Command {
	var v trial.Verify
	cmd := &cobra.Command{
		Use:     "verify",
		Short:   "See on your own engine whether interfaces come up in attach order",
		Long:    help("verify"),
		Example: "  scripts/verify\n  scripts/verify --host unix:///run/user/1000/docker.sock --starts 5",
		Args:    orUsage(cobra.NoArgs),
		RunE: runE(func(cmd *cobra.Command, root repo.Root, _ []string) error {
			if v.Starts < 1 {
				return tool.Usagef("--starts %d: want at least 1", v.Starts)
			}
			v.Root, v.Out = root, cmd.OutOrStdout()
			return v.Run(cmd.Context())
		}),
	}
	addRunning(cmd, &v.URL, &v.JSON)
	cmd.Flags().IntVar(&v.Starts, "starts", 20, "start the container of the first scenario `N` times, and those of the others twice")
	return cmd
}

func inspectCommand() *cobra.Command {
	var o inspect.Options
	cmd := &cobra.Command{
		Use:     "inspect <container>...",
		Short:   "Show the networks of containers in attach order, with their numbers",
		Long:    help("inspect"),
		Example: "  sudo scripts/inspect router",
		Args:    orUsage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Containers, o.Out = args, cmd.OutOrStdout()
			return inspect.Run(cmd.Context(), o)
		},
	}
	addRunning(cmd, &o.URL, &o.JSON)
	return cmd
}
