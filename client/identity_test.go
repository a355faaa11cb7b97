package client

import (
	"bytes"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Who the client is and what it asks for is the same, octet for octet, in every
// message that says it: in all states, and after a restart (RFC 2131 3.5, 4.2;
// conformance MSG-15, MSG-16, RBT-02).
func TestIdentityIsRepeated_RFC2131_4_2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.RequestOptions, r.cfg.Hostname = []uint8{66, 43}, "box"
		silent := func(sentMessage) []*dhcpv4.DHCPv4 { return nil }
		answer := func(f func(sentMessage) []*dhcpv4.DHCPv4) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.answer = f
		}
		serve := r.answer
		r.run()
		r.pass(40 * time.Minute) // DISCOVER, REQUEST and a renewal
		answer(silent)
		r.pass(50 * time.Minute) // RENEWING and REBINDING
		answer(serve)
		r.pass(4 * time.Minute)
		r.stop()
		r.squatters[offered] = otherMAC
		r.run() // INIT-REBOOT, DECLINE
		r.pass(time.Second)
		r.mu.Lock()
		delete(r.squatters, offered)
		r.mu.Unlock()
		r.pass(6 * time.Minute)
		r.client.Release()
		r.pass(time.Second)
		r.stop()
		wantIdentity(t, r.sent)
	})
}

// wantIdentity compares options 61, 55, 60, 12 and 57 of all messages with those
// of the first, and looks that all kinds of messages are there.
func wantIdentity(t *testing.T, sent []sentMessage) {
	t.Helper()
	first, kinds := sent[0].Options, map[string]bool{}
	for _, m := range sent {
		kind := m.MessageType().String()
		switch {
		case m.MessageType() != dhcpv4.MessageTypeRequest:
		case m.Options.Has(dhcpv4.OptionServerIdentifier):
			kind = "SELECTING"
		case m.ClientIPAddr.IsUnspecified():
			kind = "INIT-REBOOT"
		case m.dst == everybody:
			kind = "REBINDING"
		default:
			kind = "RENEWING"
		}
		kinds[kind] = true
		codes := []uint8{61}
		if kind != "DECLINE" && kind != "RELEASE" {
			codes = []uint8{61, 55, 12, 57}
		}
		for _, code := range codes {
			if got := m.Options[code]; len(got) == 0 || !bytes.Equal(got, first[code]) {
				t.Errorf("%s: option %d is % x, before % x", kind, code, got, first[code])
			}
		}
	}
	for _, kind := range []string{"DISCOVER", "SELECTING", "RENEWING", "REBINDING", "INIT-REBOOT", "DECLINE", "RELEASE"} {
		if !kinds[kind] {
			t.Errorf("no %s among the messages: the test shows less than it says", kind)
		}
	}
}

// By default the client id is the hardware type and address (RFC 2132 9.14), so
// that neither two links of a host nor two clones with links of their own share
// one (conformance CID-01, CID-05); what is configured takes its place.
func TestClientID_RFC2132_9_14(t *testing.T) {
	for _, c := range []struct {
		name       string
		mac        lease.HardwareAddr
		configured []byte
		want       []byte
	}{
		{"first link", lease.HardwareAddr{2, 0, 0, 0, 0xcf, 1}, nil, []byte{1, 2, 0, 0, 0, 0xcf, 1}},
		{"second link", lease.HardwareAddr{2, 0, 0, 0, 0xcf, 2}, nil, []byte{1, 2, 0, 0, 0, 0xcf, 2}},
		{"configured", lease.HardwareAddr{2, 0, 0, 0, 0xcf, 1}, []byte{0xff, 1, 2}, []byte{0xff, 1, 2}},
		{"none", lease.HardwareAddr{2, 0, 0, 0, 0xcf, 1}, []byte{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.link.HardwareAddr, r.cfg.ClientID = c.mac, c.configured
				r.run()
				r.pass(time.Second)
				for _, m := range r.sent {
					if got := m.Options.Get(dhcpv4.OptionClientIdentifier); !bytes.Equal(got, c.want) {
						t.Errorf("%v has the client id % x, want % x", m.MessageType(), got, c.want)
					}
				}
				r.stop()
			})
		})
	}
}

// A thousand starts of clients that differ in nothing, at one moment, have a
// thousand xids (RFC 2131 4.1; conformance INI-03).
func TestXID_INI_03(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[dhcpv4.TransactionID]bool{}
		for range 1000 {
			r := newRig(t)
			r.answer = func(sentMessage) []*dhcpv4.DHCPv4 { return nil }
			r.run()
			r.stop()
			xid := r.sent[0].TransactionID
			if xid == (dhcpv4.TransactionID{}) || seen[xid] {
				t.Fatalf("xid %v again, or none, after %d starts", xid, len(seen))
			}
			seen[xid] = true
		}
	})
}

// A day without a server, and then there is one: it is asked soon (RFC 2131 4.1;
// conformance INI-10, RTX-03).
func TestADayOfSilence_INI_10(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		serve := r.answer
		r.answer = func(sentMessage) []*dhcpv4.DHCPv4 { return nil }
		c := r.run()
		r.pass(24 * time.Hour)
		if n := len(r.types()); n < 24*3600/65 || n > 24*3600/63+10 {
			t.Errorf("%d DISCOVERs in a day", n)
		}
		r.mu.Lock()
		r.answer = serve
		r.mu.Unlock()
		began := time.Now()
		if l, err := c.Wait(t.Context()); err != nil || l.Address != offered {
			t.Fatalf("Wait = %v, %v", l, err)
		}
		if took := time.Since(began); took > 65*time.Second+250*time.Millisecond {
			t.Errorf("bound %v after the server came", took)
		}
		r.stop()
	})
}

// What is sent has the addresses of RFC 2131 4.1: none as source while none is
// held, also where an address of before is still on the link, and 255.255.255.255
// as destination; in between, those of the lease (conformance MSG-06, MSG-22).
func TestSource_RFC2131_4_1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.run()
		r.pass(time.Second)
		r.stop() // the address stays
		r.squatters[offered] = otherMAC
		r.run()
		r.pass(time.Second)
		r.stop()
		want := []string{"DISCOVER", "REQUEST", "REQUEST", "DECLINE"}
		wantTypes(t, r, want...)
		for i, m := range r.sent {
			if m.src != (netip.Addr{}) && !m.src.IsUnspecified() || m.dst != everybody {
				t.Errorf("%s %d went from %v to %v", want[i], i, m.src, m.dst)
			}
		}
	})
}
