package main

import (
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// fallbackAfter is how long servers have before a fallback is used, unless
// --fallback-after says another.
const fallbackAfter = 30 * time.Second

func setFallback(o *options, s string) (err error) {
	o.client.Fallback, err = staticLease(s)
	return err
}

func setFallbackAfter(o *options, s string) (err error) {
	o.fallbackAfter, err = positive(s)
	return err
}

// scheduleFallback has the client turn to the fallback in time, and looks for what
// contradicts that. That of init has a schedule of its own.
func (o *options) scheduleFallback() error {
	after := o.fallbackAfter
	switch {
	case o.charge != nil:
		return nil
	case o.client.Fallback == nil && !o.client.LinkLocal && after != 0:
		return &usageError{"--fallback-after", "is of --fallback and --link-local"}
	case o.client.Fallback == nil && !o.client.LinkLocal:
		return nil
	case o.client.Fallback != nil && o.client.LinkLocal:
		return &usageError{"--fallback", "contradicts --link-local"}
	case o.client.Fallback != nil && len(o.links) > 1:
		return &usageError{"--fallback", "is for one interface"}
	case o.dryRun:
		return &usageError{"--fallback-after", "contradicts --dry-run, which asks nobody whether an address is free"}
	case o.client.LinkLocal && o.oneshot:
		return &usageError{"--link-local", "contradicts --oneshot: nobody would defend the address"}
	case o.client.LinkLocal && o.client.ACD == client.NoProbe:
		return &usageError{"--link-local", "contradicts --acd=off: an address that nobody gave has to be probed"}
	case after == 0:
		after = fallbackAfter
		if o.timeout != forever {
			after = min(after, o.timeout/2)
		}
	case o.timeout != forever && after >= o.timeout:
		return &usageError{"--fallback-after", "is not before --timeout"}
	}
	o.client.Schedule.Timeout, o.client.Schedule.Pause = after, fallbackPause
	return nil
}

// adoptFallback has the fallback of a process before this one count as ours, and a
// link-local address of one that was killed: they have no end, and would stay beside
// a lease, with their default route. This one may know nothing of them.
func (f *fleet) adoptFallback(config *client.Config, on *netcfg.Link, l *link) {
	err := on.AdoptUnended(func(p netip.Prefix) bool {
		return config.Takeover || config.Fallback != nil && p == config.Fallback.Prefix() ||
			config.LinkLocal && p.Addr().IsLinkLocalUnicast()
	})
	if err != nil {
		f.log.Warn("it is not known what another client has left", "if", l.name, "err", err)
	}
}
