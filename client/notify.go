package client

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// notify tells the log, the embedder and Wait what happened.
func (c *Client) notify(n fsm.Notice) {
	ev := eventOf(n)
	c.record(ev)
	if n.Kind != fsm.Transition {
		c.logEvent(ev)
	}
	if c.cfg.OnEvent != nil {
		c.cfg.OnEvent(ev)
	}
	if ev, ok := ev.(Renewed); ok {
		for _, changed := range changes(ev.Old, ev.Lease) {
			c.tell(changed)
		}
	}
}

// tell is notify for what is no affair of the machine's.
func (c *Client) tell(ev Event) {
	c.logEvent(ev)
	if c.cfg.OnEvent != nil {
		c.cfg.OnEvent(ev)
	}
}

// logTransitions writes the lines of the transitions before what they lead to:
// who reads a log wants the reason before the message.
func (c *Client) logTransitions(actions []fsm.Action) {
	for _, a := range actions {
		if n, ok := a.(fsm.Notify); ok && n.Notice.Kind == fsm.Transition {
			c.logEvent(eventOf(n.Notice))
		}
	}
}

// record keeps what Wait and Stats report.
func (c *Client) record(ev Event) {
	c.stats.event(ev)
	switch ev := ev.(type) {
	case Bound:
		c.state.update(func(v *view) { v.failure, v.conflict = nil, nil })
	case ApplyFailed:
		if ev.Wait > 0 {
			c.state.update(func(v *view) { v.failure = ev.Err })
		}
	case IPv6Only:
		c.state.update(func(v *view) { v.failure = &IPv6OnlyError{ev.Wait} })
	case Transition:
		if ev.From == fsm.V6Only {
			c.state.update(func(v *view) { v.failure = nil })
		}
	case Declined:
		c.state.update(func(v *view) { v.conflict = c.conflict(v.conflict, ev) })
	case Ignored:
		c.stats.reject(ev.Reason)
	default:
	}
}

func (c *Client) conflict(before *ConflictError, ev Declined) *ConflictError {
	e := &ConflictError{Interface: c.cfg.Interface, Addr: ev.Lease.Address, By: ev.By, Times: 1, Same: true}
	if before != nil {
		e.Times += before.Times
		e.Same = before.Same && before.By.String() == ev.By.String()
	}
	return e
}

// logReceived writes a line for a message from a server.
func (c *Client) logReceived(ev fsm.Event) {
	if !c.log.Enabled(context.Background(), slog.LevelDebug) {
		return // a flood must not cost its formatting
	}
	granted := func(message string, xid uint32, l *lease.Lease) {
		c.log.Debug("received", "message", message, "xid", fmt.Sprintf("%08x", xid),
			"address", l.Address, "server", l.Server, "lease", l.Valid)
	}
	switch ev := ev.(type) {
	case fsm.Offer:
		granted("OFFER", ev.XID, ev.Lease)
	case fsm.Ack:
		granted("ACK", ev.XID, ev.Lease)
	case fsm.ForceRenew:
		c.log.Debug("received", "message", "FORCERENEW", "replay", ev.Replay)
	case fsm.Nak:
		c.log.Debug("received", "message", "NAK", "xid", fmt.Sprintf("%08x", ev.XID), "server", ev.Server,
			"text", ev.Message)
	}
}

// logEvent writes one line for each event.
func (c *Client) logEvent(ev Event) {
	switch ev := ev.(type) {
	case Transition:
		c.log.Info("state", "from", ev.From, "to", ev.To, "why", ev.Why)
	case Bound:
		c.log.Info("bound", "address", ev.Lease.Prefix(), "server", ev.Lease.Server, "lease", ev.Lease.Valid, "renew", ev.Lease.T1)
	case Renewed:
		c.log.Info("renewed", "address", ev.Lease.Prefix(), "server", ev.Lease.Server, "lease", ev.Lease.Valid, "renew", ev.Lease.T1)
	case Expired:
		c.log.Warn("the lease expired", "address", ev.Lease.Address)
	case Refused:
		c.log.Warn("NAK", "server", ev.Server, "message", ev.Message, "wait", ev.Wait)
	case Declined:
		if ev.By == nil {
			c.log.Warn("address declined: it cannot be used here", "address", ev.Lease.Address, "wait", ev.Wait)
			break
		}
		c.log.Warn("address declined: another station has it", "address", ev.Lease.Address, "station", ev.By.String(), "wait", ev.Wait)
	case Lost:
		if ev.Reason == fsm.FallbackEnds {
			c.log.Info("the fallback is not used any more", "address", ev.Lease.Address)
			break
		}
		c.log.Warn("lease given up", "address", ev.Lease.Address, "reason", ev.Reason)
	case Released:
		c.log.Info("released", "address", ev.Lease.Address, "server", ev.Lease.Server)
	case Unanswered:
		c.log.Warn("the server that made an offer does not acknowledge; starting over", "server", ev.Server)
	case UsingStored:
		if ev.Lease.Address.IsLinkLocalUnicast() {
			c.log.Warn("no server answers; using a link-local address", "address", ev.Lease.Address)
			break
		}
		if c.cfg.Fallback != nil && ev.Lease.Address == c.cfg.Fallback.Address {
			c.log.Warn("no server answers; using the fallback", "address", ev.Lease.Address)
			break
		}
		if c.handed(ev.Lease) {
			c.log.Warn("no server has confirmed the lease that was taken over; it stays in use", "address", ev.Lease.Address)
			break
		}
		c.log.Warn("no server answers; using the stored lease", "address", ev.Lease.Address)
	case RouterChanged:
		c.log.Warn("another router: this is another network", "router", ev.Router, "station", ev.By.String())
	case Changed:
		level := slog.LevelInfo
		if ev.What == ChangedServer || ev.What == ChangedStation {
			level = slog.LevelWarn // another answers than who did
		}
		c.log.Log(context.Background(), level, "the network has changed", "what", string(ev.What), "was", ev.Was, "is", ev.Is)
	case OtherServer:
		c.log.Warn("there is another server on the link", "server", ev.Server, "first", ev.First)
	case Verified:
		if ev.By != nil {
			c.log.Info("verified", "address", ev.Lease.Prefix(), "by", "router", "station", ev.By.String())
		} else {
			c.log.Info("verified", "address", ev.Lease.Prefix(), "by", "server", "server", ev.Server)
		}
	case ApplyFailed:
		c.log.Error("cannot configure the link", "err", ev.Err, "wait", ev.Wait)
	case ProbeFailed:
		c.log.Warn("the address cannot be probed; using it unprobed", "address", ev.Addr, "err", ev.Err)
	case NoServer:
		c.log.Warn("no lease: no server has answered", "wait", ev.Wait)
	case IPv6Only:
		c.log.Info("the network is IPv6-only: no address is asked for", "server", ev.Server, "wait", ev.Wait)
	case Ignored:
		c.log.Debug("message ignored", "reason", ev.Reason)
	case TookOver:
		c.log.Info("took the link over", "process", ev.PID, "name", ev.From, "address", heldAddress(ev.Lease))
	case HandedOver:
		c.log.Info("the link is handed over", "process", ev.PID, "name", ev.Name, "address", heldAddress(ev.Lease))
	case Stopped:
		switch {
		case ev.Lease != nil && c.cfg.Configurator == nil:
			c.log.Info("stopped; nothing was configured, and the server keeps the lease", "address", ev.Lease.Prefix(), "until", ev.Lease.ExpireAt())
		case ev.Lease != nil:
			c.log.Info("stopped; the lease stays on the link", "address", ev.Lease.Prefix(), "until", ev.Lease.ExpireAt())
		default:
			c.log.Info("stopped")
		}
	}
}

// heldAddress is the address of a lease that there may not be.
func heldAddress(l *lease.Lease) netip.Prefix {
	if l == nil {
		return netip.Prefix{}
	}
	return l.Prefix()
}

// unansweredAfter is how many DISCOVERs without an answer are worth a word.
const unansweredAfter = 3

// logWaiting says once, and not for each message, that no server answers.
func (c *Client) logWaiting(m fsm.Message) {
	if m.Type != fsm.Discover {
		c.unanswered = 0
		return
	}
	if c.unanswered++; c.unanswered == unansweredAfter+1 {
		c.log.Warn("no server answers; still asking", "discovers", unansweredAfter)
	}
}

// linkPatience is how long a link may be without carrier and without a word: one
// that was brought up has none for a moment.
const linkPatience = 2 * time.Second

// logCarrier writes a line when a link comes or goes, or its carrier does.
func (c *Client) logCarrier(was, s LinkState) {
	switch {
	case s.Index == 0 && was.Index != 0:
		c.log.Debug("the link is gone")
	case s.Index == 0:
	case s.Index != was.Index:
		c.log.Debug("the link is there", "carrier", s.Carrier)
	case s.Carrier != was.Carrier && s.Carrier:
		c.log.Debug("carrier is back")
	case s.Carrier != was.Carrier:
		c.log.Debug("carrier is lost")
	case s.Carrier && s.CarrierChanges != was.CarrierChanges:
		c.log.Debug("carrier was lost, and is back")
	}
}

// explainLink says, a little later and once, why there is no link to send on.
func (c *Client) explainLink() {
	if !c.link.Carrier {
		time.AfterFunc(linkPatience, func() { c.inbox.put(job{do: c.logLink}) })
	}
}

func (c *Client) logLink() {
	switch {
	case c.link.Carrier || c.explained:
		return
	case c.link.Index == 0:
		c.log.Warn("the link is gone; waiting for it")
	default:
		c.log.Warn("no carrier; waiting for it")
	}
	c.explained = true
}
