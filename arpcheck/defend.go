package arpcheck

import (
	"net"
	"net/netip"
)

// A defence announces an address, and keeps others from using it (RFC 5227
// 2.3, 2.4).
type defence struct {
	task
	address   netip.Addr
	lost      func(by net.HardwareAddr)
	announced int
}

// Defend tells the link that the IPv4 address addr is ours, twice in 2 s (the second
// time in its turn, with Config.Turns), and goes on to defend it: the first conflict in 10 s is answered by one more
// announcement, the second has lost called, once, with the station that uses
// addr as well, and ends the defence: the address must not be used any more
// (RFC 5227 2.4(b)). Addr must be on the link, for the kernel to answer those
// who ask.
//
// It ends a Probe or Defend before it, whose callback does not come any more.
// That an announcement cannot be sent is counted, no more.
func (d *Detector) Defend(addr netip.Addr, lost func(by net.HardwareAddr)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.halt(kindJob)
	addr = addr.Unmap()
	if err := d.refuses(addr); err != nil {
		d.tune()
		d.later(kindJob, func() { d.log.Warn("address not defended", "address", addr, "err", err) })
		return
	}
	f := &defence{task: task{d: d}, address: addr, lost: lost}
	d.job = f
	d.tune()
	f.announce()
}

func (f *defence) announce() {
	_ = f.d.transmit(announcementOf(f.address), &f.d.count.announcements)
	f.announced++
	if f.announced < announceNum {
		f.after(announceInterval, func() { f.inTurn(f.announce) })
	}
}

// conflict defends once in a defendInterval, whatever the address: who can change
// our address as well, a server, must not get more. The time of the last conflict
// outlives the defence, lest one that begins anew gives more than its due.
func (f *defence) conflict(by mac) {
	d, now := f.d, f.d.clock()
	if d.defended && now-d.defendedAt <= defendInterval {
		f.end()
		d.job = nil
		d.conflicts++
		d.tune()
		d.later(kindJob, func() { f.lost(by.addr()) })
		return
	}
	d.defended, d.defendedAt = true, now
	err := d.transmit(announcementOf(f.address), &d.count.announcements)
	d.count.defences.Add(1)
	d.later(kindJob, func() {
		d.log.Warn("another station uses our address; defended", "address", f.address, "station", by, "err", err)
	})
}

func (f *defence) wants() wanted { return wanted{claim: f.address} }

func (f *defence) judge(m message) Reason {
	if m.spa == f.address {
		return accepted
	}
	return Unrelated
}

// moved announces no more: the new link may be that of another network.
func (f *defence) moved() { f.end() }
