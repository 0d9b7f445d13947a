package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"gotest.tools/v3/assert"

	"ethorder/internal/pins"
	"ethorder/internal/repo"
)

// A document is one that people read.
type document struct {
	path string // as seen from here
	text string
}

func documents(t *testing.T) (all []document) {
	for _, pattern := range []string{"*.md", "docs/*.md", "patch/*.md", "internal/source/vendorpins/*.md"} {
		paths, err := filepath.Glob("../../" + pattern)
		assert.NilError(t, err)
		assert.Assert(t, len(paths) > 0, pattern)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			assert.NilError(t, err)
			all = append(all, document{path, string(text)})
		}
	}
	return all
}

var (
	block = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	span  = regexp.MustCompile("`[^`]+`")
)

// code returns the lines of the blocks of code, and the spans of code.
func (d document) code() []string {
	lines := strings.Split(strings.Join(block.FindAllString(d.text, -1), "\n"), "\n")
	return append(lines, span.FindAllString(block.ReplaceAllString(d.text, ""), -1)...)
}

var (
	script  = regexp.MustCompile(`(?:^|\s)(scripts/[\w-]+)(?:\s([^#&|;]*))?`)
	wrapped = regexp.MustCompile(`/ethorder" ([\w-]+) "\$@"`)
)

// runs reports whether a script would run with arguments, as far as its command and the
// names and values of its flags go.
func runs(path string, args []string) error {
	text, err := os.ReadFile("../../" + path)
	if err != nil {
		return err
	}
	if command := wrapped.FindSubmatch(text); command != nil {
		args = slices.Insert(args, 0, string(command[1]))
	} else if path != "scripts/ethorder" {
		return nil
	}
	cmd, args, err := newRootCommand().Find(args)
	if err != nil {
		return err
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(args); err != nil || cmd.HasParent() {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

func TestDocumentsNameCommandsThatThereAre(t *testing.T) {
	found := 0
	for _, d := range documents(t) {
		for _, line := range d.code() {
			for _, call := range script.FindAllStringSubmatch(strings.Trim(line, "`"), -1) {
				found++
				assert.Check(t, runs(call[1], strings.Fields(call[2])), "%s: %s", d.path, line)
			}
		}
	}
	assert.Assert(t, found > 20, "only %d commands were found", found)
}

func TestCommandsThatThereAreNotAreNoticed(t *testing.T) {
	for _, line := range []string{
		"scripts/prove 29.8.1",
		"scripts/ethorder lab 29.8.1",
		"scripts/verify --host",
		"scripts/patch --tree moby",
		"scripts/patch new 29.9.0 --commit",
		"scripts/demo --starts many",
	} {
		call := script.FindStringSubmatch(line)
		assert.Check(t, runs(call[1], strings.Fields(call[2])) != nil, line)
	}
}

func TestLinksLeadToFiles(t *testing.T) {
	for _, d := range documents(t) {
		for _, link := range regexp.MustCompile(`\]\(([^)#:]+)[)#]`).FindAllStringSubmatch(d.text, -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(d.path), link[1]))
			assert.Check(t, err, "%s", d.path)
		}
	}
}

func TestDocumentsAreNotTooLong(t *testing.T) {
	for _, d := range documents(t) {
		lines := strings.Count(d.text, "\n")
		assert.Check(t, lines <= 150 || d.path != "../../README.md", "README.md has %d lines", lines)
		for line := range strings.Lines(block.ReplaceAllString(d.text, "")) {
			free := strings.HasPrefix(line, "|") || strings.Contains(line, "](")
			assert.Check(t, free || utf8.RuneCountInString(line) <= 100+len("\n"), "%s: %s", d.path, line)
		}
	}
}

// What the README shows of a run is part of the output of a real one.
func TestREADMEQuotesTheDemo(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	assert.NilError(t, err)
	quotes := regexp.MustCompile("(?s)<!-- from (\\S+) -->\n```text\n(.*?)```\n").FindAllStringSubmatch(string(readme), -1)
	assert.Assert(t, len(quotes) > 0, "README.md quotes nothing")
	for _, quote := range quotes {
		run, err := os.ReadFile("../../" + quote[1])
		assert.NilError(t, err)
		assert.Assert(t, strings.Contains(string(run), quote[2]), "README.md does not quote %s as it is; copy the part again", quote[1])
	}
}

// The README has a row for each line of releases.
func TestREADMEHasEveryLine(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	assert.NilError(t, err)
	root, err := repo.Find()
	assert.NilError(t, err)
	table, err := pins.Load(root)
	assert.NilError(t, err)
	for _, line := range table.Lines() {
		releases := table.Releases(line)
		row := fmt.Sprintf("| [%[1]s](patch/%[1]s) | %s – %s |", line, releases[0].Name, releases[len(releases)-1].Name)
		assert.Check(t, strings.Contains(string(readme), row), "README.md has no row that begins with %s", row)
	}
}
