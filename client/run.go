package client

import (
	"context"
	"fmt"
	"net"
	"runtime/debug"
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/internal/wire"
	"github.com/dhclient-go/dhclient-go/internal/roomy"
)

const (
	// flushLimit is how long a RELEASE may take to leave the machine.
	flushLimit = 500 * time.Millisecond
	// stopGrace is how long what runs may go on when the client stops: a
	// second in all, with flushLimit.
	stopGrace = 400 * time.Millisecond
)

// Run keeps a lease until ctx ends, then does what Config.OnExit says and
// returns nil (the cause of ctx, if it has one, is the Why of the last Transition); it also ends when Config.OnHandover gives the link away, and with
// a *PanicError. A Client runs once: a second Run is an error.
func (c *Client) Run(ctx context.Context) error {
	done := make(chan error, 1)
	if err := c.Start(ctx, func(err error) { done <- err }); err != nil {
		return err
	}
	return <-done
}

// Start is Run that returns at once, and costs no goroutine while there is nothing
// to do: for a process with many links. ended is called once, from any goroutine,
// with what Run would have returned; nothing of the client goes on then. The error
// is that the client was run before or, an ErrClosed, that it was closed.
func (c *Client) Start(ctx context.Context, ended func(error)) error {
	if c.started.Swap(true) {
		return fmt.Errorf("%s: the client was run before", c.cfg.Interface)
	}
	c.ended = ended
	// What was asked before, as a Release, is done before.
	c.unhook = never
	if ctx.Done() != nil {
		c.unhook = context.AfterFunc(ctx, func() { c.inbox.put(job{do: func() { c.stopping = stopReason(ctx); c.finish() }}) })
	}
	if !c.inbox.open(c.loop, job{do: func() { c.begin(ctx) }}) {
		c.unhook()
		return fmt.Errorf("%s: %w", c.cfg.Interface, ErrClosed)
	}
	return nil
}

// never is the unhook of a context that does not end.
func never() bool { return true }

// Stop ends Run and Start as the end of their context does: for who would need a
// context for each of many clients. It does not wait, and before Start it has that
// end at once.
func (c *Client) Stop() { c.inbox.put(job{do: c.finish}) }

// stopReason is the cause of the end of ctx, where it has another than to be ended.
func stopReason(ctx context.Context) string {
	if cause := context.Cause(ctx); cause != ctx.Err() {
		return cause.Error()
	}
	return ""
}

// loop does what is in the inbox, until that is empty.
func (c *Client) loop() {
	roomy.Grow()
	defer func() {
		if v := recover(); v != nil {
			c.crash(&PanicError{c.cfg.Interface, v, debug.Stack()})
		}
	}()
	for jobs := c.inbox.take(); len(jobs) > 0; jobs = c.inbox.take() {
		for _, j := range jobs {
			j.do()
			if c.heir != nil {
				c.finish()
			}
			if c.over {
				return // nothing that comes after it matters any more
			}
		}
	}
}

// begin starts the machine with the stored lease and the link as it is.
func (c *Client) begin(ctx context.Context) {
	if c.cfg.LinkWatcher != nil {
		// Programs may have been at the link since New.
		if now, err := c.cfg.LinkWatcher.State(); err == nil && now.Index == c.link.Index && now.HardwareAddr == c.link.HardwareAddr {
			c.link = now
		}
	}
	start := fsm.Start{LinkUp: c.link.Carrier}
	if l := c.remembered(ctx); l != nil {
		c.assume(l)
		c.worker.adopt(l)
		start.Lease, start.OnLink, start.InUse = l, isHeld(&c.link, l.Address), c.handed(l)
	}
	c.explainLink()
	c.step(start)
	c.watch()
}

// finish is the end of Run, when all is well.
func (c *Client) finish() {
	if c.over {
		return
	}
	c.over = true
	c.unhook()
	c.end()
	c.close()
	c.ended(nil)
}

// crash is the end of Run after a panic. Nobody knows what state the machine is
// in: what is on the link and in the store stays.
func (c *Client) crash(err *PanicError) {
	c.over = true
	c.unhook()
	// What has panicked once may do so again.
	harmless(func() { c.log.Error("the client has panicked; what it has put on the link stays", "err", err) })
	c.worker.finish(stopGrace)
	harmless(c.unwatch)
	c.state.update(func(v *view) { v.failure = err })
	harmless(c.close)
	c.ended(err)
}

// end stops the machine, then what it started: last actions first, since a
// RELEASE must leave before its sockets close, and a lease that another process
// goes on from is stored and on the link before that hears of it.
func (c *Client) end() {
	l := c.machine.Heritage()
	c.step(fsm.Stop{Keep: c.heir != nil, There: c.arrived(), Why: c.stopping})
	c.worker.finish(stopGrace)
	c.unwatch()
	if c.heir != nil {
		c.bequeath(l)
	}
}

// step gives the machine an event and does what it wants.
func (c *Client) step(ev fsm.Event) {
	now := c.now()
	actions := c.machine.Step(now, ev)
	c.measure(ev, now, actions)
	c.listen()
	c.logTransitions(actions)
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
	xid, offer, ok := c.machine.Awaits()
	want := wire.Awaited{XID: xid, Offer: offer, Commit: c.machine.AwaitsCommit(), Nonce: c.machine.ForceRenewKey()}
	if a := c.awaited.Load(); !ok && want.Nonce == (fsm.Nonce{}) {
		c.awaited.Store(nil)
	} else if a == nil || *a != want {
		c.awaited.Store(&want)
	}
	on := c.machine.Listening()
	if on == c.listening {
		return
	}
	if err := c.transport.Receive(on); err != nil {
		c.log.Warn("cannot change the packet filter", "receive", on, "err", err)
		return
	}
	c.listening = on
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
		c.worker.queueApply(a.Seq, a.Lease, a.Why)
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
	c.logWaiting(m)
	err := c.transport.Send(payload, m.CIAddr, m.Dst)
	c.stats.send(m.Type, m.Type == c.progress.last, err)
	c.progress.last = m.Type
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
