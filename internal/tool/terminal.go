package tool

import (
	"io"
	"os"

	"github.com/fatih/color"
	"github.com/mattn/go-isatty"
)

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// Paint returns a function that gives text a colour for w. It leaves the text as it is unless w is a
// terminal, and if the environment has NO_COLOR or TERM=dumb.
func Paint(w io.Writer, c color.Attribute) func(text ...any) string {
	p := color.New(c)
	p.DisableColor() // the library goes by stdout, wherever the text is written
	if IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		p.EnableColor()
	}
	return p.SprintFunc()
}
