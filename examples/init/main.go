// Command init is process 1 of a container that nobody gives an address: it
// brings lo and eth0 up, gets a lease, runs a program, and ends as that does.
// While the program runs the lease is kept; at the end it is given back.
//
//	init PROGRAM [ARG...]
//
// SIGTERM and SIGINT are handed to the program as SIGTERM. The program is to
// wait for its own children: this example adopts orphans but does not bury
// them.
//
// It needs CAP_NET_ADMIN and CAP_NET_RAW in the container's network namespace,
// and it writes /etc/resolv.conf. A read-only root is fine, without name
// servers: that is a line in the log.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"

	"github.com/dhclient-go/dhclient-go/arpcheck"
	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

func main() {
	check(usage())
	stopped, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	ns := must(netcfg.Open(slog.Default()))
	check(ns.LoopbackUp())
	check(ns.WaitLink(stopped, "eth0"))
	c := newClient(ns, "eth0")

	keep, release := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { check(c.Run(keep)) })
	must(c.Wait(stopped))

	program := exec.CommandContext(stopped, os.Args[1], os.Args[2:]...)
	program.Stdin, program.Stdout, program.Stderr = os.Stdin, os.Stdout, os.Stderr
	program.Cancel = func() error { return program.Process.Signal(syscall.SIGTERM) }
	err := program.Run()
	release()
	running.Wait()
	os.Exit(exitCode(program.ProcessState, err))
}

func usage() error {
	if len(os.Args) < 2 {
		return errors.New("usage: init PROGRAM [ARG...]")
	}
	return nil
}

// newClient brings the link up and returns its client, with all that makes a
// lease useful: addresses and routes, the resolver, conflict detection.
func newClient(ns *netcfg.Namespace, name string) *client.Client {
	link := must(ns.Link(name, netcfg.Config{}))
	check(link.Up())
	state := must(link.State())
	arp := must(arpcheck.Open(state.Index, state.HardwareAddr[:], arpcheck.Config{Logger: slog.Default(), IsOurs: ns.IsStation}))
	resolver := must(netcfg.NewResolver(netcfg.ResolverConfig{Interface: name, Logger: slog.Default()}))
	return must(client.New(client.Config{
		Interface:        name,
		Configurator:     link,
		LinkWatcher:      link,
		ConflictDetector: arp,
		RouterChecker:    arp,
		AfterApply:       []client.Configurator{resolver},
		OnExit:           client.Release,
		Logger:           slog.Default(),
	}))
}

// exitCode is the program's, or 128 and its signal, as a shell has it. A program
// that could not be started ends with err.
func exitCode(ended *os.ProcessState, err error) int {
	if ended == nil {
		check(err)
	}
	if s := ended.Sys().(syscall.WaitStatus); s.Signaled() {
		return 128 + int(s.Signal())
	}
	return ended.ExitCode()
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

// check ends a process that has nothing to go on with.
func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "init:", err)
		os.Exit(1)
	}
}
