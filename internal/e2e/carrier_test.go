package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// forAnHour is what a server on s serves where no lease is to grow old.
func (s *station) forAnHour() servers.Options {
	o := s.short(1)
	o.Lease, o.T1, o.T2 = time.Hour, 0, 0
	return o
}

// A client that is bound on a switch: the scene of most faults of the link.
type scene struct {
	*lan
	server *station
	n      *nettest.Sniffer // of the server
	m      *monitor         // of the client
	link   *carrier         // of the client
	c      *client
	p      addressed
	times  int // that it was bound again
}

// addressed is what the client was bound to first.
type addressed struct {
	text, cidr string // 192.0.2.10, 192.0.2.10/24
}

// bindOn has a client bind, with what is not its own on the link before. The
// server is on the station server of the lan.
func bindOn(t *testing.T, l *lan, server *station, flags ...string) *scene {
	t.Helper()
	l.client.guests(t)
	s := &scene{lan: l, server: server, n: sniff(t, server), m: watch(t, l.client), link: watchCarrier(t, l.client, "eth0")}
	s.c = start(t, l.client, stateDir(t), append([]string{"--metric=1007"}, flags...)...)
	p := s.c.bound(t)
	s.p = addressed{p.Addr().String(), p.String()}
	s.n.WaitFor(t, patience, frame.IsDHCP(dhcpv4.MessageTypeAck))
	return s
}

// newScene is bindOn with dnsmasq and a lease of an hour.
func newScene(t *testing.T, flags ...string) *scene {
	t.Helper()
	l := newLAN(t)
	server := l.join(t, "server")
	servers.Start(t, servers.Dnsmasq, server.forAnHour())
	return bindOn(t, l, server, flags...)
}

// holds fails the test unless the lease is on the link, whole, beside what is
// not the client's.
func (s *scene) holds(t *testing.T) {
	t.Helper()
	if all := s.client.IP(t, "-4", "-o", "address", "show", "dev", "eth0"); strings.Count(all, "inet ") != 3 || !strings.Contains(all, "inet "+s.p.cidr+" ") {
		t.Errorf("addresses\n%s\nwant %s and those of others", all, s.p.cidr)
	}
	want := plain(s.p.text)
	slices.Sort(want)
	if got := s.client.ours(t); !slices.Equal(got, want) {
		t.Errorf("routes %q, want %q", got, want)
	}
	s.client.guestsStay(t)
}

// ours are the routes that the client has set, without flags that the kernel
// adds.
func (s *station) ours(t *testing.T) (all []string) {
	t.Helper()
	for _, r := range s.routes(t) {
		if strings.Contains(r, " metric 1007") {
			all = append(all, strings.TrimSuffix(r, " linkdown"))
		}
	}
	return all
}

// reverifies waits for the INIT-REBOOT that follows the cable's return at plugged,
// and its ACK.
func (s *scene) reverifies(t *testing.T, plugged time.Time) {
	t.Helper()
	request := s.n.WaitFor(t, patience, sent(s.client))
	if got := messageOf(request); got.Type != dhcpv4.MessageTypeRequest || got.Requested.String() != s.p.text || got.Client != none {
		t.Errorf("on the return of carrier came %+v, want a REQUEST for %s", got, s.p.text)
	}
	// 1 s, and what the kernel may take to report it.
	soon(t, "INIT-REBOOT after the return of carrier", plugged, request.Time, time.Second+reportSlack)
	s.n.WaitFor(t, patience, answers(request, dhcpv4.MessageTypeAck))
	s.again(t)
	s.m.steady(t)
}

// reportSlack is how late a report of the kernel is if there was one before it
// in the same second: its timer is a coarse one.
const reportSlack = 200 * time.Millisecond

// again waits until the client has said once more that it is bound.
func (s *scene) again(t *testing.T) {
	t.Helper()
	s.times++
	seen := 0
	s.c.stderr.wait(t, "the lease once more", func(line string) bool {
		if strings.Contains(line, " bound (address ") {
			seen++
		}
		return seen > s.times
	})
}

// When carrier returns the lease is verified, and meanwhile the address stays:
// silence is no evidence against it.
func TestCarrierReturns_RFC2131_3_7(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind) {
		l := newLAN(t)
		server := l.join(t, "server")
		o := server.forAnHour()
		servers.Start(t, k, o)
		s := bindOn(t, l, server)
		down := time.Now()
		l.client.pull(t)
		s.link.wait(t, false, down)
		s.c.idles(t, 4*time.Second)
		s.holds(t)
		s.reverifies(t, l.client.plug(t))
		s.holds(t)
		s.c.stop(t)
	})
}

// A short loss of carrier is seen as well, and is no reason to touch anything.
func TestShortLossOfCarrier(t *testing.T) {
	turn(t)
	s := newScene(t)
	down := time.Now()
	s.client.pull(t)
	s.link.wait(t, false, down)
	s.reverifies(t, s.client.plug(t))
	s.holds(t)
	s.c.stop(t)
}

// A loss of carrier so short that no report says so is seen by its count
// (carrier_changes): the cable may be another network's now.
func TestUnreportedLossOfCarrier(t *testing.T) {
	turn(t)
	l := newLAN(t)
	l.lazy(t)
	server := l.join(t, "server")
	servers.Start(t, servers.Dnsmasq, server.forAnHour())
	s := bindOn(t, l, server)
	for attempt := range 5 {
		l.busy(t)
		flapped, count := time.Now(), s.client.carrierChanges(t)
		s.client.pull(t)
		s.client.plug(t)
		s.again(t) // the switch may be as lazy, and lose a REQUEST or two
		if now := s.client.carrierChanges(t); now < count+2 {
			t.Fatalf("%d carrier changes after %d", now, count)
		}
		if n := strings.Count(s.c.stderr.String(), "state (from BOUND, to REBOOTING,"); n != attempt+1 {
			t.Errorf("verified %d times, want %d", n, attempt+1)
		}
		if s.link.wholly(flapped) {
			s.m.steady(t)
			s.holds(t)
			s.c.stop(t)
			return
		}
	}
	t.Fatal("the kernel has reported every loss of carrier: the test tests nothing")
}

// lazy gives the client another cable, whose ends have the same index: the kernel
// tells changes of carrier of other pairs at once, and of these as of a card, not
// more often than once a second over all links.
func (l *lan) lazy(t *testing.T) {
	t.Helper()
	l.wires.IP(t, "link", "delete", "dev", l.client.port.link)
	l.pair(t, l.client.port.link, "eth0", "4242")
	l.client.port.join(t, "br0")
	l.client.mac = macOf(t, l.client.NS)
	l.pair(t, "spare", "spare", "4243")
}

// pair joins the switch's namespace to the client's.
func (l *lan) pair(t *testing.T, here, there, index string) {
	t.Helper()
	l.wires.IP(t, "link", "add", "name", here, "index", index, "type", "veth", "peer", "name", there, "index", index, "netns", l.client.Name)
	l.wires.IP(t, "link", "set", "dev", here, "up")
	l.client.IP(t, "link", "set", "dev", there, "up")
}

// busy makes the kernel report a change of carrier now, so that it is lazy for a
// second.
func (l *lan) busy(t *testing.T) {
	t.Helper()
	spare := watchCarrier(t, l.client, "spare")
	down := time.Now()
	l.wires.IP(t, "link", "set", "dev", "spare", "down")
	spare.wait(t, false, down)
	l.wires.IP(t, "link", "set", "dev", "spare", "up")
}

// wholly says that eth0 was with carrier in every report since a time.
func (c *carrier) wholly(from time.Time) bool {
	all, _ := c.since(from)
	return !slices.ContainsFunc(all, func(r carrierReport) bool { return !r.up })
}

// Without carrier nothing can be renewed, and the lease ends on time, with all
// that it brought, and nothing else.
func TestCarrierLostForGood_RFC2131_4_4_5(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	server := l.join(t, "server")
	server.lie(t, lasting(6*time.Second))
	s := bindOn(t, l, server)
	first := began(t, s.n)
	l.client.pull(t)
	gone := s.m.deleted(t, "inet "+s.p.text)
	around(t, "the end of the address", gone.at, first, 6*time.Second, 1500*time.Millisecond)
	eventually(t, "no routes of ours", func() bool { return len(l.client.ours(t)) == 0 })
	l.client.guestsStay(t)
	s.c.idles(t, time.Second)
	// What has ended is not asked for as if it were still ours.
	plugged := l.client.plug(t)
	discover := s.n.WaitFor(t, patience, func(f frame.Frame) bool { return sent(l.client)(f) && f.Time.After(gone.at) })
	if discover.DHCP.MessageType() != dhcpv4.MessageTypeDiscover {
		t.Errorf("on the return of carrier came %v", discover)
	}
	soon(t, "the DISCOVER after the return of carrier", plugged, discover.Time, time.Second)
	// RFC 4436 2.1: nor is its router asked.
	asked := s.n.Matching(func(f frame.Frame) bool {
		return asks(l.client, router)(f) && f.Time.After(plugged) && f.Time.Before(discover.Time)
	})
	if len(asked) > 0 {
		t.Errorf("asked %v", asked)
	}
	s.c.stop(t)
}

// A cable with a bad contact makes neither many messages nor a change on the
// link, and what was lost is verified when it holds.
func TestBadContact(t *testing.T) {
	turn(t)
	s := newScene(t)
	began := time.Now()
	for time.Since(began) < 3*time.Second {
		s.client.pull(t)
		time.Sleep(2 * time.Millisecond) // long enough for some to be reported
		s.client.plug(t)
		time.Sleep(2 * time.Millisecond)
	}
	count := s.client.carrierChanges(t)
	plugged := time.Now()
	s.n.WaitFor(t, patience, func(f frame.Frame) bool { return frame.IsDHCP(dhcpv4.MessageTypeAck)(f) && f.Time.After(plugged) })
	soon(t, "the verification of the lease", plugged, time.Now(), 2*time.Second)
	// One exchange a second, of one message, and one for the start of each.
	took := time.Since(began)
	if n, limit := len(s.n.Matching(sent(s.client))), 4+2*int(took/time.Second); n > limit {
		t.Errorf("%d messages in %v with %d carrier changes, want %d at most", n, took, count, limit)
	}
	t.Logf("%d carrier changes, %d messages", count, len(s.n.Matching(sent(s.client))))
	s.m.steady(t)
	s.holds(t)
	s.c.stop(t)
}

// Without carrier a client stops as soon, and takes off the link what it is to
// take off; a RELEASE cannot leave, and is not waited for.
func TestStopWithoutCarrier(t *testing.T) {
	for mode, left := range map[string]bool{"keep": true, "remove": false, "release": false} {
		t.Run(mode, func(t *testing.T) {
			turn(t)
			s := newScene(t, "--on-exit="+mode)
			down := time.Now()
			s.client.pull(t)
			s.link.wait(t, false, down)
			s.c.stderr.wait(t, "the lost carrier", said("state (from BOUND, to REBOOTING,"))
			s.c.stop(t)
			if left {
				s.holds(t)
				return
			}
			if all := s.client.IP(t, "-4", "-o", "address", "show", "dev", "eth0"); strings.Contains(all, s.p.cidr) {
				t.Errorf("left %s", all)
			}
			if r := s.client.ours(t); len(r) != 0 {
				t.Errorf("left %q", r)
			}
			s.client.guestsStay(t)
		})
	}
}
