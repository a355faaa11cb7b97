package hostile

import (
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

const sec = time.Second

// A scenario is a record in the making.
type scenario struct{ Record }

func record() *scenario { return &scenario{Record{Window: time.Minute, MTU: 1500}} }

func (s *scenario) add(sent bool, at time.Duration, typ dhcpv4.MessageType, x byte, change ...change) *scenario {
	m := &dhcpv4.DHCPv4{TransactionID: dhcpv4.TransactionID{0, 0, 0, x}, Options: dhcpv4.Options{53: {byte(typ)}}}
	for _, f := range change {
		f(m)
	}
	s.Messages = append(s.Messages, Message{At: at, Sent: sent, Src: host(50), Dst: toAll.Addr(), DHCPv4: m})
	return s
}

func (s *scenario) sends(at time.Duration, typ dhcpv4.MessageType, x byte, change ...change) *scenario {
	return s.add(true, at, typ, x, change...)
}

func (s *scenario) hears(at time.Duration, typ dhcpv4.MessageType, x byte, change ...change) *scenario {
	return s.add(false, at, typ, x, change...)
}

func (s *scenario) to(dst netip.Addr) *scenario {
	s.Messages[len(s.Messages)-1].Dst = dst
	return s
}

func (s *scenario) holds(at time.Duration, prefix string, valid time.Duration) *scenario {
	s.Report(Address{At: at, Prefix: netip.MustParsePrefix(prefix), Valid: valid})
	return s
}

func (s *scenario) loses(at time.Duration, prefix string) *scenario {
	s.Report(Address{At: at, Prefix: netip.MustParsePrefix(prefix), Gone: true})
	return s
}

func (s *scenario) goesBy(dst string, via netip.Addr, mtu int) *scenario {
	r := Route{Dst: netip.MustParsePrefix(dst), Via: via, MTU: mtu}
	s.Routes, s.Last = append(s.Routes, r), append(s.Last, r)
	return s
}

func (s *scenario) asked(n ...byte) *scenario {
	s.DNS = []netip.Addr{}
	for _, a := range n {
		s.DNS = append(s.DNS, host(int(a)))
	}
	return s
}

func from50(m *dhcpv4.DHCPv4) { m.ClientIPAddr = []byte{10, 99, 0, 50} }

// for50 asks for 10.99.0.50 of the server 10.99.0.1.
func for50(m *dhcpv4.DHCPv4) {
	option(50, 10, 99, 0, 50)(m)
	option(54, 10, 99, 0, 1)(m)
}

const mine = "10.99.0.50/24"

// A check that cannot fail shows nothing: each passes on one record and fails on
// another.
func TestChecks(t *testing.T) {
	of60 := option(54, 10, 99, 0, 2)
	for _, c := range []struct {
		check     Check
		good, bad *scenario
	}{
		{has(mine), record().holds(sec, mine, time.Hour), record()},
		{has(mine), record().holds(sec, "10.99.0.60/24", time.Hour).holds(2*sec, mine, time.Hour).loses(3*sec, "10.99.0.60/24"), record().holds(sec, mine, time.Hour).loses(3*sec, mine)},
		{has(mine), record().holds(sec, mine, lease.Infinite), record().holds(sec, mine, time.Hour).holds(sec, "10.99.0.60/24", time.Hour)},
		{has(mine), record().holds(sec, mine, 59*sec+1), record().holds(sec, mine, 30*sec)},
		{keeps(mine), record().holds(sec, mine, 30*sec).holds(20*sec, mine, 60*sec), record().holds(sec, mine, time.Hour).loses(9*sec, mine).holds(10*sec, mine, time.Hour)},
		{keeps(mine), record().holds(sec, mine, 30*sec).holds(20*sec, mine, 60*sec), record().holds(sec, mine, 10*sec).holds(20*sec, mine, 60*sec)},
		{bare, record().holds(sec, "169.254.1.1/16", time.Hour), record().holds(sec, mine, sec).loses(2*sec, mine)},
		{without(host(50)), record().holds(sec, "10.99.0.60/24", sec), record().holds(sec, "10.99.0.50/8", sec)},
		{masked(8, 32), record().holds(sec, "10.99.0.50/8", sec), record().holds(sec, mine, sec)},
		{flaps(1), record().holds(sec, mine, time.Hour), record().holds(sec, mine, sec).holds(3*sec, mine, sec)},
		{oneOf(50, 60), record().holds(sec, mine, time.Hour), record().holds(sec, "10.99.0.70/24", time.Hour)},

		{atMost(1, discover), record().sends(0, discover, 1).sends(sec, request, 1).hears(sec, discover, 1), record().sends(0, discover, 1).sends(sec, discover, 1)},
		{atMost(1), record().sends(0, discover, 1), record().sends(0, discover, 1).sends(sec, request, 1)},
		{atLeast(2, discover), record().sends(0, discover, 1).sends(sec, discover, 1), record().sends(0, discover, 1).sends(sec, request, 1)},
		{noFaster(2, 3*sec), record().sends(0, discover, 1).sends(sec, discover, 1).sends(3*sec, discover, 1), record().sends(0, discover, 1).sends(sec, discover, 1).sends(2*sec, discover, 1)},
		{backsOff, record().sends(0, discover, 1).sends(4*sec, discover, 1).sends(12*sec, discover, 1), record().sends(0, discover, 1).sends(4*sec, discover, 1).sends(8*sec, discover, 1)},
		{backsOff, record(), record().sends(0, discover, 1).sends(4*sec, discover, 1).sends(12*sec, discover, 1).sends(16*sec, discover, 1)},

		{accepts(host(1), host(50)), record().sends(0, request, 1, for50), record()},
		{accepts(host(1), host(50)), record().sends(0, request, 1, for50).sends(sec, request, 1, from50), record().sends(0, request, 1, for50, of60)},
		{refuses, record().sends(0, request, 1, for50, of60), record().sends(0, request, 1, for50)},
		{refuses, record(), record().sends(0, request, 1)},
		{within("10.99.0.50/24", "10.99.0.59/24"), record().holds(0, mine, time.Hour), record()},
		{within("10.99.0.51/24", "10.99.0.59/24"), record().holds(0, "10.99.0.59/24", time.Hour), record().holds(0, mine, time.Hour)},
		{oneOffer, record().hears(0, offer, 1, for50, yiaddr(10, 99, 0, 50)).sends(0, request, 1, for50), record().hears(0, offer, 1, for50, yiaddr(10, 99, 0, 51)).sends(0, request, 1, for50)},
		{oneOffer, record().hears(0, offer, 1, for50, yiaddr(10, 99, 0, 50)).sends(0, request, 1, for50), record().hears(0, offer, 1, for50, yiaddr(10, 99, 0, 50)).sends(0, request, 1, for50).sends(0, request, 1, for50, of60)},
		{startsOver(9 * sec), record().sends(sec, request, 1).sends(10*sec, discover, 2), record().sends(sec, request, 1).sends(11*sec, discover, 2)},
		{startsOver(9 * sec), record().sends(sec, request, 1).sends(10*sec, discover, 2), record().sends(sec, request, 1).sends(10*sec, discover, 1)},
		{startsOver(9 * sec), record().sends(sec, request, 1).sends(10*sec, discover, 2), record().sends(0, discover, 1).sends(sec, request, 1)},

		{renews, record().sends(sec, request, 1, from50), record().sends(sec, request, 1)},
		{leaves(host(50), sec), record().holds(0, mine, time.Hour).hears(9*sec, nak, 1).loses(10*sec, mine).sends(10*sec, discover, 2), record().holds(0, mine, time.Hour).hears(9*sec, nak, 1).loses(11*sec, mine).sends(10*sec, discover, 2)},
		{leaves(host(50), sec), record().holds(0, mine, time.Hour).hears(9*sec, nak, 1).loses(9*sec, mine).sends(10*sec, discover, 2), record().holds(0, mine, time.Hour).hears(9*sec, nak, 1).loses(9*sec, mine).sends(11*sec, discover, 2)},
		{leaves(host(50), sec), record().holds(0, mine, time.Hour).hears(9*sec, nak, 1).loses(9*sec, mine).sends(10*sec, discover, 2), record().holds(0, mine, time.Hour).loses(9*sec, mine).sends(10*sec, discover, 2)},
		{ends(6*sec, 45*sec), record().sends(sec, request, 1).holds(sec, mine, time.Hour).loses(47*sec, mine), record().sends(sec, request, 1).holds(sec, mine, time.Hour).loses(48*sec, mine)},
		{ends(6*sec, 45*sec), record().sends(sec, request, 1).holds(sec, mine, 45*sec), record().sends(sec, request, 1)},
		{broadcasts, record().sends(sec, request, 1, from50), record().sends(sec, request, 1, from50).to(host(1))},
		{discoversAgain, record().hears(0, ack, 1).sends(sec, discover, 2), record().sends(0, discover, 1).hears(sec, ack, 1)},
		{covered(7 * sec), record().holds(sec, mine, time.Hour).hears(5*sec, ack, 1).hears(12*sec, ack, 1).loses(20*sec, mine).hears(50*sec, ack, 2), record().holds(sec, mine, time.Hour).hears(5*sec, ack, 1).hears(14*sec, ack, 1).loses(20*sec, mine)},
		{covered(7 * sec), record(), record().holds(sec, mine, time.Hour).hears(5*sec, ack, 1).loses(14*sec, mine)},
		{lasts(0, time.Hour), record().holds(0, mine, time.Hour), record().holds(0, mine, sec).holds(sec/2, mine, lease.Infinite)},
		{lasts(time.Hour, lease.Infinite), record().holds(0, mine, time.Hour), record()},
		{quiet, record().sends(0, request, 1).hears(sec, ack, 1), record().hears(0, ack, 1).sends(sec, request, 1)},
		{asks(host(2)), record().sends(0, request, 1, from50).to(host(1)).sends(sec, request, 1, from50).to(host(2)).sends(2*sec, request, 1, from50), record().sends(0, request, 1, from50).to(host(1))},

		{via(host(1)), record().goesBy("0.0.0.0/0", host(1), 0), record()},
		{via(host(1)), record().goesBy("0.0.0.0/0", host(1), 0), record().goesBy("0.0.0.0/0", host(1), 0).goesBy("0.0.0.0/0", host(4), 0)},
		{via(netip.Addr{}), record().goesBy("10.7.0.0/16", host(1), 0), record().goesBy("0.0.0.0/0", host(1), 0)},
		{routes("10.7.0.0/16 via 10.99.0.4"), record().goesBy("10.7.0.0/16", host(4), 0).goesBy("0.0.0.0/0", host(1), 0).goesBy("10.99.0.0/24", netip.Addr{}, 0), record().goesBy("10.7.0.0/16", host(5), 0)},
		{routes(), record(), record().goesBy("10.7.0.0/16", host(4), 0)},
		{oneRoute, record().goesBy("10.7.0.0/16", host(4), 0), record().goesBy("10.8.0.0/16", host(4), 0)},
		{neverVia(host(9)), record().goesBy("0.0.0.0/0", host(1), 0), record().goesBy("10.7.0.0/16", host(9), 0)},
		{mtu(1400, 1400), record().goesBy("0.0.0.0/0", host(1), 1400), record().goesBy("10.7.0.0/16", host(1), 1400)},
		{dns(host(3)), record().asked(3), record().asked()},
		{dns(host(3)), record(), record().asked(3, 4)},
	} {
		if ok, saw := c.check.see(&c.good.Record); !ok {
			t.Errorf("%s: fails: %s\n%s", c.check.Says, saw, &c.good.Record)
		}
		if ok, saw := c.check.see(&c.bad.Record); ok {
			t.Errorf("%s: passes: %s\n%s", c.check.Says, saw, &c.bad.Record)
		}
	}
}
