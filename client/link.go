package client

import (
	"net/netip"
	"slices"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// linkChanged compares the link with what it was, and tells the machine.
func (c *Client) linkChanged(s LinkState) {
	was := c.link
	c.link = s
	c.logCarrier(was, s)
	if s.Carrier {
		c.explained = false
	} else if was.Carrier || s.Index != was.Index {
		c.explainLink()
	}
	if s.Index == 0 {
		c.seen = noAddr
		c.step(fsm.LinkDown{Gone: true})
		return
	}
	switch {
	case s.Index != was.Index || s.HardwareAddr != was.HardwareAddr:
		c.follow(was, s)
	case s.MTU != was.MTU:
		if id, err := c.identify(s); err == nil { // option 57
			c.identity.Store(id)
		}
	}
	switch {
	case !s.Carrier:
		c.step(fsm.LinkDown{})
	case !was.Carrier || s.Index != was.Index:
		c.step(fsm.LinkUp{})
	case s.CarrierChanges != was.CarrierChanges:
		// Lost and back before anybody could see it: maybe another network.
		c.step(fsm.LinkDown{})
		c.step(fsm.LinkUp{})
	}
	c.watchAddress(&s)
}

// follow goes on with a link that has another index or hardware address.
func (c *Client) follow(was, s LinkState) {
	id, err := c.identify(s)
	if err != nil {
		c.log.Error("cannot follow the link", "err", err)
		return
	}
	c.identity.Store(id)
	for _, f := range []any{c.transport, c.cfg.ConflictDetector, c.cfg.RouterChecker} {
		if f, ok := f.(Follower); ok {
			if err := f.Follow(s.Index, hardware(s.HardwareAddr)); err != nil {
				c.log.Warn("cannot follow the link", "index", s.Index, "err", err)
			}
		}
	}
	if s.Index != was.Index {
		c.seen = noAddr
		c.step(fsm.LinkDown{Gone: true})
	}
	c.step(fsm.NewHardwareAddr{Addr: s.HardwareAddr, ClientID: id.ClientID})
}

// noteAddress remembers that the link has the leased address. The link may have
// been reported with it before the machine knew that it is there.
func (c *Client) noteAddress() {
	if l := c.onLink(); l != nil && isHeld(&c.link, l.Address) {
		c.seen = l.Address
	}
}

// onLink is the lease whose address the link should have: that in use, or what a
// process before this one has left there.
func (c *Client) onLink() *lease.Lease {
	if l := c.machine.Lease(); l != nil {
		return l
	}
	return c.machine.Found()
}

// watchAddress notices that the leased address, once seen on the link, is gone.
func (c *Client) watchAddress(s *LinkState) {
	l := c.onLink()
	switch {
	case l == nil:
		c.seen = noAddr
	case isHeld(s, l.Address):
		c.seen = l.Address
	case c.seen == l.Address && !c.hasNow(l.Address):
		c.seen = noAddr
		c.step(fsm.AddressGone{Addr: l.Address})
	}
}

// hasNow says that the link has addr by now: a report may be from before we put
// it there once more.
func (c *Client) hasNow(addr netip.Addr) bool {
	s, err := c.cfg.LinkWatcher.State()
	// What cannot be read is no evidence.
	return err != nil || isHeld(&s, addr)
}

// arrived says that the link has the address of the lease that is being applied.
// Programs that configure it go on for a while after that.
func (c *Client) arrived() bool {
	l := c.machine.Arriving()
	if l == nil || c.cfg.LinkWatcher == nil {
		return false
	}
	s, err := c.cfg.LinkWatcher.State()
	return err == nil && s.Index == c.link.Index && isHeld(&s, l.Address)
}

// noAddr is no address.
var noAddr netip.Addr

// isHeld says whether addr is among the addresses of link.
func isHeld(link *LinkState, addr netip.Addr) bool {
	return slices.ContainsFunc(link.Addresses, func(p netip.Prefix) bool { return p.Addr() == addr })
}
