package fsm

import (
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

var noServer netip.Addr

const optCaptivePortal = 114 // RFC 8910

// basics is what of a lease may complete an ACK that is not a plain renewal:
// without them there is no lease, and the server said them a moment ago. That a
// lease of no known server never ends is nobody's word: it is of an address that
// was found on the link.
func basics(l *lease.Lease) *lease.Lease {
	b := &lease.Lease{Address: l.Address, Bits: l.Bits, Server: l.Server}
	if l.Server.IsValid() || !l.IsInfinite() {
		b.Valid = l.Valid
	}
	return b
}

// terms makes a lease of an ACK that came at now: it counts from sent, has from
// base what the server left out, and times that make sense. Else it says why not.
func (m *Machine) terms(now time.Time, ack, base *lease.Lease, sent time.Time) (*lease.Lease, string) {
	l := *ack
	l.Start = sent
	inherit(&l, base)
	if l.Valid <= 0 {
		return nil, "ACK without a lease time"
	}
	if l.Expired(now) {
		return nil, "ACK after the end of its lease"
	}
	if l.Bits == 0 {
		l.Bits = naturalBits(l.Address)
	}
	m.setTimes(&l)
	return &l, ""
}

// inherit fills in from base what l does not say. Real servers omit in a
// renewal what has not changed; the routes are one group, since a part of them
// means something else than the whole.
func inherit(l, base *lease.Lease) {
	fill(&l.Bits, base.Bits)
	if l.Bits == base.Bits { // of another mask's broadcast address nothing is known
		fill(&l.Broadcast, base.Broadcast)
	}
	fill(&l.Server, base.Server)
	fill(&l.Valid, base.Valid)
	fill(&l.Domain, base.Domain)
	fill(&l.Hostname, base.Hostname)
	fill(&l.MTU, base.MTU)
	if _, said := l.Options[optCaptivePortal]; !said { // it may say that there is none (RFC 8910 2)
		fill(&l.CaptivePortal, base.CaptivePortal)
	}
	fill(&l.NextServer, base.NextServer)
	fill(&l.ServerName, base.ServerName)
	fill(&l.BootFile, base.BootFile)
	if len(l.Routes) == 0 { // none, or none that could be used
		l.Routes = base.Routes
	}
	if l.DNS == nil {
		l.DNS = base.DNS
	}
	if l.Search == nil {
		l.Search = base.Search
	}
	if l.NTP == nil {
		l.NTP = base.NTP
	}
	l.KeepCarried(base)
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// naturalBits is the mask of the address's class (RFC 950), for a server that
// never said any.
func naturalBits(a netip.Addr) int {
	switch b := a.As4()[0]; {
	case b < 128:
		return 8
	case b < 192:
		return 16
	}
	return 24
}

// setTimes sets T1 and T2 (RFC 2131 4.4.5): the server's where they make sense,
// else half and seven eighths of the lease, and T1 a little off, so that
// clients that started together do not renew together.
func (m *Machine) setTimes(l *lease.Lease) {
	if l.IsInfinite() {
		l.T1, l.T2 = 0, 0
		return
	}
	if l.T2 > 0 && l.T1 >= l.T2 {
		l.T1, l.T2 = 0, 0 // one of them is wrong, and which nobody knows
	}
	// Divided first: seven times a lease of 68 years is more than fits.
	if l.T2 <= 0 || l.T2 >= l.Valid {
		l.T2 = l.Valid - l.Valid/8
	}
	if l.T1 <= 0 || l.T1 >= l.T2 {
		l.T1 = min(l.Valid/2, l.T2/7*4)
	}
	spread := min(max(l.T1/20, time.Second), l.T1/4, (l.T2-l.T1)/4)
	l.T1 += m.jitter(spread)
}
