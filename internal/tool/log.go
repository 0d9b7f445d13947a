package tool

import (
	"fmt"
	"os"
	"strings"

	"github.com/sirupsen/logrus"
)

// LogPlainly has messages go to stderr as a person reads them.
func LogPlainly() {
	logrus.SetOutput(os.Stderr)
	logrus.SetFormatter(plainFormatter{})
}

// plainFormatter writes what a person reads, on a terminal and in a file alike:
// the time of day and the message, which may have several lines. logrus's own
// escapes the line ends of errors when stderr is not a terminal.
type plainFormatter struct{}

func (plainFormatter) Format(e *logrus.Entry) ([]byte, error) {
	level := ""
	if e.Level <= logrus.WarnLevel {
		level = e.Level.String() + ": "
	}
	return fmt.Appendf(nil, "%s %s%s\n", e.Time.Format("15:04:05"), level, strings.TrimRight(e.Message, "\n")), nil
}
