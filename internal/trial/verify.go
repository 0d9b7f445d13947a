package trial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"

	"github.com/fatih/color"
	"github.com/sirupsen/logrus"

	"ethorder/internal/api"
	"ethorder/internal/engine"
	"ethorder/internal/observe"
	"ethorder/internal/repo"
	"ethorder/internal/report"
	"ethorder/internal/tool"
)

// Verify plays scenarios on an engine that somebody uses, whatever its release. It changes nothing
// that is not its own, and removes that at the end.
type Verify struct {
	Root   repo.Root
	Host   api.Host
	Starts int  // of the first scenario's container
	JSON   bool // print the findings for programs
	Out    io.Writer
}

// verifyStarts is how often the containers of the other scenarios start.
const verifyStarts = 2

// verifyLabel is on all that Verify makes, also on its image, from which containers get it.
const verifyLabel = "ethorder.verify"

type verification struct {
	Version   string          `json:"version"`
	Verdict   observe.Verdict `json:"verdict"` // Pass or Fail
	InOrder   int             `json:"inOrder"` // starts
	Misplaced int             `json:"misplaced"`
	Starts    int             `json:"starts"`
	Scenarios []verified      `json:"scenarios"`
}

// verified is how a scenario went. The networks are those of eth0, of eth1, and so on.
type verified struct {
	Name      string     `json:"name"`
	Attached  []string   `json:"attached"`
	Misplaced int        `json:"misplaced"` // starts
	Starts    [][]string `json:"starts"`
}

// Run prints the interfaces after each start, and a verdict. The error has the status of that.
func (v Verify) Run(ctx context.Context) (err error) {
	client, err := api.New(v.Host)
	if err != nil {
		return err
	}
	version, err := client.Version(ctx)
	if err != nil {
		return err
	}
	if version.Os != "linux" {
		return tool.CannotRunf("the engine at %s runs on %s: want linux", v.Host.URL, version.Os)
	}
	probe, err := engine.BuildProbe(ctx, v.Root, version.Arch)
	if err != nil {
		return err
	}
	h := &host{client: client, prefix: fmt.Sprintf("ethorder-verify-%08x-", rand.Uint32())}
	// The kernel frees such a socket when its process ends, however it ends. On an engine that
	// several machines use, it is up to the users.
	var info struct{ ID string }
	if err := client.Get(ctx, "/info", &info); err != nil {
		return err
	}
	lock, err := net.Listen("unix", "@ethorder-verify-"+info.ID)
	if err != nil {
		return tool.CannotRunf("another verify of %s runs; try again when it has ended", v.Host.URL)
	}
	defer lock.Close()
	if err := h.clean("containers", "networks", "images"); err != nil { // what one left that was killed
		return err
	}
	defer func() {
		cleanErr := h.clean("containers", "networks", "images")
		switch {
		case cleanErr != nil:
			err = errors.Join(err, cleanErr)
		case ctx.Err() != nil:
			err = &tool.Exit{Status: tool.Interrupted, Err: errors.New("interrupted; all that it had made is removed")}
		}
	}()
	logrus.Infof("Docker Engine %s: this takes a minute or two; all that is made there is called %s..., and is removed at the end", version.Version, h.prefix)
	found, err := v.play(ctx, h, probe)
	if err != nil {
		return err
	}
	found.Version = version.Version
	text, verdict := found.verdict()
	if v.JSON {
		return errors.Join(json.NewEncoder(v.Out).Encode(found), verdict)
	}
	colour := color.FgGreen
	if verdict != nil {
		colour = color.FgRed
	}
	fmt.Fprintln(v.Out, tool.Paint(v.Out, colour)(text))
	return verdict
}

// play plays the scenarios, and prints how each went.
func (v Verify) play(ctx context.Context, h *host, probe string) (found verification, err error) {
	if err := h.prepare(ctx, probe); err != nil {
		return found, err
	}
	out := v.Out
	if v.JSON {
		out = io.Discard
	}
	for _, s := range core {
		if !playable(s) {
			continue
		}
		starts := v.Starts
		if !s.decides() {
			starts = min(verifyStarts, v.Starts)
		}
		result, err := h.play(ctx, s, starts)
		if err != nil {
			return found, fmt.Errorf("%s: %w", s.Name, err)
		}
		tally := result.Tally()
		one := verified{Name: s.Name, Attached: s.Want, Misplaced: tally.Total - tally.Right}
		var rows []report.StartRow
		for i, start := range result.Starts {
			one.Starts = append(one.Starts, start.Networks())
			rows = append(rows, report.StartRow{Engine: fmt.Sprint(i + 1), Start: start})
		}
		if s.decides() {
			if err := report.StartTable(out, "start", s.Want, rows); err != nil {
				return found, err
			}
			fmt.Fprintln(out)
		}
		problem := ""
		if wrong := result.wrong(); wrong != "" && !s.decides() {
			problem = "\n    " + tool.Paint(out, color.FgRed)(wrong)
		}
		fmt.Fprintf(out, "%v starts in order: %s%s\n", tally, s.Name, problem)
		found.add(one)
	}
	return found, nil
}

func (f *verification) add(s verified) {
	f.Scenarios = append(f.Scenarios, s)
	f.Starts += len(s.Starts)
	f.Misplaced += s.Misplaced
	f.InOrder = f.Starts - f.Misplaced
	f.Verdict = observe.Pass
	if f.Misplaced > 0 {
		f.Verdict = observe.Fail
	}
}

// verdict is the last line, and the error with its exit status.
func (f verification) verdict() (string, error) {
	if f.Verdict == observe.Pass {
		return fmt.Sprintf("in attach order: %d of %d starts, on Docker Engine %s", f.InOrder, f.Starts, f.Version), nil
	}
	engine := "stock " + f.Version + ", see README.md for a patched one"
	if strings.Contains(f.Version, "ethseq") {
		engine = f.Version + ", which is patched: this is a defect, please report it"
	}
	return fmt.Sprintf("NOT in attach order: %d of %d starts misplaced; this engine is %s", f.Misplaced, f.Starts, engine),
		errors.New("the engine does not keep the attach order")
}
