package trial

import (
	"context"
	"debug/buildinfo"
	"debug/elf"
	_ "embed"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"ethorder/internal/engine"
	"ethorder/internal/pins"
	"ethorder/internal/report"
)

// DropIn compares engines with the official ones.
var DropIn = Suite{
	Name:      "drop-in",
	Guarantee: "an engine has the drivers, the runtimes and the libraries that Docker's package of the release has",
	Trials:    []Trial{{Name: hasAll}},
	Run: func(ctx context.Context, env *Env) error {
		before, after, err := env.onPair(ctx, nil, func(e *engine.Engine, _ bool) (Outcome, error) { return env.compare(ctx, e) })
		if err == nil {
			env.Report(hasAll, before, after)
		}
		return err
	},
}

const hasAll = "engine has what the official one has"

// official is what a dockerd has, by what it is: names in their order.
type official map[string][]string

//go:embed official.yaml
var officialText []byte

var officials = parseYAML[struct {
	Since string
	Has   map[string]string
}](officialText)

// officialOf returns what the official dockerd of a release has.
func officialOf(release string) official {
	o := official{}
	for _, row := range officials {
		if pins.Compare(release, row.Since) < 0 {
			break
		}
		for what, names := range row.Has {
			o[what] = strings.Fields(names)
		}
	}
	return o
}

func (env *Env) compare(ctx context.Context, e *engine.Engine) (Outcome, error) {
	o := Outcome{Figures: report.Figures{}}
	want, got := officialOf(env.Release.Name), official{}
	if err := errors.Join(got.ofBinary(e.Dockerd()), got.ofInfo(ctx, e)); err != nil {
		return o, err
	}
	got["build tags"] = slices.DeleteFunc(got["build tags"], func(tag string) bool {
		return slices.Contains(elsewhere, tag) && !slices.Contains(want["build tags"], tag)
	})
	programs := want["programs"]
	delete(want, "programs")
	for _, what := range slices.Sorted(maps.Keys(want)) {
		has := slices.Compact(slices.Sorted(slices.Values(got[what]))) // of some programs, the linker lists symbols twice
		o.Figures[what] = len(has)
		if !slices.Equal(want[what], has) {
			o.blame("%s: got %v, the official engine has %v", what, has, want[what])
		}
	}
	if len(programs) > 0 && e.Dockerd() == env.Patched {
		if _, err := os.Stat(filepath.Join(filepath.Dir(env.Patched), programs[0])); err != nil {
			o.blame("beside dockerd: %v", err)
		}
	}
	return o, nil
}

// ofInfo adds what an engine says that it has.
func (o official) ofInfo(ctx context.Context, e *engine.Engine) error {
	var info struct {
		Plugins         struct{ Log, Network []string }
		Runtimes        map[string]any
		SecurityOptions []string
	}
	err := e.Get(ctx, "/info", &info)
	o["log drivers"], o["network drivers"] = info.Plugins.Log, info.Plugins.Network
	o["runtimes"] = slices.Collect(maps.Keys(info.Runtimes))
	for _, option := range info.SecurityOptions {
		if profile, is := strings.CutPrefix(option, "name=seccomp,profile="); is {
			o["seccomp profile"] = append(o["seccomp profile"], profile)
		}
	}
	return err
}

// elsewhere are tags that all releases are built with, although only some know them.
var elsewhere = strings.Fields("apparmor nri_no_wasm seccomp selinux")

// ofBinary adds what a dockerd shows without being started.
func (o official) ofBinary(path string) error {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return err
	}
	for _, s := range info.Settings {
		if s.Key == "-tags" {
			o["build tags"] = strings.FieldsFunc(s.Value, func(r rune) bool { return r == ' ' || r == ',' })
		}
	}
	f, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		return err
	}
	for _, s := range symbols {
		if m := graphDriver.FindStringSubmatch(s.Name); m != nil {
			o["storage drivers"] = append(o["storage drivers"], strings.Replace(m[1], "devmapper", "devicemapper", 1))
		}
	}
	libraries, err := f.ImportedLibraries()
	o["libraries"] = slices.DeleteFunc(libraries, func(name string) bool { return glibc.MatchString(name) })
	return err
}

var (
	graphDriver = regexp.MustCompile(`/daemon/graphdriver/([a-z0-9-]+)\.Init$`)
	glibc       = regexp.MustCompile(`^(ld-linux.*|lib(c|dl|m|pthread|resolv|rt))\.so\.\d+$`)
)
