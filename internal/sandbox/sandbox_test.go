package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// execEnv holds the folder for Exec. It tells this program to call it.
const execEnv = "SANDBOX_TEST_EXEC"

func TestMain(m *testing.M) {
	Init()
	if dir := os.Getenv(execEnv); dir != "" {
		fmt.Fprintln(os.Stderr, Exec(dir, os.Args[1:]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// write does what a program in a sandbox may do to a machine. It says what it could not do.
const write = `
	export PATH=/usr/sbin:/usr/bin:/sbin:/bin
	ip link add ethorder0 type bridge || echo no interface
	for dir in /run /etc/docker /etc /var/lib/docker /var/lib "$DIR" /usr /var; do
		touch "$dir/ethorder-file" 2>/dev/null || echo no file in $dir
	done
	touch /etc/passwd
	ls /etc/docker /var/lib/docker
	cat /etc/resolv.conf
	`

// readOnly is what it says.
const readOnly = "no file in /usr\nno file in /var\n/etc/docker:\nethorder-file\n\n/var/lib/docker:\nethorder-file\nnameserver 127.0.0.1\n"

// machine fails the test unless the machine is at its end as it is now.
func machine(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a sandbox needs root")
	}
	look := func() string {
		etc, err := filepath.Glob("/etc/*")
		assert.NilError(t, err)
		passwd, err := os.Stat("/etc/passwd")
		assert.NilError(t, err)
		return fmt.Sprint(etc, passwd.ModTime())
	}
	before := look()
	t.Cleanup(func() {
		assert.Check(t, is.Equal(look(), before))
		for _, path := range []string{
			"/sys/class/net/ethorder0", "/run/ethorder-file", "/run/ethorder", "/etc/docker/ethorder-file", "/etc/ethorder-file",
			"/tmp/ethorder-file", "/usr/ethorder-file", "/var/ethorder-file", "/var/lib/docker/ethorder-file", "/var/lib/ethorder-file",
		} {
			_, err := os.Lstat(path)
			assert.Check(t, os.IsNotExist(err), "%s is on the machine", path)
		}
	})
}

// newDir makes the folder of a sandbox, in a folder that is hidden or not.
func newDir(t *testing.T, parent string) string {
	t.Helper()
	dir, err := os.MkdirTemp(parent, "ethorder-test-")
	assert.NilError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestSandboxIsPrivate(t *testing.T) {
	machine(t)
	for _, parent := range []string{"", "/var/lib"} {
		dir := newDir(t, parent)
		s, err := Start(dir)
		assert.NilError(t, err)
		defer s.Close()
		cmd := s.Command(context.Background(), "/bin/sh", "-c", write+`
			mkdir /sys/fs/cgroup/devices/"$(basename "$DIR")" || echo no cgroup
			[ "$(ls /proc | grep -c '^[0-9]')" -lt 12 ] || echo sees the processes of others
			setsid /bin/sleep 1000 >/dev/null 2>&1 &
			sleep 0.1
			echo $! >"$DIR/sleeps"`)
		cmd.Env = append(cmd.Env, "DIR="+dir)
		out, err := cmd.CombinedOutput()
		assert.NilError(t, err, "%s", out)
		assert.Check(t, is.Equal(string(out), readOnly))

		for path, there := range map[string]bool{dir + "/ethorder-file": true, s.Path("/run/ethorder-file"): true} {
			_, err := os.Stat(path)
			assert.Check(t, (err == nil) == there, "%s: %v", path, err)
		}
		assert.NilError(t, s.Close())
		assertGone(t, dir)
		assert.NilError(t, s.Close(), "to close it again does no harm")
	}
}

// assertGone checks that a sandbox has left no folder, no cgroup and no process.
func assertGone(t *testing.T, dir string) {
	t.Helper()
	_, err := os.Lstat(dir)
	assert.Check(t, os.IsNotExist(err), "the folder is left")
	cgroups, err := filepath.Glob("/sys/fs/cgroup/*/" + filepath.Base(dir))
	assert.NilError(t, err)
	assert.Check(t, is.Len(cgroups, 0))
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	assert.NilError(t, err)
	for _, environ := range environs {
		text, _ := os.ReadFile(environ)
		assert.Check(t, !strings.Contains(string(text), "DIR="+dir+"\x00"), "%s is left", environ)
	}
}

// ownerEnv holds the folder of the sandbox that this program is to start and not to close.
const ownerEnv = "SANDBOX_TEST_OWNER"

func TestSandboxClosesWhenItsOwnerIsKilled(t *testing.T) {
	if dir := os.Getenv(ownerEnv); dir != "" {
		s, err := Start(dir)
		assert.NilError(t, err)
		cmd := s.Command(context.Background(), "/bin/sh", "-c", `
			/bin/mkdir /sys/fs/cgroup/freezer/"$(/usr/bin/basename "$DIR")"
			echo $$ >/sys/fs/cgroup/freezer/"$(/usr/bin/basename "$DIR")"/cgroup.procs
			exec /bin/sleep 1000`)
		cmd.Env = append(cmd.Env, "DIR="+dir)
		assert.NilError(t, cmd.Start())
		time.Sleep(200 * time.Millisecond)
		assert.NilError(t, os.WriteFile(dir+"/started", nil, 0o644))
		select {}
	}
	machine(t)
	for _, parent := range []string{"", "/var/lib"} {
		dir := newDir(t, parent)
		owner := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$")
		owner.Env = append(os.Environ(), ownerEnv+"="+dir)
		assert.NilError(t, owner.Start())
		await := func(path string, there bool) {
			t.Helper()
			for range 200 {
				if _, err := os.Stat(path); (err == nil) == there {
					return
				}
				time.Sleep(50 * time.Millisecond)
			}
			t.Fatalf("after 10 s, %s is not as wanted: there %v", path, there)
		}
		await(dir+"/started", true)
		assert.NilError(t, owner.Process.Kill())
		_ = owner.Wait()
		await(dir, false)
		assertGone(t, dir)
	}
}

func TestStartNamesAFolderThatIsNotThere(t *testing.T) {
	machine(t)
	_, err := Start("/no/folder")
	assert.ErrorContains(t, err, "prepare the sandbox: mount \"/no/folder\"")
}

func TestStartNeedsInit(t *testing.T) {
	initialized = false
	defer func() { initialized = true }()
	_, err := Start(t.TempDir())
	assert.ErrorContains(t, err, "sandbox.Init")
}

func TestExecIsPrivate(t *testing.T) {
	machine(t)
	for _, parent := range []string{"", "/var/lib"} {
		dir := newDir(t, parent)
		cmd := exec.Command("/proc/self/exe", "/bin/sh", "-c", write+`
			touch /tmp/ethorder-file || echo no file in /tmp
			touch working-file || echo no file in the working directory
			[ "$(ls -A /sys/class/net | grep -cx 'lo\|uplink\|ethorder0')" = 3 ] || echo no uplink`)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), execEnv+"="+dir, "DIR="+dir)
		out, err := cmd.CombinedOutput()
		assert.NilError(t, err, "%s", out)
		assert.Check(t, is.Equal(string(out), readOnly))
		_, err = os.Stat(dir + "/ethorder-file")
		assert.NilError(t, err)
	}
}
