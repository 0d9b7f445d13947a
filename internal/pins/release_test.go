package pins

import (
	"errors"
	"os"
	"strings"
	"testing"

	"ethorder/internal/repo"
	"ethorder/internal/tool"

	"gotest.tools/v3/assert"
)

const sum = "h1:JF3ixBk1BbHBmKGimGdei9/2mFcc2rKOReZ+nketjOI="

var commit = strings.Repeat("0a", 20)

func row(fields ...string) string { return strings.Join(fields, "\t") + "\n" }

func table(rows ...string) string {
	return "# comment\n\n" + row("release", "line", "module", "version", "sum", "tag", "commit", "toolchain", "runc", "runc-sum") + strings.Join(rows, "")
}

// parse loads a table with this text.
func parse(t *testing.T, text string) (Table, error) {
	root := repo.Root(t.TempDir())
	assert.NilError(t, os.Mkdir(root.Path("patch"), 0o755))
	assert.NilError(t, os.WriteFile(root.Path("patch", "releases.tsv"), []byte(text), 0o644))
	return Load(root)
}

func good(name, line string) string {
	return row(name, line, "example.com/m", "v1.0.0", sum, "v"+name, commit, "go1.21.13", "debian", "-")
}

func TestTheTableOfTheRepositoryIsSound(t *testing.T) {
	root, err := repo.Find()
	assert.NilError(t, err)
	tab, err := Load(root)
	assert.NilError(t, err)
	for _, name := range []string{"17.12.1", "29.8.1"} {
		_, err := tab.Find(name)
		assert.NilError(t, err)
	}
}

func TestParseRefusesABadTable(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"no header", "", "no release"},
		{"other columns", row("release", "line") + row("17.12.1", "17.12"), "missing columns"},
		{"few fields", table("17.12.1\t17.12\n"), "wrong number of fields"},
		{"empty field", table(strings.Replace(good("17.12.1", "17.12"), "debian", "", 1)), `runc "" needs an h1: checksum`},
		{"not a version", table(good("latest", "17.12")), `"latest" is not a version`},
		{"line leaves patch/", table(good("17.12.1", "../x")), "not a directory name"},
		{"module without sum", table(strings.Replace(good("17.12.1", "17.12"), sum, "-", 1)), "go together"},
		{"short sum", table(strings.Replace(good("17.12.1", "17.12"), sum, "h1:abc=", 1)), "not an h1: checksum"},
		{"tag without commit", table(strings.Replace(good("17.12.1", "17.12"), commit, "-", 1)), "tag and commit go together"},
		{"commit without tag", table(strings.Replace(good("17.12.1", "17.12"), "\tv17.12.1\t", "\t-\t", 1)), "tag and commit go together"},
		{"no source", table(row("17.12.1", "17.12", "-", "-", "-", "-", "-", "go1.21.13", "debian", "-")), "neither a module nor a commit"},
		{"short commit", table(strings.Replace(good("17.12.1", "17.12"), commit, "0a0a", 1)), "not a full commit id"},
		{"runc without sum", table(strings.Replace(good("17.12.1", "17.12"), "debian", "v1.4.3", 1)), "needs an h1: checksum"},
		{"twice", table(good("17.12.1", "17.12"), good("17.12.1", "17.12")), "twice"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := parse(t, tc.text)
			assert.ErrorContains(t, err, tc.want)
		})
	}
}

func TestAnUnknownReleaseNamesItsNeighbours(t *testing.T) {
	tab, err := parse(t, table(good("17.06.0", "17.12"), good("17.12.1", "17.12"), good("29.7.1", "29.5"), good("29.10.0", "29.5")))
	assert.NilError(t, err)
	for _, tc := range []struct{ ask, near, line string }{
		{"17.09.0", "17.06.0, 17.12.1", "--line 17.12 "},
		{"29.8.0", "29.7.1, 29.10.0", "--line 29.5 "},
		{"30.0.0", "known: 29.10.0\n", "--line 29.5 "},
		{"1.13.1", "known: 17.06.0\n", "--line 17.12 "},
	} {
		t.Run(tc.ask, func(t *testing.T) {
			_, err := tab.Find(tc.ask)
			var usage *tool.Exit
			assert.Assert(t, errors.As(err, &usage) && usage.Status == tool.Usage)
			assert.ErrorContains(t, err, tc.near)
			assert.ErrorContains(t, err, tc.line)
		})
	}
	_, err = tab.Find("newest")
	assert.ErrorContains(t, err, "not a Docker Engine version")
}

func TestAnUnknownLineNamesItsNeighbours(t *testing.T) {
	tab, err := parse(t, table(good("17.12.1", "17.12"), good("29.7.1", "29.5")))
	assert.NilError(t, err)
	assert.NilError(t, tab.CheckLine("29.5"))
	for ask, near := range map[string]string{"29.4": "17.12, 29.5", "30.0": "known: 29.5", "9.9": "known: 17.12", "29.5.0": "known: 29.5", "../x": "known: 17.12"} {
		err := tab.CheckLine(ask)
		var usage *tool.Exit
		assert.Assert(t, errors.As(err, &usage) && usage.Status == tool.Usage, ask)
		assert.ErrorContains(t, err, near)
	}
}

func TestARowIsReadBackAsItWas(t *testing.T) {
	tagged := Release{Name: "29.8.0", Line: "29.8", Tag: "docker-v29.8.0", Commit: commit, Toolchain: "go1.26.8", Runc: "debian"}
	module := Release{Name: "29.8.1", Line: "29.8", Module: "example.com/m", Version: "v1.0.0", Sum: sum, Toolchain: "go1.26.8", Runc: "debian"}
	tab, err := parse(t, table(tagged.Row()+"\n", module.Row()+"\n"))
	assert.NilError(t, err)
	assert.DeepEqual(t, tab, Table{tagged, module})
	assert.NilError(t, tagged.CheckCommit())
	assert.ErrorContains(t, module.CheckCommit(), "29.8.1 comes from its Go module only, example.com/m@v1.0.0")
}

func TestSelectKeepsWhatIsAvailable(t *testing.T) {
	module := row("1.1.0", "1.0", "example.com/m", "v1.0.0", sum, "-", "-", "go1.21.13", "debian", "-")
	git := row("1.2.0", "1.0", "-", "-", "-", "v1.2.0", commit, "go1.21.13", "debian", "-")
	tab, err := parse(t, table(good("1.0.0", "1.0"), module, git))
	assert.NilError(t, err)
	for clone, want := range map[bool]Table{false: tab[:2], true: tab} {
		rows, err := tab.Select(nil, clone)
		assert.NilError(t, err)
		assert.DeepEqual(t, rows, want)
	}
	_, err = tab.Select([]string{"1.2.0"}, false)
	assert.ErrorContains(t, err, "MOBY_REPO=<clone> (tag v1.2.0)")
}

func TestTheNameOfANewLine(t *testing.T) {
	tab, err := parse(t, table(good("29.7.1", "29.5")))
	assert.NilError(t, err)
	for name, want := range map[string]string{"29.8.0": "29.8", "29.7.3": "29.7.3", "29.5.0": "29.5.0", "30.0": "30.0"} {
		assert.Equal(t, tab.NewLine(name), want)
	}
}
