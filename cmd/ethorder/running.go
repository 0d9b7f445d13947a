package main

import (
	"cmp"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"ethorder/internal/api"
	"ethorder/internal/inspect"
	"ethorder/internal/repo"
	"ethorder/internal/tool"
	"ethorder/internal/trial"
)

// localURL is the engine of this machine.
const localURL = "unix:///var/run/docker.sock"

// addRunning adds the flags of a command for an engine that runs.
func addRunning(cmd *cobra.Command, host *api.Host, json *bool) {
	if os.Getenv("DOCKER_TLS_VERIFY") != "" {
		home, _ := os.UserHomeDir()
		host.Certs = cmp.Or(os.Getenv("DOCKER_CERT_PATH"), filepath.Join(home, ".docker"))
	}
	cmd.Flags().StringVar(&host.URL, "host", cmp.Or(os.Getenv("DOCKER_HOST"), localURL),
		"talk to the engine at this `URL`, unix:///PATH or tcp://ADDRESS:PORT, instead of $DOCKER_HOST")
	cmd.Flags().BoolVar(json, "json", false, "print JSON")
}

func verifyCommand() *cobra.Command {
	var v trial.Verify
	cmd := &cobra.Command{
		Use:     "verify",
		Short:   "See on your own engine whether interfaces come up in attach order",
		Example: "  scripts/verify\n  scripts/verify --host unix:///run/user/1000/docker.sock --starts 5",
		Args:    cobra.NoArgs,
		RunE: runE(func(cmd *cobra.Command, root repo.Root, _ []string) error {
			if v.Starts < 1 {
				return tool.Usagef("--starts %d: want at least 1", v.Starts)
			}
			v.Root, v.Out = root, cmd.OutOrStdout()
			return v.Run(cmd.Context())
		}),
	}
	addRunning(cmd, &v.Host, &v.JSON)
	cmd.Flags().IntVar(&v.Starts, "starts", 20, "start the container of the first scenario `N` times, and those of the others twice")
	return cmd
}

func inspectCommand() *cobra.Command {
	var o inspect.Options
	cmd := &cobra.Command{
		Use:     "inspect <container>...",
		Short:   "Show the networks of containers in attach order, with their numbers",
		Example: "  sudo scripts/inspect router",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Containers, o.Out = args, cmd.OutOrStdout()
			return inspect.Run(cmd.Context(), o)
		},
	}
	addRunning(cmd, &o.Host, &o.JSON)
	return cmd
}
