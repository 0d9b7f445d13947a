package trial

import (
	"context"
	"debug/buildinfo"
	"debug/elf"
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
		return env.pair(ctx, nil, func(stock, patched *engine.Engine) error {
			before, after, err := onBoth(stock, patched, func(e *engine.Engine) (Outcome, error) { return env.compare(ctx, e) })
			if err == nil {
				env.Report(hasAll, before, after)
			}
			return err
		})
	},
}

const hasAll = "engine has what the official one has"

// official is what the dockerd in Docker's Debian package of a release has.
type official struct {
	// Since is the first release of which this holds. What is nil is as in the row before.
	Since string

	Log, Network, Storage []string // drivers that are built in
	Runtimes              []string
	Seccomp               []string // the name of the default profile
	Tags                  []string // build tags
	Libraries             []string // of C, beside the C library
	Proxy                 []string // programs in cmd/ beside dockerd
}

// officials are facts of upstream's source: daemon/logdrivers_linux.go, libnetwork's
// drivers_linux.go, daemon/graphdriver/register, daemon/runtime_unix.go, and of how Docker's
// packages are made: hack/make.sh, and DOCKER_BUILDTAGS and Build-Depends in
// github.com/docker/docker-ce-packaging.
var officials = []official{
	{
		Since: "17.06.0",
		Log:   list("awslogs fluentd gcplogs gelf journald json-file logentries splunk syslog"), Network: list("bridge host macvlan null overlay"),
		Storage:  list("aufs btrfs devicemapper overlay overlay2 vfs zfs"),
		Runtimes: list("runc"), Seccomp: list("default"), Tags: list("apparmor journald seccomp selinux"),
		Libraries: list("libapparmor.so.1 libdevmapper.so.1.02.1 libseccomp.so.2 libsystemd.so.0"), Proxy: list(""),
	},
	{Since: "17.12.1", Libraries: list("libdevmapper.so.1.02.1 libseccomp.so.2 libsystemd.so.0")},
	{Since: "18.01.0", Libraries: list("libapparmor.so.1 libdevmapper.so.1.02.1 libseccomp.so.2 libsystemd.so.0")},
	{Since: "18.02.0", Libraries: list("libdevmapper.so.1.02.1 libseccomp.so.2 libsystemd.so.0")},
	{Since: "18.09.0", Log: list("awslogs fluentd gcplogs gelf journald json-file local logentries splunk syslog")},
	{Since: "19.03.0", Network: list("bridge host ipvlan macvlan null overlay")},
	{
		Since: "20.10.0", Storage: list("aufs btrfs devicemapper fuse-overlayfs overlay overlay2 vfs zfs"),
		Runtimes: list("io.containerd.runc.v2 io.containerd.runtime.v1.linux runc"), Libraries: list("libdevmapper.so.1.02.1 libsystemd.so.0"),
	},
	{
		Since: "23.0.0", Runtimes: list("io.containerd.runc.v2 runc"), Seccomp: list("builtin"), Tags: list("journald"),
		Proxy: list("docker-proxy"),
	},
	{Since: "24.0.0", Storage: list("btrfs devicemapper fuse-overlayfs overlay2 vfs zfs")},
	{
		Since: "25.0.0", Log: list("awslogs fluentd gcplogs gelf journald json-file local splunk syslog"),
		Storage: list("btrfs fuse-overlayfs overlay2 vfs zfs"), Libraries: list("libsystemd.so.0"),
	},
	{Since: "29.0.0", Libraries: list("libnftables.so.1 libsystemd.so.0")},
	{Since: "29.6.0", Libraries: list("libsystemd.so.0")},
}

func list(s string) []string { return strings.Fields(s) }

// officialOf returns what the official dockerd of a release has.
func officialOf(release string) (o official) {
	for _, row := range officials {
		if pins.Compare(release, row.Since) < 0 {
			break
		}
		for _, f := range []struct {
			to   *[]string
			from []string
		}{
			{&o.Log, row.Log}, {&o.Network, row.Network}, {&o.Storage, row.Storage}, {&o.Runtimes, row.Runtimes},
			{&o.Seccomp, row.Seccomp}, {&o.Tags, row.Tags}, {&o.Libraries, row.Libraries}, {&o.Proxy, row.Proxy},
		} {
			if f.from != nil {
				*f.to = f.from
			}
		}
	}
	return o
}

// compare compares an engine with the official one.
func (env *Env) compare(ctx context.Context, e *engine.Engine) (Outcome, error) {
	o := Outcome{Figures: report.Figures{}}
	want, got := officialOf(env.Release.Name), official{}
	if err := errors.Join(got.ofBinary(e.Dockerd()), got.ofInfo(ctx, e)); err != nil {
		return o, err
	}
	got.Tags = slices.DeleteFunc(got.Tags, func(tag string) bool {
		return slices.Contains(elsewhere, tag) && !slices.Contains(want.Tags, tag)
	})
	for _, f := range []struct {
		what      string
		want, got []string
	}{
		{"log drivers", want.Log, got.Log}, {"network drivers", want.Network, got.Network}, {"storage drivers", want.Storage, got.Storage},
		{"runtimes", want.Runtimes, got.Runtimes}, {"seccomp profile", want.Seccomp, got.Seccomp}, {"build tags", want.Tags, got.Tags},
		{"libraries", want.Libraries, got.Libraries},
	} {
		slices.Sort(f.got)
		f.got = slices.Compact(f.got) // of some programs, the linker lists symbols twice
		o.Figures[f.what] = len(f.got)
		if !slices.Equal(f.want, f.got) {
			o.blame("%s: got %v, the official engine has %v", f.what, f.got, f.want)
		}
	}
	if len(want.Proxy) > 0 && e.Dockerd() == env.Patched {
		if _, err := os.Stat(filepath.Join(filepath.Dir(env.Patched), want.Proxy[0])); err != nil {
			o.blame("beside dockerd: %v", err)
		}
	}
	return o, nil
}

// ofInfo adds what an engine says that it has.
func (o *official) ofInfo(ctx context.Context, e *engine.Engine) error {
	var info struct {
		Plugins         struct{ Log, Network []string }
		Runtimes        map[string]any
		SecurityOptions []string
	}
	err := e.Get(ctx, "/info", &info)
	o.Log, o.Network = info.Plugins.Log, info.Plugins.Network
	o.Runtimes = slices.Collect(maps.Keys(info.Runtimes))
	for _, option := range info.SecurityOptions {
		if profile, is := strings.CutPrefix(option, "name=seccomp,profile="); is {
			o.Seccomp = append(o.Seccomp, profile)
		}
	}
	return err
}

// elsewhere are tags that all releases are built with, although only some know them.
var elsewhere = list("apparmor nri_no_wasm seccomp selinux")

// ofBinary adds what a dockerd shows without being started.
func (o *official) ofBinary(path string) error {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return err
	}
	for _, s := range info.Settings {
		if s.Key == "-tags" {
			o.Tags = strings.FieldsFunc(s.Value, func(r rune) bool { return r == ' ' || r == ',' })
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
			o.Storage = append(o.Storage, strings.Replace(m[1], "devmapper", "devicemapper", 1))
		}
	}
	libraries, err := f.ImportedLibraries()
	o.Libraries = slices.DeleteFunc(libraries, func(name string) bool { return glibc.MatchString(name) })
	return err
}

var (
	graphDriver = regexp.MustCompile(`/daemon/graphdriver/([a-z0-9-]+)\.Init$`)
	glibc       = regexp.MustCompile(`^(ld-linux.*|lib(c|dl|m|pthread|resolv|rt))\.so\.\d+$`)
)
