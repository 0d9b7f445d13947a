package compose

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"ethorder"
	"ethorder/internal/tool"
)

// run returns the override file, with the notes as comments behind it.
func run(o Options) (string, error) {
	var out, notes strings.Builder
	o.Out = &out
	o.Note = func(format string, args ...any) { fmt.Fprintf(&notes, "# "+format+"\n", args...) }
	err := o.Run()
	return out.String() + notes.String(), err
}

// in returns files of a folder.
func in(dir string, files ...string) (paths []string) {
	for _, file := range files {
		paths = append(paths, filepath.Join(dir, file))
	}
	return paths
}

func TestEachFormGetsTheNumbersOfItsPlaces(t *testing.T) {
	for name, o := range map[string]Options{
		"map":           {Files: in("testdata", "map.yaml")},
		"list":          {Files: in("testdata", "list.yaml")},
		"anchors":       {Files: in("testdata", "anchors.yaml")},
		"files":         {Files: in("testdata", "map.yaml", "list.yaml", "override.yaml")},
		"reset":         {Files: in("testdata", "list.yaml", "reset.yaml")},
		"extends":       {Files: in("testdata", "extends.yaml")},
		"extends-later": {Files: in("testdata", "extends.yaml", "extends-later.yaml")},
		"profiles":      {Files: in("testdata", "profiles.yaml")},
		"profile":       {Files: in("testdata", "profiles.yaml"), Profiles: []string{"more", "other"}},
		"profile-all":   {Files: in("testdata", "profiles.yaml"), Profiles: []string{"*"}},
		"own":           {Files: in("testdata", "own.yaml")},
		"stock":         {Files: in("testdata", "own.yaml", "list.yaml"), Stock: true},
		"nothing":       {Files: in("testdata", "nothing.yaml")},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := run(o)
			assert.NilError(t, err)
			golden.Assert(t, text, name+".golden")
		})
	}
}

// With the override file behind them, the files have each network of each service numbered, in
// the order that they had without it.
func TestTheOverrideNumbersTheFiles(t *testing.T) {
	for _, files := range [][]string{
		in("testdata", "map.yaml"),
		in("testdata", "map.yaml", "list.yaml", "override.yaml"),
		in("testdata", "list.yaml", "reset.yaml"),
		in("testdata", "extends.yaml", "extends-later.yaml"),
		in("testdata", "profiles.yaml"),
	} {
		before, err := load(files)
		assert.NilError(t, err)
		text, err := run(Options{Files: files})
		assert.NilError(t, err)
		override := filepath.Join(t.TempDir(), "order.yaml")
		assert.NilError(t, os.WriteFile(override, []byte(text), 0o644))

		after, err := load(append(files, override))
		assert.NilError(t, err)
		assert.DeepEqual(t, after.keys, before.keys)
		numbered := 0
		for _, service := range after.keys {
			networks := after.get(service, "networks")
			assert.DeepEqual(t, networks.keys, before.get(service, "networks").keys)
			for i, network := range networks.keys {
				number := networks.get(network, "driver_opts", ethorder.AttachSequenceOption).text
				assert.Equal(t, number, strconv.Itoa(i+1), "%v: %s of %s", files, network, service)
				numbered++
			}
		}
		assert.Assert(t, numbered >= 6, "%v", files)

		text, err = run(Options{Files: append(files, override)})
		assert.NilError(t, err)
		assert.Assert(t, strings.Contains(text, "\nservices:\n  {}\n"), text)
	}
}

func TestWhatIsNotUnderstoodIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"include: [other.yaml]":                                              "c.yaml:1: include is not supported: take it out, and give its files with -f before c.yaml,",
		"services:\n  a:\n    networks:\n    - lan\n    - ${NET}":            "c.yaml:5: service a: write the name of the network instead of ${NET},",
		"services:\n  a:\n    networks:\n      $NET: {}":                     "c.yaml:4: service a: write the name of the network instead of $NET,",
		"services:\n  a:\n    networks: [lan]\n    network_mode: host":       "c.yaml:4: service a has network_mode and networks;",
		"services:\n  a:\n    extends: b":                                    "c.yaml:3: service a extends b, which is not in c.yaml",
		"services:\n  a: {extends: b}\n  b: {extends: a}":                    "c.yaml:2: service a extends itself",
		"services:\n  a:\n    extends:\n      service: ${B}":                 "c.yaml:3: service a: extends must name a service, without variables",
		"services:\n  a:\n    extends: {file: b.yaml}":                       "c.yaml:3: service a: extends must name a service",
		"services:\n  a:\n    extends: {file: b.yaml, service: c}":           "c.yaml:3: service a extends one of another file: open b.yaml: no such file",
		"services:\n  a: {networks: [lan]}\n  b: {networks: [lan]}\n  a: {}": `c.yaml: yaml: unmarshal errors:` + "\n" + `  line 4: mapping key "a" already defined at line 2`,
		"services:\n  a: [":                 "c.yaml: yaml: line 2: did not find",
		"services: &s\n  a: {networks: *s}": "c.yaml: yaml: anchor 's' value contains itself",
		"services: {}\n---\nservices: {}":   "c.yaml: want one YAML document",
		"services:\n  a: {<<: 7}":           "c.yaml: yaml: map merge requires map or sequence of maps as the value",
		"services:\n  a: {extends: a}":      "service a extends itself",
		"services:\n  a:\n    extends: {file: c.yaml, service: a}\n    build: .": "c.yaml:3: service a extends itself",
	} {
		t.Run(want, func(t *testing.T) {
			t.Chdir(t.TempDir())
			assert.NilError(t, os.WriteFile("c.yaml", []byte(text), 0o644))
			out, err := run(Options{Files: []string{"c.yaml"}})
			assert.ErrorContains(t, err, want)
			assert.Equal(t, out, "")
		})
	}
}

func TestFilesAreFoundAsComposeFindsThem(t *testing.T) {
	t.Chdir(t.TempDir())
	assert.NilError(t, os.MkdirAll("a/b", 0o755))
	for _, step := range []struct {
		add, dir string
		want     []string
	}{
		{"docker-compose.override.yml", ".", nil},
		{"docker-compose.yaml", "a/b", in("../..", "docker-compose.yaml", "docker-compose.override.yml")},
		{"docker-compose.yml", "a", in("..", "docker-compose.yml", "docker-compose.override.yml")},
		{"compose.yml", ".", in(".", "compose.yml", "docker-compose.override.yml")},
		{"compose.override.yaml", ".", in(".", "compose.yml", "compose.override.yaml")},
		{"a/compose.yaml", "a/b", in("..", "compose.yaml")},
		{"compose.yaml", ".", in(".", "compose.yaml", "compose.override.yaml")},
		{"compose.override.yml", ".", in(".", "compose.yaml", "compose.override.yml")},
	} {
		assert.NilError(t, os.WriteFile(step.add, nil, 0o644))
		t.Run(step.add, func(t *testing.T) {
			t.Chdir(step.dir)
			files, err := findFiles()
			var exit *tool.Exit
			assert.Equal(t, errors.As(err, &exit) && exit.Status == tool.Usage, step.want == nil, "%v", err)
			assert.DeepEqual(t, files, step.want)
		})
	}
	assert.NilError(t, os.WriteFile(".env", []byte("A=b\nCOMPOSE_FILE=x.yaml\n"), 0o644))
	_, err := findFiles()
	assert.ErrorContains(t, err, ".env has COMPOSE_FILE")
	t.Setenv("COMPOSE_FILE", "x.yaml:y.yaml")
	files, err := findFiles()
	assert.NilError(t, err)
	assert.DeepEqual(t, files, []string{"x.yaml", "y.yaml"})
	t.Setenv("COMPOSE_PATH_SEPARATOR", ";")
	t.Setenv("COMPOSE_FILE", "x.yaml;y.yaml")
	files, err = findFiles()
	assert.NilError(t, err)
	assert.DeepEqual(t, files, []string{"x.yaml", "y.yaml"})
}
