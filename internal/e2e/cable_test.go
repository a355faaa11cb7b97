package e2e_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A port is the end of a station's cable that is not the station's: that of the
// switch, or of the station opposite.
type port struct {
	ns   *nettest.NS
	link string
}

// join makes the port one of a switch in its namespace.
func (p port) join(t *testing.T, bridge string) {
	t.Helper()
	p.ns.IP(t, "link", "set", "dev", p.link, "master", bridge)
}

// pull takes the cable out of the switch: the station's link has no carrier, as
// soon as the kernel says so.
func (s *station) pull(t *testing.T) { s.port.do(t, netlink.LinkSetDown) }

// plug puts the cable in again, and returns when it began to.
func (s *station) plug(t *testing.T) (began time.Time) {
	began = time.Now()
	s.port.do(t, netlink.LinkSetUp)
	return began
}

// do changes a port without a program's start in between.
func (p port) do(t *testing.T, change func(netlink.Link) error) {
	t.Helper()
	p.ns.Do(t, func() {
		link, err := netlink.LinkByName(p.link)
		if err == nil {
			err = change(link)
		}
		if err != nil {
			t.Fatalf("change the port %s: %v", p.link, err)
		}
	})
}

// A carrier is what the kernel reports of a link, from when it is made.
type carrier struct {
	mu   sync.Mutex
	all  []carrierReport
	news chan struct{} // closed when there is another
}

type carrierReport struct {
	at time.Time
	up bool // with carrier, and up
}

// watchCarrier records what becomes of the link name until the test ends.
func watchCarrier(t *testing.T, s *station, name string) *carrier {
	t.Helper()
	ns, err := netns.GetFromName(s.Name)
	if err != nil {
		t.Fatalf("watch the carrier: %v", err)
	}
	defer ns.Close()
	updates, done := make(chan netlink.LinkUpdate, 1000), make(chan struct{})
	if err := netlink.LinkSubscribeAt(ns, updates, done); err != nil {
		t.Fatalf("watch the carrier: %v", err)
	}
	c := &carrier{news: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for u := range updates {
			if u.Attrs().Name == name {
				c.add(carrierReport{time.Now(), u.IfInfomsg.Flags&unix.IFF_RUNNING != 0})
			}
		}
	}()
	t.Cleanup(func() {
		close(done)
		<-ended
	})
	return c
}

func (c *carrier) add(r carrierReport) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, r)
	close(c.news)
	c.news = make(chan struct{})
}

// since returns what was reported since a time.
func (c *carrier) since(from time.Time) (all []carrierReport, news chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.all {
		if !r.at.Before(from) {
			all = append(all, r)
		}
	}
	return all, c.news
}

// wait returns when eth0 was first reported with carrier, or without, since a
// time.
func (c *carrier) wait(t *testing.T, up bool, from time.Time) time.Time {
	t.Helper()
	late := time.After(patience)
	for {
		all, news := c.since(from)
		for _, r := range all {
			if r.up == up {
				return r.at
			}
		}
		select {
		case <-news:
		case <-late:
			t.Fatalf("no report in %v that the carrier is there: %t", patience, up)
		}
	}
}

// carrierChanges is the kernel's count of losses and gains.
func (s *station) carrierChanges(t *testing.T) int {
	t.Helper()
	out, err := s.Command(t.Context(), "cat", "/sys/class/net/eth0/carrier_changes").Output()
	if err != nil {
		t.Fatalf("read carrier_changes: %v", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatalf("read carrier_changes: %v", err)
	}
	return n
}

// An administrator has had an address and a route on the link for ever, and
// another DHCP client's lease is there too.
var (
	guestAddresses = []string{"inet 203.0.113.9/24", "inet 198.51.100.77/24"}
	guestRoutes    = []string{"10.8.0.0/16 dev eth0", "10.9.0.0/16 dev eth0 proto dhcp"}
)

// guests puts on eth0 what is not the client's.
func (s *station) guests(t *testing.T) {
	t.Helper()
	s.IP(t, "address", "add", "203.0.113.9/24", "dev", "eth0", "noprefixroute")
	s.IP(t, "address", "add", "198.51.100.77/24", "dev", "eth0", "noprefixroute", "valid_lft", "3600", "preferred_lft", "3600")
	s.guestRoutes(t)
}

// guestRoutes are put back by the administrator when the kernel has flushed them.
func (s *station) guestRoutes(t *testing.T) {
	t.Helper()
	s.IP(t, "route", "add", "10.8.0.0/16", "dev", "eth0", "src", "203.0.113.9")
	s.IP(t, "route", "add", "10.9.0.0/16", "dev", "eth0", "proto", "dhcp", "src", "198.51.100.77", "metric", "77")
}

// guestsStay fails the test if anything of the guests is gone.
func (s *station) guestsStay(t *testing.T) {
	t.Helper()
	addresses := s.IP(t, "-4", "-o", "address", "show", "dev", "eth0")
	for _, want := range guestAddresses {
		if !strings.Contains(addresses, want) {
			t.Errorf("%s is gone; there are\n%s", want, addresses)
		}
	}
	routes := strings.Join(s.routes(t), "\n")
	for _, want := range guestRoutes {
		if !strings.Contains(routes, want) {
			t.Errorf("%s is gone; there are\n%s", want, routes)
		}
	}
}

// cpu is the processor time that the process has used.
func (c *client) cpu(t *testing.T) time.Duration {
	t.Helper()
	// The clock of another process: MAKE_PROCESS_CPUCLOCK, CPUCLOCK_SCHED.
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^c.cmd.Process.Pid<<3|2), &ts); err != nil {
		t.Fatalf("read the client's processor time: %v", err)
	}
	return time.Duration(ts.Nano())
}

// idles fails the test if the client uses more than 1 % of a processor for that
// time from now: for when there is nothing to do. A loop that is not blocked
// takes all of it.
func (c *client) idles(t *testing.T, window time.Duration) {
	t.Helper()
	before := c.cpu(t)
	select {
	case <-c.ended:
		t.Fatal("the client has ended")
	case <-time.After(window):
	}
	used := c.cpu(t) - before
	t.Logf("the client used %v of %v", used, window)
	if used > window/100 {
		t.Errorf("the client used %v of the processor in %v, want 1 %% at most", used, window)
	}
}
