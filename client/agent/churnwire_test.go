package agent

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// A churnWire is a client's way to the server of its link.
type churnWire struct {
	link      *churnLink
	receive   func([]byte, netip.Addr)
	listening bool
	closed    bool
	sent      []time.Duration
}

// churnLoss is how many of a hundred messages are lost, each way.
const churnLoss = 3

// Send has the server answer in a while, if it hears it.
func (w *churnWire) Send(payload []byte, _, _ netip.Addr) error {
	d, l := w.link.d, w.link
	m, err := dhcpv4.FromBytes(payload)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.Errorf("sent what cannot be parsed: %v", err)
		return nil
	}
	w.tally()
	l.note("%v", m.MessageType())
	if l.gone || !l.carrier || !l.server.up || d.luck.IntN(100) < churnLoss {
		return nil
	}
	answer := l.server.answer(l, m)
	if answer == nil || d.luck.IntN(100) < churnLoss {
		return nil
	}
	b, from := answer.ToBytes(), l.server.addr()
	time.AfterFunc(time.Millisecond+time.Duration(d.luck.Int64N(int64(20*time.Millisecond))), func() {
		d.mu.Lock()
		hears := w.listening && !w.closed && !l.gone && l.carrier
		d.mu.Unlock()
		if hears {
			w.receive(b, from)
		}
	})
	return nil
}

// tally counts a message, and holds the client to what package client promises.
func (w *churnWire) tally() {
	d, now := w.link.d, w.link.d.now()
	d.sent++
	if s := now.Truncate(time.Second); s != d.second {
		d.second, d.inSecond = s, 0
	}
	d.inSecond++
	d.burst = max(d.burst, d.inSecond)
	w.sent = append(w.sent, now)
	if over := len(w.sent) - 100; over > 0 {
		w.sent = append(w.sent[:0], w.sent[over:]...)
	}
	for limit, most := range map[time.Duration]int{time.Second: 8, 10 * time.Second: 18, time.Minute: 80} {
		n := 0
		for i := len(w.sent) - 1; i >= 0 && now-w.sent[i] < limit; i-- {
			n++
		}
		if n > most {
			d.Errorf("after %v: %s sends %d messages in %v", now, w.link.name(), n, limit)
		}
	}
}

func (w *churnWire) Receive(on bool) error {
	w.link.d.mu.Lock()
	defer w.link.d.mu.Unlock()
	w.listening = on
	return nil
}

func (w *churnWire) Flush(time.Duration) error { return nil }

func (w *churnWire) Follow(int, net.HardwareAddr) error { return nil }

func (w *churnWire) Close() error {
	w.link.d.mu.Lock()
	defer w.link.d.mu.Unlock()
	w.closed = true
	return nil
}

func (s *churnServer) addr() netip.Addr { return netip.AddrFrom4([4]byte{10, byte(s.number), 0, 1}) }

// gives is the address for a link: another after each loss of memory.
func (s *churnServer) gives(l *churnLink) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(s.number), byte(1 + s.epoch%200), byte(1 + l.slot/10)})
}

// answer is that of a server whose word is final (RFC 2131 4.3.2); nil for none.
func (s *churnServer) answer(l *churnLink, m *dhcpv4.DHCPv4) *dhcpv4.DHCPv4 {
	gives := s.gives(l)
	kind := dhcpv4.MessageTypeAck
	switch m.MessageType() {
	case dhcpv4.MessageTypeDiscover:
		kind = dhcpv4.MessageTypeOffer
	case dhcpv4.MessageTypeRequest:
		wants, _ := netip.AddrFromSlice(m.RequestedIPAddress().To4())
		if held, ok := netip.AddrFromSlice(m.ClientIPAddr.To4()); ok && !held.IsUnspecified() {
			wants = held
		}
		chosen := len(m.ServerIdentifier()) > 0 // it answers an OFFER
		if wants != gives || !chosen && s.known[l.mac] != wants {
			return s.reply(m, dhcpv4.MessageTypeNak, netip.IPv4Unspecified())
		}
		s.known[l.mac] = wants
	default: // RELEASE, DECLINE
		delete(s.known, l.mac)
		return nil
	}
	return s.reply(m, kind, gives)
}

func (s *churnServer) reply(m *dhcpv4.DHCPv4, kind dhcpv4.MessageType, yours netip.Addr) *dhcpv4.DHCPv4 {
	p, err := dhcpv4.New(dhcpv4.WithReply(m), dhcpv4.WithMessageType(kind), dhcpv4.WithYourIP(yours.AsSlice()),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(s.addr().AsSlice())))
	if err != nil {
		panic(fmt.Sprintf("a reply that cannot be made: %v", err))
	}
	if kind != dhcpv4.MessageTypeNak {
		p.UpdateOption(dhcpv4.OptSubnetMask(net.CIDRMask(16, 32)))
		p.UpdateOption(dhcpv4.OptRouter(s.addr().AsSlice()))
		p.UpdateOption(dhcpv4.OptIPAddressLeaseTime(time.Hour))
	}
	return p
}
