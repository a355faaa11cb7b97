package main

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// What a judge is told.

// frame takes what passed through the client's link.
func (j *judge) frame(f frame.Frame) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if f.DHCP != nil {
		j.rights.message(f, j.life())
	}
	if from := senderOf(f); f.Src == j.mac && from.IsValid() && !isAdmins(from) {
		late := crossing
		if f.IPv4 != nil {
			late = queueTime
		}
		j.pending = append(j.pending, news{f.Time, from, 0, fmt.Sprintf("%v was the source of a frame", from), late})
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
	if ok && !j.orphans[addr] && at.Sub(last.acked) > disturbance { // else it may just be putting it there
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
		j.pending = append(j.pending, news{at, a.prefix.Addr(), a.valid, fmt.Sprintf("address %v was set", a.prefix), crossing})
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
		j.pending = append(j.pending, news{at, r.source, 0, fmt.Sprintf("route %v was set", r), crossing})
	}
}

// permit lets the administrator do something to the link: from now on there is,
// or need not be, what change says.
func (j *judge) permit(change func(addrs map[netip.Prefix]bool, routes map[string]route)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(j.adminAddrs, j.adminRoutes)
}
