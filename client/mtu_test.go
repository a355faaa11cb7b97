package client

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Option 57 (RFC 2132 9.10) is what the link takes now: a longer reply would
// come in fragments, which nobody reassembles.
func TestMaxMessageSizeFollowsMTU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.run()
		r.pass(time.Second)
		for _, mtu := range []int{1400, 1500} {
			r.setLink(func(s *LinkState) { s.MTU = mtu })
			c.Renew()
			r.pass(2 * time.Second)
			m := r.last()
			if got := binary.BigEndian.Uint16(m.Options.Get(dhcpv4.OptionMaximumDHCPMessageSize)); int(got) != mtu-28 {
				t.Errorf("MTU %d: the %v says %d", mtu, m.MessageType(), got)
			}
		}
		r.stop()
	})
}
