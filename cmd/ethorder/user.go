package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"

	"github.com/spf13/cobra"

	"ethorder/internal/build"
	"ethorder/internal/deb"
	"ethorder/internal/gate"
	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/source"
	"ethorder/internal/tool"
	"ethorder/internal/trial"
)

func demoCommand() *cobra.Command {
	var d trial.Demo
	cmd := &cobra.Command{
		Use:     "demo [release]",
		Short:   "Compare the order of interfaces on a stock and a patched engine",
		Example: "  sudo scripts/demo\n  sudo scripts/demo 17.12.1 --starts 20",
		Args:    cobra.MaximumNArgs(1),
		RunE: runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
			if d.Starts < 1 {
				return tool.Usagef("--starts %d: want at least 1", d.Starts)
			}
			table, err := pins.Load(root)
			if err != nil {
				return err
			}
			_, name := gate.OldestAndNewest(table)
			if len(args) == 1 {
				name = args[0]
			}
			if d.Release, err = table.Find(name); err != nil {
				return err
			}
			if err := installPackages(cmd, root); err != nil {
				return err
			}
			d.Root, d.Out = root, cmd.OutOrStdout()
			return d.Run(cmd.Context())
		}),
	}
	cmd.Flags().IntVar(&d.Starts, "starts", 8, "start the container `N` times")
	cmd.Flags().StringVar(&d.SVG, "svg", "", "also draw the starts into `FILE`")
	return cmd
}

func buildCommand() *cobra.Command {
	var o build.Options
	var c build.ContainerOptions
	var runc, container, dry bool
	cmd := &cobra.Command{
		Use:     "build <release>",
		Short:   "Build the patched dockerd of a release, or the stock one",
		Example: "  scripts/build 29.8.1\n  MOBY_REPO=~/src/moby scripts/build 20.10.24\n  scripts/build 17.12.1 --container",
		Args:    cobra.ExactArgs(1),
	}
	from := addSources(cmd).addUntested()
	cmd.RunE = runE(func(cmd *cobra.Command, root repo.Root, args []string) (err error) {
		if (c.Base != "" || c.RemoveBase || c.Compare) && !container {
			return tool.Usagef("--base, --remove-base and --compare go with --container")
		}
		if container && (o != (build.Options{}) || runc || from.untested || from.clone != "") {
			return tool.Usagef("--container builds the patched engine from its Go module with the default tags: leave out --stock, --stock-version, --tags, --runc, --moby-repo, --untested and MOBY_REPO")
		}
		if o.Release, err = from.find(root, args[0], from.clone); err != nil {
			return err
		}
		o.Clone, c.Release = from.of(o.Release), o.Release
		c.BuildKit, _ = strconv.ParseBool(os.Getenv("DOCKER_BUILDKIT"))
		if dry {
			path := build.Path(root, o.Release.Name, !o.Stock)
			if container {
				path = c.Path(root)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "would build %s, from the %s of the release, with %s\n", root.Rel(path), source.Kind(o.Release, o.Clone), o.Release.Toolchain)
			return nil
		}
		show := func(bin string, err error) error {
			if err == nil && bin != "" {
				fmt.Fprintln(cmd.OutOrStdout(), root.Rel(bin))
			}
			return err
		}
		if container {
			return show(build.Container(cmd.Context(), root, c))
		}
		if err := show(build.Engine(cmd.Context(), root, o)); err != nil || !runc {
			return err
		}
		return show(build.Runc(cmd.Context(), root, o.Release))
	})
	f := cmd.Flags()
	f.BoolVar(&o.Stock, "stock", false, "build the engine as upstream made it")
	f.BoolVar(&o.StockVersion, "stock-version", false, "leave "+build.Suffix+" out of the version of the patched engine")
	f.StringVar(&o.Tags, "tags", "", "build with these `TAGS` instead of those of Docker's packages")
	f.BoolVar(&runc, "runc", false, "also build the pinned runc, if the release needs a newer one than Debian's")
	f.BoolVar(&container, "container", false, "build in a container without a network, by Dockerfile.build")
	f.StringVar(&c.Base, "base", "", "with --container: build on this `IMAGE` (default a pinned golang image with the libraries, or one made of Debian packages if that cannot be pulled)")
	f.BoolVar(&c.RemoveBase, "remove-base", false, "with --container: remove the base image afterwards, unless it was there before")
	f.BoolVar(&c.Compare, "compare", false, "with --container: build on this machine too, and fail unless both are the same file")
	f.StringVar(&o.Image, "image", "", "say in the provenance that this runs in `IMAGE`")
	_ = f.MarkHidden("image") // for Dockerfile.build
	f.BoolVar(&dry, "dry-run", false, "only say what would be built, and from what")
	return cmd
}

func debCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "deb [suite]",
		Short:   "Rebuild Debian's docker.io package with the patches",
		Example: "  sudo scripts/deb\n  sudo scripts/deb trixie",
		Args:    cobra.MaximumNArgs(1),
		RunE: runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
			suite := "bookworm"
			if len(args) == 1 {
				suite = args[0]
			}
			if !regexp.MustCompile(`^[a-z]+$`).MatchString(suite) {
				return tool.Usagef("%q is no suite of Debian's: want a name like bookworm", suite)
			}
			if err := installPackages(cmd, root, "debian-archive-keyring", "dpkg-dev", "mmdebstrap"); err != nil {
				return err
			}
			path, err := deb.Make(cmd.Context(), root, suite)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), root.Rel(path))
			return nil
		}),
	}
}

func patchCommand() *cobra.Command {
	var o patch.Options
	cmd := &cobra.Command{
		Use:     "patch [release]",
		Short:   "Make the patched tree of a release, or patch your own checkout",
		Example: "  scripts/patch 29.8.1\n  scripts/patch 27.5.1 --worktree ~/src/moby\n  scripts/patch --line 29.2 --worktree ~/src/moby --dry-run",
		Args: func(cmd *cobra.Command, args []string) error {
			if o.Line != "" && len(args) == 0 {
				return nil
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
	}
	from := addSources(cmd).addUntested()
	cmd.RunE = runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
		o.Root, o.Out = root, cmd.OutOrStdout()
		if len(args) == 1 {
			clone := from.clone
			if o.Worktree != "" {
				clone = o.Worktree
			}
			rel, err := from.find(root, args[0], clone)
			if err != nil {
				return err
			}
			o.Release, o.Clone = &rel, from.of(rel)
		}
		return o.Run(cmd.Context())
	})
	f := cmd.Flags()
	f.StringVar(&o.Worktree, "worktree", "", "patch this git `CHECKOUT` in place")
	f.StringVar(&o.Line, "line", "", "with --worktree: apply the series of this `LINE`, like 29.2, to any commit")
	f.BoolVar(&o.DryRun, "dry-run", false, "only find out whether the series applies")
	f.BoolVar(&o.Commit, "commit", false, "with --worktree: make one commit for each patch, to edit the patches")
	cmd.AddCommand(patchLintCommand(), patchRefreshCommand(), patchNewCommand())
	return cmd
}

func patchLintCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "lint",
		Short: "Check the patches of every line",
		Args:  cobra.NoArgs,
		RunE: runE(func(cmd *cobra.Command, root repo.Root, _ []string) error {
			return patch.PrintLint(cmd.Context(), root, cmd.OutOrStdout())
		}),
	}
}

func patchRefreshCommand() *cobra.Command {
	var worktree string
	var force bool
	cmd := &cobra.Command{
		Use:     "refresh <line>",
		Short:   "Make the series of a line from the commits of a checkout",
		Example: "  scripts/patch 27.5.1 --worktree ~/src/moby --commit\n  scripts/patch refresh 27.0 --worktree ~/src/moby",
		Args:    cobra.ExactArgs(1),
		RunE: runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
			if worktree == "" {
				return tool.Usagef("--worktree must name the checkout that has the patches as commits; scripts/patch <release> --worktree <checkout> --commit makes them")
			}
			changes, err := patch.Refresh(cmd.Context(), root, args[0], worktree, force)
			for _, c := range changes {
				fmt.Fprintf(cmd.OutOrStdout(), "%-9s  patch/%s/%s\n", c.What, args[0], c.Patch)
			}
			return err
		}),
	}
	cmd.Flags().StringVar(&worktree, "worktree", "", "take the commits of this git `CHECKOUT` of moby")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite uncommitted changes in patch/")
	return cmd
}

func patchNewCommand() *cobra.Command {
	var worktree, from string
	cmd := &cobra.Command{
		Use:   "new <release>",
		Short: "Begin a line for a release that no series fits",
		Args:  cobra.ExactArgs(1),
		RunE: runE(func(cmd *cobra.Command, root repo.Root, args []string) error {
			if worktree == "" {
				return tool.Usagef("--worktree must name a git checkout of moby at the release")
			}
			return patch.BeginLine(cmd.Context(), root, args[0], from, worktree, cmd.OutOrStdout())
		}),
	}
	cmd.Flags().StringVar(&worktree, "worktree", "", "commit the patches to this git `CHECKOUT` of moby, which is at the release")
	cmd.Flags().StringVar(&from, "from", "", "begin with the series of this `LINE` (default that of the nearest release)")
	return cmd
}
