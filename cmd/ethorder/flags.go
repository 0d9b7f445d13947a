package main

import (
	"os"
	"strings"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/source"
	"ethorder/internal/tool"
)

// sources are the flags that say where a release comes from.
type sources struct {
	cmd      *cobra.Command
	clone    string
	untested bool
}

func addSources(cmd *cobra.Command) *sources {
	s := &sources{cmd: cmd}
	cmd.Flags().StringVar(&s.clone, "moby-repo", os.Getenv("MOBY_REPO"),
		"take the source from this git `CLONE` of moby, which is only read, instead of a Go module (default $MOBY_REPO)")
	return s
}

func (s *sources) addUntested() *sources {
	s.cmd.Flags().BoolVar(&s.untested, "untested", false,
		"accept a release that is not in patch/releases.tsv: take its tag in a clone of moby, and the series of the nearest release")
	return s
}

// of returns the clone to take a release from, "" for its module. One that only $MOBY_REPO
// names is not meant for a release that has no commit.
func (s *sources) of(rel pins.Release) string {
	if s.cmd.Flags().Changed("moby-repo") {
		return s.clone
	}
	return source.OrModule(rel, s.clone)
}

// find returns the row of a release, also of one that is not in the table with --untested.
func (s *sources) find(root repo.Root, name, clone string) (pins.Release, error) {
	next := s.untestedCommand(clone)
	if !s.untested {
		clone = ""
	}
	return patch.FindRow(s.cmd.Context(), root, name, clone, next)
}

func (s *sources) findAll(root repo.Root, names []string) (rows []pins.Release, err error) {
	for _, name := range names {
		rel, err := s.find(root, name, s.clone)
		if err != nil {
			return nil, err
		}
		rows = append(rows, rel)
	}
	return rows, nil
}

// untestedCommand is the command that was given, with --untested, and with a place for a
// clone if there is none.
func (s *sources) untestedCommand(clone string) string {
	if s.cmd.Flags().Lookup("untested") == nil {
		return "scripts/ethorder trial <release> --untested, with MOBY_REPO or --moby-repo"
	}
	words := append([]string{"scripts/ethorder", s.cmd.Name()}, s.cmd.Flags().Args()...)
	s.cmd.Flags().VisitAll(func(f *pflag.Flag) {
		switch {
		case !f.Changed || f.Name == "untested":
		case f.Value.Type() == "bool":
			words = append(words, "--"+f.Name)
		default:
			words = append(words, "--"+f.Name, f.Value.String())
		}
	})
	if clone == "" {
		words = append([]string{"MOBY_REPO=<git clone of moby>"}, words...)
	}
	return strings.Join(append(words, "--untested"), " ")
}

// installPackages installs Debian packages that are missing, as scripts/packages says.
func installPackages(cmd *cobra.Command, root repo.Root, packages ...string) error {
	installed, err := tool.Run(cmd.Context(), tool.Cmd{
		Dir: root.Path(), What: "install Debian packages", Args: append([]string{root.Path("scripts", "packages")}, packages...),
	})
	if installed != "" {
		logrus.Info(strings.TrimSpace(installed))
	}
	return err
}
