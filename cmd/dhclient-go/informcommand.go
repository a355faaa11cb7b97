package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/signal"
	"slices"
	"syscall"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// informLike are the flags of the client that inform has too: what is said of the
// host, and what is asked for.
var informLike = []string{"hostname", "client-id", "vendor-class", "request-option", "broadcast", "retransmit",
	"fqdn", "fqdn-update", "user-class", "bare-user-class", "vi-class", "vi-option", "mud-url", "send-option"}

func informCommand() command {
	flags := []flagRow{{name: "timeout", value: "DUR", help: "wait so long for an answer (30s; 1m with rfc2131)", set: setActionTimeout}, netnsFlag}
	for _, row := range allFlags() {
		if slices.Contains(informLike, row.name) {
			flags = append(flags, row)
		}
	}
	return command{name: "inform", help: "ask a server for more than an address (DHCPINFORM)", run: with("inform", informLink),
		args: "IF [FLAGS]", flags: append(flags, commandHelp), more: `
Asks servers what they tell a host whose address is a static one: name servers,
domains, time servers and what else is asked for. IF must have its address. The
first answer is printed as JSON, like a lease that never ends; nothing is
changed on the link, in the resolver or on disk.

Exit     0 a server has answered, 2 none has, 1 an error, 4 no permission,
         64 wrong command line`}
}

// informLink is the command inform.
func informLink(o *options, stdout, _ io.Writer) (int, error) {
	if len(o.links) != 1 {
		return 0, badUsage("inform takes one interface")
	}
	if _, err := o.client.Options(); err != nil {
		return 0, badOptions(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if o.timeout != forever {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.timeout, client.ErrNoServer)
		defer cancel()
	}
	place, err := openPlace(o.netns)
	if err != nil {
		return 0, err
	}
	defer place.close()
	var l *lease.Lease
	name := o.links[0]
	err = place.do(func() error {
		address, err := addressOf(name)
		if err != nil {
			return err
		}
		config := o.client
		config.Interface = name
		l, err = client.Inform(ctx, config, address)
		return err
	})
	if err != nil {
		return 0, refused("CAP_NET_RAW", "send and receive DHCP messages", err)
	}
	return exitDone, writeLease(stdout, name, l)
}

// addressOf is the first address of a link that a host can be asked for by.
func addressOf(name string) (netip.Prefix, error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("no link %q", name)
	}
	all, err := ifi.Addrs()
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%s: %w", name, err)
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && lease.UsableAddr(p.Addr()) && p.Bits() > 0 {
			return p, nil
		}
	}
	return netip.Prefix{}, fmt.Errorf("%s has no IPv4 address, and inform is for a link that has one", name)
}
