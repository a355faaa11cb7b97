package dhcptest_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

var (
	_ client.Transport = (*dhcptest.Port)(nil)
	_ client.Follower  = (*dhcptest.Port)(nil)
)

var everybody = ip("255.255.255.255")

// station is a client that writes down what it hears, and when.
type station struct {
	*dhcptest.Port
	start time.Time
	heard []string
}

func newStation(t *testing.T, l *dhcptest.Link, mac lease.HardwareAddr) *station {
	t.Helper()
	s := &station{start: time.Now()}
	p, err := l.Open(lease.LinkState{HardwareAddr: mac}, func(b []byte, from netip.Addr) {
		what := string(b)
		if m, err := dhcpv4.FromBytes(b); err == nil {
			what = m.MessageType().String()
		}
		s.heard = append(s.heard, fmt.Sprintf("%v %s %v", time.Since(s.start), what, from))
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Port = p
	if err := p.Receive(true); err != nil {
		t.Fatal(err)
	}
	return s
}

// hears fails unless the station heard exactly that since the last call.
func (s *station) hears(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	if !slices.Equal(s.heard, want) {
		t.Errorf("heard:\n%s\nwant:\n%s", strings.Join(s.heard, "\n"), strings.Join(want, "\n"))
	}
	s.heard = nil
}

func (s *station) send(t *testing.T, m *dhcpv4.DHCPv4, dst netip.Addr) {
	t.Helper()
	if err := s.Send(m.ToBytes(), netip.Addr{}, dst); err != nil {
		t.Fatal(err)
	}
}

// bubble runs a test with a server, its link and a station.
func bubble(t *testing.T, f func(t *testing.T, srv *dhcptest.Server, l *dhcptest.Link, s *station)) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, config())
		l := dhcptest.NewLink(srv)
		f(t, srv, l, newStation(t, l, mac1))
	})
}

func TestLinkExchange(t *testing.T) {
	bubble(t, func(t *testing.T, srv *dhcptest.Server, l *dhcptest.Link, s *station) {
		other := newStation(t, l, mac2)
		s.send(t, message(discover, mac1, ""), everybody)
		time.Sleep(time.Second)
		s.hears(t, "2ms OFFER 10.99.0.1")
		s.send(t, message(request, mac1, select50+" broadcast"), everybody)
		time.Sleep(time.Second)
		s.hears(t, "1.002s ACK 10.99.0.1")
		other.hears(t, "1.002s ACK 10.99.0.1")
		var log []string
		for _, m := range l.Log() {
			log = append(log, fmt.Sprintf("%v %v %v %v %v>%v", m.Time.Sub(s.start), m.Up, m.DHCP.MessageType(), m.MAC, m.Src, m.Dst))
		}
		want := []string{
			"0s true DISCOVER 02:00:00:00:00:01 0.0.0.0>255.255.255.255",
			"1ms false OFFER 02:00:00:00:00:01 10.99.0.1>10.99.0.50",
			"1s true REQUEST 02:00:00:00:00:01 0.0.0.0>255.255.255.255",
			"1.001s false ACK ff:ff:ff:ff:ff:ff 10.99.0.1>255.255.255.255",
		}
		if !slices.Equal(log, want) {
			t.Errorf("log:\n%s", strings.Join(log, "\n"))
		}
		if n := len(l.Sent()); n != 2 || len(l.Sent(discover)) != 1 || len(l.Sent(release)) != 0 {
			t.Errorf("sent %d", n)
		}
		if b, _ := srv.Binding(ip("10.99.0.50")); !b.Expires.Equal(s.start.Add(time.Second + time.Millisecond + time.Hour)) {
			t.Errorf("the server's clock is not the bubble's: %v", b.Expires)
		}
	})
}

// A bound client hears nothing: Receive(false).
func TestLinkDeaf(t *testing.T) {
	bubble(t, func(t *testing.T, _ *dhcptest.Server, l *dhcptest.Link, s *station) {
		if err := s.Receive(false); err != nil {
			t.Fatal(err)
		}
		s.send(t, message(discover, mac1, ""), everybody)
		time.Sleep(time.Second)
		s.hears(t)
		if err := s.Flush(time.Second); err != nil || len(l.Log()) != 2 {
			t.Errorf("%v, %d messages", err, len(l.Log()))
		}
	})
}

func TestLinkUnicast(t *testing.T) {
	bubble(t, func(t *testing.T, srv *dhcptest.Server, l *dhcptest.Link, s *station) {
		cfg := config()
		cfg.ServerID = ip("10.99.0.2")
		second := newServer(t, cfg)
		l.Attach(second)
		s.send(t, message(discover, mac1, ""), ip("10.99.0.2"))
		s.send(t, message(discover, mac1, ""), ip("10.99.0.3"))
		time.Sleep(time.Second)
		s.hears(t, "2ms OFFER 10.99.0.2")
		s.send(t, message(discover, mac1, ""), everybody)
		time.Sleep(time.Second)
		s.hears(t, "1.002s OFFER 10.99.0.1", "1.002s OFFER 10.99.0.2")
		l.Detach(srv)
		s.send(t, message(discover, mac1, ""), everybody)
		time.Sleep(time.Second)
		s.hears(t, "2.002s OFFER 10.99.0.2")
	})
}

func TestLinkFaults(t *testing.T) {
	bubble(t, func(t *testing.T, srv *dhcptest.Server, l *dhcptest.Link, s *station) {
		l.SetFault(func(m dhcptest.Message) dhcptest.Fault { return dhcptest.Fault{Drop: m.Is(discover)} })
		s.send(t, message(discover, mac1, ""), everybody)
		time.Sleep(time.Second)
		s.hears(t)
		if log := l.Log(); len(log) != 1 || !log[0].Lost || srv.Received()[discover] != 0 {
			t.Errorf("%+v", log)
		}
		// The first of two is late, and comes last.
		l.SetFault(func(m dhcptest.Message) dhcptest.Fault {
			if len(m.Payload) == 5 {
				return dhcptest.Fault{Delay: time.Second, Copies: 1}
			}
			return dhcptest.Fault{}
		})
		l.Inject(ip("10.99.0.9"), []byte("first"))
		l.Inject(ip("10.99.0.9"), []byte("second"))
		time.Sleep(2 * time.Second)
		s.hears(t, "1.001s second 10.99.0.9", "2.001s first 10.99.0.9", "2.001s first 10.99.0.9")
		l.SetFault(nil)
		l.Inject(ip("10.99.0.9"), []byte("under way"))
		l.Cut(true)
		s.send(t, message(discover, mac1, ""), everybody)
		time.Sleep(time.Second)
		s.hears(t)
		l.Cut(false)
		time.Sleep(time.Second)
		s.hears(t)
		l.Break(net.ErrClosed)
		if err := s.Send(nil, netip.Addr{}, everybody); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a broken link: %v", err)
		}
		l.Break(nil)
		s.send(t, message(discover, mac1, ""), everybody)
		time.Sleep(time.Second)
		s.hears(t, "5.002s OFFER 10.99.0.1")
	})
}

func TestLinkSlowServer(t *testing.T) {
	bubble(t, func(t *testing.T, srv *dhcptest.Server, l *dhcptest.Link, s *station) {
		if err := srv.Configure(func(c *dhcptest.Config) { c.Delay = 3 * time.Second }); err != nil {
			t.Fatal(err)
		}
		s.send(t, message(discover, mac1, ""), everybody)
		time.Sleep(5 * time.Second)
		s.hears(t, "3.002s OFFER 10.99.0.1")
		if at := l.Log()[1].Time.Sub(s.start); at != 3*time.Second+time.Millisecond {
			t.Errorf("the answer left at %v", at)
		}
		// A relay agent's answer goes back the way the request came.
		if err := srv.Configure(func(c *dhcptest.Config) { c.Delay = 0 }); err != nil {
			t.Fatal(err)
		}
		s.send(t, message(discover, mac2, "giaddr=10.99.0.2"), everybody)
		time.Sleep(time.Second)
		s.hears(t, "5.002s OFFER 10.99.0.1")
	})
}

// What is sent at one moment arrives in its order, however timers fire.
func TestLinkOrder(t *testing.T) {
	bubble(t, func(t *testing.T, _ *dhcptest.Server, l *dhcptest.Link, s *station) {
		var want []string
		for i := range 500 {
			l.Inject(ip("10.99.0.9"), fmt.Appendf(nil, "n%d", i))
			want = append(want, fmt.Sprintf("1ms n%d 10.99.0.9", i))
		}
		time.Sleep(time.Second)
		s.hears(t, want...)
	})
}

func TestPortClose(t *testing.T) {
	bubble(t, func(t *testing.T, _ *dhcptest.Server, l *dhcptest.Link, s *station) {
		s.send(t, message(discover, mac1, ""), everybody)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		s.hears(t)
		if err := s.Send(nil, netip.Addr{}, everybody); !errors.Is(err, net.ErrClosed) {
			t.Errorf("sent on a closed port: %v", err)
		}
		// A link that goes away while messages are under way leaves nothing.
		again := newStation(t, l, mac1)
		again.send(t, message(discover, mac1, ""), everybody)
	})
}

func TestPortFollow(t *testing.T) {
	bubble(t, func(t *testing.T, _ *dhcptest.Server, _ *dhcptest.Link, s *station) {
		if err := s.Follow(8, net.HardwareAddr(mac2[:])); err != nil {
			t.Fatal(err)
		}
		s.send(t, message(discover, mac1, ""), everybody)
		s.send(t, message(discover, mac2, ""), everybody)
		time.Sleep(time.Second)
		s.hears(t, "2ms OFFER 10.99.0.1")
	})
}

// Years pass, and the log does not grow for ever.
func TestLinkForYears(t *testing.T) {
	bubble(t, func(t *testing.T, srv *dhcptest.Server, l *dhcptest.Link, s *station) {
		m := message(discover, mac1, "")
		for range 40000 {
			s.send(t, m, everybody)
			time.Sleep(2 * time.Hour)
		}
		synctest.Wait()
		if n := len(l.Log()); n > 1<<16 || n < 1<<15 || len(s.heard) != 40000 {
			t.Errorf("%d in the log, %d heard", n, len(s.heard))
		}
		if time.Since(s.start) < 9*365*24*time.Hour {
			t.Error("no years")
		}
	})
}
