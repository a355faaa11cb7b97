package servers_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/miniclient"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

func TestMain(m *testing.M) { nettest.Main(m) }

// each runs f for every server, on a cable of its own.
func each(t *testing.T, f func(t *testing.T, k servers.Kind, o servers.Options, c *miniclient.Client)) {
	for _, k := range servers.Kinds() {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			servers.Require(t, k)
			srv, cli := nettest.NewNS(t, "srv"), nettest.NewNS(t, "cli")
			nettest.Veth(t, srv, "eth0", cli, "eth0")
			o := servers.Options{
				NS: srv, Interface: "eth0", ServerAddr: netip.MustParsePrefix("192.0.2.1/24"),
				PoolFirst: netip.MustParseAddr("192.0.2.50"), PoolLast: netip.MustParseAddr("192.0.2.59"),
			}
			f(t, k, o, miniclient.New(t, cli, "eth0"))
		})
	}
}

func yiaddr(m *dhcpv4.DHCPv4) netip.Addr {
	a, _ := netip.AddrFromSlice(m.YourIPAddr.To4())
	return a
}

func within(a, first, last netip.Addr) bool { return !a.Less(first) && !last.Less(a) }

// A short lease with every option is granted, extended and given back, and the
// server's database says so.
func TestLease(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind, o servers.Options, c *miniclient.Client) {
		o.Lease, o.T1, o.T2 = 10*time.Second, 4*time.Second, 7*time.Second
		o.Router, o.Domain, o.MTU = netip.MustParseAddr("192.0.2.1"), "example.org", 1400
		o.DNS = []netip.Addr{netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")}
		s := servers.Start(t, k, o)
		hello := dhcpv4.WithOption(dhcpv4.OptHostName("probe"))
		ack := c.Acquire(t, hello)
		want := strings.Join([]string{"192.0.2.1", "255.255.255.0", "10s 4s 7s", "[192.0.2.1] [192.0.2.2 192.0.2.3]", "example.org 0578"}, "\n")
		got := fmt.Sprintf("%v\n%v\n%v %v %v\n%v %v\n%v %x", ack.ServerIdentifier(), net.IP(ack.SubnetMask()),
			ack.IPAddressLeaseTime(0), ack.IPAddressRenewalTime(0), ack.IPAddressRebindingTime(0),
			ack.Router(), ack.DNS(), ack.DomainName(), ack.Options.Get(dhcpv4.OptionInterfaceMTU))
		if got != want || !within(yiaddr(ack), o.PoolFirst, o.PoolLast) {
			t.Fatalf("ACK for %v:\n%s\nwant:\n%s", ack.YourIPAddr, got, want)
		}
		l := s.WaitLease(t, yiaddr(ack), true)
		if l.MAC.String() != c.MAC.String() || time.Until(l.Expires) > 2*time.Minute || time.Until(l.Expires) < 5*time.Second {
			t.Errorf("lease: %+v", l)
		}
		if again := c.Renew(t, ack, dhcpv4.MessageTypeAck); again.IPAddressLeaseTime(0) != o.Lease || yiaddr(again) != yiaddr(ack) {
			t.Errorf("renewed: %v", again)
		}
		c.Release(t, ack)
		s.WaitLease(t, yiaddr(ack), false)
		s.Stop(t)
		s.Stop(t)
		if l := s.Leases(t)[yiaddr(ack)]; l.Active {
			t.Errorf("after the server has stopped: %+v", l)
		}
	})
}

// What the client says of itself is in the database.
func TestIdentity(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind, o servers.Options, c *miniclient.Client) {
		s := servers.Start(t, k, o)
		id := []byte{0, 'a', '"', '\\', 255, 7}
		name, cid := dhcpv4.WithOption(dhcpv4.OptHostName("probe")), dhcpv4.WithOption(dhcpv4.OptClientIdentifier(id))
		offer := c.Discover(t, name, cid)
		req := c.Select(t, offer)
		name(req)
		cid(req)
		ack := c.Ask(t, req, dhcpv4.MessageTypeAck)
		if ack.IPAddressLeaseTime(0) != time.Hour {
			t.Errorf("lease time %v, want the hour that is the default", ack.IPAddressLeaseTime(0))
		}
		l := s.WaitLease(t, yiaddr(ack), true)
		if l.Hostname != "probe" {
			t.Errorf("host name in %+v", l)
		}
		if k != servers.Udhcpd && string(l.ClientID) != string(id) {
			t.Errorf("client id in %+v", l)
		}
	})
}

// A database outlives its server, and a new pool is a new pool.
func TestRestart(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind, o servers.Options, c *miniclient.Client) {
		s := servers.Start(t, k, o)
		ack := c.Acquire(t)
		s.WaitLease(t, yiaddr(ack), true)
		s.Restart(t, o)
		s.WaitLease(t, yiaddr(ack), true)
		if again := c.Ask(t, c.Reboot(t, yiaddr(ack)), dhcpv4.MessageTypeAck); yiaddr(again) != yiaddr(ack) {
			t.Errorf("after a restart %v, before %v", yiaddr(again), yiaddr(ack))
		}
		o.PoolFirst, o.PoolLast = netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("192.0.2.109")
		s.Restart(t, o)
		c.MAC = net.HardwareAddr{2, 0, 0, 0, 0, 9}
		if offer := c.Discover(t); !within(yiaddr(offer), o.PoolFirst, o.PoolLast) {
			t.Errorf("offer of %v from a pool of %v to %v", yiaddr(offer), o.PoolFirst, o.PoolLast)
		}
	})
}

func TestAuthoritative_RFC2131_4_3_2(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind, o servers.Options, c *miniclient.Client) {
		servers.Start(t, k, o)
		c.Ask(t, c.Reboot(t, netip.MustParseAddr("10.9.9.9")), dhcpv4.MessageTypeNak)
	})
}

func TestDecline(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind, o servers.Options, c *miniclient.Client) {
		s := servers.Start(t, k, o)
		ack := c.Acquire(t)
		s.WaitLease(t, yiaddr(ack), true)
		c.Decline(t, ack)
		if l := s.WaitLease(t, yiaddr(ack), false); l.State == "leased" {
			t.Errorf("a declined lease: %+v", l)
		}
		if offer := c.Discover(t); yiaddr(offer) == yiaddr(ack) {
			t.Errorf("%v is offered again", yiaddr(ack))
		}
	})
}

func TestReserved(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind, o servers.Options, c *miniclient.Client) {
		addr := netip.MustParseAddr("192.0.2.77")
		o.Reserved = map[string]netip.Addr{c.MAC.String(): addr}
		servers.Start(t, k, o)
		if ack := c.Acquire(t); yiaddr(ack) != addr {
			t.Errorf("got %v, want the reserved %v", yiaddr(ack), addr)
		}
	})
}

// Two servers count in 32 bits, and no better: dhcpd promises what is left until
// 2038, and the database of udhcpd takes its own promise for the past.
func TestInfinite_RFC2131_3_3(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind, o servers.Options, c *miniclient.Client) {
		o.Lease = lease.Infinite
		s := servers.Start(t, k, o)
		ack := c.Acquire(t)
		got := ack.IPAddressLeaseTime(0)
		if k == servers.ISC {
			if got < 10*365*24*time.Hour {
				t.Errorf("lease time %v", got)
			}
		} else if got != lease.Infinite {
			t.Errorf("lease time %v", got)
		}
		s.WaitLease(t, yiaddr(ack), k != servers.Udhcpd)
	})
}

// extras are a line for each server that changes an answer.
var extras = map[servers.Kind]string{
	servers.Dnsmasq: "dhcp-option-force=42,192.0.2.123",
	servers.ISC:     "option ntp-servers 192.0.2.123;",
	servers.Kea:     `"option-data": [{"name": "ntp-servers", "data": "192.0.2.123", "always-send": true}]`,
	servers.Udhcpd:  "option ntpsrv 192.0.2.123",
}

func TestExtra(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind, o servers.Options, c *miniclient.Client) {
		o.Extra = []string{extras[k]}
		servers.Start(t, k, o)
		offer := c.Discover(t, dhcpv4.WithRequestedOptions(dhcpv4.OptionNTPServers))
		if got := offer.NTPServers(); len(got) != 1 || got[0].String() != "192.0.2.123" {
			t.Errorf("time servers %v", got)
		}
	})
}

// A lease that ends by itself is free, whatever the server thinks of it.
func TestExpiry(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind, o servers.Options, c *miniclient.Client) {
		if k == servers.Dnsmasq {
			return // it keeps a lease for two minutes at least
		}
		o.Lease = 2 * time.Second
		s := servers.Start(t, k, o)
		ack := c.Acquire(t)
		s.WaitLease(t, yiaddr(ack), true)
		s.WaitLease(t, yiaddr(ack), false)
	})
}

// A server that does not start fails the test with its own words.
func TestStartFails(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind, o servers.Options, _ *miniclient.Client) {
		bad := map[servers.Kind]string{
			servers.Dnsmasq: "no-such-option", servers.ISC: "no such statement;",
			servers.Kea: `"no-such-member": 1`, servers.Udhcpd: "option 0xzz",
		}
		o.Extra = []string{bad[k]}
		if k == servers.Udhcpd {
			// It takes no offence at its file; a link that is not there it
			// does mind.
			o.Extra = []string{"interface nosuch0"}
		}
		msg := fails(t, func(tb testing.TB) { servers.Start(tb, k, o) })
		if !strings.Contains(msg, "it ended") {
			t.Errorf("%q", msg)
		}
		o.PoolLast = netip.MustParseAddr("10.0.0.1")
		if msg := fails(t, func(tb testing.TB) { servers.Start(tb, k, o) }); !strings.Contains(msg, "is not a range of") {
			t.Errorf("%q", msg)
		}
	})
}

func TestNotInstalled(t *testing.T) {
	for _, ci := range []string{"", "true"} {
		t.Setenv("CI", ci)
		msg := fails(t, func(tb testing.TB) { servers.Require(tb, "no-such-server") })
		if !strings.Contains(msg, "no-such-server is not installed") || strings.HasPrefix(msg, "fatal") != (ci == "true") {
			t.Errorf("CI=%q: %q", ci, msg)
		}
	}
}

func TestLeasesWithoutDatabase(t *testing.T) {
	for _, k := range servers.Kinds() {
		msg := fails(t, func(tb testing.TB) { (&servers.Server{Kind: k}).Leases(tb) })
		if !strings.Contains(msg, "no such file") {
			t.Errorf("%s: %q", k, msg)
		}
	}
}

// fakeTB records how a test ends.
type fakeTB struct {
	testing.TB
	dir string
	msg string
}

func (f *fakeTB) Helper()                        {}
func (f *fakeTB) Cleanup(func())                 {}
func (f *fakeTB) TempDir() string                { return f.dir }
func (f *fakeTB) Fatalf(format string, a ...any) { f.end("fatal: "+format, a...) }
func (f *fakeTB) Skipf(format string, a ...any)  { f.end("skip: "+format, a...) }
func (f *fakeTB) end(format string, a ...any) {
	f.msg = fmt.Sprintf(format, a...)
	panic(f)
}

// fails runs what must end its test, and returns why.
func fails(t *testing.T, f func(testing.TB)) string {
	t.Helper()
	tb := &fakeTB{dir: t.TempDir()}
	func() {
		defer func() {
			if r := recover(); r != nil && r != any(tb) {
				panic(r)
			}
		}()
		f(tb)
	}()
	if tb.msg == "" {
		t.Fatal("the test went on")
	}
	return tb.msg
}

func TestFilesStayInTheTest(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind, o servers.Options, c *miniclient.Client) {
		s := servers.Start(t, k, o)
		c.Acquire(t)
		s.Stop(t)
		for _, pattern := range []string{"/run/*pid", "/run/kea*", "/var/lib/misc/*", "/var/lib/kea*", "/var/lib/dhcp/*"} {
			if found, _ := filepath.Glob(pattern); len(found) != 0 {
				t.Errorf("left %v", found)
			}
		}
		if s.Log() == "" {
			t.Error("no log")
		}
		if _, err := os.Stat("/var/run/udhcpd.pid"); err == nil {
			t.Error("a pid file in /var/run")
		}
	})
}
