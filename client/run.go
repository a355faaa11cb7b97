package client

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
)

const (
	// flushLimit is how long a RELEASE may take to leave the machine.
	flushLimit = 500 * time.Millisecond
	// stopGrace is how long what runs may go on when the client stops: a
	// second in all, with flushLimit.
	stopGrace = 400 * time.Millisecond
)

// Run keeps a lease until ctx ends, then does what Config.OnExit says and
// returns nil. A Client runs once: a second Run is an error.
func (c *Client) Run(ctx context.Context) error {
	if c.started.Swap(true) {
		return fmt.Errorf("%s: the client was run before", c.cfg.Interface)
	}
	defer func() { _ = c.Close() }()
	c.begin(ctx)
	for {
		select {
		case <-ctx.Done():
			// What was asked before, as a Release, is done before.
			c.work()
			c.end()
			return nil
		case <-c.inbox.ready:
			c.work()
		}
	}
}

// work does what is in the inbox.
func (c *Client) work() {
	for _, j := range c.inbox.take() {
		j.do()
	}
}

// begin starts the machine with the stored lease and the link as it is.
func (c *Client) begin(ctx context.Context) {
	start := fsm.Start{LinkUp: c.link.Carrier}
	if c.cfg.LeaseStore != nil {
		l, err := c.cfg.LeaseStore.Load(ctx)
		if err != nil {
			c.log.Warn("the stored lease cannot be read; starting without it", "err", err)
		}
		if l != nil {
			c.worker.adopt(l)
			start.Lease = l
		}
	}
	c.step(start)
	if c.cfg.LinkWatcher != nil {
		c.watching.Go(func() { c.watch(ctx) })
	}
}

// watch reports the link to the loop; what it reports first is compared with
// the link as New found it.
func (c *Client) watch(ctx context.Context) {
	err := c.cfg.LinkWatcher.Watch(ctx, func(s LinkState) {
		c.inbox.put(job{do: func() { c.linkChanged(s) }})
	})
	if err != nil && ctx.Err() == nil {
		c.log.Error("the link is not watched any more", "err", err)
	}
}

// end stops the machine, then what it started: last actions first, since a
// RELEASE must leave before its sockets close.
func (c *Client) end() {
	c.step(fsm.Stop{})
	c.worker.finish(stopGrace)
	c.watching.Wait()
}

// step gives the machine an event and does what it wants.
func (c *Client) step(ev fsm.Event) {
	now := c.now()
	actions := c.machine.Step(now, ev)
	c.listen()
	for _, a := range actions {
		c.perform(a)
	}
	c.noteAddress()
	if err := c.alarm.set(now, c.machine.Deadline()); err != nil {
		c.log.Error("no timer: the lease will not be renewed in time", "err", err)
	}
	c.publish()
}

// listen turns delivery on before the first message leaves, and off when no
// answer could matter.
func (c *Client) listen() {
	want := c.machine.Listening()
	if want == c.listening {
		return
	}
	if err := c.transport.Receive(want); err != nil {
		c.log.Warn("cannot change the packet filter", "receive", want, "err", err)
		return
	}
	c.listening = want
}

// publish makes the loop's state visible to the other methods.
func (c *Client) publish() {
	l, state, settled := c.machine.Lease(), c.machine.State(), !c.worker.busy() && !c.machine.Probing()
	// The loop is the only writer, so it may read without the lock.
	if v := &c.state.view; v.lease == l && v.state == state && v.settled == settled {
		return
	}
	c.state.update(func(v *view) { v.lease, v.state, v.settled = l, state, settled })
}

// perform does one action.
func (c *Client) perform(a fsm.Action) {
	switch a := a.(type) {
	case fsm.Send:
		c.send(a.Message)
	case fsm.Probe:
		c.cfg.ConflictDetector.Probe(a.Addr, func(by net.HardwareAddr, err error) {
			c.post(fsm.Probed{Addr: a.Addr, By: station(by), Err: err})
		})
	case fsm.CheckRouter:
		if c.cfg.RouterChecker != nil {
			c.checkRouter(a)
		}
	case fsm.Apply:
		c.worker.queueApply(a.Seq, a.Lease)
	case fsm.Announce:
		if c.cfg.ConflictDetector != nil {
			c.cfg.ConflictDetector.Defend(a.Addr, func(by net.HardwareAddr) {
				c.post(fsm.Conflict{Addr: a.Addr, By: station(by)})
			})
		}
	case fsm.Withdraw:
		if c.cfg.ConflictDetector != nil {
			c.cfg.ConflictDetector.Stop()
		}
	case fsm.Save:
		c.worker.queueSave(a.Lease)
	case fsm.Notify:
		c.notify(a.Notice)
	}
}

func (c *Client) send(m fsm.Message) {
	payload := c.identity.Load().Marshal(m)
	err := c.transport.Send(payload, m.CIAddr, m.Dst)
	c.stats.send(m.Type, err)
	if err != nil {
		// A lost packet, no more: the schedule goes on (RFC 2131 4.1).
		c.log.Warn("cannot send", "message", m.Type, "err", err)
		return
	}
	c.log.Debug("sent", "message", m.Type, "xid", fmt.Sprintf("%08x", m.XID), "secs", m.Secs,
		"to", m.Dst, "ciaddr", m.CIAddr, "requested", m.RequestedIP, "server", m.ServerID)
	if m.Type == fsm.ReleaseType {
		// The kernel drops what still waits for ARP with the address.
		if err := c.transport.Flush(flushLimit); err != nil {
			c.log.Warn("the RELEASE may not have left", "err", err)
		}
	}
}

func (c *Client) checkRouter(a fsm.CheckRouter) {
	var mac net.HardwareAddr
	if !a.MAC.IsZero() {
		mac = hardware(a.MAC)
	}
	c.cfg.RouterChecker.CheckRouter(a.Source, a.Router, mac, func(by net.HardwareAddr) {
		c.post(fsm.Reached{Router: a.Router, By: station(by)})
	})
}

// linkChanged compares the link with what it was, and tells the machine.
func (c *Client) linkChanged(s LinkState) {
	was := c.link
	c.link = s
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
	if l := c.machine.Lease(); l != nil && isHeld(&c.link, l.Address) {
		c.seen = l.Address
	}
}

// watchAddress notices that the leased address, once seen on the link, is gone.
func (c *Client) watchAddress(s *LinkState) {
	l := c.machine.Lease()
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

// notify tells the log, the embedder and Wait what happened.
func (c *Client) notify(n fsm.Notice) {
	ev := eventOf(n)
	c.record(ev)
	c.logEvent(ev)
	if c.cfg.OnEvent != nil {
		c.cfg.OnEvent(ev)
	}
}

// record keeps what Wait and Stats report.
func (c *Client) record(ev Event) {
	switch ev := ev.(type) {
	case Bound:
		c.state.update(func(v *view) { v.failure, v.conflict = nil, nil })
	case ApplyFailed:
		if ev.Wait > 0 {
			c.state.update(func(v *view) { v.failure = ev.Err })
		}
	case Declined:
		c.state.update(func(v *view) { v.conflict = c.conflict(v.conflict, ev) })
	case Ignored:
		c.stats.ignore(ev.Reason)
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

// logEvent writes one line for each event.
func (c *Client) logEvent(ev Event) {
	switch ev := ev.(type) {
	case Transition:
		c.log.Info("state", "from", ev.From, "to", ev.To)
	case Bound:
		c.log.Info("bound", "address", ev.Lease.Prefix(), "server", ev.Lease.Server, "lease", ev.Lease.Valid)
	case Renewed:
		c.log.Info("renewed", "address", ev.Lease.Prefix(), "server", ev.Lease.Server, "lease", ev.Lease.Valid)
	case Expired:
		c.log.Warn("the lease expired", "address", ev.Lease.Address)
	case Refused:
		c.log.Warn("NAK", "server", ev.Server, "message", ev.Message, "wait", ev.Wait)
	case Declined:
		c.log.Warn("address declined: another station has it", "address", ev.Lease.Address, "station", ev.By.String(), "wait", ev.Wait)
	case Lost:
		c.log.Warn("lease given up", "address", ev.Lease.Address, "reason", ev.Reason)
	case Released:
		c.log.Info("released", "address", ev.Lease.Address, "server", ev.Lease.Server)
	case Unanswered:
		c.log.Warn("the server that made an offer does not acknowledge; starting over", "server", ev.Server)
	case UsingStored:
		c.log.Warn("no server answers; using the stored lease", "address", ev.Lease.Address)
	case RouterChanged:
		c.log.Warn("another router: this is another network", "router", ev.Router, "station", ev.By.String())
	case ApplyFailed:
		c.log.Log(context.Background(), slog.LevelError, "cannot configure the link", "err", ev.Err, "wait", ev.Wait)
	case ProbeFailed:
		c.log.Warn("the address cannot be probed; using it unprobed", "address", ev.Addr, "err", ev.Err)
	case Ignored:
		c.log.Debug("message ignored", "reason", ev.Reason)
	case Stopped:
		if ev.Lease != nil {
			c.log.Info("stopped; the lease stays on the link", "address", ev.Lease.Prefix(), "until", ev.Lease.ExpireAt())
		} else {
			c.log.Info("stopped")
		}
	}
}
