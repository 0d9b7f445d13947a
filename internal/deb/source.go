package deb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"ethorder/internal/build"
	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/tool"
)

// suffix is what the version of our package ends in, after that of Debian's.
var suffix = strings.ReplaceAll(build.Suffix, ".", "")

// source is a source package of Debian's.
type source struct {
	version string // like 20.10.24+dfsg1-1+deb12u1
	sum     string // checksum of its .dsc, which has those of the other files
	series  patch.Series
}

// archives returns where apt finds the packages of a suite, less the first word of a line in
// sources.list. The archive with the security updates comes first: of a version that both have,
// apt takes the first.
func archives(ctx context.Context, suite string) []string {
	const keyring = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
	return []string{
		keyring + tool.DebianSite(ctx, "Debian-Security", "http://deb.debian.org/debian-security") + " " + suite + "-security main",
		keyring + tool.DebianSite(ctx, "Debian", "http://deb.debian.org/debian") + " " + suite + " main",
	}
}

// apt runs apt-get for sources of the suite, with lists of its own in dir/apt.
func (m *maker) apt(ctx context.Context, dir, what string, args ...string) (string, error) {
	state := filepath.Join(m.dir, "apt")
	list := filepath.Join(state, "sources.list")
	status := filepath.Join(state, "status") // else apt wants the version that this machine has
	if err := os.MkdirAll(state, 0o755); err != nil {
		return "", err
	}
	lines := "deb-src " + strings.Join(m.archives, "\ndeb-src ") + "\n"
	for path, text := range map[string]string{list: lines, status: ""} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	return tool.Run(ctx, tool.Cmd{Dir: dir, What: what, Args: append([]string{
		"apt-get", "-q", "-o", "Dir::Etc::SourceList=" + list, "-o", "Dir::Etc::SourceParts=-",
		"-o", "Dir::State=" + state, "-o", "Dir::State::Status=" + status, "-o", "Dir::Cache=" + state,
		"-o", "APT::Sandbox::User=root", "-o", "APT::Update::Error-Mode=any",
	}, args...)})
}

// find returns the newest source package of the suite, and the series for it.
func (m *maker) find(ctx context.Context) (src source, err error) {
	if _, err := m.apt(ctx, "/", "read the lists of "+m.suite, "update"); err != nil {
		return src, err
	}
	uris, err := m.apt(ctx, "/", "find docker.io in "+m.suite, "source", "--print-uris", "docker.io")
	if err != nil {
		return src, err
	}
	dsc := regexp.MustCompile(` docker\.io_(\S+)\.dsc \d+ (\S+)`).FindStringSubmatch(uris)
	if dsc == nil {
		return src, fmt.Errorf("apt names no .dsc of docker.io in %s:\n%s", m.suite, uris)
	}
	src.version, src.sum = dsc[1], dsc[2]
	rel, err := pins.Find(m.root, release(src.version))
	if err != nil {
		return src, fmt.Errorf("docker.io of %s is %s: %w", m.suite, src.version, err)
	}
	src.series, err = patch.Load(m.root, rel.Line)
	return src, err
}

// release returns the release of moby that a version of Debian's package is of.
func release(version string) string {
	return version[:strings.IndexAny(version+"-", "+-~")]
}

// unpack makes the patched source tree in dir, and returns its path. dpkg-source takes no hunk
// whose context differs.
func (m *maker) unpack(ctx context.Context, src source, dir string) (tree string, err error) {
	if _, err := m.apt(ctx, dir, "download the source of docker.io "+src.version, "source", "--download-only", "docker.io="+src.version); err != nil {
		return "", err
	}
	tree = filepath.Join(dir, "tree")
	if _, err := tool.Run(ctx, tool.Cmd{
		Dir: dir, What: "unpack the source", Args: []string{"dpkg-source", "--extract", "docker.io_" + src.version + ".dsc", tree},
	}); err != nil {
		return "", err
	}
	if err := addPatches(src.series, filepath.Join(tree, "debian", "patches")); err != nil {
		return "", err
	}
	if err := edit(filepath.Join(tree, "debian", "changelog"), addEntry); err != nil {
		return "", err
	}
	if err := edit(filepath.Join(tree, "debian", "rules"), markVersion); err != nil {
		return "", err
	}
	_, err = tool.Run(ctx, tool.Cmd{
		Dir: dir, What: "apply the series of line " + src.series.Line + " to docker.io " + src.version,
		Args: []string{"dpkg-source", "--before-build", tree},
	})
	return tree, err
}

// addPatches adds the patches of a series to those in a debian/patches.
func addPatches(s patch.Series, dir string) error {
	names := ""
	for _, p := range s.Patches {
		text, err := os.ReadFile(s.Path(p))
		if err != nil {
			return err
		}
		name := "ethorder-" + filepath.Base(p)
		names += name + "\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(relocate(string(text))), 0o644); err != nil {
			return err
		}
	}
	return edit(filepath.Join(dir, "series"), func(series string) (string, error) {
		return strings.TrimRight(series, "\n") + "\n" + names, nil
	})
}

// named is the name of a file in the head of a patch, behind a/ or b/.
var named = regexp.MustCompile(` ([ab])/(vendor/github\.com/docker/(libnetwork/))?`)

// relocate gives the files in a patch the names that they have in Debian's source: what is vendored
// of libnetwork is a component of its own, beside engine.
func relocate(text string) string {
	var out strings.Builder
	head := false // the lines between "diff --git" and the first hunk
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "diff --git "):
			head = true
		case strings.HasPrefix(line, "@@ "), strings.HasPrefix(line, "From "):
			head = false
		}
		if head {
			line = named.ReplaceAllStringFunc(line, func(name string) string {
				m := named.FindStringSubmatch(name)
				if m[3] == "" {
					m[3] = "engine/"
				}
				return " " + m[1] + "/" + m[3]
			})
		}
		out.WriteString(line)
	}
	return out.String()
}

var (
	newest = regexp.MustCompile(`^docker\.io \((\S+)\) (\S+);`)
	signed = regexp.MustCompile(`(?m)^ -- .*>  (.+)$`)
)

// addEntry adds the entry of our package to a debian/changelog. Its date is a second after that of
// the last one, so that a package is the same whenever it is built.
func addEntry(changelog string) (string, error) {
	head, end := newest.FindStringSubmatch(changelog), signed.FindStringSubmatch(changelog)
	if head == nil || end == nil {
		return "", fmt.Errorf("no entry of docker.io at the beginning")
	}
	date, err := time.Parse(time.RFC1123Z, end[1])
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`docker.io (%s%s) %s; urgency=medium

  * Bring up the interfaces of a container in the order in which its networks
    were attached. The patches are those of ethorder.

 -- ethorder <ethorder@example.org>  %s

%s`, head[1], suffix, head[2], date.Add(time.Second).Format(time.RFC1123Z), changelog), nil
}

// markVersion puts the mark of patched engines into the version that debian/rules gives dockerd,
// before what Debian adds, as a version has one + only.
func markVersion(rules string) (string, error) {
	marked := "$(subst +," + build.Suffix + ".,$(DOCKER_VERSION))"
	var pairs []string
	for _, before := range []string{
		" VERSION=",              // that of upstream's script
		" dockerd-",              // the file that this makes
		"dockerversion.Version=", // without the script
	} {
		pairs = append(pairs, before+"$(DOCKER_VERSION)", before+marked)
	}
	edited := strings.NewReplacer(pairs...).Replace(rules)
	if edited == rules {
		return "", fmt.Errorf("no place is known where it sets the version of dockerd")
	}
	return edited, nil
}

// edit changes the text of a file.
func edit(path string, change func(string) (string, error)) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed, err := change(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(changed), 0o644)
}

// stamp is what the package is made from.
func (src source) stamp() (repo.Stamp, error) {
	key, err := src.series.Key()
	return repo.Stamp{"source": src.sum, "series": key, "version": src.version + suffix, "script": repo.HashBytes([]byte(buildScript))}, err
}
