package main

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

var (
	mac1     = lease.HardwareAddr{2, 0, 0, 0, 0, 1}
	leasedA  = netip.MustParsePrefix("192.0.2.50/24")
	leasedB  = netip.MustParsePrefix("192.0.2.60/24")
	server1  = netip.MustParseAddr("192.0.2.1")
	server2  = netip.MustParseAddr("192.0.2.2")
	resolved = header + "eth0; ...\nnameserver 192.0.2.3\n# kept\n#~ # by hand\n#~ nameserver 203.0.113.53\n#~ options ndots:2\n"
)

// A tale is told to a judge, in seconds since it began.
type tale struct {
	*judge
	began time.Time
	// resolver and stored are in every look.
	resolver string
	stored   *lease.Lease
	storeErr error
	routes   []route
}

func newTale() *tale {
	s := &tale{judge: newJudge(original), began: time.Unix(1e9, 0), resolver: original}
	s.changedMAC(s.at(-1), mac1)
	s.started(s.at(0), look{})
	return s
}

func (s *tale) at(sec float64) time.Time { return s.began.Add(time.Duration(sec * 1e9)) }

func (s *tale) message(sec float64, out bool, xid byte, mods ...dhcpv4.Modifier) {
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(net.HardwareAddr(mac1[:])), dhcpv4.WithTransactionID(dhcpv4.TransactionID{0, 0, 0, xid})}, mods...)...)
	if err != nil {
		panic(err)
	}
	f := frame.Frame{Time: s.at(sec), Src: mac1, DHCP: m, IPv4: &frame.IPv4{Dst: broadcast}, UDP: &frame.UDP{}}
	if !out {
		m.OpCode, f.Src = dhcpv4.OpcodeBootReply, lease.HardwareAddr{2, 9}
	}
	s.frame(f)
}

func kindOf(typ dhcpv4.MessageType) dhcpv4.Modifier { return dhcpv4.WithMessageType(typ) }

func by(a netip.Addr) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptServerIdentifier(a.AsSlice()))
}

func about(a netip.Prefix) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(a.Addr().AsSlice()))
}

// reboot is a REQUEST of INIT-REBOOT, which any server may refuse.
func (s *tale) reboot(sec float64, xid byte, a netip.Prefix) {
	s.message(sec, true, xid, kindOf(dhcpv4.MessageTypeRequest), about(a))
}

// choose is a REQUEST of SELECTING.
func (s *tale) choose(sec float64, xid byte, a netip.Prefix) {
	s.message(sec, true, xid, kindOf(dhcpv4.MessageTypeRequest), about(a), by(server1))
}

// ack grants ten seconds.
func (s *tale) ack(sec float64, xid byte, a netip.Prefix) {
	s.message(sec, false, xid, kindOf(dhcpv4.MessageTypeAck), by(server1), dhcpv4.WithYourIP(a.Addr().AsSlice()),
		dhcpv4.WithLeaseTime(10), dhcpv4.WithDNS(net.IP{192, 0, 2, 3}))
}

func (s *tale) nak(sec float64, xid byte, who netip.Addr) {
	s.message(sec, false, xid, kindOf(dhcpv4.MessageTypeNak), by(who))
}

// looks are ten looks a second, at these addresses.
func (s *tale) see10(begin, end float64, addrs ...netip.Prefix) {
	for sec := begin; sec < end; sec += 0.1 {
		l := look{at: s.at(sec), resolver: s.resolver, stored: s.stored, store: s.storeErr, routes: s.routes}
		for _, p := range addrs {
			l.addresses = append(l.addresses, address{p, 10})
		}
		s.see(l)
	}
}

// granted is a lease of A from 1.0 to 11.0.
func granted() *tale {
	s := newTale()
	s.choose(1, 1, leasedA)
	s.ack(1.1, 1, leasedA)
	s.set(s.at(1.2), address{leasedA, 9})
	s.resolver = resolved
	return s
}

// tales are histories, with what the judge has to say about each.
var tales = []struct {
	name string
	tell func() *tale
	want string // "" is innocent
}{
	{"a lease to its end", func() *tale {
		s := granted()
		s.see10(1.2, 11.5, leasedA)
		s.resolver = original
		s.see10(11.5, 15)
		return s
	}, ""},
	{"beyond its end", func() *tale {
		s := granted()
		s.see10(1.2, 14, leasedA)
		return s
	}, "192.0.2.50/24 is on the link, but its lease ended"},
	{"counted from the REQUEST, not from the ACK", func() *tale {
		s := newTale()
		s.reboot(1, 1, leasedA)
		s.reboot(4, 1, leasedA)
		s.ack(4.1, 1, leasedA)
		s.set(s.at(4.2), address{leasedA, 9})
		s.resolver = resolved
		s.see10(4.2, 6, leasedA)
		return s
	}, "for 9 s, but its lease ends"},
	{"renewed", func() *tale {
		s := granted()
		s.see10(1.2, 5, leasedA)
		s.reboot(5, 2, leasedA)
		s.ack(5.1, 2, leasedA)
		s.see10(5, 14.5, leasedA)
		return s
	}, ""},
	{"an ACK to somebody else's request", func() *tale {
		s := newTale()
		s.ack(1, 7, leasedA)
		s.see10(1.1, 5, leasedA)
		return s
	}, "no server has acknowledged it"},
	{"kept after a NAK", func() *tale {
		s := granted()
		s.reboot(3, 2, leasedA)
		s.nak(3.1, 2, server2)
		s.see10(3.2, 6, leasedA)
		return s
	}, "the NAK of 192.0.2.2 came"},
	{"put back after a NAK, for a moment", func() *tale {
		s := granted()
		s.see10(1.2, 3, leasedA)
		s.reboot(3, 2, leasedA)
		s.nak(3.1, 2, server2)
		s.resolver = original
		s.see10(3.2, 5)
		s.set(s.at(5), address{leasedA, 5})
		s.see10(5.1, 7)
		return s
	}, "address 192.0.2.50/24 was set, but the NAK"},
	{"a NAK of a server that was not chosen", func() *tale {
		s := granted()
		s.choose(3, 2, leasedA)
		s.nak(3.1, 2, server2)
		s.see10(3.2, 6, leasedA)
		return s
	}, ""},
	{"a NAK after the ACK", func() *tale {
		s := granted()
		s.nak(1.2, 1, server1)
		s.see10(1.2, 6, leasedA)
		return s
	}, ""},
	{"a NAK to an exchange that is over", func() *tale {
		s := granted()
		s.reboot(3, 2, leasedA)
		s.message(6, true, 3, kindOf(dhcpv4.MessageTypeDiscover))
		s.nak(6.1, 2, server1)
		s.see10(6.2, 9, leasedA)
		return s
	}, ""},
	{"a NAK while the cable was moved", func() *tale {
		s := granted()
		s.reboot(3, 2, leasedA)
		s.nak(3.1, 2, server2)
		s.disturbed(s.at(3.3))
		s.see10(3.2, 6, leasedA)
		return s
	}, ""},
	{"a NAK that a process did not live to heed", func() *tale {
		s := granted()
		s.reboot(3, 2, leasedA)
		s.nak(3.1, 2, server2)
		s.ended(s.at(3.15), "killed")
		s.see10(3.2, 9, leasedA)
		return s
	}, ""},
	{"kept after its own DECLINE", func() *tale {
		s := granted()
		s.message(3, true, 2, kindOf(dhcpv4.MessageTypeDecline), about(leasedA))
		s.see10(3, 6, leasedA)
		return s
	}, "its DECLINE came"},
	{"set while its DECLINE left", func() *tale {
		s := newTale()
		s.choose(1, 1, leasedA)
		s.ack(1.1, 1, leasedA)
		s.message(1.2, true, 2, kindOf(dhcpv4.MessageTypeDecline), about(leasedA))
		s.set(s.at(1.201), address{leasedA, 9})
		s.see10(1.4, 3)
		return s
	}, ""},
	{"kept after its own RELEASE", func() *tale {
		s := granted()
		s.message(6, true, 2, kindOf(dhcpv4.MessageTypeRelease), dhcpv4.WithClientIP(leasedA.Addr().AsSlice()))
		s.see10(6, 9, leasedA)
		return s
	}, "its RELEASE came"},
	{"leased again while the kernel kept the RELEASE", func() *tale {
		s := granted()
		s.message(3, true, 2, kindOf(dhcpv4.MessageTypeRelease), dhcpv4.WithClientIP(leasedA.Addr().AsSlice()))
		s.see10(3, 6, leasedA)
		return s
	}, ""},
	{"kept with another hardware address", func() *tale {
		s := granted()
		s.see10(1.2, 3, leasedA)
		s.changedMAC(s.at(3), lease.HardwareAddr{2, 0, 0, 0, 0, 2})
		s.see10(3, 6, leasedA)
		return s
	}, "a new hardware address came"},
	{"put back after a removal by hand", func() *tale {
		s := granted()
		s.see10(1.2, 3, leasedA)
		s.removed(s.at(3), leasedA.Addr())
		s.resolver = original
		s.see10(3.1, 4)
		s.resolver = resolved
		s.see10(4, 7, leasedA)
		return s
	}, "the administrator's removal came"},
	{"what a killed process left, and nobody knows of", func() *tale {
		s := granted()
		s.see10(1.2, 3, leasedA)
		s.ended(s.at(3), "killed")
		s.started(s.at(4), s.last)
		s.choose(4, 2, leasedB)
		s.ack(4.1, 2, leasedB)
		s.see10(4.2, 10, leasedA, leasedB)
		return s
	}, ""},
	{"what nobody knows of removed by hand, and set with an ACK of before", func() *tale {
		s := granted()
		s.see10(1.2, 3, leasedA)
		s.ended(s.at(3), "killed")
		s.started(s.at(4), s.last)
		s.reboot(4, 2, leasedA)
		s.ack(4.1, 2, leasedA)
		s.see10(4.1, 6, leasedA)
		s.removed(s.at(6), leasedA.Addr())
		s.see10(6.1, 8)
		s.set(s.at(8), address{leasedA, 6})
		s.see10(8, 11, leasedA)
		return s
	}, ""},
	{"what a killed process left, and its lease file knows of", func() *tale {
		s := granted()
		s.stored = &lease.Lease{Address: leasedA.Addr(), HardwareAddr: mac1}
		s.see10(1.2, 3, leasedA)
		s.ended(s.at(3), "killed")
		s.started(s.at(4), s.last)
		s.choose(4, 2, leasedB)
		s.ack(4.1, 2, leasedB)
		s.see10(4.2, 10, leasedA, leasedB)
		return s
	}, "more than one address of ours"},
	{"an old resolver file", func() *tale {
		s := granted()
		s.see10(1.2, 3, leasedA)
		s.see10(3, 6)
		return s
	}, "the resolver file is still a lease's"},
	{"name servers of no lease", func() *tale {
		s := granted()
		s.resolver = strings.ReplaceAll(resolved, "192.0.2.3", "192.0.2.66")
		s.see10(1.2, 1.4, leasedA)
		return s
	}, "the name servers [192.0.2.66], which no lease has"},
	{"a rewritten resolver file", func() *tale {
		s := granted()
		s.resolver = "nameserver 192.0.2.3\n"
		s.see10(1.2, 1.4, leasedA)
		return s
	}, "neither the original nor the client's"},
	{"a lease file that the harness spoilt, then a torn one", func() *tale {
		s := granted()
		s.spoil(s.at(1.5))
		s.storeErr = net.ErrClosed
		s.see10(1.6, 2, leasedA)
		s.storeErr = nil
		s.see10(2, 2.2, leasedA)
		if len(s.violations()) > 0 {
			return s
		}
		s.storeErr = net.ErrClosed
		s.see10(2.2, 2.4, leasedA)
		return s
	}, "the lease file cannot be read"},
	{"a frame from an address that nobody granted", func() *tale {
		s := granted()
		s.frame(frame.Frame{Time: s.at(1.5), Src: mac1, ARP: &frame.ARP{Op: 1, SenderMAC: mac1, SenderIP: leasedB.Addr(), TargetIP: leasedB.Addr()}})
		s.see10(1.2, 3, leasedA)
		return s
	}, "192.0.2.60 was the source of a frame, but no server"},
	{"a frame from the leased address, and a probe", func() *tale {
		s := granted()
		for _, from := range []netip.Addr{leasedA.Addr(), netip.IPv4Unspecified()} {
			s.frame(frame.Frame{Time: s.at(1.5), Src: mac1, ARP: &frame.ARP{Op: 1, SenderMAC: mac1, SenderIP: from, TargetIP: leasedB.Addr()}})
		}
		s.see10(1.2, 3, leasedA)
		return s
	}, ""},
	{"the administrator's route", func() *tale {
		s := granted()
		s.permit(func(_ map[netip.Prefix]bool, routes map[string]route) {
			routes["by default"] = adminRoutes["by default"]
		})
		s.see10(1.2, 4, leasedA)
		return s
	}, "the administrator's route by default is gone"},
	{"a route that prefers no address", func() *tale {
		s := granted()
		s.routed(s.at(1.2), route{dst: netip.MustParsePrefix("0.0.0.0/0"), gateway: server1, dhcp: true}, true)
		s.see10(1.2, 3, leasedA)
		return s
	}, "metric 0 dhcp=true was set, but no server"},
}

func TestJudge(t *testing.T) {
	for _, c := range tales {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(c.tell().violations(), "\n")
			if !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
				t.Errorf("the judge says %q, want %q", got, c.want)
			}
		})
	}
}

// The same seed is the same row of steps.
func TestPlan(t *testing.T) {
	draw := func(seed uint64) (all string) {
		p := newPlan(seed)
		p.flags()
		for range 200 {
			s := p.next()
			all += s.name + s.pause.String() + "\n"
		}
		return all
	}
	if first, again := draw(1), draw(1); first != again || first == draw(2) {
		t.Error("steps do not follow from the seed")
	}
	seen := map[string]bool{}
	for line := range strings.Lines(draw(1)) {
		seen[line[:4]] = true
	}
	if len(seen) < 15 {
		t.Errorf("only these kinds of steps in 200: %v", seen)
	}
}

// What the client waits for without a word is known by what came before.
func TestUnacknowledged(t *testing.T) {
	const bound, deaf = "eth0: bound (address)\n", "eth0: warning: the server that made an offer does not acknowledge; starting over\n"
	for log, want := range map[string]bool{"": false, bound: false, deaf: true, bound + deaf: true, deaf + bound: false} {
		if got := unacknowledged(log); got != want {
			t.Errorf("%v for %q", got, log)
		}
	}
}

// The client's own word on how long it waits counts, wherever it stands.
func TestWaiting(t *testing.T) {
	now := time.Date(2026, 1, 2, 0, 0, 5, 0, time.Local)
	log := "23:59:55.000 eth0: warning: NAK (server 192.0.2.1, wait 30s)\n00:00:01.000 eth0: warning: x (wait 1s, station 02:00)\n"
	if got := waiting(log, now); got != 20*time.Second {
		t.Errorf("%v, want 20 s", got)
	}
}
