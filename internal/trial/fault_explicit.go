package trial

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"ethorder/internal/engine"
)

// badNumbers are no explicit numbers.
var badNumbers = []string{"", "0", "-1", "1.5", "abc", "4294967296"}

// badExplicit is about requests with an explicit number that is none. A patched engine
// refuses them with status 400, and stores nothing; to a stock engine it is an option like
// any other.
func badExplicit(ctx context.Context, e *engine.Engine) (Outcome, error) {
	box := MakeBox(ctx, e, "zulu mike", "alpha")
	box.Starts(1, "before")
	refused, total := 0, 0
	var wrong []string
	attempt := func(path, body string, clean func()) {
		for _, bad := range badNumbers {
			before, err := os.ReadFile(box.File())
			box.Try(func() error { return err })
			err = post(ctx, e, path, fmt.Sprintf(body, fmt.Sprintf(`{"DriverOpts":{%q:%q}}`, engine.AttachSequenceOption, bad)))
			total++
			if err == nil {
				clean()
				continue
			}
			refused++
			for _, words := range []string{"400 ", engine.AttachSequenceOption, fmt.Sprintf(`\"%s\"`, bad), "1 to 4294967295"} {
				if !strings.Contains(err.Error(), words) {
					wrong = append(wrong, fmt.Sprintf("%q does not say %q", err, words))
				}
			}
			if after, err := os.ReadFile(box.File()); err != nil || !bytes.Equal(before, after) {
				wrong = append(wrong, fmt.Sprintf("the file has changed for %q", bad))
			}
		}
	}
	const connect = `{"Container":"box","EndpointConfig":%s}`
	disconnect := func() { box.Do("network disconnect alpha box") }
	attempt("/containers/create?name=other", `{"Image":"`+engine.Image+`","HostConfig":{"NetworkMode":"zulu"},"NetworkingConfig":{"EndpointsConfig":{"zulu":%s}}}`,
		func() { box.Do("rm --force other") })
	attempt("/networks/alpha/connect", connect, disconnect)
	box.Do("start box")
	attempt("/networks/alpha/connect", connect, disconnect)
	box.Do("stop box")
	if names := box.Ask("ps --all --format {{.Names}}"); names != "box" {
		wrong = append(wrong, "containers are left: "+names)
	}
	box.Starts(2, "after the requests")
	o, err := box.Outcome()
	o.What = fmt.Sprintf("%d of %d refused, %s", refused, total, o.What)
	o.Held = o.Held && refused == total && len(wrong) == 0
	if len(wrong) > 0 {
		o.What += ", " + wrong[0]
	}
	return o, err
}
