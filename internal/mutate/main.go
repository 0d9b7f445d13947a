// Mutate breaks the rule on purpose, in one way at a time, and expects that
// "go test -run Heap" of the module's root fails each time.
//
//	go run ./internal/mutate [name...]
//
// It prints a line per mutant to stdout. The exit status is 0 if all mutants were
// caught, and 1 if one survived, no longer applies or does not compile, or if the
// tests fail without any. No file of the module is changed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// testTimeout is for the tests of one mutant, which may not end by themselves.
const testTimeout = 30 * time.Second

// A mutant replaces the only occurrence of old in a file.
type mutant struct {
	name     string
	file     string
	old, new string
}

var mutants = []mutant{
	{"sequence is not compared", "epheap.go", `si != sj {`, `si != sj && false {`},
	{"sequence is compared last", "epheap.go",
		"if si, sj := eh[i].sequence(), eh[j].sequence(); si != sj {",
		"if si, sj := eh[i].sequence(), eh[j].sequence(); si != sj && !eh[i].Less(eh[j]) && !eh[j].Less(eh[i]) {"},
	{"sequence is compared backwards", "epheap.go", `return si.before(sj)`, `return sj.before(si)`},
	{"ties are not broken", "epheap.go", `return eh[i].Less(eh[j])`, `return false`},
	{"ties are broken backwards", "epheap.go", `return eh[i].Less(eh[j])`, `return eh[j].Less(eh[i])`},
	{"ties are less both ways", "epheap.go", `return eh[i].Less(eh[j])`, `return true`},
	{"Len leaves one out", "epheap.go", `{ return len(eh) }`, `{ return max(len(eh)-1, 0) }`},
	{"Swap does nothing", "epheap.go", `{ eh[i], eh[j] = eh[j], eh[i] }`, `{}`},
	{"Swap copies", "epheap.go", `eh[i], eh[j] = eh[j], eh[i]`, `eh[i] = eh[j]`},
	{"Push puts first", "epheap.go", `*eh = append(*eh, x.(*endpoint))`, `*eh = append(epHeap{x.(*endpoint)}, *eh...)`},
	{"Push does nothing", "epheap.go", `*eh = append(*eh, x.(*endpoint))`, ``},
	{"Pop takes the first", "epheap.go", `*eh = old[0 : n-1]`, "*eh = old[1:n]"},
	{"Pop returns the first", "epheap.go", `x := old[n-1]`, `x := old[0]`},
	{"Pop leaves it there", "epheap.go", `*eh = old[0 : n-1]`, ``},
	{"Pop keeps a reference", "epheap.go", "\told[n-1] = nil\n", ""},
	{"attachOrder returns the raw array", "epheap.go", "\tsort.Stable(ordered)\n", "\t_ = sort.Stable\n"},
	{"attachOrder sorts its argument", "epheap.go", `append(epHeap(nil), eps...)`, `epHeap(eps)`},
	{"attachOrder leaves the last one as it is", "epheap.go", `sort.Stable(ordered)`, `sort.Stable(ordered[:max(len(ordered)-1, 0)])`},
	{"attachOrder is not stable", "epheap.go", `sort.Stable(ordered)`, `sort.Sort(ordered)`},

	{"unnumbered come first", "sequence.go", `return s != 0 && (t == 0 || s < t)`, `return s < t`},
	{"unnumbered come before themselves", "sequence.go", `s != 0 && (t == 0 || s < t)`, `t == 0 || s != 0 && s < t`},
	{"numbers count down", "sequence.go", `s < t)`, `s > t)`},
	{"numbers come before themselves", "sequence.go", `s < t)`, `s <= t)`},
	{"Next gives the last number again", "sequence.go", `return last + 1`, `return last`},
	{"Next counts", "sequence.go", `return last + 1`, `return AttachSequence(len(as)) + 1`},
	{"Next takes the lowest free number", "sequence.go", `return last + 1`,
		"for n := AttachSequence(1); ; n++ {\n\t\tused := false\n\t\tfor _, s := range as {\n\t\t\tused = used || s == n\n\t\t}\n\t\tif !used {\n\t\t\treturn n\n\t\t}\n\t}"},
	{"Number goes by map order", "sequence.go", `for _, key := range as.Ordered() {`, `for key := range as {`},
	{"Number renumbers", "sequence.go", `if as[key] == 0 {`, `if true {`},
	{"Number gives all the same", "sequence.go", "\tfor _, key := range unnumbered {\n\t\tas[key] = as.Next()",
		"\tnext := as.Next()\n\tfor _, key := range unnumbered {\n\t\tas[key] = next"},
	{"Number starts at 1", "sequence.go", "\tfor _, key := range unnumbered {\n\t\tas[key] = as.Next()",
		"\tfor i, key := range unnumbered {\n\t\tas[key] = AttachSequence(i + 1)"},
	{"Number goes by key", "sequence.go", `return names[unnumbered[i]] < names[unnumbered[j]]`, `return unnumbered[i] < unnumbered[j]`},
	{"Number ignores the primary", "sequence.go", `return names[unnumbered[i]] < names[unnumbered[j]]`,
		`ni, nj := names[unnumbered[i]], names[unnumbered[j]]; return ni != "" && nj != "" && ni < nj`},
	{"Number puts the primary last", "sequence.go", `return names[unnumbered[i]] < names[unnumbered[j]]`,
		`ni, nj := names[unnumbered[i]], names[unnumbered[j]]; return ni != "" && (nj == "" || ni < nj)`},
	{"Number goes by name backwards", "sequence.go", `names[unnumbered[i]] < names[unnumbered[j]]`, `names[unnumbered[j]] < names[unnumbered[i]]`},
	{"Number is not stable", "sequence.go", `sort.SliceStable(unnumbered`, `sort.Slice(unnumbered`},
	{"Number leaves out the last", "sequence.go", `for _, key := range unnumbered {`, `for _, key := range unnumbered[:max(len(unnumbered)-1, 0)] {`},
	{"Ordered ignores the numbers", "sequence.go", `if si != sj {`, `if si != sj && false {`},
	{"Ordered counts keys down", "sequence.go", `return keys[i] < keys[j]`, `return keys[i] > keys[j]`},
	{"Ordered goes by map order among equals", "sequence.go", `return keys[i] < keys[j]`, `return false`},
	{"Ordered leaves out the unnumbered", "sequence.go", "\t\tkeys = append(keys, key)", "\t\tif as[key] != 0 {\n\t\t\tkeys = append(keys, key)\n\t\t}"},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(names []string) error {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("find the module's root: %w", err)
	}
	root := strings.TrimSpace(string(out))
	tmp, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)

	if killer, err := test(root, tmp, nil); err != nil {
		return fmt.Errorf("without a mutant: %w", err)
	} else if killer != "" {
		return fmt.Errorf("%s fails without a mutant; next: go test -run Heap %s", killer, root)
	}

	selected := slices.DeleteFunc(slices.Clone(mutants), func(m mutant) bool {
		return len(names) > 0 && !slices.Contains(names, m.name)
	})
	if len(selected) == 0 {
		return fmt.Errorf("no mutant is called %q", names)
	}
	lines := make([]chan string, len(selected))
	for i := range lines {
		lines[i] = make(chan string, 1)
	}
	workers := make(chan bool, 2)
	go func() {
		for i, m := range selected {
			workers <- true
			go func() {
				lines[i] <- m.try(root, filepath.Join(tmp, fmt.Sprint(i)))
				<-workers
			}()
		}
	}()
	caught := 0
	for _, line := range lines {
		s := <-line
		fmt.Println(s)
		if strings.HasPrefix(s, "caught") {
			caught++
		}
	}
	fmt.Printf("%d of %d mutants of the rule are caught\n", caught, len(selected))
	if caught < len(selected) {
		return fmt.Errorf("%d of %d mutants are not caught; next: see the lines SURVIVED and ERROR, and internal/mutate/main.go for what they change", len(selected)-caught, len(selected))
	}
	return nil
}

// try tests m, and returns the line about it. It leaves no files in tmp.
func (m mutant) try(root, tmp string) string {
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return fmt.Sprintf("ERROR     %-12s %-40s %v", m.file, m.name, err)
	}
	defer os.RemoveAll(tmp)
	switch killer, err := test(root, tmp, &m); {
	case err != nil:
		return fmt.Sprintf("ERROR     %-12s %-40s %v", m.file, m.name, err)
	case killer == "":
		return fmt.Sprintf("SURVIVED  %-12s %s", m.file, m.name)
	default:
		return fmt.Sprintf("caught    %-12s %-40s %s", m.file, m.name, killer)
	}
}

var failed = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

// test runs the tests of the module at root with m in place, or as they are if m
// is nil. It returns what failed, or "" if nothing did. tmp is for its own files.
func test(root, tmp string, m *mutant) (killer string, err error) {
	binary := filepath.Join(tmp, "root.test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binary)
	if m != nil {
		overlay, err := m.overlay(root, tmp)
		if err != nil {
			return "", err
		}
		build.Args = append(build.Args, "-overlay", overlay)
	}
	build.Args = append(build.Args, ".")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("it does not compile: %w\n%s", err, out)
	}

	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	tests := exec.CommandContext(ctx, binary, "-test.run=Heap", "-test.short", "-test.failfast", "-rapid.nofailfile",
		"-rapid.shrinktime=1ms") // that it fails is enough, shown shortest or not
	tests.Dir = root
	out, err := tests.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "", nil
	case ctx.Err() != nil:
		return fmt.Sprintf("no end within %v", testTimeout), nil
	case !errors.As(err, &exit):
		return "", err
	}
	if name := failed.FindSubmatch(out); name != nil {
		return string(name[1]), nil
	}
	return "", fmt.Errorf("the tests end with %w, but none has failed:\n%s", err, out)
}

// overlay writes the mutated file, and the file for go's -overlay that puts it in
// place, whose path it returns.
func (m mutant) overlay(root, tmp string) (string, error) {
	original := filepath.Join(root, m.file)
	source, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		return "", fmt.Errorf("it does not apply: %q is %d times in %s, want once", m.old, n, m.file)
	}
	mutated := filepath.Join(tmp, m.file)
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o644); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutated}})
	if err != nil {
		return "", err
	}
	path := filepath.Join(tmp, "overlay.json")
	return path, os.WriteFile(path, overlay, 0o644)
}
