package client

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Each event is one line of the log, with the same keys for the same things.
func TestLogEvent(t *testing.T) {
	l := &lease.Lease{Address: offered, Bits: 24, Server: server1, Valid: time.Hour, T1: 30 * time.Minute, Start: time.Unix(0, 0).UTC()}
	for want, ev := range map[string]Event{
		"level=INFO msg=state if=eth0 from=INIT to=SELECTING why=T1":                                                              Transition{fsm.Init, fsm.Selecting, "T1"},
		"level=INFO msg=bound if=eth0 address=10.99.0.50/24 server=10.99.0.1 lease=1h0m0s renew=30m0s":                            Bound{Lease: l},
		"level=INFO msg=renewed if=eth0 address=10.99.0.50/24 server=10.99.0.1 lease=1h0m0s renew=30m0s":                          Renewed{Lease: l},
		`level=WARN msg="the lease expired" if=eth0 address=10.99.0.50`:                                                           Expired{l},
		`level=WARN msg=NAK if=eth0 server=10.99.0.1 message="go\nway" wait=2s`:                                                   Refused{nil, server1, "go\nway", 2 * time.Second},
		`level=WARN msg="address declined: another station has it" if=eth0 address=10.99.0.50 station=02:00:00:00:00:66 wait=10s`: Declined{l, otherMAC, 10 * time.Second},
		`level=WARN msg="lease given up" if=eth0 address=10.99.0.50 reason=why`:                                                   Lost{l, "why"},
		`level=INFO msg=released if=eth0 address=10.99.0.50 server=10.99.0.1`:                                                     Released{l},
		`level=WARN msg="the server that made an offer does not acknowledge; starting over" if=eth0 server=10.99.0.1`:             Unanswered{server1},
		`level=WARN msg="no server answers; using the stored lease" if=eth0 address=10.99.0.50`:                                   UsingStored{l},
		`level=WARN msg="another router: this is another network" if=eth0 router=10.99.0.1 station=02:00:00:00:00:66`:             RouterChanged{server1, otherMAC},
		`level=WARN msg="the network has changed" if=eth0 what=server was=10.99.0.1 is=10.99.0.2`:                                 Changed{l, ChangedServer, "10.99.0.1", "10.99.0.2"},
		`level=INFO msg="the network has changed" if=eth0 what=DNS was=none is="10.99.0.1 10.99.0.2"`:                             Changed{l, ChangedDNS, "none", "10.99.0.1 10.99.0.2"},
		`level=WARN msg="there is another server on the link" if=eth0 server=10.99.0.2 first=10.99.0.1`:                           OtherServer{otherServer, server1},
		`level=INFO msg=verified if=eth0 address=10.99.0.50/24 by=router station=02:00:00:00:00:66`:                               Verified{Lease: l, By: otherMAC},
		`level=INFO msg=verified if=eth0 address=10.99.0.50/24 by=server server=10.99.0.1`:                                        Verified{Lease: l, Server: server1},
		`level=ERROR msg="cannot configure the link" if=eth0 err=no wait=10s`:                                                     ApplyFailed{l, errors.New("no"), 10 * time.Second},
		`level=WARN msg="the address cannot be probed; using it unprobed" if=eth0 address=10.99.0.50 err=no`:                      ProbeFailed{offered, errors.New("no")},
		`level=INFO msg="the network is IPv6-only: no address is asked for" if=eth0 server=10.99.0.1 wait=5m0s`:                   IPv6Only{server1, 5 * time.Minute},
		`level=DEBUG msg="message ignored" if=eth0 reason=why`:                                                                    Ignored{"why"},
		`level=INFO msg="stopped; the lease stays on the link" if=eth0 address=10.99.0.50/24 until=1970-01-01T01:00:00.000Z`:      Stopped{l},
		`level=INFO msg=stopped if=eth0`: Stopped{},
	} {
		var buf bytes.Buffer
		h := slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})
		c := &Client{cfg: &Config{}, log: slog.New(h).With("if", "eth0")}
		c.cfg.Configurator = configuratorFunc(nil) // else nothing stays on a link
		c.logEvent(ev)
		ev.event()
		if got := strings.TrimSuffix(buf.String(), "\n"); got != want {
			t.Errorf("%T: got\n%s\nwant\n%s", ev, got, want)
		}
	}
}
