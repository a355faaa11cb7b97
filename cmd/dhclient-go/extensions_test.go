package main

import (
	"syscall"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// A network that prefers to be IPv6-only is no lease, which is said at once, and
// status says so while the client waits (RFC 8925 3.2).
func TestIPv6Only_RFC8925(t *testing.T) {
	s := newSite(t)
	s.link(t, func(c *dhcptest.Config) { c.Options = map[uint8][]byte{108: {0, 0, 0, 1}} })
	p := s.start(t, "-1", "eth0", "--ipv6-only")
	p.exit(t, exitNoLease)
	p.stderr.contains(t, "eth0: no lease: the network is IPv6-only; one is asked for again in 5m0s")
	p = s.start(t, "eth0", "--ipv6-only")
	p.stdout.wait(t, "eth0: no address: the network is IPv6-only")
	st := s.statusOf(t, "eth0")
	if st.State != "V6ONLY" || st.NextTry == nil || st.Reason != "the network is IPv6-only" || st.Lease != nil {
		t.Errorf("status: %+v", st)
	}
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
}
