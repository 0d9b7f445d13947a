// Package compose numbers the networks of the services in Compose files.
package compose

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"ethorder"
)

// Options say which Compose files to number, and how.
type Options struct {
	Files    []string // none: those that Compose takes by itself
	Profiles []string // number only services that these profiles start; none: all services
	Stock    bool     // name the interfaces instead, for stock engines from 28.1

	Out  io.Writer                        // gets the override file
	Note func(format string, args ...any) // gets what the user should know about it
}

// Run prints an override file in which each network of a service has the number of its place.
func (o Options) Run() (err error) {
	if len(o.Files) == 0 {
		if o.Files, err = findFiles(); err != nil {
			return err
		}
	}
	services, err := load(o.Files)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, name := range services.keys {
		service := services.of[name]
		networks, mode := service.get("networks"), service.get("network_mode")
		switch {
		case len(networks.keys) == 0 || !o.starts(service):
			continue
		case mode.text != "":
			return fmt.Errorf("%s: service %s has network_mode and networks; Compose accepts only one of them", mode.at, name)
		}
		if lines := o.number(name, networks); lines != "" {
			fmt.Fprintf(&b, "  %s:\n    networks:\n%s", quote(name), lines)
		}
	}
	if b.Len() == 0 {
		o.Note("no service of %s has networks to number", strings.Join(o.Files, ", "))
		b.WriteString("  {}\n")
	}
	_, err = fmt.Fprintf(o.Out, "# scripts/compose-order made this. Make it again when the networks change, and use it like this:\n"+
		"# docker compose -f %s -f THIS-FILE up\nservices:\n%s", strings.Join(o.Files, " -f "), &b)
	return err
}

// starts reports whether Compose starts a service with the profiles.
func (o Options) starts(service *value) bool {
	profiles := service.get("profiles").items
	named := func(p *value) bool { return slices.Contains(o.Profiles, p.text) }
	return len(o.Profiles) == 0 || slices.Contains(o.Profiles, "*") || len(profiles) == 0 || slices.ContainsFunc(profiles, named)
}

// number returns the lines for the networks of a service. What the user has numbered or named
// is left alone, and its number or name is given to no other network.
func (o Options) number(service string, networks *value) string {
	own := make(map[string]bool)
	taken := make(map[string]bool)
	for _, name := range networks.keys {
		options := networks.get(name, "driver_opts")
		number := options.get(ethorder.AttachSequenceOption).text
		ifname := cmp.Or(networks.get(name, "interface_name").text, options.get("com.docker.network.endpoint.ifname").text)
		switch {
		case ifname != "":
			o.Note("service %s: %s keeps its interface name %s", service, name, ifname)
		case o.Stock && number != "":
			o.Note("service %s: a stock engine ignores the number %s of %s, so the name goes by the place", service, number, name)
		case number != "":
			o.Note("service %s: %s keeps its number %s", service, name, number)
		}
		own[name] = ifname != "" || number != "" && !o.Stock
		taken[number], taken[ifname] = !o.Stock, o.Stock
	}
	var b strings.Builder
	last := 0
	for place, name := range networks.keys {
		if own[name] {
			continue
		}
		last = max(last, place) + 1
		for taken[o.mark(last)] {
			last++
		}
		if o.Stock {
			fmt.Fprintf(&b, "      %s:\n        interface_name: %s\n", quote(name), o.mark(last))
		} else {
			fmt.Fprintf(&b, "      %s:\n        driver_opts:\n          %s: %q\n", quote(name), ethorder.AttachSequenceOption, o.mark(last))
		}
	}
	return b.String()
}

// mark returns the number of a place, or the name of its interface.
func (o Options) mark(place int) string {
	if o.Stock {
		return "eth" + strconv.Itoa(place-1)
	}
	return strconv.Itoa(place)
}

// quote returns a key as YAML wants it.
func quote(key string) string {
	text, err := yaml.Marshal(key)
	if err != nil {
		panic(err) // a string can be marshalled
	}
	return strings.TrimSpace(string(text))
}
