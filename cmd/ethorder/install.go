package main

import (
	"cmp"
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"ethorder/internal/api"
	"ethorder/internal/build"
	"ethorder/internal/install"
	"ethorder/internal/repo"
	"ethorder/internal/tool"
	"ethorder/internal/trial"
)

func installCommand() *cobra.Command {
	var o install.Options
	var dockerd string
	cmd := &cobra.Command{
		Use:     "install [release]",
		Short:   "Put the patched engine in the place of the one that runs here",
		Example: "  sudo scripts/install --dry-run\n  sudo scripts/install\n  sudo scripts/install 29.8.1 --restart 'service docker restart'",
		Args:    cobra.MaximumNArgs(1),
	}
	from := addSources(cmd).addUntested()
	cmd.RunE = runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
		if len(args) == 1 {
			o.Release = args[0]
		}
		o.Build = func(ctx context.Context, release string) (string, error) {
			if dockerd != "" {
				return filepath.Abs(dockerd)
			}
			rel, err := from.find(root, release, from.clone)
			if err != nil || o.DryRun {
				return build.Path(root, release, true), err
			}
			if err := installPackages(cmd, root); err != nil {
				return "", err
			}
			return build.Engine(ctx, root, build.Options{Release: rel, Clone: from.of(rel)})
		}
		o.Verify = func(ctx context.Context) error {
			return trial.Verify{Root: root, Host: api.Host{URL: os.Getenv("DOCKER_HOST")}, Starts: 20, Out: os.Stderr}.Run(ctx)
		}
		return changeHost(cmd, o, install.Install)
	})
	cmd.Flags().BoolVar(&o.Force, "force", false, "install even if the engine here is of another release")
	cmd.Flags().StringVar(&dockerd, "dockerd", "", "install this `FILE` instead of building one")
	cmd.Flags().StringVar(&o.Restart, "restart", "", "without systemd: restart the engine with this shell `COMMAND`")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "only print the steps")
	return cmd
}

func uninstallCommand() *cobra.Command {
	var o install.Options
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Bring back the engine that ran before the install",
		Args:  cobra.NoArgs,
		RunE: runE(func(cmd *cobra.Command, _ repo.Root, _ []string) error {
			return changeHost(cmd, o, install.Uninstall)
		}),
	}
	cmd.Flags().StringVar(&o.Restart, "restart", "", "without systemd: restart the engine with this shell `COMMAND` (default that of the install)")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "only print the steps")
	return cmd
}

// changeHost calls Install or Uninstall for this machine.
func changeHost(cmd *cobra.Command, o install.Options, do func(context.Context, install.Options) error) error {
	if os.Geteuid() != 0 && !o.DryRun {
		return tool.CannotRunf("this changes the machine's Docker Engine: run it as root (sudo)")
	}
	// The docker command shall neither look at contexts, nor ask another machine.
	url := cmp.Or(os.Getenv("DOCKER_HOST"), localURL)
	if !strings.HasPrefix(url, "unix://") {
		return tool.Usagef("this changes the Docker Engine of this machine, but DOCKER_HOST is %s: unset it first", url)
	}
	if err := os.Setenv("DOCKER_HOST", url); err != nil {
		return err
	}
	// A login may come over a network of the engine that is restarted. What --restart starts would
	// inherit signal.Ignore.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	o.Host, o.Out = install.Machine{Root: "/"}, cmd.OutOrStdout()
	o.StopLimit, o.StartLimit, o.Settle = 5*time.Minute, time.Minute, 20*time.Second
	o.GuardLimit = 15 * time.Minute
	return do(cmd.Context(), o)
}
