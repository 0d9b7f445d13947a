package main

import (
	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"ethorder/internal/compose"
	"ethorder/internal/repo"
)

func composeOrderCommand() *cobra.Command {
	o := compose.Options{Note: logrus.Infof}
	cmd := &cobra.Command{
		Use:     "compose-order",
		Short:   "Number the networks of Compose services by their place in the file",
		Example: "  scripts/compose-order > order.yaml\n  docker compose -f compose.yaml -f order.yaml up",
		Args:    cobra.NoArgs,
		RunE: runE(func(cmd *cobra.Command, _ repo.Root, _ []string) error {
			o.Out = cmd.OutOrStdout()
			return o.Run()
		}),
	}
	f := cmd.Flags()
	f.StringArrayVarP(&o.Files, "file", "f", nil, "read this Compose `FILE` (repeatable; default as for docker compose)")
	f.StringArrayVar(&o.Profiles, "profile", nil, "number only the services that the profile `NAME` starts (repeatable; default all services)")
	f.BoolVar(&o.Stock, "stock", false, "name the interfaces instead of numbering the networks, for engines from 28.1")
	return cmd
}
