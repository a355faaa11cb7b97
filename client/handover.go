package client

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/internal/rawudp"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// An heir is another process that wants the link.
type heir interface {
	// IsQuestion says that it only asks whether it would get it, which Allow says.
	IsQuestion() bool
	Allow()
	// Refuse says why it does not get it.
	Refuse(why string)
	// Give lets it have the link with what, and Close says that the link is
	// free.
	Give(what []byte) error
	Close()
}

// asked is called by the transport when a process that may do so wants the link.
func (c *Client) asked(pid int, name string, h heir) {
	if !c.inbox.put(job{do: func() { c.consider(pid, name, h) }}) {
		h.Refuse("it ends just now")
	}
}

// consider decides whether h gets the link. If so Run ends: nothing that comes
// after it matters any more.
func (c *Client) consider(pid int, name string, h heir) {
	switch {
	case c.heir != nil:
		h.Refuse("it hands it over to another process just now")
		return
	case c.cfg.OnHandover == nil:
		h.Refuse("it hands over to nobody")
		return
	}
	if err := c.cfg.OnHandover(pid, name); err != nil {
		h.Refuse(err.Error())
		return
	}
	if h.IsQuestion() {
		h.Allow()
		return
	}
	c.heir = h
	c.tell(HandedOver{PID: pid, Name: name, Lease: c.machine.Heritage()})
}

// bequeath gives the link and l, nil for no lease, to the heir: the sockets are
// closed before that is told that it is free.
func (c *Client) bequeath(l *lease.Lease) {
	defer c.heir.Close()
	var what []byte
	if l != nil && !l.Expired(c.now()) {
		var err error
		if what, err = lease.Encode(l); err != nil {
			c.log.Warn("the lease cannot be handed over", "err", err)
		}
	}
	if err := c.heir.Give(what); err != nil {
		c.log.Warn("the handover may have failed; the lease stays on the link", "err", err)
	}
	c.close()
}

// inherit takes what the process had that the link was taken over from.
func (c *Client) inherit() {
	from, ok := c.transport.(interface{ Inherited() *rawudp.Inheritance })
	if !ok || from.Inherited() == nil {
		return
	}
	in := from.Inherited()
	c.taken = &TookOver{PID: in.PID, From: in.Name}
	if len(in.Document) == 0 {
		return
	}
	l, err := lease.Decode(in.Document)
	if err != nil {
		c.log.Warn("what was handed over is no lease; starting without it", "process", in.PID, "err", err)
		return
	}
	c.taken.Lease = l
}

// MayTakeOver says whether New with Takeover would get that link from who serves it
// now, and changes nothing: for who needs several links or none. It is called in the
// link's network namespace; the error is a *HeldError, or that nobody can be asked.
func MayTakeOver(link LinkState) error {
	if err := rawudp.MayTakeOver(link, 0); err != nil {
		return fmt.Errorf("%s: %w", link.Name, err)
	}
	return nil
}

// TakenFrom says which process New has taken the link over from, 0 if that cannot
// be seen from here; ok is false if the link was free.
func (c *Client) TakenFrom() (pid int, ok bool) {
	if c.taken == nil {
		return 0, false
	}
	return c.taken.PID, true
}

// handed says that the process before this one had l in use until now: what it gave
// is that, or of the same address.
func (c *Client) handed(l *lease.Lease) bool {
	return c.taken != nil && c.taken.Lease != nil && c.taken.Lease.Address == l.Address
}

// TakenLease is the lease that New has taken over with the link, nil for none.
func (c *Client) TakenLease() *lease.Lease {
	if c.taken == nil {
		return nil
	}
	return c.taken.Lease
}

// remembered is the lease to go on from: the stored one, or that of the process
// before this one unless the stored one is newer; nil for none.
func (c *Client) remembered(ctx context.Context) (l *lease.Lease) {
	if c.cfg.LeaseStore != nil {
		var err error
		if l, err = c.cfg.LeaseStore.Load(ctx); err != nil {
			c.log.Warn("the stored lease cannot be read; starting without it", "err", err)
		}
	}
	if c.taken == nil {
		return l
	}
	if given := c.taken.Lease; given != nil && (l == nil || !given.Start.Before(l.Start)) {
		l = given
	}
	c.tell(*c.taken)
	return l
}

// assume has the client go by the client id that l was obtained with, where it was
// not told another: a server knows who has l by that (RFC 2131 4.2).
func (c *Client) assume(l *lease.Lease) {
	_, sent := c.cfg.SendOptions[61]
	if !c.cfg.Takeover || c.cfg.ClientID != nil || c.cfg.MachineID != (MachineID{}) || sent || l == nil ||
		l.HardwareAddr != c.link.HardwareAddr || bytes.Equal(l.ClientID, c.identity.Load().ClientID) {
		return
	}
	c.cfg.ClientID = append([]byte{}, l.ClientID...)
	id, err := c.identify(c.link)
	if err != nil {
		c.log.Warn("the client id of the lease cannot be used", "err", err)
		c.cfg.ClientID = nil
		return
	}
	c.identity.Store(id)
	c.machine = fsm.New(c.protocol(id), [2]uint64{rand.Uint64(), rand.Uint64()})
}
