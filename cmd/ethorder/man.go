package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man <folder>",
		Short:   "Write a man page for each command",
		Example: "  scripts/ethorder man out/man && man -l out/man/ethorder-build.1",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			escape(cmd.Root())
			cmd.Root().DisableAutoGenTag = true
			return doc.GenManTree(cmd.Root(), &doc.GenManHeader{Source: "ethorder", Manual: "ethorder"}, args[0])
		},
	}
}

// escape keeps the library, which takes the texts for Markdown, from dropping <release> as HTML.
func escape(cmd *cobra.Command) {
	for _, text := range []*string{&cmd.Use, &cmd.Long} {
		*text = strings.ReplaceAll(*text, "<", `\<`)
	}
	for _, c := range cmd.Commands() {
		escape(c)
	}
}
