package fsm

import (
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// informTries is how many INFORMs are sent, which takes half a minute; with the
// schedule of RFC 2131 4.1 one less, which takes a minute (4.4.3).
const informTries = 5

// An Inform asks servers for what they tell a host that has its address from
// elsewhere (RFC 2131 3.4, 4.4.3). It is a machine of its own, since it holds no
// lease: nothing that a server says can take the address away, or end.
type Inform struct {
	m    Machine
	addr netip.Addr
	x    exchange
	over bool
}

// NewInform returns an Inform that waits for Start, for a link with the address
// addr. Of cfg the schedule counts; seed must be unpredictable.
func NewInform(cfg Config, seed [2]uint64, addr netip.Addr) Inform {
	return Inform{m: New(cfg, seed), addr: addr}
}

// Step handles Start, Tick, Ack and Nak, and returns what is to be done. It ends
// with a Notice: Informed or NoServer.
func (i *Inform) Step(now time.Time, ev Event) []Action {
	switch ev := ev.(type) {
	case Start:
		i.x = i.m.begin(now)
		i.send(now)
	case Tick:
		if i.over || !due(i.x.next, now) {
			break
		}
		tries := informTries
		if i.m.cfg.Retransmit == RFC2131 {
			tries--
		}
		if i.x.tries >= tries {
			i.over = true
			i.m.note(Notice{Kind: NoServer})
			break
		}
		i.send(now)
	case Ack:
		i.answered(now, ev)
	case Nak, Offer:
		i.m.ignore("no answer to an INFORM")
	}
	actions := i.m.actions
	i.m.actions = nil
	return actions
}

// Deadline is when Step wants a Tick; the zero Time for never.
func (i *Inform) Deadline() time.Time {
	if i.over {
		return time.Time{}
	}
	return i.x.next
}

// XID is that of the exchange.
func (i *Inform) XID() uint32 { return i.x.xid }

func (i *Inform) send(now time.Time) {
	i.x = i.x.elapsed(now).transmit(&i.m, now, Message{Type: InformType, CIAddr: i.addr})
}

// answered takes the parameters, and nothing that is of a lease: the address is
// not the server's (RFC 2131 4.3.5).
func (i *Inform) answered(now time.Time, ev Ack) {
	if i.over || ev.XID != i.x.xid {
		i.m.ignore("ACK of another exchange")
		return
	}
	i.over = true
	l := *ev.Lease
	l.Address, l.Start, l.Valid, l.T1, l.T2 = i.addr, now, lease.Infinite, 0, 0
	i.m.note(Notice{Kind: Informed, Lease: &l, Server: l.Server})
}
