package main

import (
	"slices"

	"github.com/spf13/cobra"

	"ethorder/internal/pins"
)

// completeReleases completes arguments that are releases, the newest first, as far as the command
// takes one more.
func completeReleases(cmd *cobra.Command, args []string, word string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	if cmd.Args(cmd, append(args, word)) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	root, err := findRoot()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	table, err := pins.Load(root)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	for _, r := range table {
		if !slices.Contains(args, r.Name) {
			names = append(names, r.Name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return pins.Compare(b, a) })
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

func completeSuites(*cobra.Command, []string, string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	for _, s := range suites {
		names = append(names, cobra.CompletionWithDesc(s.Name, s.Guarantee))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
