package main

import (
	"bytes"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// The words of other clients, by which scripts know how things are.
func TestVoices(t *testing.T) {
	for name, tt := range map[string]struct {
		voice *voice
		want  string
	}{
		"dhclient": {dhclientVoice, `DHCPDISCOVER on eth0 to 255.255.255.255 port 67
DHCPOFFER of 192.0.2.5 from 192.0.2.1
DHCPREQUEST for 192.0.2.5 on eth0 to 255.255.255.255 port 67
DHCPREQUEST for 192.0.2.5 on eth0 to 192.0.2.1 port 67
DHCPNAK from 192.0.2.1
DHCPRELEASE of 192.0.2.5 on eth0 to 192.0.2.1 port 67
No DHCPOFFERS received.
eth0: warning: odd
bound to 192.0.2.5 -- renewal in 1800 seconds.
`},
		"udhcpc": {udhcpcVoice, `udhcpc: broadcasting discover
udhcpc: broadcasting select for 192.0.2.5, server 192.0.2.1
udhcpc: sending renew to server 192.0.2.1
udhcpc: received DHCP NAK
udhcpc: unicasting a release of 192.0.2.5 to 192.0.2.1
udhcpc: no lease
eth0: warning: odd
udhcpc: lease of 192.0.2.5 obtained from 192.0.2.1, lease time 3600
`},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			var aloud atomic.Bool
			log := newVoiceLogger(tt.voice, &b, aloud.Load).With("if", "eth0")
			none, all1 := netip.Addr{}, netip.MustParseAddr("255.255.255.255")
			a, s := netip.MustParseAddr("192.0.2.5"), netip.MustParseAddr("192.0.2.1")
			sent := func(message string, to, ciaddr, requested, server netip.Addr) {
				log.Debug("sent", "message", message, "to", to, "ciaddr", ciaddr, "requested", requested, "server", server)
			}
			say := func() {
				sent("DISCOVER", all1, none, none, none)
				log.Debug("received", "message", "OFFER", "address", a, "server", s)
				sent("REQUEST", all1, none, a, s)
				sent("REQUEST", s, a, none, none)
				log.Debug("received", "message", "NAK", "server", s)
				sent("RELEASE", s, a, none, s)
				log.Warn("no lease: no server has answered", "wait", time.Minute)
				log.Info("state", "from", "INIT")
			}
			say()
			if got := b.String(); got != "" {
				t.Errorf("in a low voice it says %q", got)
			}
			b.Reset()
			aloud.Store(true)
			say()
			log.Warn("odd")
			b.WriteString(tt.voice.event(client.Bound{Lease: &lease.Lease{Address: a, Server: s, Valid: time.Hour, T1: 30 * time.Minute}}) + "\n")
			if got := b.String(); got != tt.want {
				t.Errorf("it says\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
	if !slog.New(&voiceHandler{aloud: func() bool { return false }}).Enabled(t.Context(), slog.LevelWarn) {
		t.Error("warnings are not heard")
	}
}
