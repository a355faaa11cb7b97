// Command agent serves every link whose name begins as its argument says, until it
// is told to stop: a host of containers in one process.
//
//	agent PREFIX
//
// Links come and go, and a fault of one is none of another's. A lease stays on its
// link when the agent ends, and is gone on from when it is started again. It sets
// addresses and routes, and no name servers: a host has one resolver, and many links
// have many opinions of it.
//
// It needs CAP_NET_ADMIN and CAP_NET_RAW.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/dhclient-go/dhclient-go/arpcheck"
	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// leases is where they are kept.
const leases = "/run/example-agent"

func main() {
	if len(os.Args) != 2 {
		fatal(fmt.Errorf("usage: agent PREFIX"))
	}
	stopped, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	a, err := agent.New(agent.Config{Plan: planFor(os.Args[1]), Logger: slog.Default()})
	if err == nil {
		err = a.Run(stopped)
	}
	if err != nil {
		fatal(err)
	}
}

// planFor leaves alone what does not begin with prefix.
func planFor(prefix string) func(agent.Link) agent.Plan {
	return func(l agent.Link) agent.Plan {
		if !strings.HasPrefix(l.Name, prefix) {
			return nil
		}
		return plan{metric: 2000}
	}
}

// A plan is how links are served. All of it is in its fields, so that two are the
// Same if they are equal.
type plan struct{ metric int }

// Same says that the link needs not be touched.
func (p plan) Same(other agent.Plan) bool { return p == other }

// Open brings the link up and puts its client together: addresses and routes, the
// conflict probe, the lease of the last time.
func (p plan) Open(o *agent.Opening) (*agent.Served, error) {
	cfg := o.Config
	cfg.Metric = p.metric
	link, err := o.Namespace.Link(o.Link.Name, cfg)
	if err != nil {
		return nil, err
	}
	if err := link.Up(); err != nil {
		return nil, err
	}
	store, err := lease.NewDir(leases, o.Link.Name)
	if err != nil {
		return nil, err
	}
	arp, err := arpcheck.Open(o.Link.Index, o.Link.HardwareAddr[:], arpcheck.Config{Logger: slog.Default(), IsOurs: o.Namespace.IsStation})
	if err != nil {
		return nil, err
	}
	c, err := client.New(client.Config{
		Interface:        o.Link.Name,
		Configurator:     link,
		LinkWatcher:      o.Paced(link),
		ConflictDetector: arp,
		RouterChecker:    arp,
		LeaseStore:       store,
		OnEvent: func(ev client.Event) {
			o.OnEvent(ev) // the agent wants to know
			if ev, ok := ev.(client.Bound); ok {
				fmt.Printf("%s has %v\n", o.Link.Name, ev.Lease.Prefix())
			}
		},
	})
	if err != nil {
		_ = arp.Close()
		return nil, err
	}
	return &agent.Served{Client: c, Close: func() { _ = arp.Close() }}, nil
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "agent:", err)
	os.Exit(1)
}
