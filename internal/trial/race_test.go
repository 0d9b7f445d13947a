package trial

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"ethorder/internal/report"
)

const raceLog = `level=info msg="API listen"
==================
WARNING: DATA RACE
Write at 0x00c000124010 by goroutine 31:
  runtime.mapassign_faststr()
      runtime/map_faststr.go:203 +0x0
  github.com/docker/docker/daemon.(*Daemon).number()
      github.com/docker/docker/daemon/number.go:2 +0x1a4
  net/http.HandlerFunc.ServeHTTP()
      net/http/server.go:2136 +0x47

Previous read at 0x00c000124010 by goroutine 29:
  github.com/docker/libnetwork.(*sandbox).SetKey()
      github.com/docker/libnetwork@v0.8.0-dev.2/sandbox.go:1 +0x2f

Goroutine 31 (running) created at:
  net/http.(*Server).Serve()
      net/http/server.go:3086 +0x80
==================
level=info msg="more"
==================
WARNING: DATA RACE
Read at 0x00c000124010 by goroutine 33:
  github.com/docker/libnetwork.(*sandbox).SetKey()
      github.com/docker/libnetwork@v0.8.0-dev.2/sandbox.go:1 +0x2f

Previous write at 0x00c000124010 by goroutine 31:
  github.com/docker/docker/daemon.(*Daemon).number()
      github.com/docker/docker/daemon/number.go:2 +0x1a4

==================
`

func TestReports(t *testing.T) {
	found := raceReports(raceLog)
	assert.Equal(t, len(found), 1) // either of them was the first to be noticed
	r, ok := found["github.com/docker/docker/daemon.(*Daemon).number and github.com/docker/libnetwork.(*sandbox).SetKey"]
	assert.Assert(t, ok, "%v", found)
	assert.Equal(t, len(r.frames), 2)
	assert.Equal(t, len(raceReports("nothing")), 0)
}

func TestReportTouchesWhatAPatchAdds(t *testing.T) {
	number, sandbox := filepath.Join("daemon", "number.go"), filepath.Join("vendor", "github.com", "docker", "libnetwork", "sandbox.go")
	stock := map[string]string{number: "a\nb\n", sandbox: "c\n"}
	for _, test := range []struct {
		patched map[string]string
		want    bool
	}{
		{map[string]string{number: "a\nb\nnew\n", sandbox: "c\nnew\n"}, false},
		{map[string]string{number: "a\nnew\nb\n", sandbox: "c\n"}, true},
		{map[string]string{number: "a\nb\n", sandbox: "new\nc\n"}, true},
	} {
		before, after := tree(t, stock), tree(t, test.patched)
		for _, r := range raceReports(raceLog) {
			got, err := r.touches(before, after)
			assert.NilError(t, err)
			assert.Equal(t, got, test.want, "%v", test.patched)
		}
		o, err := newRaces(nil, raceReports(raceLog), before, after)
		assert.NilError(t, err)
		own := 0
		if test.want {
			own = 1
		}
		assert.DeepEqual(t, o.Figures, report.Figures{report.Races: 1, report.NewRaces: 1, report.OwnRaces: own})
		assert.Equal(t, o.Problem != "", test.want)
		o, err = newRaces(raceReports(raceLog), raceReports(raceLog), before, after)
		assert.NilError(t, err)
		assert.DeepEqual(t, o, Outcome{Figures: report.Figures{report.Races: 1, report.NewRaces: 0, report.OwnRaces: 0}})
	}
}

// tree makes files.
func tree(t *testing.T, files map[string]string) string {
	root := t.TempDir()
	for path, text := range files {
		path = filepath.Join(root, path)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return root
}
