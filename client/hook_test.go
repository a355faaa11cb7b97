package client

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// An address that was refused goes at once (RFC 2131 3.1(5)), whatever a program
// that sets name servers waits for.
func TestRemovalDoesNotWaitForHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.AfterApply = []Configurator{hanging{}}
		c := r.run()
		r.pass(time.Second)
		if c.Lease() == nil {
			t.Fatal("no lease")
		}
		r.mu.Lock()
		r.answer = func(m sentMessage) []*dhcpv4.DHCPv4 {
			if m.MessageType() != dhcpv4.MessageTypeRequest {
				return nil
			}
			return []*dhcpv4.DHCPv4{reply(m, dhcpv4.MessageTypeNak, noAddr, dhcpv4.OptServerIdentifier(server1.AsSlice()))}
		}
		r.mu.Unlock()
		c.Renew()
		r.pass(100 * time.Millisecond)
		if r.onTheLink() != nil {
			t.Error("the address is on the link 100 ms after the NAK")
		}
		r.stop()
	})
}
