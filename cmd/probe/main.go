// Command probe waits to be told to end. It is all that the trials' containers have, so
// it also does what is asked of them:
//
//	probe               wait
//	probe listen PORT   wait, and answer each connection
//	probe get ADDRESS   print what ADDRESS answers
//	probe cat FILE      print the lines of a file, sorted
//	probe lookup NAME   print the addresses of a name, sorted
//	probe own           print the first line of /etc/hosts with the container's name, and
//	                    the first address of that name
//	probe net           print the addresses of the interfaces, and /proc/net/route, as JSON
//	probe end           tell the container's first process to end
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	if filepath.Base(os.Args[0]) == "sh" {
		return // a health check runs its command in a shell
	}
	args := append(os.Args[1:], "", "")
	if err := run(args[0], args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(what, of string) error {
	switch what {
	case "listen":
		listener, err := net.Listen("tcp", ":"+of)
		if err != nil {
			return err
		}
		go answer(listener)
	case "get":
		connection, err := dial(of)
		if err != nil {
			return err
		}
		_, err = io.Copy(os.Stdout, connection)
		return err
	case "cat":
		text, err := os.ReadFile(of)
		return show(strings.Split(strings.TrimSpace(string(text)), "\n"), err)
	case "lookup":
		return show(net.LookupHost(of))
	case "own":
		return own()
	case "net":
		return network()
	case "end":
		return syscall.Kill(1, syscall.SIGTERM)
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	<-c
	return nil
}

// dial connects to an address. A container has started before it listens, so that it may
// refuse at first.
func dial(address string) (connection net.Conn, err error) {
	for begin := time.Now(); time.Since(begin) < 10*time.Second; time.Sleep(100 * time.Millisecond) {
		if connection, err = net.DialTimeout("tcp", address, 5*time.Second); err == nil {
			break
		}
	}
	return connection, err
}

func answer(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		fmt.Fprintln(connection, "here")
		connection.Close()
	}
}

// own is not sorted: which comes first is what it is about.
func own() error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	text, err := os.ReadFile("/etc/hosts")
	for line := range strings.Lines(string(text)) {
		if slices.Contains(strings.Fields(line), name) {
			fmt.Print(line)
			break
		}
	}
	addresses, lookupErr := net.LookupHost(name)
	if len(addresses) > 0 {
		fmt.Println(addresses[0])
	}
	return errors.Join(err, lookupErr)
}

// network prints what observe.Inside reads.
func network() error {
	interfaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	found := make(map[string][]string)
	for _, i := range interfaces {
		addresses, err := i.Addrs()
		if err != nil {
			return err
		}
		for _, a := range addresses {
			found[i.Name] = append(found[i.Name], a.String())
		}
	}
	routes, err := os.ReadFile("/proc/net/route")
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"Interfaces": found, "Routes": string(routes)})
}

func show(lines []string, err error) error {
	slices.Sort(lines)
	for _, line := range lines {
		fmt.Println(line)
	}
	return err
}
