package client

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Inform takes an answer however it comes, and gives up in time: after half a
// minute, or when it is told to (RFC 2131 4.4.3; conformance INF-03, INF-04).
func TestInform_RFC2131_4_4_3(t *testing.T) {
	own := netip.MustParsePrefix("10.99.0.9/24")
	ask := func(t *testing.T, kind dhcpv4.MessageType, limit time.Duration) (*rig, time.Duration, error) {
		r := newRig(t)
		r.answer = func(m sentMessage) []*dhcpv4.DHCPv4 {
			if kind == dhcpv4.MessageTypeNone || len(r.sent) < 2 {
				return nil
			}
			return []*dhcpv4.DHCPv4{reply(m, kind, offered), reply(m, kind, offered)}
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		began := time.Now()
		l, err := inform(ctx, r.cfg, own, r.now)
		if err == nil && (l.Prefix() != own || l.Router() != server1 || !l.IsInfinite() || r.onTheLink() != nil || r.stored != nil) {
			t.Errorf("%+v", l)
		}
		return r, time.Since(began), err
	}
	synctest.Test(t, func(t *testing.T) {
		r, took, err := ask(t, dhcpv4.MessageTypeAck, time.Minute)
		if err != nil || took < 900*time.Millisecond || took > 1200*time.Millisecond {
			t.Errorf("%v after %v", err, took)
		}
		if m := r.last(); m.src != own.Addr() || m.dst != everybody || m.MessageType() != dhcpv4.MessageTypeInform {
			t.Errorf("%+v", m)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		for _, kind := range []dhcpv4.MessageType{dhcpv4.MessageTypeNone, dhcpv4.MessageTypeNak, dhcpv4.MessageTypeOffer} {
			r, took, err := ask(t, kind, time.Minute)
			if !errors.Is(err, ErrNoServer) || took < 28*time.Second || took > 34*time.Second || len(r.sent) != 5 {
				t.Errorf("%v: %v after %v, and %d messages", kind, err, took, len(r.sent))
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if _, took, err := ask(t, dhcpv4.MessageTypeNone, 10*time.Second); !errors.Is(err, context.DeadlineExceeded) || took != 10*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestInform_Fails(t *testing.T) {
	ok := netip.MustParsePrefix("10.99.0.9/24")
	for want, try := range map[string]struct {
		cfg Config
		own netip.Prefix
	}{
		"not an address that a host can have": {Config{Interface: "eth0"}, netip.MustParsePrefix("127.0.0.1/8")},
		"no interface named":                  {Config{}, ok},
		"no such link":                        {Config{Interface: "eth0", LinkWatcher: watcher{&rig{}}}, ok},
		"host name": {Config{Interface: "eth0", Hostname: "a b",
			LinkWatcher: watcher{&rig{link: LinkState{Index: 1, HardwareAddr: myMAC, MTU: 1500}}}}, ok},
	} {
		if _, err := Inform(t.Context(), try.cfg, try.own); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
