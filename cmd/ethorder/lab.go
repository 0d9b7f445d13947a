package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"ethorder/internal/build"
	"ethorder/internal/engine"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/tool"
	"ethorder/internal/trial"
)

func init() {
	var (
		starts int
		runc   string
		run    string
	)
	cmd := &cobra.Command{
		Use:   "lab DOCKERD...",
		Short: "Run the scenarios on the given dockerd binaries and count the starts in order",
		Long: `Runs each scenario on each of the given dockerd binaries, in a lab of its own, and
prints for each scenario in how many starts the interfaces came up in attach order.
It exits with 1 if that is not so in every start.`,
		Example: "  ethorder lab out/17.12.1/stock/dockerd\n  ethorder lab --run reconnected --starts 3 out/29.7.1/patched/dockerd",
		Args:    orUsage(cobra.MinimumNArgs(1)),
		RunE: runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
			filter, err := regexp.Compile(run)
			if err != nil {
				return tool.Usagef("%s", err.Error())
			}
			ok := true
			for _, dockerd := range args {
				right, err := labRun(cmd.Context(), root, dockerd, runc, starts, filter)
				if err != nil {
					return fmt.Errorf("%s: %w", dockerd, err)
				}
				ok = ok && right
			}
			if !ok {
				return errors.New("not every start was in attach order")
			}
			return nil
		}),
	}
	cmd.Flags().IntVar(&starts, "starts", 20, "start the container `N` times in each scenario")
	cmd.Flags().StringVar(&runc, "runc", "", "the runc binary (default: the newest in out/tools for 29 and later, else Debian's)")
	cmd.Flags().StringVar(&run, "run", "", "run only scenarios whose name matches `REGEXP`")
	subcommands = append(subcommands, cmd)
}

// labRun runs the scenarios whose names match on one engine, and returns true if
// every start was in attach order.
func labRun(ctx context.Context, root repo.Root, dockerd, runc string, starts int, filter *regexp.Regexp) (_ bool, err error) {
	major, release, err := engine.Version(ctx, dockerd)
	if err != nil {
		return false, err
	}
	if runc == "" && major >= 29 {
		built, _ := filepath.Glob(root.Out("tools", "runc-*", "runc"))
		if len(built) > 0 {
			runc = built[len(built)-1]
		}
	}
	config, err := labConfig(ctx, root)
	if err != nil {
		return false, err
	}
	config.Dockerd, config.Runc = dockerd, runc
	e, err := engine.Start(ctx, config)
	if err != nil {
		return false, err
	}
	defer func() {
		err = errors.Join(err, e.Close())
	}()
	fmt.Printf("%s (%s)\n", dockerd, release)
	ok := true
	for _, s := range trial.All(major) {
		if !filter.MatchString(s.Name) {
			continue
		}
		result, err := s.Run(ctx, e, starts, nil)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err != nil {
			logrus.Errorf("%s: %v", s.Name, err)
			ok = false
			continue
		}
		tally := result.Tally()
		fmt.Printf("  %8s  %s (gateway %s; %v a start)\n", tally, s.Name,
			strings.Join(result.Gateways(), " or "), result.PerStart())
		if wrong := result.Wrong(); wrong != "" {
			fmt.Printf("            %s\n", wrong)
			ok = false
		}
	}
	return ok, nil
}

// labConfig returns the configuration of an engine that lacks only the engine.
func labConfig(ctx context.Context, root repo.Root) (config engine.Config, err error) {
	if config.Tools, err = engine.FindTools(ctx, root.Out("tools", "debian")); err != nil {
		return config, err
	}
	config.Probe, err = engine.BuildProbe(ctx, root)
	return config, err
}

// engines builds the stock and the patched engine of a release where that is not done
// yet. It returns their paths, and a configuration that lacks only one of them.
func engines(ctx context.Context, root repo.Root, rel pins.Release, clone string) (config engine.Config, stock, patched string, err error) {
	if config, err = labConfig(ctx, root); err != nil {
		return config, "", "", err
	}
	if config.Runc, err = build.RuncOf(ctx, root, rel); err != nil {
		return config, "", "", err
	}
	if stock, err = build.Engine(ctx, root, build.Options{Release: rel, Stock: true, Clone: clone}); err != nil {
		return config, "", "", err
	}
	patched, err = build.Engine(ctx, root, build.Options{Release: rel, Clone: clone})
	return config, stock, patched, err
}

// orUsage gives an error about the number of arguments its exit status.
func orUsage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &tool.Exit{Status: tool.Usage, Err: fmt.Errorf("%s: %w", cmd.Name(), err)}
		}
		return nil
	}
}
