package dhcptest

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A Port is a client's place on a Link. It is a client.Transport and a
// client.Follower; one that stands in a Config looks like this:
//
//	OpenTransport: func(at client.LinkState, receive func([]byte, netip.Addr)) (client.Transport, error) {
//		return link.Open(at, receive)
//	},
type Port struct {
	link    *Link
	receive func(payload []byte, from netip.Addr)

	mu        sync.Mutex
	mac       lease.HardwareAddr
	listening bool
	closed    bool
}

// Open gives a client its place. receive gets what arrives while the Port is
// told to Receive, one call at a time; it must not Close the Port.
func (l *Link) Open(at lease.LinkState, receive func(payload []byte, from netip.Addr)) (*Port, error) {
	p := &Port{link: l, receive: receive, mac: at.HardwareAddr}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ports = append(l.ports, p)
	return p, nil
}

func (p *Port) address() lease.HardwareAddr {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mac
}

// Send sends a message to port 67 of dst; it keeps no part of it.
func (p *Port) Send(payload []byte, src, dst netip.Addr) error {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return net.ErrClosed
	}
	if !src.IsValid() {
		src = netip.IPv4Unspecified()
	}
	return p.link.up(p, slices.Clone(payload), src, dst)
}

// Receive turns delivery on or off; a Port that was opened is off.
func (p *Port) Receive(on bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listening = on
	return nil
}

// Flush returns at once: what was sent is on its way.
func (p *Port) Flush(time.Duration) error { return nil }

// Follow gives the Port another hardware address.
func (p *Port) Follow(_ int, addr net.HardwareAddr) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	copy(p.mac[:], addr)
	return nil
}

// Close takes the Port off the link: receive does not run any more when it
// returns.
func (p *Port) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	l := p.link
	l.mu.Lock()
	l.ports = slices.DeleteFunc(slices.Clone(l.ports), func(o *Port) bool { return o == p })
	l.mu.Unlock()
	l.turn <- struct{}{} // wait for a delivery that runs
	<-l.turn
	return nil
}

func (p *Port) deliver(payload []byte, from netip.Addr) {
	p.mu.Lock()
	deaf := p.closed || !p.listening
	p.mu.Unlock()
	if !deaf {
		p.receive(slices.Clone(payload), from)
	}
}
