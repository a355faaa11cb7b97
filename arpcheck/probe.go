package arpcheck

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/arp"
)

// A probe asks whether anybody has an address (RFC 5227 2.1.1).
type probe struct {
	task
	address netip.Addr
	done    func(by net.HardwareAddr, err error)
	// waits are before each of the packets that are still to be sent, and
	// before the answer.
	waits []time.Duration
	// tried and sent count packets; err is why the last was not sent.
	tried, sent int
	err         error
}

// Probe asks the link whether anybody uses the IPv4 address addr: three times,
// the first at once, in the time that Config says; an address of 169.254/16 as
// RFC5227 has it, whatever that is (RFC 3927 2.2.1). done is called once, with
// the station that uses it, as soon as one is known to, or nil. The error says
// that nothing could be asked, because no packet could be sent, addr is no
// address of a host, or the Detector is closed; a packet less is none.
//
// It ends a Probe or Defend before it, whose callback does not come any more.
// After 10 conflicts on the link probes begin at most once in 60 s.
func (d *Detector) Probe(addr netip.Addr, done func(by net.HardwareAddr, err error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.halt(kindJob)
	addr = addr.Unmap()
	if err := d.refuses(addr); err != nil {
		d.tune()
		d.later(kindJob, func() { done(nil, fmt.Errorf("probe %v: %w", addr, err)) })
		return
	}
	p := &probe{task: task{d: d}, address: addr, done: done}
	d.job = p
	d.tune()
	p.begin()
}

// refuses says why addr cannot be checked.
func (d *Detector) refuses(addr netip.Addr) error {
	switch {
	case d.closed:
		return net.ErrClosed
	case d.broken:
		return errBroken
	case !addr.Is4() || addr.IsUnspecified() || addr.IsMulticast() || addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return errNoHost
	}
	return nil
}

var errBroken = errors.New("the detector has panicked")

var errNoHost = errors.New("not the IPv4 address of a host")

func (p *probe) begin() {
	length := p.d.length
	if p.address.IsLinkLocalUnicast() {
		length = RFC5227 // nobody gave it: the times are those of RFC 3927 9, too
	}
	p.waits = probeWaits(length)
	if p.d.conflicts >= maxConflicts {
		p.waits[0] += max(0, p.d.probed+rateLimitInterval-p.d.clock())
	}
	p.tried, p.sent, p.err = 0, 0, nil
	p.next()
}

// next waits for the next packet or the answer. Each wait counts from when the
// packet before it has left, so that the last one is never cut short.
func (p *probe) next() {
	wait := p.waits[0]
	p.waits = p.waits[1:]
	if wait == 0 {
		p.due()
		return
	}
	p.after(wait, p.due)
}

func (p *probe) due() {
	if len(p.waits) == 0 {
		p.unanswered()
		return
	}
	if p.tried == 0 {
		p.d.probed = p.d.clock()
	}
	p.tried++
	if err := p.d.transmit(probeFor(p.address), &p.d.count.probes); err != nil {
		p.err = err
	} else {
		p.sent++
	}
	p.next()
}

// unanswered is the end of a probe that found nobody.
func (p *probe) unanswered() {
	p.d.catchUp()
	if p.d.job != job(p) {
		return // there was a conflict
	}
	if p.sent == 0 {
		p.finish(nil, fmt.Errorf("probe %v on link %d: %w", p.address, p.d.index, p.err))
		return
	}
	p.finish(nil, nil)
}

func (p *probe) conflict(by mac) {
	p.d.conflicts++
	p.finish(by.addr(), nil)
}

func (p *probe) finish(by net.HardwareAddr, err error) {
	p.end()
	p.d.job = nil
	p.d.tune()
	p.d.later(kindJob, func() { p.done(by, err) })
}

func (p *probe) wants() wanted { return wanted{claim: p.address, probes: true} }

func (p *probe) judge(m message) Reason {
	switch {
	case m.spa == p.address:
		return accepted
	case m.op != arp.OperationRequest || !m.spa.IsUnspecified() || m.tpa != p.address:
		return Unrelated
	case !m.broadcast || m.src != m.sha:
		return Poll
	}
	return accepted
}

// moved begins anew: nobody on the new link was asked.
func (p *probe) moved() {
	p.end()
	p.begin()
}
