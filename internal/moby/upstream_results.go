package moby

import (
	"fmt"
	"io"
	"slices"

	"gotest.tools/gotestsum/testjson"
)

// Results says how each test ended, "pass", "fail" or "skip", by its name of the
// form package.Test.
type Results map[string]string

// ReadResults reads what go test -json printed. What the tests printed goes to log,
// and so do the messages about packages that do not build.
func ReadResults(r io.Reader, log io.Writer) (Results, error) {
	results := reader{Results{}, log}
	_, err := testjson.ScanTestOutput(testjson.ScanConfig{Stdout: r, Handler: results, IgnoreNonJSONOutputLines: true})
	return results.Results, err
}

type reader struct {
	Results
	log io.Writer
}

func (r reader) Event(e testjson.TestEvent, _ *testjson.Execution) error {
	if e.Test != "" && e.Action.IsTerminal() {
		r.Results[e.Package+"."+e.Test] = string(e.Action)
	}
	_, err := io.WriteString(r.log, e.Output)
	return err
}

func (r reader) Err(text string) error {
	_, err := fmt.Fprintln(r.log, text)
	return err
}

// Count returns how many tests ended in a way.
func (r Results) Count(result string) int {
	n := 0
	for _, got := range r {
		if got == result {
			n++
		}
	}
	return n
}

func (r Results) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", r.Count("pass"), r.Count("fail"), r.Count("skip"))
}

// Compare returns a line for each test that did not end in the patched tree as it
// must: one that passes in the stock tree must pass, and so must one that the stock
// tree does not have.
func Compare(stock, patched Results) (problems []string) {
	for name, result := range stock {
		if result == "pass" && patched[name] != "pass" {
			problems = append(problems, fmt.Sprintf("%s: got %q in the patched tree, want %q as in the stock tree", name, patched[name], result))
		}
	}
	for name, result := range patched {
		if stock[name] == "" && result != "pass" {
			problems = append(problems, fmt.Sprintf("%s: got %q in the patched tree, want %q: the stock tree does not have it", name, result, "pass"))
		}
	}
	slices.Sort(problems)
	return problems
}
