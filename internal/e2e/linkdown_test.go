package e2e_test

import (
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// cabled is the client's station on one cable with that of a server. A switch
// would do as long as no link is set down: a bridge that lost a port lets its
// frames through only after the kernel's link watch has run, up to a second
// later, and the first of them is lost.
func cabled(t *testing.T) (l *lan, server *station) {
	t.Helper()
	cli, server := cable(t)
	return &lan{client: cli}, server
}

// A link that is taken down while a server is waited for gives its sockets an
// error (ENETDOWN), once. They go on when it is up: with a DISCOVER at once, not
// when the one that was due then would have been sent (RTX-08).
func TestLinkDownWhileSelecting(t *testing.T) {
	turn(t)
	l, server := cabled(t)
	srv := server.lie(t, func(c *dhcptest.Config) { c.Silent = true })
	n := sniff(t, server)
	c := start(t, l.client, stateDir(t))
	for range 3 { // at 0, 1 and 3 s; the next would come at 7 s
		n.WaitFor(t, patience, sent(l.client, dhcpv4.MessageTypeDiscover))
	}
	l.client.IP(t, "link", "set", "dev", "eth0", "down")
	c.stderr.wait(t, "INIT", said("state (from SELECTING, to INIT,"))
	c.idles(t, time.Second)
	up := time.Now()
	l.client.IP(t, "link", "set", "dev", "eth0", "up")
	discover := n.WaitFor(t, patience, sent(l.client))
	soon(t, "the DISCOVER on the link that is up again", up, discover.Time, time.Second)
	srv.repent(t)
	c.bound(t)
	c.stop(t)
}

// The same while a renewal is under way: the lease is verified when the link is
// up, the answer is heard, and it is renewed when its time comes.
func TestLinkDownWhileRenewing(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l, server := cabled(t)
	srv := server.lie(t, func(c *dhcptest.Config) { c.Lease, c.T1, c.T2 = 12*time.Second, 2*time.Second, 9*time.Second })
	s := bindOn(t, l, server)
	if err := srv.Configure(func(c *dhcptest.Config) { c.Silent = true }); err != nil {
		t.Fatal(err)
	}
	s.n.WaitFor(t, patience, extends(l.client))
	s.c.stderr.wait(t, "RENEWING", said("state (from BOUND, to RENEWING,"))
	l.client.IP(t, "link", "set", "dev", "eth0", "down")
	s.c.stderr.wait(t, "the lost link", said("state (from RENEWING, to REBOOTING,"))
	s.c.idles(t, time.Second)
	if err := srv.Configure(func(c *dhcptest.Config) { c.Silent = false }); err != nil {
		t.Fatal(err)
	}
	up := time.Now()
	l.client.IP(t, "link", "set", "dev", "eth0", "up")
	l.client.guestRoutes(t)
	request := s.n.WaitFor(t, patience, func(f frame.Frame) bool { return sent(l.client)(f) && f.Time.After(up) })
	if got := messageOf(request); got.Requested.String() != s.p.text {
		t.Errorf("on the link that is up again came %+v", got)
	}
	soon(t, "INIT-REBOOT on the link that is up again", up, request.Time, time.Second)
	s.again(t)
	s.holds(t)
	renew := s.n.WaitFor(t, patience, extends(l.client))
	s.n.WaitFor(t, patience, answers(renew, dhcpv4.MessageTypeAck))
	s.holds(t)
	s.c.stop(t)
}
