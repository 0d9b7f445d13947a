// Package inspect shows the networks of containers in the order in which they were attached.
package inspect

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"ethorder/internal/api"
	"ethorder/internal/observe"
	"ethorder/internal/trial"
)

// Options say which containers to show, and how.
type Options struct {
	Host       api.Host
	Containers []string
	JSON       bool
	Out        io.Writer
}

// Container is what is shown of a container.
type Container struct {
	Name     string    `json:"name"`
	Running  bool      `json:"running"`
	Networks []Network `json:"networks"` // in attach order, if all numbers are known
	Note     string    `json:"note"`     // why numbers are missing, "" if none is
}

// Network is an attachment. What is not known is zero.
type Network struct {
	Name      string   `json:"network"`
	Number    uint64   `json:"number"`
	Explicit  bool     `json:"explicit"` // the user has given the number
	Interface string   `json:"interface"`
	MAC       string   `json:"mac"`
	Addresses []string `json:"addresses"` // with the lengths of their prefixes
	Gateway   string   `json:"gateway"`
}

// Run shows the containers.
func Run(ctx context.Context, o Options) error {
	client, err := api.New(o.Host)
	if err != nil {
		return err
	}
	version, err := client.Version(ctx)
	if err != nil {
		return err
	}
	var info struct{ DockerRootDir string }
	if err := client.Get(ctx, "/info", &info); err != nil {
		return err
	}
	var networks []struct{ ID, Name string }
	if err := client.Get(ctx, "/networks", &networks); err != nil {
		return err
	}
	names := make(map[string]string) // the settings of a container may have ids for names
	for _, n := range networks {
		names[n.ID], names[n.ID[:min(12, len(n.ID))]] = n.Name, n.Name
	}
	all := []Container{}
	var failed error
	for _, name := range o.Containers {
		var details details
		if err := client.Get(ctx, "/containers/"+name+"/json", &details); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		// Neither the file nor the namespace can be read without root, or from another machine.
		file, fileErr := os.ReadFile(filepath.Join(info.DockerRootDir, "containers", details.ID, "config.v2.json"))
		var seen observe.Snapshot
		if !errors.Is(fileErr, fs.ErrNotExist) { // else the engine's processes are not of this machine
			seen, _ = observe.Read(ctx, local{client}, details.ID)
		}
		c, err := details.container(names, version.Version, file, fileErr, seen)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	if o.JSON {
		e := json.NewEncoder(o.Out)
		e.SetIndent("", "  ")
		return errors.Join(failed, e.Encode(all))
	}
	for _, c := range all {
		c.print(o.Out)
	}
	return failed
}

// local is an engine whose processes are those of this machine.
type local struct{ *api.Client }

func (local) NetNS(pid int) string { return fmt.Sprintf("/proc/%d/ns/net", pid) }

// details is what the engine's API says of a container.
type details struct {
	ID, Name        string
	State           struct{ Running bool }
	NetworkSettings struct {
		Networks map[string]struct {
			IPAddress, GlobalIPv6Address     string
			IPPrefixLen, GlobalIPv6PrefixLen int
			MacAddress, Gateway, IPv6Gateway string
			DriverOpts                       map[string]string
		}
	}
}

// container adds to the details the numbers in the engine's file, and the names of the interfaces
// that were seen.
func (d details) container(names map[string]string, version string, file []byte, fileErr error, seen observe.Snapshot) (Container, error) {
	c := Container{Name: strings.TrimPrefix(d.Name, "/"), Running: d.State.Running, Networks: []Network{}}
	var numbers map[string]uint64
	if fileErr == nil {
		var err error
		if numbers, err = trial.StoredNumbers(file, names); err != nil {
			return c, fmt.Errorf("the engine's file of %s: %w", c.Name, err)
		}
	}
	for key, endpoint := range d.NetworkSettings.Networks {
		n := Network{Name: cmp.Or(names[key], key), MAC: endpoint.MacAddress, Addresses: []string{}, Gateway: cmp.Or(endpoint.Gateway, endpoint.IPv6Gateway)}
		n.Number = numbers[n.Name]
		if explicit := trial.ExplicitNumber(endpoint.DriverOpts); explicit > 0 {
			n.Number, n.Explicit = explicit, true
		}
		if endpoint.IPAddress != "" {
			n.Addresses = append(n.Addresses, fmt.Sprintf("%s/%d", endpoint.IPAddress, endpoint.IPPrefixLen))
		}
		if endpoint.GlobalIPv6Address != "" {
			n.Addresses = append(n.Addresses, fmt.Sprintf("%s/%d", endpoint.GlobalIPv6Address, endpoint.GlobalIPv6PrefixLen))
		}
		for _, i := range seen.Interfaces {
			if slices.Contains(n.Addresses, i.Address.String()) {
				n.Interface = i.Name
			}
		}
		c.Networks = append(c.Networks, n)
	}
	unknown := slices.ContainsFunc(c.Networks, func(n Network) bool { return n.Number == 0 })
	c.sort(unknown)
	switch patched := strings.Contains(version, "ethseq"); {
	case bytes.Contains(file, []byte(`"AttachSequences"`)), patched && !unknown:
	case !patched:
		c.Note = fmt.Sprintf("Docker Engine %s is stock: it has no automatic numbers, and ignores explicit ones", version)
	case fileErr != nil:
		c.Note = fmt.Sprintf("automatic numbers are not in the API: run this as root on the engine's host (%v)", fileErr)
	default:
		c.Note = "the networks get numbers at the next start"
	}
	return c, nil
}

// sort puts the networks into attach order, or into that of the interfaces if a number is unknown.
func (c *Container) sort(unknown bool) {
	slices.SortFunc(c.Networks, func(a, b Network) int {
		if a.Number != b.Number && !unknown {
			return cmp.Compare(a.Number, b.Number)
		}
		if a.Explicit != b.Explicit && !unknown {
			return map[bool]int{true: -1, false: 1}[a.Explicit]
		}
		// eth2 comes before eth10.
		return cmp.Or(len(a.Interface)-len(b.Interface), strings.Compare(a.Interface, b.Interface), strings.Compare(a.Name, b.Name))
	})
}

// print prints the container for people.
func (c Container) print(w io.Writer) {
	state := "stopped"
	if c.Running {
		state = "running"
	}
	fmt.Fprintf(w, "%s (%s)\n", c.Name, state)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "network\tnumber\tinterface\tMAC\taddresses\tgateway")
	for _, n := range c.Networks {
		number := "-"
		if n.Explicit {
			number = fmt.Sprintf("%d explicit", n.Number)
		} else if n.Number > 0 {
			number = fmt.Sprintf("%d automatic", n.Number)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", n.Name, number, cmp.Or(n.Interface, "-"), cmp.Or(n.MAC, "-"),
			cmp.Or(strings.Join(n.Addresses, " "), "-"), cmp.Or(n.Gateway, "-"))
	}
	_ = t.Flush()
	if c.Note != "" {
		fmt.Fprintln(w, c.Note)
	}
	fmt.Fprintln(w)
}
