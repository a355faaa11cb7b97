package main

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// A grant is a lease as the wire had it: an ACK for the client's link.
type grant struct {
	addr netip.Addr
	// start is when the REQUEST with the ACK's xid was first sent (RFC 2131
	// 4.4.1), acked when the ACK came, end when the lease ends.
	start, acked, end time.Time
	dns               []netip.Addr
	domain            string
}

// A forfeit is why a grant no longer holds before its end: what the process of
// life knows, and has to act on.
type forfeit struct {
	addr netip.Addr
	at   time.Time
	life int
	why  string
	// soft is one that a change of the link at that time makes void: it may
	// not have been heard.
	soft bool
	// queued is one that the kernel may have kept until it knew the server's
	// hardware address.
	queued bool
}

// queueTime is how long the kernel keeps a datagram for which it asks ARP, and a
// little more: an old one may leave after the address has been leased again.
const queueTime = 4 * time.Second

// An offer is of an address, at a time.
type offer struct {
	addr netip.Addr
	at   time.Time
}

// shunTime is how long the client takes no offer of an address that it declined.
const shunTime = 5 * time.Minute

// shunning says that all that was offered since a time was declined shortly
// before: a server that forgets what was declined, as dnsmasq does when it
// starts anew, and has the address for this client, is one that offers nothing.
func (j *judge) shunning(since time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, o := range j.rights.offers {
		at, ok := j.rights.declined[o.addr]
		if o.at.After(since) && (!ok || o.at.Sub(at) > shunTime) {
			return false
		}
	}
	return len(j.rights.offers) > 0 && j.rights.offers[len(j.rights.offers)-1].at.After(since)
}

// A request is the last of the client that may be answered.
type request struct {
	xid dhcpv4.TransactionID
	// addr is what it is about: ciaddr, else option 50.
	addr netip.Addr
	// asked is the server that alone may refuse it; not valid if any may.
	asked    netip.Addr
	answered bool
}

// rights is what the wire says about who may use what.
type rights struct {
	macs     map[lease.HardwareAddr]bool // that the link has or had
	grants   []grant
	forfeits []forfeit
	requests map[dhcpv4.TransactionID]time.Time
	last     request
	// discovers are the times of the last DISCOVERs in a row.
	discovers []time.Time
	// disturbed are the times at which the link changed.
	disturbed []time.Time
	// offers are those since the last REQUEST, declined when an address was.
	offers   []offer
	declined map[netip.Addr]time.Time
	// counts are the messages by their type.
	counts map[dhcpv4.MessageType]int
}

// disturbance is how long before and after a change of the link it is open
// which of the two the client saw first.
const disturbance = 500 * time.Millisecond

func newRights() *rights {
	return &rights{macs: map[lease.HardwareAddr]bool{}, requests: map[dhcpv4.TransactionID]time.Time{}, counts: map[dhcpv4.MessageType]int{}, declined: map[netip.Addr]time.Time{}}
}

// message takes a DHCP message on the client's link. life is the number of the
// process that runs, 0 for none.
func (r *rights) message(f frame.Frame, life int) {
	m := f.DHCP
	mac := lease.HardwareAddr(m.ClientHWAddr[:min(6, len(m.ClientHWAddr))])
	if len(m.ClientHWAddr) != 6 || !r.macs[mac] {
		return
	}
	r.counts[m.MessageType()]++
	if m.OpCode == dhcpv4.OpcodeBootRequest {
		if f.Src == mac {
			r.sent(f, life)
		}
		return
	}
	switch m.MessageType() {
	case dhcpv4.MessageTypeOffer:
		r.offers = append(r.offers, offer{addrOf(m.YourIPAddr), f.Time})
	case dhcpv4.MessageTypeAck:
		r.ack(f)
	case dhcpv4.MessageTypeNak:
		r.nak(f, life)
	}
}

func (r *rights) sent(f frame.Frame, life int) {
	m, client, wanted := f.DHCP, addrOf(f.DHCP.ClientIPAddr), addrOf(f.DHCP.RequestedIPAddress())
	if m.MessageType() != dhcpv4.MessageTypeDiscover {
		r.discovers = nil
	}
	switch m.MessageType() {
	case dhcpv4.MessageTypeDiscover:
		r.discovers = append(r.discovers, f.Time)
		r.last = request{xid: m.TransactionID}
	case dhcpv4.MessageTypeRequest:
		r.offers = nil
		if _, ok := r.requests[m.TransactionID]; !ok {
			r.requests[m.TransactionID] = f.Time
		}
		r.last = request{xid: m.TransactionID, addr: wanted, asked: addrOf(m.ServerIdentifier())}
		if client.IsValid() {
			r.last.addr = client
			if f.IPv4.Dst != broadcast {
				r.last.asked = f.IPv4.Dst
			}
		}
	case dhcpv4.MessageTypeDecline:
		r.declined[wanted] = f.Time
		r.forfeit(forfeit{addr: wanted, at: f.Time, life: life, why: "its DECLINE"})
	case dhcpv4.MessageTypeRelease:
		r.forfeit(forfeit{addr: client, at: f.Time, life: life, why: "its RELEASE", queued: true})
	}
}

func (r *rights) ack(f frame.Frame) {
	m := f.DHCP
	start, asked := r.requests[m.TransactionID]
	if !asked {
		return
	}
	if m.TransactionID == r.last.xid {
		r.last.answered = true
	}
	g := grant{addr: addrOf(m.YourIPAddr), start: start, acked: f.Time, domain: m.DomainName()}
	g.end = start.Add(m.IPAddressLeaseTime(0))
	for _, ip := range m.DNS() {
		g.dns = append(g.dns, addrOf(ip))
	}
	r.grants = append(r.grants, g)
}

// nak notes a refusal that the client has to heed: of its last request, not yet
// answered, and by a server that may.
func (r *rights) nak(f frame.Frame, life int) {
	by := addrOf(f.DHCP.ServerIdentifier())
	switch {
	case f.DHCP.TransactionID != r.last.xid || r.last.answered || !r.last.addr.IsValid():
	case r.last.asked.IsValid() && r.last.asked != by:
	default:
		r.last.answered = true
		r.forfeit(forfeit{addr: r.last.addr, at: f.Time, life: life, why: fmt.Sprintf("the NAK of %v", by), soft: true})
	}
}

// forfeit notes that a process, if one runs, has to do without an address.
func (r *rights) forfeit(f forfeit) {
	if f.life != 0 {
		r.forfeits = append(r.forfeits, f)
	}
}

// void says that nobody can know whether the client heard of f.
func (r *rights) void(f forfeit) bool {
	return f.soft && slices.ContainsFunc(r.disturbed, func(t time.Time) bool { return t.Sub(f.at).Abs() < disturbance })
}

// held is the grant of addr that was acknowledged last at t.
func (r *rights) held(addr netip.Addr, t time.Time) (last grant, ok bool) {
	for _, g := range r.grants {
		if g.addr == addr && !g.acked.After(t) {
			last, ok = g, true
		}
	}
	return last, ok
}

// right says why addr may not be on the link at t; "" if it may, or if that is
// not over for longer than late. heeds says whether the process of a life has to
// act on a forfeit.
func (r *rights) right(addr netip.Addr, t time.Time, late time.Duration, heeds func(life int) bool) string {
	last, ok := r.held(addr, t)
	if !ok {
		return "no server has acknowledged it"
	}
	end, _ := r.longest(addr, t)
	over := t.Add(-late)
	if !over.Before(end) {
		return fmt.Sprintf("its lease ended at %s", clock(end))
	}
	for _, x := range r.forfeits {
		old := x.queued && x.at.Sub(last.acked) < queueTime
		if x.addr == addr && !x.at.Before(last.acked) && x.at.Before(over) && heeds(x.life) && !r.void(x) && !old {
			return fmt.Sprintf("%s came at %s", x.why, clock(x.at))
		}
	}
	return ""
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// addrOf is an address that is not 0.0.0.0; else the zero Addr.
func addrOf(ip []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	if a = a.Unmap(); a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }

// longest is the end of the longest grant of addr at t.
func (r *rights) longest(addr netip.Addr, t time.Time) (end time.Time, ok bool) {
	for _, g := range r.grants {
		if g.addr == addr && !g.acked.After(t) {
			ok = true
			if g.end.After(end) {
				end = g.end
			}
		}
	}
	return end, ok
}
