package fsm

import (
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// granted is a lease of addr as a message of server has it.
func granted(addr, server netip.Addr, valid time.Duration) *lease.Lease {
	return &lease.Lease{
		Address: addr, Bits: 24, Server: server, Valid: valid,
		Routes:       []lease.Route{{Dst: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Gateway: gateway}},
		HardwareAddr: station("a"),
	}
}

// v6Only is a lease of a network that prefers to have no IPv4.
func v6Only(addr netip.Addr) *lease.Lease {
	l := granted(addr, server1, time.Hour)
	l.V6OnlyWait = 10 * time.Minute
	return l
}

// remembered is a stored lease of A, of an hour that began age ago.
func remembered(now time.Time, age time.Duration) *lease.Lease {
	l := granted(addrA, server1, time.Hour)
	l.Start, l.T1, l.T2, l.RouterMAC = now.Add(-age), 30*time.Minute, 52*time.Minute, station("r")
	return l
}

// foundOnLink is a lease of A that another client has left on the link: nobody
// knows of which server, or for how long.
func foundOnLink(now time.Time) *lease.Lease {
	l := granted(addrA, netip.Addr{}, lease.Infinite)
	l.Start = now
	return l
}

// moves are the ways on from w: all that can happen now, and what can happen at
// the next deadline or after it.
func (w *world) moves() []move {
	moves := append(w.messages(), w.answers()...)
	add := func(name string, at time.Time, ev Event) { moves = append(moves, move{name, at, ev}) }
	if d := w.m.Deadline(); !d.IsZero() {
		add("tick before", w.now.Add(d.Sub(w.now)/2), Tick{})
		add("tick", d, Tick{})
		add("tick after a suspend", d.Add(2*time.Hour), Tick{})
		add("ack at the deadline", d, Ack{XID: w.xid, Lease: granted(addrA, server1, time.Hour)})
		add("nak at the deadline", d, Nak{XID: w.xid, Server: server1})
	}
	if w.carrier {
		add("linkdown", w.now, LinkDown{})
		add("linkdown link=gone", w.now, LinkDown{Gone: true})
	} else {
		add("linkup", w.now, LinkUp{})
	}
	add("hwaddr b", w.now, NewHardwareAddr{Addr: station("b")})
	add("renew", w.now, Renew{})
	add("rebind", w.now, Renew{Rebind: true})
	add("release", w.now, Release{})
	add("stop", w.now, Stop{})
	add("stop keep", w.now, Stop{Keep: true})
	if w.pending {
		add("release there", w.now, Release{There: true})
		add("stop there", w.now, Stop{There: true})
	}
	return moves
}

// messages are what good, slow, other and bad servers send.
func (w *world) messages() []move {
	if w.m.cfg.RapidCommit {
		if w.m.nonce != (Nonce{}) {
			return append(w.plainMessages(), move{"forcerenew", w.now, ForceRenew{w.m.replay + 1}}, move{"stale forcerenew", w.now, ForceRenew{w.m.replay}},
				move{"ack A with a nonce", w.now, Ack{XID: w.xid, Lease: granted(addrA, server1, time.Hour), Nonce: Nonce{2}}})
		}
		return append(w.plainMessages(),
			move{"rapid ack A with a nonce", w.now, Ack{XID: w.xid, Lease: granted(addrA, server1, time.Hour), Rapid: true, Nonce: Nonce{1}, Replay: 7}},
			move{"rapid ack A", w.now, Ack{XID: w.xid, Lease: granted(addrA, server1, time.Hour), Rapid: true}},
			move{"rapid ack B of the other server", w.now, Ack{XID: w.xid, Lease: granted(addrB, server2, time.Hour), Rapid: true}},
			move{"rapid ack A, IPv6-only", w.now, Ack{XID: w.xid, Lease: v6Only(addrA), Rapid: true}},
			move{"offer A, IPv6-only", w.now, Offer{w.xid, v6Only(addrA)}},
			move{"ack A, IPv6-only", w.now, Ack{XID: w.xid, Lease: v6Only(addrA)}},
			move{"stale rapid ack A", w.now, Ack{XID: w.oldXID, Lease: granted(addrA, server1, time.Hour), Rapid: true}})
	}
	return w.plainMessages()
}

// plainMessages are those without an extension.
func (w *world) plainMessages() []move {
	return []move{
		{"offer A", w.now, Offer{w.xid, granted(addrA, server1, time.Hour)}},
		{"offer B of the other server", w.now, Offer{w.xid, granted(addrB, server2, time.Hour)}},
		{"offer A without time", w.now, Offer{w.xid, granted(addrA, server1, 0)}},
		{"stale offer A", w.now, Offer{w.oldXID, granted(addrA, server1, time.Hour)}},
		{"ack A", w.now, Ack{XID: w.xid, Lease: granted(addrA, server1, time.Hour)}},
		{"ack A for two seconds", w.now, Ack{XID: w.xid, Lease: granted(addrA, server1, 2*time.Second)}},
		{"ack A for ever", w.now, Ack{XID: w.xid, Lease: granted(addrA, server1, lease.Infinite)}},
		{"ack B of the other server", w.now, Ack{XID: w.xid, Lease: granted(addrB, server2, time.Hour)}},
		{"stale ack A", w.now, Ack{XID: w.oldXID, Lease: granted(addrA, server1, time.Hour)}},
		{"nak", w.now, Nak{XID: w.xid, Server: server1}},
		{"nak of the other server", w.now, Nak{XID: w.xid, Server: server2}},
		{"stale nak", w.now, Nak{XID: w.oldXID, Server: server1}},
	}
}

// answers are what becomes of the machine's actions, in time and too late.
func (w *world) answers() (moves []move) {
	add := func(name string, ev Event) { moves = append(moves, move{name, w.now, ev}) }
	if w.probing.IsValid() {
		add("probed", Probed{Addr: w.probing})
		add("probed, conflict", Probed{Addr: w.probing, By: station("c")})
		add("probed, failed", Probed{Addr: w.probing, Err: errBusy})
	} else {
		add("late probed A, conflict", Probed{Addr: addrA, By: station("c")})
	}
	if w.pending {
		add("applied", Applied{Seq: w.m.seq})
		add("applied, failed", Applied{Seq: w.m.seq, Err: errBusy})
		add("applied, refused", Applied{Seq: w.m.seq, Err: errBusy, Refused: true})
	}
	if w.m.seq > 1 {
		add("late applied", Applied{Seq: w.m.seq - 1})
	}
	if w.asked {
		add("reached", Reached{Router: gateway, By: station("r")})
		add("reached, other", Reached{Router: gateway, By: station("s")})
	}
	if w.link != nil {
		add("conflict", Conflict{Addr: w.link.Address, By: station("c")})
		add("address gone", AddressGone{w.link.Address})
	}
	return moves
}
