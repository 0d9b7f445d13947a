package build

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ethorder/internal/repo"
	"ethorder/internal/tool"

	"github.com/sirupsen/logrus"
)

// A library is one of C that Docker's packages are linked with.
type library struct {
	gives string // what dockerd has by it
	// The library is needed if this file of moby's tree is there and has the text.
	file, text string
	header     string   // to include
	shared     string   // file name of the library itself; "" if the headers are all that is needed
	pkgConfig  string   // name by which go asks pkg-config; "" if it does not
	packages   []string // Debian's, which have the headers
	// Build tags of a dockerd with and without it.
	with, without string
}

var libraries = []library{
	{
		gives: "docker logs for the log driver journald", file: "daemon/logger/journald/read.go",
		header: "systemd/sd-journal.h", shared: "libsystemd.so.0", pkgConfig: "libsystemd", packages: []string{"libsystemd-dev"},
		with: "journald",
	},
	{
		gives: "the storage driver devicemapper", file: "pkg/devicemapper/devmapper_wrapper.go",
		header: "libdevmapper.h", shared: "libdevmapper.so.1.02.1", pkgConfig: "devmapper", packages: []string{"libdevmapper-dev", "libudev-dev"},
		without: "exclude_graphdriver_devicemapper",
	},
	{ // From 23.0, the kernel's headers do.
		gives: "the storage driver btrfs", file: "daemon/graphdriver/btrfs/btrfs.go", text: "<btrfs/",
		header: "btrfs/ioctl.h", packages: []string{"libbtrfs-dev"},
		without: "exclude_graphdriver_btrfs",
	},
	{ // From 29.6, the nft command is the default.
		gives: "libnftables in the place of the nft command", file: "daemon/libnetwork/internal/nftables/nft_cgo_linux.go", text: "!no_libnftables",
		header: "nftables/libnftables.h", shared: "libnftables.so.1", pkgConfig: "libnftables", packages: []string{"libnftables-dev"},
		without: "no_libnftables",
	},
	{ // From 20.10, only runc uses it.
		gives: "seccomp", file: "profiles/seccomp/seccomp.go", text: "libseccomp-golang",
		header: "seccomp.h", shared: "libseccomp.so.2", pkgConfig: "libseccomp", packages: []string{"libseccomp-dev"},
		with: "seccomp",
	},
	{ // Other vendored versions of runc read files of the kernel.
		gives: "AppArmor", file: "vendor/github.com/opencontainers/runc/libcontainer/apparmor/apparmor.go", text: "-lapparmor",
		header: "sys/apparmor.h", shared: "libapparmor.so.1", packages: []string{"libapparmor-dev"},
		with: "apparmor",
	},
}

// headerPackages returns Debian's packages of all libraries.
func headerPackages() (names []string) {
	for _, l := range libraries {
		names = append(names, l.packages...)
	}
	return names
}

// linked is how a dockerd is built with the libraries that this machine has.
type linked struct {
	tags    []string
	env     []string // with which gcc and pkg-config find the libraries
	lacking []string // what dockerd lacks, and what to do about it
}

// link finds those of all libraries that a tree needs. Where headers are missing, it unpacks Debian's
// packages of them, as installing them may upgrade systemd. The libraries themselves must be
// those of the machine, on which the new dockerd runs.
func link(ctx context.Context, root repo.Root, tree string, all []library) (linked, error) {
	dir := root.Out("tools", "debian")
	unlock, err := repo.Lock(ctx, dir)
	if err != nil {
		return linked{}, err
	}
	defer unlock()
	r := linked{tags: []string{packageTags}, env: headers(dir)}
	for _, l := range all {
		usable := !l.neededBy(tree)
		if !usable {
			there, err := l.show(ctx, dir)
			if err != nil {
				return r, err
			}
			usable = there && l.usable(ctx, r.env)
			if there && !usable && l.unpack(ctx, dir) {
				r.env = headers(dir)
				usable = l.usable(ctx, r.env)
			}
		}
		if usable {
			r.add(l.with)
			continue
		}
		r.add(l.without)
		r.lacking = append(r.lacking, "built without "+l.gives+": "+l.packages[0]+" is not installed\n"+
			"next: apt-get install pkg-config "+strings.Join(l.packages, " ")+", then run this again")
	}
	return r, ctx.Err()
}

func (r *linked) add(tag string) {
	if tag != "" {
		r.tags = append(r.tags, tag)
	}
}

// headers returns the environment in which gcc and pkg-config find what is unpacked in dir.
func headers(dir string) []string {
	list := func(pattern string) string {
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		return strings.Join(found, ":")
	}
	return []string{
		"CPATH=" + list("*-dev/usr/include"), "PKG_CONFIG_PATH=" + list("*-dev/usr/lib/*/pkgconfig"),
		"LIBRARY_PATH=" + filepath.Join(dir, "links"),
	}
}

func (l library) neededBy(tree string) bool {
	b, err := os.ReadFile(filepath.Join(tree, l.file))
	return err == nil && strings.Contains(string(b), l.text)
}

// linkName is by what the linker asks for the library: "systemd".
func (l library) linkName() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(l.shared, "lib"), ".so")
	return name
}

// show makes the link in dir by which the linker finds the machine's library, which otherwise
// only the package of the headers has. It reports whether the machine has the library.
func (l library) show(ctx context.Context, dir string) (there bool, err error) {
	if l.shared == "" {
		return true, nil
	}
	path, err := tool.Run(ctx, tool.Cmd{Dir: "/", What: "look for " + l.shared, Args: []string{"gcc", "-print-file-name=" + l.shared}})
	if path = strings.TrimSpace(path); err != nil || !filepath.IsAbs(path) {
		return false, err
	}
	link := filepath.Join(dir, "links", "lib"+l.linkName()+".so")
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return false, err
	}
	os.Remove(link)
	return true, os.Symlink(path, link)
}

// unpack unpacks those packages with the headers that are not in dir yet, and reports whether
// apt gave them.
func (l library) unpack(ctx context.Context, dir string) bool {
	missing := slices.DeleteFunc(slices.Clone(l.packages), func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
	if len(missing) == 0 {
		return false
	}
	err := tool.UnpackDebian(ctx, dir, missing...)
	if err != nil {
		logrus.Debug(err)
	}
	return err == nil
}

// usable reports whether a program with the library compiles.
func (l library) usable(ctx context.Context, env []string) bool {
	args := []string{"gcc", "-x", "c", "-", "-o", "/dev/null"}
	if l.shared != "" {
		args = append(args, "-l"+l.linkName())
	}
	_, err := tool.Run(ctx, tool.Cmd{
		Dir: "/", Env: env, What: "try " + l.header, Args: args,
		Stdin: strings.NewReader("#include <" + l.header + ">\nint main(void) { return 0; }\n"),
	})
	if err == nil && l.pkgConfig != "" {
		_, err = tool.Run(ctx, tool.Cmd{Dir: "/", Env: env, What: "ask for " + l.pkgConfig, Args: []string{"pkg-config", "--cflags", "--libs", l.pkgConfig}})
	}
	return err == nil
}
