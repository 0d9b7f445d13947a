package install

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logrustest "github.com/sirupsen/logrus/hooks/test"
	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"ethorder/internal/tool"
)

func TestMain(m *testing.M) {
	interval, answerLimit = time.Millisecond, 500*time.Millisecond
	if _, err := os.Stat("/dev/shm"); err == nil {
		os.Setenv("TMPDIR", "/dev/shm") // where to sync costs no time
	}
	flag.Parse()
	_ = flag.Set("test.parallel", "16") // tests mostly wait
	os.Exit(m.Run())
}

const (
	stock   = "29.8.1"
	patched = "29.8.1+ethseq.2"
)

// fakeHost is a host in a folder. Its dockerd are text files with the version that they say, and
// perhaps with one word on what is wrong with them: dead, hangs or crashes.
type fakeHost struct {
	Machine
	t       *testing.T
	systemd bool

	unit    string // ExecStart as systemd has read it
	engine  string // text of the dockerd that runs; "" is none
	guard   string // command that systemd runs after a while; "" is none
	pid     int
	started time.Time
	live    bool

	containers map[string]string // policies of those that run
	lost       bool              // a patched engine does not start containers
	stopped    map[string]string // policies of those that were lost

	// changes is the number of changes so far. At the one with the number killAt, the program is
	// killed; from the one with the number fullAt on, the disk is full.
	changes, killAt, fullAt int

	// intercept answers a command in the place of Run, if it reports that it has.
	intercept func(command string) (answer string, answered bool, err error)
}

type killed struct{}

func newHost(t *testing.T, systemd bool) *fakeHost {
	h := &fakeHost{Machine: Machine{t.TempDir()}, t: t, systemd: systemd, killAt: -1, fullAt: -1, stopped: map[string]string{}}
	h.file("/usr/bin/dockerd", stock)
	for _, dir := range []string{"/etc/systemd/system", "/run", "/usr/local/lib", "/var/lib"} {
		h.file(dir+"/keep", "")
	}
	if systemd {
		h.file("/run/systemd/system/keep", "")
		h.file("/usr/lib/systemd/system/docker.service", "[Unit]\nRequires=docker.socket\n[Service]\nType=notify\nExecStart=/usr/bin/dockerd -H fd:// \\\n# why\n  --containerd=/run/containerd/containerd.sock\nRestart=always\n")
		h.unit = execStart(h.cat())
	}
	h.start()
	h.containers = map[string]string{"a": "always", "b": "unless-stopped", "c": "no"}
	return h
}

func (h *fakeHost) file(path, text string) {
	assert.NilError(h.t, os.MkdirAll(filepath.Dir(h.Path(path)), 0o755))
	assert.NilError(h.t, os.WriteFile(h.Path(path), []byte(text), 0o755))
}

func (h *fakeHost) cat() string {
	files, _ := filepath.Glob(h.Path("/run/systemd/system/docker.service.d/*.conf"))
	inEtc, _ := filepath.Glob(h.Path("/etc/systemd/system/docker.service.d/*.conf"))
	files = slices.DeleteFunc(files, func(f string) bool { // /etc comes first
		return slices.Contains(inEtc, strings.Replace(f, h.Path("/run"), h.Path("/etc"), 1))
	})
	files = append(files, inEtc...)
	slices.SortFunc(files, func(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) })
	var text string
	for _, f := range append([]string{h.Path("/usr/lib/systemd/system/docker.service")}, files...) {
		content, err := os.ReadFile(f)
		assert.NilError(h.t, err)
		text += fmt.Sprintf("# %s\n%s\n", strings.TrimPrefix(f, h.Root), content)
	}
	return text
}

// dockerd returns the text of the dockerd that is started for a unit.
func (h *fakeHost) dockerd(unit string) string {
	path := "/usr/bin/dockerd"
	if h.systemd {
		path = program.FindStringSubmatch(unit)[2]
	}
	text, _ := os.ReadFile(h.Path(path))
	return string(text)
}

// start starts the dockerd that is there now.
func (h *fakeHost) start() {
	h.engine, h.started = h.dockerd(h.unit), time.Now()
	h.pid++
	if strings.Contains(h.engine, "dead") {
		h.engine = ""
	}
	if !h.live {
		for name, policy := range h.containers {
			if policy == "no" || (h.lost && h.engine != stock) {
				delete(h.containers, name)
				h.stopped[name] = policy
			}
		}
	}
}

// running returns what the engine answers, after what happened meanwhile.
func (h *fakeHost) running() string {
	version, fault, _ := strings.Cut(h.engine, " ")
	switch {
	case fault == "hangs":
		return ""
	case fault == "crashes" && time.Since(h.started) > 20*time.Millisecond:
		if h.systemd {
			h.start()
			return version
		}
		h.engine = ""
		return ""
	}
	return version
}

// fireGuard does what the guard's command says, after checking that it is one that sh knows.
func (h *fakeHost) fireGuard() {
	for _, command := range strings.Split(h.guard, "; ") {
		switch words := strings.Fields(command); {
		case words[0] == "rm":
			for _, path := range words[2:] {
				assert.NilError(h.t, h.Machine.Remove(path))
			}
		case command == "systemctl daemon-reload":
			h.unit = execStart(h.cat())
		case command == "timeout 300 systemctl restart docker.service || "+killEngine:
			h.start()
		case command == "true":
		default:
			assert.Equal(h.t, command, "systemctl reset-failed docker.service")
		}
	}
	h.guard = ""
}

// change is called before each change of the host.
func (h *fakeHost) change() error {
	h.changes++
	if h.changes-1 == h.killAt {
		panic(killed{})
	}
	if h.fullAt >= 0 && h.changes > h.fullAt {
		return syscall.ENOSPC
	}
	return nil
}

func (h *fakeHost) Write(path string, content io.Reader, mode fs.FileMode) error {
	h.file(path+unfinished, "half") // what a kill leaves
	if err := h.change(); err != nil {
		return errors.Join(err, os.Remove(h.Path(path+unfinished)))
	}
	return h.Machine.Write(path, content, mode)
}

func (h *fakeHost) Rename(from, to string) error {
	_ = h.change() // needs no room
	return h.Machine.Rename(from, to)
}

func (h *fakeHost) Remove(path string) error {
	_ = h.change() // needs no room
	return h.Machine.Remove(path)
}

func (h *fakeHost) Run(ctx context.Context, args ...string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if h.intercept != nil {
		if answer, answered, err := h.intercept(strings.Join(args, " ")); answered || err != nil {
			return answer, err
		}
	}
	version := h.running()
	switch line := strings.Join(args, " "); {
	case len(args) == 2 && args[1] == "--version":
		text, err := os.ReadFile(args[0])
		word, _, _ := strings.Cut(string(text), " ")
		return "Docker version " + word + ", build abcdef\n", err
	case line == "systemctl cat docker.service":
		return h.cat(), nil
	case line == "systemctl daemon-reload":
		_ = h.change()
		h.unit = execStart(h.cat())
		return "", nil
	case args[0] == "systemd-run":
		_ = h.change()
		assert.Equal(h.t, h.guard, "")
		h.guard = args[len(args)-1]
		return "", nil
	case line == "systemctl stop ethorder-guard.timer":
		_ = h.change()
		if h.guard == "" {
			return "", errors.New("Unit ethorder-guard.timer not loaded")
		}
		h.guard = ""
		return "", nil
	case line == "systemctl reset-failed docker.service docker.socket":
		return "", errors.New("Unit docker.socket not loaded")
	case line == "systemctl --no-block restart docker.service", line == "sh -c restart it":
		_ = h.change()
		h.start()
		return "", nil
	case line == "systemctl show --property=MainPID,ActiveState docker.service":
		if h.engine == "" {
			return "MainPID=0\nActiveState=failed\n", nil
		}
		return fmt.Sprintf("MainPID=%d\nActiveState=active\n", h.pid), nil
	case args[0] == "journalctl":
		return "made to fail\n", nil
	case version == "" && h.systemd:
		<-ctx.Done() // systemd listens in the place of the engine
		return "", ctx.Err()
	case version == "":
		return "", errors.New("cannot connect to the engine")
	case line == "docker version --format {{.Server.Version}}":
		return version + "\n", nil
	case line == "docker info --format {{.LiveRestoreEnabled}}":
		return fmt.Sprintln(h.live), nil
	case line == "docker ps --quiet --no-trunc":
		ids := ""
		for name := range h.containers {
			ids += "id" + name + "\n"
		}
		return ids, nil
	case strings.HasPrefix(line, "docker start "):
		name := strings.TrimPrefix(args[2], "id")
		h.containers[name] = h.stopped[name]
		return "", nil
	case strings.HasPrefix(line, "docker inspect "):
		var out string
		for _, id := range args[6:] {
			name := strings.TrimPrefix(id, "id")
			out += fmt.Sprintf("%s /%s %s\n", id, name, h.containers[name])
		}
		return out, nil
	default:
		return "", fmt.Errorf("what is %s", line)
	}
}

// options are those of an install of a dockerd that has the given text.
func (h *fakeHost) options(text string) (Options, *strings.Builder) {
	h.t.Helper()
	path := filepath.Join(h.t.TempDir(), "dockerd")
	assert.NilError(h.t, os.WriteFile(path, []byte(text), 0o755))
	out := new(strings.Builder)
	return Options{
		Host: h, Out: out, Restart: "restart it",
		Build:     func(context.Context, string) (string, error) { return path, nil },
		StopLimit: 5 * time.Second, StartLimit: time.Second, Settle: 50 * time.Millisecond,
	}, out
}

// tree returns all files of the host.
func (h *fakeHost) tree() (files []string) {
	assert.NilError(h.t, filepath.WalkDir(h.Root, func(path string, d fs.DirEntry, err error) error {
		if path == h.Path("/run/ethorder") {
			return fs.SkipDir // the lock
		}
		text := ""
		if !d.IsDir() {
			content, err := os.ReadFile(path)
			assert.NilError(h.t, err)
			text = ": " + string(content)
		}
		files = append(files, strings.TrimPrefix(path, h.Root)+text)
		return nil
	}))
	return files
}

// kill runs a function until the host's change n kills it, and reports whether it was.
func (h *fakeHost) kill(n int, run func()) (was bool) {
	h.changes, h.killAt = 0, n
	defer func() {
		h.killAt = -1
		if v := recover(); v != nil {
			if v != (killed{}) {
				panic(v)
			}
			was = true
		}
	}()
	run()
	return false
}

// onEach runs a test on a host with systemd and on one without.
func onEach(t *testing.T, test func(t *testing.T, h *fakeHost)) {
	for name, systemd := range map[string]bool{"systemd": true, "no systemd": false} {
		t.Run(name, func(t *testing.T) { test(t, newHost(t, systemd)) })
	}
}

func TestInstallAndUninstall(t *testing.T) {
	onEach(t, func(t *testing.T, h *fakeHost) {
		before := h.tree()
		o, out := h.options(patched)
		verified := 0
		o.Verify = func(context.Context) error { verified++; return nil }
		assert.NilError(t, Install(context.Background(), o))
		assert.Equal(t, h.running(), patched)
		assert.Equal(t, verified, 1)
		assert.Assert(t, strings.Contains(out.String(), patched+" is installed and runs"), out)
		assert.Equal(t, h.guard, "")
		if h.systemd {
			assert.Equal(t, h.unit, ownDockerd+" -H fd://  --containerd=/run/containerd/containerd.sock")
		}
		first, pid := h.tree(), h.pid

		assert.NilError(t, Install(context.Background(), o))
		assert.Assert(t, strings.Contains(out.String(), "is installed and runs"), out)
		assert.DeepEqual(t, h.tree(), first)
		assert.Equal(t, h.pid, pid, "a second install restarts the engine")

		assert.NilError(t, Uninstall(context.Background(), o))
		assert.Equal(t, h.running(), stock)
		assert.DeepEqual(t, h.tree(), before)
		assert.NilError(t, Uninstall(context.Background(), o))
		assert.Assert(t, strings.HasSuffix(out.String(), "no engine of ethorder is installed\n"), out)
		assert.DeepEqual(t, h.tree(), before)
	})
}

func TestInstallReplacesAnEarlierOne(t *testing.T) {
	onEach(t, func(t *testing.T, h *fakeHost) {
		before := h.tree()
		for _, version := range []string{"29.8.1+ethseq.1", patched} {
			o, _ := h.options(version)
			assert.NilError(t, Install(context.Background(), o))
			assert.Equal(t, h.running(), version)
			text, err := os.ReadFile(h.Path(journalFile))
			assert.NilError(t, err)
			assert.Assert(t, strings.Contains(string(text), `"stock_version": "29.8.1",`), "%s", text)
		}
		o, _ := h.options("")
		assert.NilError(t, Uninstall(context.Background(), o))
		assert.Equal(t, h.running(), stock)
		assert.DeepEqual(t, h.tree(), before)
	})
}

func TestDryRunChangesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, h *fakeHost) {
		before, pid := h.tree(), h.pid
		o, out := h.options(patched)
		dry := o
		dry.DryRun = true
		dry.Build = func(context.Context, string) (string, error) { return "/not/built", nil }
		assert.NilError(t, Install(context.Background(), dry))
		assert.DeepEqual(t, h.tree(), before)
		assert.Equal(t, h.pid, pid)
		assert.Assert(t, strings.Contains(out.String(), "would copy /not/built to "), out)
		assert.Assert(t, strings.Contains(out.String(), "would restart the engine"), out)

		assert.NilError(t, Install(context.Background(), o))
		before, pid = h.tree(), h.pid
		assert.NilError(t, Uninstall(context.Background(), dry))
		assert.DeepEqual(t, h.tree(), before)
		assert.Equal(t, h.pid, pid)
	})
}

func TestInstallRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*fakeHost, *Options)
		want   string
	}{
		"another release":        {func(_ *fakeHost, o *Options) { o.Release = "29.8.0" }, "the host has 29.8.1, not 29.8.0"},
		"a file of another one":  {func(h *fakeHost, o *Options) { *o, _ = h.options("29.8.0+ethseq.2") }, "want a patched 29.8.1"},
		"a file without patches": {func(h *fakeHost, o *Options) { *o, _ = h.options("29.8.1 by hand") }, "want a patched 29.8.1"},
		"an upgraded package":    {func(h *fakeHost, _ *Options) { h.file("/usr/bin/dockerd", "29.8.2") }, "the engine that runs is 29.8.1"},
		"its own dockerd":        {func(h *fakeHost, o *Options) { *o, _ = h.options(stock); o.Force = true }, "is the dockerd that the host has"},
		"a patched package": {func(h *fakeHost, _ *Options) {
			h.file("/usr/bin/dockerd", patched+".dfsg1")
			h.engine = patched + ".dfsg1"
		}, "is patched already"},
		"no engine": {func(h *fakeHost, _ *Options) { h.engine = "" }, "must run"},
		"a wrapper": {func(h *fakeHost, _ *Options) {
			h.file("/etc/systemd/system/docker.service.d/a.conf", "[Service]\nExecStart=\nExecStart=/bin/sh -c dockerd\n")
		}, "want the path of dockerd"},
		"a drop-in made by hand": {func(h *fakeHost, _ *Options) {
			h.file("/etc/systemd/system/docker.service.d/ethorder.conf", "[Service]\nExecStart=\nExecStart="+ownDockerd+"\n")
		}, "made by hand"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, true)
			o, _ := h.options(patched)
			test.change(h, &o)
			before := h.tree()
			assert.ErrorContains(t, Install(context.Background(), o), test.want)
			assert.DeepEqual(t, h.tree(), before)
			assert.Equal(t, h.pid, 1)
		})
	}
}

func TestForceInstallsAnotherRelease(t *testing.T) {
	h := newHost(t, true)
	o, _ := h.options("29.8.0+ethseq.2")
	o.Release, o.Force = "29.8.0", true
	assert.NilError(t, Install(context.Background(), o))
	assert.Equal(t, h.running(), "29.8.0+ethseq.2")
}

func TestExecStart(t *testing.T) {
	text := "# /lib/systemd/system/docker.service\n[Service]\nExecStartPre=/bin/true\n# ExecStart=no\nExecStart = /a/dockerd \\\n; why\n -b\n" +
		"# /etc/systemd/system/docker.service.d/1.conf\n[Unit]\nExecStart=no\n[Service]\n# /lib/systemd/system/docker.service has it, too\nExecStart=\nExecStart=/c/dockerd $OPTS\n" +
		"# " + dropIn + "\n[Service]\nExecStart=\nExecStart=/ours/dockerd\n"
	assert.Equal(t, execStart(text), "/ours/dockerd")
	assert.Equal(t, execStart(text, dropIn), "/c/dockerd $OPTS")
	text, _, _ = strings.Cut(text, "# /etc")
	assert.Equal(t, execStart(text, dropIn), "/a/dockerd  -b")
}

func TestInstallKeepsTheArgumentsOfTheUsersDropIn(t *testing.T) {
	h := newHost(t, true)
	h.file("/etc/systemd/system/docker.service.d/override.conf", "[Service]\nEnvironment=A=b\nExecStart=\nExecStart=-/usr/bin/dockerd -H tcp://[::1]:2375 \"--label=a b\" $OPTS\n")
	o, _ := h.options(patched)
	assert.NilError(t, Install(context.Background(), o))
	text, err := os.ReadFile(h.Path(dropIn))
	assert.NilError(t, err)
	assert.Equal(t, string(text), "# Made by ethorder; scripts/uninstall removes it.\n[Service]\nExecStart=\nExecStart=-"+
		ownDockerd+" -H tcp://[::1]:2375 \"--label=a b\" $OPTS\n")
}

func TestInstallRollsBack(t *testing.T) {
	for name, change := range map[string]func(h *fakeHost, o *Options){
		"does not start":        func(h *fakeHost, o *Options) { *o, _ = h.options(patched + " dead") },
		"hangs":                 func(h *fakeHost, o *Options) { *o, _ = h.options(patched + " hangs") },
		"crashes after a while": func(h *fakeHost, o *Options) { *o, _ = h.options(patched + " crashes") },
		"loses containers":      func(h *fakeHost, _ *Options) { h.lost = true },
		"ends before the verify": func(h *fakeHost, o *Options) {
			o.Verify = func(context.Context) error { h.engine = ""; return tool.CannotRunf("no engine") }
		},
		"does not pass the verify": func(_ *fakeHost, o *Options) {
			o.Verify = func(context.Context) error { return errors.New("wrong order") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, h *fakeHost) {
				o, _ := h.options(patched)
				change(h, &o)
				before := h.tree()
				assert.ErrorContains(t, Install(context.Background(), o), "rolled back to 29.8.1")
				assert.Equal(t, h.running(), stock)
				assert.DeepEqual(t, h.tree(), before)
				assert.DeepEqual(t, h.containers, map[string]string{"a": "always", "b": "unless-stopped"})
			})
		})
	}
}

func TestRollBackShowsTheLog(t *testing.T) {
	h := newHost(t, true)
	log := logrustest.NewGlobal()
	defer logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{})
	o, _ := h.options(patched + " dead")
	assert.ErrorContains(t, Install(context.Background(), o), "rolled back")
	var messages []string
	for _, entry := range log.AllEntries() {
		messages = append(messages, entry.Message)
	}
	assert.Assert(t, is.Contains(strings.Join(messages, "\n"), "the last lines of the engine's log:\n  made to fail"))
}

func TestInterruptRollsBack(t *testing.T) {
	onEach(t, func(t *testing.T, h *fakeHost) {
		o, _ := h.options(patched)
		before := h.tree()
		ctx, cancel := context.WithCancel(context.Background())
		o.Verify = func(ctx context.Context) error { cancel(); return ctx.Err() }
		assert.ErrorIs(t, Install(ctx, o), context.Canceled)
		assert.Equal(t, h.running(), stock)
		assert.DeepEqual(t, h.tree(), before)
	})
}

func TestFullDiskRollsBack(t *testing.T) {
	onEach(t, func(t *testing.T, h *fakeHost) {
		before := h.tree()
		o, _ := h.options(patched)
		for n := 0; ; n++ {
			h.containers = map[string]string{"a": "always"}
			h.changes, h.fullAt = 0, n
			err := Install(context.Background(), o)
			h.fullAt = -1
			if err == nil {
				if h.changes <= n {
					assert.Assert(t, n >= 8, "only %d changes", n)
					return
				}
				// What failed was no write.
				assert.Equal(t, h.running(), patched)
				assert.NilError(t, Uninstall(context.Background(), o))
				continue
			}
			assert.ErrorIs(t, err, syscall.ENOSPC)
			assert.Equal(t, h.running(), stock)
			assert.DeepEqual(t, h.tree(), before)
		}
	})
}

// After a kill at any change, of an install or of a removal, the next run ends well, and the engine
// runs all the time. It makes no difference if the engine, too, ends and starts again meanwhile.
func TestKillAtAnyChange(t *testing.T) {
	ctx := context.Background()
	install := func(t *testing.T, o Options) { assert.NilError(t, Install(ctx, o)) }
	uninstall := func(t *testing.T, o Options) { assert.NilError(t, Uninstall(ctx, o)) }
	for name, test := range map[string]struct {
		before, killed func(*testing.T, Options)
		dockerd        string
	}{
		"install":              {nil, install, patched},
		"uninstall":            {install, uninstall, patched},
		"install over another": {func(t *testing.T, o Options) { install(t, o) }, install, "29.8.1+ethseq.3"},
		"roll-back":            {nil, func(t *testing.T, o Options) { assert.Check(t, Install(ctx, o) != nil) }, patched + " crashes"},
	} {
		for _, next := range []string{"install", "uninstall"} {
			t.Run(name+", then "+next, func(t *testing.T) {
				t.Parallel()
				for k := range 4 {
					systemd, ends := k&1 == 0, k&2 == 0
					for n, was := 0, true; was; n++ {
						h := newHost(t, systemd)
						before := h.tree()
						o, _ := h.options(patched)
						if test.before != nil {
							test.before(t, o)
						}
						bad, _ := h.options(test.dockerd)
						was = h.kill(n, func() { test.killed(t, bad) })
						// If the engine or the machine ended now, it would start again.
						assert.Assert(t, strings.HasPrefix(h.dockerd(h.unit), stock), "killed at %d", n)
						assert.Assert(t, !systemd || strings.HasPrefix(h.dockerd(execStart(h.cat())), stock), "killed at %d", n)
						if ends {
							h.start()
						}
						if !strings.Contains(test.dockerd, "crashes") {
							assert.Assert(t, h.running() != "", "killed at %d", n)
						}
						if next == "install" {
							install(t, o)
							assert.Equal(t, h.running(), patched, "killed at %d", n)
						}
						uninstall(t, o)
						assert.Equal(t, h.running(), stock, "killed at %d", n)
						assert.DeepEqual(t, h.tree(), before)
					}
				}
			})
		}
	}
}

// After a kill at any change of an install whose engine is bad, systemd brings the host's own engine
// back, as a reboot does, and the next run leaves nothing behind.
func TestSystemdRollsBackWhatAKillLeaves(t *testing.T) {
	for _, fault := range []string{"dead", "hangs", "crashes"} {
		for _, over := range []bool{false, true} {
			for _, reboot := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, over another: %v, reboot: %v", fault, over, reboot), func(t *testing.T) {
					t.Parallel()
					fired := 0
					for n, was := 0, true; was; n++ {
						h := newHost(t, true)
						before := h.tree()
						if over {
							o, _ := h.options("29.8.1+ethseq.1")
							assert.NilError(t, Install(context.Background(), o))
						}
						o, _ := h.options(patched + " " + fault)
						was = h.kill(n, func() { assert.Check(t, Install(context.Background(), o) != nil) })
						if reboot {
							h.guard = ""
							assert.NilError(t, os.RemoveAll(h.Path("/run/systemd/system/docker.service.d")))
							h.unit = execStart(h.cat())
							h.start()
						} else if h.guard != "" {
							fired++
							h.fireGuard()
						}
						version, bad, _ := strings.Cut(h.engine, " ")
						assert.Assert(t, bad == "" && version != "", "killed at %d: %q runs", n, h.engine)
						assert.NilError(t, Uninstall(context.Background(), o))
						assert.Equal(t, h.running(), stock)
						assert.Equal(t, h.guard, "")
						assert.DeepEqual(t, h.tree(), before)
					}
					assert.Assert(t, reboot || fired > 1)
				})
			}
		}
	}
}

func TestWithoutARestartCommandTheUserRestarts(t *testing.T) {
	h := newHost(t, false)
	before := h.tree()
	o, out := h.options(patched)
	o.Restart = ""
	assert.NilError(t, Install(context.Background(), o))
	assert.Equal(t, h.pid, 1)
	assert.Assert(t, strings.Contains(out.String(), "it runs when you restart"), out)
	assert.NilError(t, Uninstall(context.Background(), o))
	assert.Equal(t, h.pid, 1)
	assert.DeepEqual(t, h.tree(), before)
}

func TestUninstallLeavesAnUpgradedPackage(t *testing.T) {
	h := newHost(t, false)
	o, _ := h.options(patched)
	assert.NilError(t, Install(context.Background(), o))
	h.file("/usr/bin/dockerd", "29.8.2")
	assert.NilError(t, Uninstall(context.Background(), o))
	assert.Equal(t, h.running(), "29.8.2")
	_, err := os.Stat(h.Path("/usr/bin/dockerd" + backup))
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestAVerifyThatCannotRunIsNoFailure(t *testing.T) {
	h := newHost(t, true)
	o, _ := h.options(patched)
	o.Verify = func(context.Context) error { return tool.CannotRunf("no room") }
	assert.NilError(t, Install(context.Background(), o))
	assert.Equal(t, h.running(), patched)
}

func TestUninstallOfAnEngineThatHangs(t *testing.T) {
	onEach(t, func(t *testing.T, h *fakeHost) {
		before := h.tree()
		o, _ := h.options(patched)
		assert.NilError(t, Install(context.Background(), o))
		h.engine = patched + " hangs"
		assert.NilError(t, Uninstall(context.Background(), o))
		assert.Equal(t, h.running(), stock)
		assert.DeepEqual(t, h.tree(), before)
	})
}

func TestLiveRestoreContainersMustRun(t *testing.T) {
	h := newHost(t, true)
	i := installer{Options: Options{Host: h}}
	for _, want := range []int{2, 3} {
		must, err := i.containers(context.Background())
		assert.NilError(t, err)
		assert.Equal(t, len(must), want)
		h.live = true
	}
}

// As with an ExecStartPre: systemd holds a question back until there is a process.
func TestInstallWaitsForAProcess(t *testing.T) {
	h := newHost(t, true)
	o, _ := h.options(patched)
	looks := -1
	h.intercept = func(command string) (string, bool, error) {
		switch {
		case command == "systemctl --no-block restart docker.service":
			looks = 0
		case strings.HasPrefix(command, "systemctl show") && looks >= 0 && looks < 5:
			looks++
			return "MainPID=0\nActiveState=activating\n", true, nil
		}
		return "", false, nil
	}
	assert.NilError(t, Install(context.Background(), o))
	assert.Equal(t, looks, 5)
}

// Upstream's unit gives an engine any time to end.
func TestRestartKillsAnEngineThatDoesNotEnd(t *testing.T) {
	h := newHost(t, true)
	o, _ := h.options(patched)
	o.StopLimit = 20 * time.Millisecond
	queued := false
	h.intercept = func(command string) (string, bool, error) {
		switch command {
		case "systemctl --no-block restart docker.service":
			queued = true
			return "", true, nil
		case "sh -c " + killEngine:
			assert.Assert(t, queued)
			h.start()
			return "", true, nil
		}
		return "", false, nil
	}
	assert.NilError(t, Install(context.Background(), o))
}

func TestRestartCommandCanBeCorrected(t *testing.T) {
	h := newHost(t, false)
	o, _ := h.options(patched)
	h.intercept = func(command string) (string, bool, error) {
		if command == "sh -c typo" {
			return "", false, errors.New("typo: not found")
		}
		return "", false, nil
	}
	o.Restart = "typo"
	assert.ErrorContains(t, Install(context.Background(), o), "the roll-back failed too")
	o.Restart = "restart it"
	assert.NilError(t, Install(context.Background(), o))
	assert.Equal(t, h.running(), patched)
}

func TestInterruptDoesNotEndAnUninstall(t *testing.T) {
	onEach(t, func(t *testing.T, h *fakeHost) {
		o, _ := h.options(patched)
		assert.NilError(t, Install(context.Background(), o))
		ctx, cancel := context.WithCancel(context.Background())
		h.intercept = func(command string) (string, bool, error) {
			if strings.Contains(command, "restart") {
				cancel()
			}
			return "", false, nil
		}
		assert.NilError(t, Uninstall(ctx, o))
		assert.Equal(t, h.running(), stock)
	})
}

func TestUninstallFindsADockerdThatMoved(t *testing.T) {
	h := newHost(t, true)
	o, _ := h.options(patched)
	assert.NilError(t, Install(context.Background(), o))
	assert.NilError(t, os.Remove(h.Path("/usr/bin/dockerd")))
	h.file("/usr/sbin/dockerd", stock)
	h.file("/usr/lib/systemd/system/docker.service", "[Service]\nExecStart=/usr/sbin/dockerd -H fd://\n")
	assert.NilError(t, Uninstall(context.Background(), o))
	assert.Equal(t, h.unit, "/usr/sbin/dockerd -H fd://")
	assert.Equal(t, h.running(), stock)
}

func TestUninstallAfterThePackageIsGone(t *testing.T) {
	h := newHost(t, true)
	o, _ := h.options(patched)
	assert.NilError(t, Install(context.Background(), o))
	assert.NilError(t, os.Remove(h.Path("/usr/bin/dockerd")))
	assert.NilError(t, Uninstall(context.Background(), o))
	_, err := os.Stat(h.Path(journalFile))
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestUninstallWithoutTheJournal(t *testing.T) {
	h := newHost(t, true)
	before := h.tree()
	o, _ := h.options(patched)
	assert.NilError(t, Install(context.Background(), o))
	assert.NilError(t, os.RemoveAll(h.Path("/var/lib/ethorder")))
	assert.NilError(t, Uninstall(context.Background(), o))
	assert.Equal(t, h.running(), stock)
	assert.DeepEqual(t, h.tree(), before)
}

func TestALinkToTheFolderOfDropInsStays(t *testing.T) {
	h := newHost(t, true)
	assert.NilError(t, os.Mkdir(h.Path("/conf"), 0o755))
	assert.NilError(t, os.Symlink(h.Path("/conf"), h.Path("/etc/systemd/system/docker.service.d")))
	o, _ := h.options(patched)
	assert.NilError(t, Install(context.Background(), o))
	assert.NilError(t, Uninstall(context.Background(), o))
	_, err := os.Lstat(h.Path("/etc/systemd/system/docker.service.d"))
	assert.NilError(t, err)
}

func TestTheNewEngineHasTheLabelOfTheOld(t *testing.T) {
	onEach(t, func(t *testing.T, h *fakeHost) {
		const label = "system_u:object_r:container_runtime_exec_t:s0"
		if err := unix.Setxattr(h.Path("/usr/bin/dockerd"), selinuxLabel, []byte(label), 0); err != nil {
			t.Skip("labels cannot be set here: ", err)
		}
		o, _ := h.options(patched)
		assert.NilError(t, Install(context.Background(), o))
		path := "/usr/bin/dockerd"
		if h.systemd {
			path = ownDockerd
		}
		got := make([]byte, 100)
		n, err := unix.Getxattr(h.Path(path), selinuxLabel, got)
		assert.NilError(t, err)
		assert.Equal(t, string(got[:n]), label)
	})
}
