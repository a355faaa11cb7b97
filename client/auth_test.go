package client

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// sign has the message signed by a server that knows the secret (RFC 3118 2).
func sign(p *dhcpv4.DHCPv4, replay uint64, key AuthKey) *dhcpv4.DHCPv4 {
	v := append([]byte{1, 1, 0}, binary.BigEndian.AppendUint64(nil, replay)...)
	v = append(binary.BigEndian.AppendUint32(v, key.ID), make([]byte, 16)...)
	p.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(90), v))
	h := hmac.New(md5.New, key.Secret)
	h.Write(p.ToBytes())
	p.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(90), append(v[:15:15], h.Sum(nil)...)))
	return p
}

// With a secret the lease is of who has it: an offer and an ACK that came before,
// signed by nobody or signed once, are none (RFC 3118 5; conformance AUTH-01).
func TestAuthKey_RFC3118(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.AuthKey = AuthKey{ID: 7, Secret: []byte("a secret of both")}
		stranger := netip.MustParseAddr("10.99.0.66")
		honest, replay := r.answer, uint64(10)
		r.answer = func(m sentMessage) []*dhcpv4.DHCPv4 {
			bad := honest(m)
			for _, p := range bad {
				p.YourIPAddr = stranger.AsSlice()
			}
			if len(bad) == 0 {
				return nil
			}
			replay++
			other := sign(honest(m)[0], replay, AuthKey{ID: 7, Secret: []byte("another secret")})
			old := sign(honest(m)[0], 5, r.cfg.AuthKey)
			if replay == 11 {
				old = bad[0]
			}
			return append(bad, other, old, sign(honest(m)[0], replay, r.cfg.AuthKey))
		}
		c := r.run()
		r.pass(time.Second)
		l := c.Lease()
		if l == nil || l.Address != offered {
			t.Fatalf("%+v", l)
		}
		r.pass(40 * time.Minute)
		if l := c.Lease(); l == nil || l.Address != offered || c.Stats().Received["ACK"] != 2 {
			t.Errorf("renewed: %+v, %v", l, c.Stats().Received)
		}
		rejected := c.Stats().Rejected
		if rejected["not authenticated"] == 0 || rejected["authenticated, and sent before"] == 0 {
			t.Errorf("rejected: %v", rejected)
		}
		for _, m := range r.sent {
			want := 31
			if m.MessageType() == dhcpv4.MessageTypeDiscover {
				want = 11
			}
			if got := len(m.Options.Get(dhcpv4.GenericOptionCode(90))); got != want {
				t.Errorf("%v: option 90 of %d octets", m.MessageType(), got)
			}
		}
	})
}

func TestAuthKey_Check(t *testing.T) {
	for want, cfg := range map[string]Config{
		"a secret of 0 octets": {AuthKey: AuthKey{ID: 1}},
		"a secret of 7 octets": {AuthKey: AuthKey{Secret: make([]byte, 7)}},
		"of 65 octets":         {AuthKey: AuthKey{Secret: make([]byte, 65)}},
		"SendOptions has too":  {AuthKey: AuthKey{Secret: make([]byte, 8)}, SendOptions: map[uint8][]byte{90: {1}}},
		"both take option 90":  {AuthKey: AuthKey{Secret: make([]byte, 8)}, ForceRenew: true},
	} {
		cfg.Interface = "eth0"
		if err := cfg.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
