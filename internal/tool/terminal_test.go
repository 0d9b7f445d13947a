package tool

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fatih/color"
	"github.com/sirupsen/logrus"
	"gotest.tools/v3/assert"
)

// terminal returns a terminal, and a file that is none.
func terminal(t *testing.T) (tty, file *os.File) {
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	assert.NilError(t, err)
	t.Cleanup(func() { _ = tty.Close() })
	file, err = os.Create(filepath.Join(t.TempDir(), "file"))
	assert.NilError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return tty, file
}

func TestPaintIsForTerminals(t *testing.T) {
	tty, file := terminal(t)
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	assert.Equal(t, Paint(tty, color.FgRed)("bad"), "\x1b[31mbad\x1b[0m")
	assert.Equal(t, Paint(file, color.FgRed)("bad"), "bad")
	assert.Equal(t, Paint(&bytes.Buffer{}, color.FgRed)("bad"), "bad")
	t.Setenv("TERM", "dumb")
	assert.Equal(t, Paint(tty, color.FgRed)("bad"), "bad")
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "1")
	assert.Equal(t, Paint(tty, color.FgRed)("bad"), "bad")
}

func TestProgressIsForTerminals(t *testing.T) {
	tty, file := terminal(t)
	progressEvery = 10 * time.Millisecond
	defer func() {
		progressEvery = 10 * time.Second
		logrus.SetOutput(os.Stderr)
	}()
	for _, w := range []*os.File{tty, file} {
		logrus.SetOutput(w)
		logged := countLogs(t)
		_, err := Run(ctx, Cmd{What: "wait", Args: []string{"sleep", "0.2"}})
		assert.NilError(t, err)
		assert.Equal(t, *logged > 0, w == tty)
	}
}

// countLogs counts the messages from now on.
func countLogs(t *testing.T) *int {
	n := new(int)
	hooks := logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{})
	t.Cleanup(func() { logrus.StandardLogger().ReplaceHooks(hooks) })
	logrus.AddHook(counter{n})
	return n
}

type counter struct{ n *int }

func (counter) Levels() []logrus.Level     { return logrus.AllLevels }
func (c counter) Fire(*logrus.Entry) error { *c.n++; return nil }
