// Package libnetwork tests the heap in its place: in the libnetwork that 17.12.1
// vendors, as the patches of its line leave it, and as it was before.
//
//	sudo go test -v -run Heap ./e2e/libnetwork
//
// What is built is the module in v17_12, with the dependencies and the toolchain
// of that engine. It does not need the engine. It runs in network and mount
// namespaces of its own.
package libnetwork

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/moby"
	"ethorder/internal/sandbox"
)

const (
	module = "github.com/docker/libnetwork"
	// patches is the line of 17.12.1, seen from here.
	patches = "../../patch/17.06"
	// parallel is how many packages are built and tested at once.
	parallel = "2"
)

// isolatedEnv holds the folder that stays visible to an isolated process. It also
// tells this binary to be the start of one.
const isolatedEnv = "LIBNETWORK_TEST_ISOLATED"

// TestMain runs the tests. As go test -exec of other tests, it runs those in
// isolation instead.
func TestMain(m *testing.M) {
	if dir := os.Getenv(isolatedEnv); dir != "" && len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "isolate:", sandbox.Exec(dir, os.Args[1:]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// A tree is a copy of libnetwork that the module in v17_12 is built with.
type tree struct {
	dir     string // holds all that the tests may write to
	modfile string
	tags    string
	env     []string
}

// needIsolation skips the test where it cannot run.
func needIsolation(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs libnetwork, which takes minutes")
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, for network namespaces: sudo go test -v -run Heap ./e2e/libnetwork")
	}
	for _, tool := range []string{"git", "iptables"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s: %v", tool, err)
		}
	}
}

// newTree lays the stock libnetwork in a new folder, and the patches on top if
// patched is set.
func newTree(t *testing.T, patched bool) *tree {
	t.Helper()
	tr := &tree{dir: t.TempDir()}
	gomod, err := os.ReadFile("v17_12/go.mod")
	assert.NilError(t, err)
	toolchain := regexp.MustCompile(`(?m)^toolchain (\S+)$`).FindSubmatch(gomod)
	assert.Assert(t, toolchain != nil, "v17_12/go.mod has no toolchain line")
	tr.env = append(os.Environ(), "GOTOOLCHAIN="+string(toolchain[1]), "GOFLAGS=", "GOWORK=off", "LC_ALL=C",
		// Only here, test binaries stay visible in isolation.
		"GOTMPDIR="+tr.dir)

	download, err := tr.command("v17_12", "go", "mod", "download", "-json", module).Output()
	assert.NilError(t, err, "go mod download %s: %s", module, stderrOf(err))
	var stock struct{ Dir string }
	assert.NilError(t, json.Unmarshal(download, &stock))

	// The paths of a patch are those of moby's tree.
	src := filepath.Join(tr.dir, "vendor", module)
	assert.NilError(t, os.CopyFS(src, os.DirFS(stock.Dir)))
	// A module without a go.mod is of this language.
	assert.NilError(t, os.WriteFile(filepath.Join(src, "go.mod"), []byte("module "+module+"\n\ngo 1.16\n"), 0o644))
	if patched {
		tr.tags = "patched"
		tr.patch(t)
	}

	tr.modfile = filepath.Join(tr.dir, "v17_12.mod")
	gomod = fmt.Appendf(gomod, "\nreplace %s => %s\n", module, src)
	assert.NilError(t, os.WriteFile(tr.modfile, gomod, 0o644))
	gosum, err := os.ReadFile("v17_12/go.sum")
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(filepath.Join(tr.dir, "v17_12.sum"), gosum, 0o644))
	return tr
}

// patch applies what the series does to libnetwork, and nothing else of it.
func (tr *tree) patch(t *testing.T) {
	t.Helper()
	series, err := os.ReadFile(filepath.Join(patches, "series"))
	assert.NilError(t, err)
	for line := range strings.Lines(string(series)) {
		name := strings.TrimSpace(line)
		if name == "" || strings.HasPrefix(name, "#") {
			continue
		}
		file, err := filepath.Abs(filepath.Join(patches, name))
		assert.NilError(t, err)
		apply := tr.command(tr.dir, "git", "apply", "--include=vendor/"+module+"/*", file)
		apply.Env = append(apply.Env, "GIT_CEILING_DIRECTORIES="+filepath.Dir(tr.dir))
		out, err := apply.CombinedOutput()
		assert.NilError(t, err, "git apply %s: %s", name, out)
	}
	_, err = os.Stat(filepath.Join(tr.dir, "vendor", module, "epheap.go"))
	assert.NilError(t, err, "the series of %s does not install epheap.go", patches)
}

func (tr *tree) command(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = slices.Clone(tr.env)
	return cmd
}

// test runs go test with the arguments, in isolation. It returns how each test
// ended, "pass", "fail" or "skip", by its name of the form package.Test, and the
// output of all.
func (tr *tree) test(t *testing.T, args ...string) (results moby.Results, output string) {
	t.Helper()
	self, err := os.Executable()
	assert.NilError(t, err)
	// Isolation must find this binary too.
	isolator := filepath.Join(tr.dir, "isolate")
	data, err := os.ReadFile(self)
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(isolator, data, 0o755))

	// The vet of a newer Go than upstream's finds fault with upstream's tests.
	cmd := tr.command("v17_12", "go", append([]string{"test", "-json", "-vet=off", "-count=1", "-p=" + parallel,
		"-modfile=" + tr.modfile, "-tags=" + tr.tags, "-exec=" + isolator}, args...)...)
	cmd.Env = append(cmd.Env, isolatedEnv+"="+tr.dir)
	var stdout, all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &all
	err = cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}

	results, err = moby.ReadResults(&stdout, &all)
	assert.NilError(t, err)
	return results, all.String()
}

func stderrOf(err error) string {
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return string(exit.Stderr)
	}
	return ""
}

// keep writes the output of a run to where it outlives the test, and returns the
// path.
func keep(t *testing.T, name, output string) string {
	t.Helper()
	dir, err := filepath.Abs("../../out/log")
	assert.NilError(t, err)
	assert.NilError(t, os.MkdirAll(dir, 0o755))
	file := filepath.Join(dir, name)
	assert.NilError(t, os.WriteFile(file, []byte(output), 0o644))
	return file
}

// The trees are compared by these names, in this order.
var trees = []string{"stock", "patched"}

// TestHeapInLibnetworkOrdersEths runs the test of v17_12, which drives libnetwork's
// public API, against the stock and the patched package.
func TestHeapInLibnetworkOrdersEths(t *testing.T) {
	needIsolation(t)
	const name = "ethorder/e2e/libnetwork/v17_12.TestHeapEthsComeUpInAttachOrder"
	want := []string{"fail", "pass"}
	inOrder := regexp.MustCompile(`in attach order: (\d+) of (\d+) starts`)
	gateway := regexp.MustCompile(`, gateway (\S+): `)

	gateways := make([][]string, len(trees))
	t.Run("against", func(t *testing.T) {
		for i, what := range trees {
			tr := newTree(t, what == "patched")
			t.Run(what, func(t *testing.T) {
				t.Parallel() // a start waits more than it works
				results, output := tr.test(t, "-run=Heap", ".")
				log := keep(t, "libnetwork-order-"+what+".log", output)
				count := inOrder.FindStringSubmatch(output)
				assert.Assert(t, count != nil, "the test did not come to a count; evidence: %s", log)
				t.Logf("eths in attach order with the %s libnetwork: %s of %s starts; evidence: %s", what, count[1], count[2], log)
				assert.Equal(t, results[name], want[i], "the test of the order, against the %s libnetwork; evidence: %s", what, log)
				for _, m := range gateway.FindAllStringSubmatch(output, -1) {
					gateways[i] = append(gateways[i], m[1])
				}
			})
		}
	})
	if t.Failed() {
		return
	}
	assert.DeepEqual(t, gateways[1], gateways[0])
	t.Logf("default gateway of the %d starts, stock and patched: %s", len(gateways[1]), slices.Compact(gateways[1]))
}

// TestHeapInLibnetworkPassesUpstreamsTests runs the tests that libnetwork brings,
// in the stock tree and in the patched one. All that pass there must pass here.
// What fails or does not build in the stock tree is not asked for.
func TestHeapInLibnetworkPassesUpstreamsTests(t *testing.T) {
	needIsolation(t)
	list, err := os.ReadFile("upstream.txt")
	assert.NilError(t, err)
	args := []string{"-timeout=150s"}
	for line := range strings.Lines(string(list)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			args = append(args, path.Join(module, line))
		}
	}
	// As upstream ran them: no test leaves the network namespace that it finds.
	args = append(args, "-args", "-incontainer")

	results := make([]moby.Results, len(trees))
	for i, what := range trees {
		var output string
		results[i], output = newTree(t, what == "patched").test(t, args...)
		log := keep(t, "libnetwork-upstream-"+what+".log", output)
		t.Logf("upstream's tests in the %s libnetwork: %s; evidence: %s", what, results[i], log)
	}
	for _, problem := range moby.Compare(results[0], results[1]) {
		t.Error(problem)
	}
	for _, name := range []string{"TestSandboxAddMultiPrio", "TestSandboxAddSamePrio"} {
		assert.Equal(t, results[1][module+"."+name], "pass", "%s in the patched libnetwork", name)
	}
}
