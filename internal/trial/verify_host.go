package trial

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"ethorder/internal/api"
	"ethorder/internal/engine"
	"ethorder/internal/observe"
	"ethorder/internal/tool"
)

// host is the engine that Verify plays on.
type host struct {
	client  *api.Client
	prefix  string         // of the names of all that it makes there
	subnets []netip.Prefix // for networks
}

// post sends a request. A request that is interrupted may still be carried out after the engine
// was cleaned, so this one is not.
func (h *host) post(ctx context.Context, path string, body io.Reader) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	return h.client.Send(ctx, http.MethodPost, path, body)
}

// prepare makes the image from the probe's binary, and chooses the subnets.
func (h *host) prepare(ctx context.Context, probe string) error {
	archive, err := engine.ImageArchive(probe)
	if err != nil {
		return err
	}
	image := h.prefix + engine.Image
	answer, err := h.post(ctx, "/images/create?"+url.Values{
		"fromSrc": {"-"}, "repo": {image}, "changes": {`ENTRYPOINT ["/probe"]`, "LABEL " + verifyLabel + "=" + h.prefix},
	}.Encode(), archive)
	if err != nil {
		return err
	}
	if bytes.Contains(answer, []byte(`"error"`)) { // the status is that of the beginning
		return fmt.Errorf("import the image: %s", answer)
	}

	// Only the engine's own host knows which subnets are in use there.
	body := fmt.Sprintf(`{"Image":%q,"HostConfig":{"NetworkMode":"host","UsernsMode":"host"}}`, image)
	if _, err := h.post(ctx, "/containers/create?name="+h.prefix+"host", strings.NewReader(body)); err != nil {
		return err
	}
	if _, err := h.post(ctx, "/containers/"+h.prefix+"host/start", nil); err != nil {
		return err
	}
	inside, err := h.look(ctx, "host")
	if err != nil {
		return err
	}
	networks, err := observe.Subnets(ctx, h.client)
	if err != nil {
		return err
	}
	taken := slices.Collect(maps.Keys(networks))
	for _, addresses := range inside.Interfaces {
		taken = append(taken, addresses...)
	}
	for _, route := range inside.Routes {
		taken = append(taken, route.Destination)
	}
	most := 0
	for _, s := range core {
		most = max(most, len(s.Networks))
	}
	h.subnets, err = freeSubnets(taken, most)
	return err
}

// freeSubnets returns subnets that overlap none of those that are taken: of the addresses for
// benchmarks, which few hosts use, or of private ones.
func freeSubnets(taken []netip.Prefix, n int) (free []netip.Prefix, err error) {
	taken = slices.DeleteFunc(slices.Clone(taken), func(p netip.Prefix) bool {
		return p.Bits() < 8 // a default route, or half of one, as VPNs have them
	})
	for _, pool := range []string{"198.18.0.0/15", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"} {
		pool := netip.MustParsePrefix(pool)
		for b := pool.Addr().As4(); pool.Contains(netip.AddrFrom4(b)); {
			subnet := netip.PrefixFrom(netip.AddrFrom4(b), 28)
			if !slices.ContainsFunc(taken, subnet.Overlaps) {
				if free = append(free, subnet); len(free) == n {
					return free, nil
				}
			}
			binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+16)
		}
	}
	return nil, tool.CannotRunf("the engine's host has routes to all but %d of the private subnets: want %d", len(free), n)
}

// look returns what the probe sees in a running container.
func (h *host) look(ctx context.Context, container string) (in observe.Inside, err error) {
	answer, err := h.post(ctx, "/containers/"+h.prefix+container+"/exec", strings.NewReader(`{"AttachStdout":true,"AttachStderr":true,"Cmd":["/probe","net"]}`))
	if err != nil {
		return in, err
	}
	var exec struct{ ID string }
	if err := json.Unmarshal(answer, &exec); err != nil {
		return in, err
	}
	stream, err := h.post(ctx, "/exec/"+exec.ID+"/start", strings.NewReader(`{"Detach":false,"Tty":false}`))
	if err != nil {
		return in, err
	}
	return observe.ParseInside(demultiplex(stream))
}

// demultiplex returns what a process wrote, of a stream whose parts follow eight bytes, of which
// the last four are the length.
func demultiplex(stream []byte) (output []byte) {
	for len(stream) >= 8 {
		end := min(8+uint64(binary.BigEndian.Uint32(stream[4:])), uint64(len(stream)))
		output = append(output, stream[8:end]...)
		stream = stream[end:]
	}
	return output
}

// play plays a scenario, and starts the container as often as given.
func (h *host) play(ctx context.Context, s Scenario, starts int) (result Result, err error) {
	if err := h.clean("containers", "networks"); err != nil {
		return result, err
	}
	result.Want = s.Want
	networks := make(map[netip.Prefix]string)
	for i, network := range s.Networks {
		name := strings.TrimPrefix(network, "--internal ")
		networks[h.subnets[i]] = name
		// Without the drivers, 17.12 would look for plugins for 15 seconds.
		body := fmt.Sprintf(`{"Name":%q,"Driver":"bridge","Internal":%t,"Labels":{%q:%q},"IPAM":{"Driver":"default","Config":[{"Subnet":%q}]}}`,
			h.prefix+name, name != network, verifyLabel, h.prefix, h.subnets[i])
		if _, err := h.post(ctx, "/networks/create", strings.NewReader(body)); err != nil {
			return result, err
		}
	}
	commands := s.Script
	for range starts {
		for _, command := range append(commands, "start "+router) {
			if err := h.run(ctx, s, command); err != nil {
				return result, err
			}
		}
		inside, err := h.look(ctx, router)
		if err != nil {
			return result, err
		}
		result.Starts = append(result.Starts, inside.Snapshot(networks))
		commands = []string{"stop " + router}
	}
	return result, nil
}

func (h *host) run(ctx context.Context, s Scenario, command string) error {
	command, err := expand(command, func(network string) (string, error) {
		var found struct{ ID string }
		err := h.client.Get(ctx, "/networks/"+h.prefix+network, &found)
		return found.ID, err
	})
	if err != nil {
		return err
	}
	path, body, known := request(h.rename(s, command))
	if !known {
		return fmt.Errorf("verify does not know the command %q", command)
	}
	_, err = h.post(ctx, path, strings.NewReader(body))
	return err
}

// rename gives the names in a command the prefix.
func (h *host) rename(s Scenario, command string) string {
	names := []string{router, engine.Image}
	for _, network := range s.Networks {
		names = append(names, strings.TrimPrefix(network, "--internal "))
	}
	return regexp.MustCompile(`\b(`+strings.Join(names, "|")+`)\b`).ReplaceAllString(command, h.prefix+"$1")
}

// verifyCommands are the commands of scenarios that Verify knows, with the requests for them.
var verifyCommands = []struct {
	command    *regexp.Regexp
	path, body string
}{
	{regexp.MustCompile(`^POST (\S+) (.*)$`), "$1", "$2"},
	{regexp.MustCompile(`^(start|stop) (\S+)$`), "/containers/$2/$1", ""},
	{regexp.MustCompile(`^network (connect|disconnect) ([\w:-]+) (\S+)$`), "/networks/$2/$1", `{"Container":"$3"}`},
	{regexp.MustCompile(`^create --name (\S+) --network ([\w:-]+) (\S+)$`), "/containers/create?name=$1", `{"Image":"$3","HostConfig":{"NetworkMode":"$2"}}`},
}

// request returns the request for a command of a scenario.
func request(command string) (path, body string, known bool) {
	for _, c := range verifyCommands {
		if m := c.command.FindStringSubmatchIndex(command); m != nil {
			return string(c.command.ExpandString(nil, c.path, command, m)), string(c.command.ExpandString(nil, c.body, command, m)), true
		}
	}
	return "", "", false
}

// playable reports whether Verify can play a scenario: on any release, without a restart of the
// daemon, with networks of its own and nothing else.
func playable(s Scenario) bool {
	return s.Since == 0 && s.Until == 0 && !s.Swarm && !s.Parent && s.Again == nil &&
		!slices.Contains(s.Want, "bridge") &&
		!slices.ContainsFunc(s.Networks, func(n string) bool { return strings.Contains(strings.TrimPrefix(n, "--internal "), " ") }) &&
		!slices.ContainsFunc(s.Script, func(c string) bool { _, _, known := request(c); return !known })
}

// clean removes what Verify has made, this one and others. The kinds are those of the API. It is
// not interrupted.
func (h *host) clean(kinds ...string) error {
	filter := "all=1&filters=" + url.QueryEscape(`{"label":["`+verifyLabel+`"]}`)
	lists := map[string]string{"containers": "/containers/json?", "networks": "/networks?", "images": "/images/json?"}
	return tool.Wait(context.Background(), time.Minute, 200*time.Millisecond, "the engine to remove what verify made", func(ctx context.Context) error {
		var errs []error
		for _, kind := range kinds {
			var found []struct{ ID string }
			if err := h.client.Get(ctx, lists[kind]+filter, &found); err != nil {
				return tool.StopWaiting(err)
			}
			for _, f := range found {
				_, err := h.client.Send(ctx, http.MethodDelete, "/"+kind+"/"+f.ID+"?force=1&v=1", nil)
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	})
}
