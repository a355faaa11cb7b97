package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

const (
	// grace is how long what must not be may be there, in every look: a client
	// needs time to act, on a machine that others share.
	grace = 1500 * time.Millisecond
	// looks is in how many looks in a row, at least: a machine that stands
	// still makes none.
	looks = 8
	// slack is what a kernel adds to a lifetime that it counts in seconds.
	slack = 1500 * time.Millisecond
	// settle is how long the news of an address wait for the frames that
	// explain it.
	settle = time.Second
)

// An address is one of the client's link.
type address struct {
	prefix netip.Prefix
	// valid is what is left of it in seconds; 0xffffffff is for ever.
	valid uint32
}

// A route is one of the client's link in the main table.
type route struct {
	dst     netip.Prefix
	gateway netip.Addr
	source  netip.Addr
	metric  int
	// dhcp says that a DHCP client set it (proto dhcp).
	dhcp bool
}

func (r route) String() string {
	return fmt.Sprintf("%v via %v src %v metric %d dhcp=%v", r.dst, r.gateway, r.source, r.metric, r.dhcp)
}

// A look is what there is at one moment.
type look struct {
	at        time.Time
	addresses []address
	routes    []route
	// resolver is the resolver file, "" if there is none.
	resolver string
	// store is why the lease file cannot be read; stored is what is in it.
	store  error
	stored *lease.Lease
}

// A life is the time in which a process of the client runs.
type life struct{ from, to time.Time }

// A judge knows what has happened to a link, and says what must not have. Time
// is an argument everywhere.
type judge struct {
	// resolver judges the resolver file.
	resolver resolverRule

	mu     sync.Mutex
	rights *rights
	lives  []life
	// admins are what the administrator has put there, and nobody may remove.
	adminAddrs  map[netip.Prefix]bool
	adminRoutes map[string]route
	// orphans are addresses of a process that was killed and whose lease file
	// was lost: the kernel removes them when they end.
	orphans map[netip.Addr]bool
	// mac is the hardware address of the link.
	mac lease.HardwareAddr
	// spoilt is when the harness spoilt the lease file, zero once it was
	// readable since.
	spoilt time.Time
	// used says that the process has set an address, after an ACK for it.
	used    bool
	bad     map[string]*offence
	pending []news
	diary   diary
	verdict []string
	last    look
	// looks counts all of them, leased those with an address.
	looks, leased int
}

// An offence is what must not be, as long as it is seen.
type offence struct {
	since time.Time
	looks int
}

// news are of an address or a route that was set.
type news struct {
	at    time.Time
	addr  netip.Addr
	valid uint32
	what  string
}

func newJudge(original string) *judge {
	return &judge{
		resolver: resolverRule{original: original}, rights: newRights(),
		adminAddrs: map[netip.Prefix]bool{}, adminRoutes: map[string]route{}, orphans: map[netip.Addr]bool{}, bad: map[string]*offence{},
	}
}

// violations are what was found so far.
func (j *judge) violations() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.verdict...)
}

// accuse notes a violation; mu is held.
func (j *judge) accuse(at time.Time, format string, args ...any) {
	text := clock(at) + " " + fmt.Sprintf(format, args...)
	j.diary.note(at, "VIOLATION %s", text)
	if len(j.verdict) < 20 {
		j.verdict = append(j.verdict, text)
	}
}

// report is accuse for what the harness itself has seen.
func (j *judge) report(at time.Time, format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.accuse(at, format, args...)
}

// note writes a line into the diary.
func (j *judge) note(at time.Time, format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.diary.note(at, format, args...)
}

// frame takes what passed through the client's link.
func (j *judge) frame(f frame.Frame) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if f.DHCP != nil {
		j.rights.message(f, j.life())
	}
	if from := senderOf(f); f.Src == j.mac && from.IsValid() && !isAdmins(from) {
		j.pending = append(j.pending, news{f.Time, from, 0, fmt.Sprintf("%v was the source of a frame", from)})
	}
	if f.DHCP != nil || f.ARP != nil {
		j.diary.note(f.Time, "wire  %s", strings.TrimPrefix(f.String(), f.Time.Format("15:04:05.000000 ")))
	}
}

// senderOf is the address that a frame says it is from; the zero Addr for none.
func senderOf(f frame.Frame) netip.Addr {
	var a netip.Addr
	switch {
	case f.ARP != nil:
		a = f.ARP.SenderIP
	case f.IPv4 != nil:
		a = f.IPv4.Src
	}
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

// life is the number of the process that runs, from 1; 0 for none.
func (j *judge) life() int {
	if n := len(j.lives); n > 0 && j.lives[n-1].to.IsZero() {
		return n
	}
	return 0
}

// alive says whether the process of a life runs at t.
func (j *judge) alive(life int, t time.Time) bool {
	l := j.lives[life-1]
	return l.to.IsZero() || t.Before(l.to)
}

// heeds says which processes have to act at a time on what happens to addr: the
// one that runs then, unless it knows nothing of the address.
func (j *judge) heeds(addr netip.Addr, at time.Time) func(life int) bool {
	return func(life int) bool { return !j.orphans[addr] && j.alive(life, at) }
}

// started takes the start of a client. now is what it finds.
func (j *judge) started(at time.Time, now look) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lives = append(j.lives, life{from: at})
	j.used = false
	clear(j.orphans)
	j.diary.note(at, "      client %d started", len(j.lives))
	for _, a := range j.ours(now) {
		switch addr := a.prefix.Addr(); {
		case now.stored == nil || now.stored.Address != addr:
			j.orphans[addr] = true
			j.diary.note(at, "      it knows nothing of %v", a.prefix)
		case now.stored.HardwareAddr != j.mac:
			j.rights.forfeit(forfeit{addr: addr, at: at, life: j.life(), why: "a new hardware address"})
		}
	}
}

// ended takes the end of a client.
func (j *judge) ended(at time.Time, how string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lives[len(j.lives)-1].to = at
	j.diary.note(at, "      client %d ended: %s", len(j.lives), how)
}

// changedMAC takes a new hardware address, under which no old lease holds. A
// client that starts later finds the old ones as this one did.
func (j *judge) changedMAC(at time.Time, mac lease.HardwareAddr) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.mac, j.rights.macs[mac] = mac, true
	j.rights.disturbed = append(j.rights.disturbed, at)
	for _, a := range j.ours(j.last) {
		if addr := a.prefix.Addr(); !j.orphans[addr] {
			j.rights.forfeit(forfeit{addr: addr, at: at, life: j.life(), why: "a new hardware address"})
		}
	}
}

// spoil takes the harness's doing to the lease file.
func (j *judge) spoil(at time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.spoilt = at
}

// disturbed takes a change of the link that may have hidden a message.
func (j *judge) disturbed(at time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rights.disturbed = append(j.rights.disturbed, at)
}

// removed takes the removal of one of the client's addresses by hand.
func (j *judge) removed(at time.Time, addr netip.Addr) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rights.disturbed = append(j.rights.disturbed, at)
	last, ok := j.rights.held(addr, at)
	if ok && at.Sub(last.acked) > disturbance { // else it may just be putting it there
		j.rights.forfeit(forfeit{addr: addr, at: at, life: j.life(), why: "the administrator's removal"})
	}
}

// set takes the news of an address that was set or refreshed.
func (j *judge) set(at time.Time, a address) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.diary.note(at, "link  address %v for %d s", a.prefix, int32(a.valid))
	if !j.adminAddrs[a.prefix] {
		if j.confirmed(a.prefix.Addr(), at) {
			j.used = true
			delete(j.orphans, a.prefix.Addr()) // it is known again
		}
		j.pending = append(j.pending, news{at, a.prefix.Addr(), a.valid, fmt.Sprintf("address %v was set", a.prefix)})
	}
}

// gone takes the news of an address that was removed.
func (j *judge) gone(at time.Time, p netip.Prefix) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.diary.note(at, "link  address %v removed", p)
	if j.adminAddrs[p] {
		j.accuse(at, "the administrator's address %v was removed", p)
	}
}

// routed takes the news of a route that was set.
func (j *judge) routed(at time.Time, r route, added bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.diary.note(at, "link  route %v added=%v", r, added)
	if added && r.dhcp {
		j.pending = append(j.pending, news{at, r.source, 0, fmt.Sprintf("route %v was set", r)})
	}
}

// permit lets the administrator do something to the link: from now on there is,
// or need not be, what change says.
func (j *judge) permit(change func(addrs map[netip.Prefix]bool, routes map[string]route)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(j.adminAddrs, j.adminRoutes)
}

// ours are the addresses of a look that a client must have put there.
func (j *judge) ours(l look) (list []address) {
	for _, a := range l.addresses {
		if !j.adminAddrs[a.prefix] {
			list = append(list, a)
		}
	}
	return list
}

// bare wants nothing of a lease to be left: the client said that it removed it.
// What it cannot have known of may be.
func (j *judge) bare(l look) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, a := range j.ours(l) {
		if !j.orphans[a.prefix.Addr()] {
			j.accuse(l.at, "the client has ended and left %v", a.prefix)
		}
	}
	for _, r := range l.routes {
		if r.dhcp && !j.orphans[r.source] {
			j.accuse(l.at, "the client has ended and left the route %v", r)
		}
	}
	if j.used && l.resolver != j.resolver.original {
		j.accuse(l.at, "the client has ended and left the resolver file\n%s", l.resolver)
	}
}

// held is the lease that is in place, all of it: one address with a right to it,
// its default route, the resolver file, and the lease file.
func (j *judge) held(l look) (addr netip.Prefix, missing string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var ours []netip.Prefix
	for _, a := range j.ours(l) {
		if !j.orphans[a.prefix.Addr()] {
			ours = append(ours, a.prefix)
		}
	}
	if len(ours) != 1 {
		return addr, fmt.Sprintf("%d addresses", len(ours))
	}
	addr = ours[0]
	g, _ := j.rights.held(addr.Addr(), l.at)
	isDefault := func(r route) bool { return r.dhcp && r.dst.Bits() == 0 && r.source == addr.Addr() }
	switch {
	case !slices.ContainsFunc(l.routes, isDefault):
		return addr, "no default route"
	case !j.resolver.of(l.resolver, g):
		return addr, "name servers of something else"
	case l.store != nil:
		return addr, "no lease file: " + l.store.Error()
	case l.stored == nil || l.stored.Address != addr.Addr():
		return addr, "another lease in the file"
	}
	return addr, ""
}

// summary is what the link has been through, to be sure that it was something.
func (j *judge) summary() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := j.rights.counts
	return fmt.Sprintf("%d processes; %d ACK, %d NAK, %d DECLINE, %d RELEASE; an address for %d %% of the time",
		len(j.lives), n[dhcpv4.MessageTypeAck], n[dhcpv4.MessageTypeNak], n[dhcpv4.MessageTypeDecline], n[dhcpv4.MessageTypeRelease],
		100*j.leased/max(1, j.looks))
}
