package e2e_test

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// renewalNonce is what the server gives with a lease, and reconfigure option 90
// with it or with a digest (RFC 6704 3.1).
var renewalNonce = []byte("sixteen octets!!")

func reconfigure(typ byte, replay uint64, value []byte) []byte {
	return slices.Concat([]byte{3, 1, 0}, binary.BigEndian.AppendUint64(nil, replay), []byte{typ}, value)
}

// forceRenew is a FORCERENEW to who has the address a, made with a nonce.
func forceRenew(to *dhcpv4.DHCPv4, a netip.Addr, replay uint64, nonce []byte) []byte {
	m := reply(to, 9, router, a, func(m *dhcpv4.DHCPv4) {
		m.YourIPAddr, m.ClientIPAddr = nil, a.AsSlice()
		m.Options[90] = reconfigure(2, replay, make([]byte, 16))
	})
	h := hmac.New(md5.New, nonce)
	h.Write(m)
	at := strings.Index(string(m), string(reconfigure(2, replay, make([]byte, 16)))) + 12
	copy(m[at:], h.Sum(nil))
	return m
}

// A server that has given a nonce has the lease renewed when it says so, and only
// that server, once for each message. The nonce is in no file (RFC 6704;
// conformance FR-01, FR-02).
func TestForceRenew_Nonce_RFC6704(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	peer.lie(t, func(c *dhcptest.Config) {
		c.Mutate = func(req, ack *dhcpv4.DHCPv4) {
			if ack.MessageType() == dhcpv4.MessageTypeAck && slices.Equal(req.Options[145], []byte{1}) {
				ack.Options[90] = reconfigure(1, 7, renewalNonce)
			}
		}
	})
	n := sniff(t, peer)
	dir := stateDir(t)
	c := start(t, cli, dir, "--force-renew")
	a := c.bound(t).Addr()
	discover := n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeDiscover)).DHCP
	r := newRogue(t, peer)
	tell := func(replay uint64, nonce []byte) {
		r.send(frame.EncodeUDP(cli.mac, peer.mac, netip.AddrPortFrom(a, 68), netip.AddrPortFrom(router, 67), forceRenew(discover, a, replay, nonce)))
	}
	renewals := func() int {
		return len(n.Matching(func(f frame.Frame) bool {
			return sent(cli, dhcpv4.MessageTypeRequest)(f) && !f.DHCP.ClientIPAddr.IsUnspecified()
		}))
	}
	tell(8, []byte("another nonce..."))
	tell(7, renewalNonce) // as old as the nonce
	for i, replay := range []uint64{8, 20} {
		tell(replay, renewalNonce)
		eventually(t, "a renewal", func() bool { return renewals() == i+1 })
		c.stdout.wait(t, "the renewal", said("renewed"))
		time.Sleep(1100 * time.Millisecond) // no lease is asked for twice in a second
		tell(replay, renewalNonce)          // heard before
	}
	c.stderr.wait(t, "that one was sent before", said("FORCERENEW that was sent before"))
	if k := renewals(); k != 2 {
		t.Errorf("%d renewals", k)
	}
	c.end(t)
	files, _ := filepath.Glob(filepath.Join(dir, "leases", "*"))
	for _, path := range files {
		text, err := os.ReadFile(path)
		must(t, err)
		if strings.Contains(string(text), "7369787465656e20") {
			t.Errorf("%s has the nonce: %s", path, text)
		}
	}
	if len(files) == 0 {
		t.Error("there is no lease file")
	}
}
