package client

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// An anonymous client says no more than an exchange needs, in no order of its own;
// and it is another client with another hardware address (RFC 7844 3; conformance
// ANON-01 to ANON-03).
func TestAnonymous_RFC7844_3(t *testing.T) {
	orders := map[string]bool{}
	for range 8 {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.cfg.Anonymous = true
			r.stored = &lease.Lease{Address: netip.MustParseAddr("10.99.0.77"), Bits: 24, Server: server1, Start: r.start, Valid: time.Hour,
				T1: 30 * time.Minute, T2: 50 * time.Minute, HardwareAddr: myMAC, ClientID: append([]byte{1}, myMAC[:]...)}
			r.run()
			r.pass(40 * time.Minute) // DISCOVER, REQUEST and a renewal
			other := lease.HardwareAddr{2, 0, 0, 0, 0, 7}
			r.setLink(func(s *LinkState) { s.HardwareAddr = other })
			r.pass(5 * time.Second)
			for i, m := range r.sent {
				mac := lease.HardwareAddr(m.ClientHWAddr)
				if id := m.Options.Get(dhcpv4.OptionClientIdentifier); !bytes.Equal(id, append([]byte{1}, mac[:]...)) {
					t.Errorf("%v: client id % x of %v", m.MessageType(), id, mac)
				}
				for code := range m.Options {
					selecting := m.MessageType() == dhcpv4.MessageTypeRequest && m.ClientIPAddr.IsUnspecified()
					if !slices.Contains([]uint8{53, 55, 61}, code) && !(selecting && (code == 50 || code == 54)) {
						t.Errorf("%d, %v: option %d", i, m.MessageType(), code)
					}
				}
				params := m.Options.Get(dhcpv4.OptionParameterRequestList)
				if slices.Index(params, 121) > slices.Index(params, 3) || len(params) != len(fewParams) {
					t.Errorf("asks for %v", params)
				}
				orders[string(params)] = true
			}
			if last := r.last(); lease.HardwareAddr(last.ClientHWAddr) != other || r.sent[0].MessageType() != dhcpv4.MessageTypeDiscover {
				t.Errorf("began with %v, and ended with %v", r.sent[0].DHCPv4, last.DHCPv4)
			}
			r.stop()
		})
	}
	if len(orders) < 3 {
		t.Errorf("the options asked for are in %d orders in 16", len(orders))
	}
}

func TestAnonymous_Check(t *testing.T) {
	set := Config{ClientID: []byte{1, 2}, MachineID: MachineID{1}, Hostname: "a", FQDN: "a", VendorClass: "a", UserClass: []string{"a"},
		VendorClasses: []VendorClass{{1, nil}}, VendorOptions: []VendorOptions{{1, nil}}, MUDURL: "https://a/", RequestIP: offered,
		SendOptions: map[uint8][]byte{224: {1}}, RapidCommit: true, ForceRenew: true, AuthKey: AuthKey{1, make([]byte, 8)}, Takeover: true}
	if err := set.checkAnonymous(); err != nil {
		t.Error(err)
	}
	set.Anonymous = true
	err := set.checkAnonymous()
	if n := strings.Count(err.Error(), "would tell who an anonymous client is"); n != 15 {
		t.Errorf("%d of 15: %v", n, err)
	}
	if err := (&Config{Interface: "eth0", Anonymous: true, ClientID: []byte{}, IPv6Only: true}).check(); err != nil {
		t.Error(err)
	}
}
