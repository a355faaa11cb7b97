package client

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// A person who waits is told why, once for each reason.
func TestLogWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var out bytes.Buffer
		r.cfg.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn}))
		r.answer = func(sentMessage) []*dhcpv4.DHCPv4 { return nil }
		r.link.Carrier = false
		r.run()
		r.pass(time.Minute)
		r.setLink(func(s *LinkState) { s.Carrier = true })
		r.pass(10 * time.Minute)
		r.setLink(func(s *LinkState) { *s = LinkState{Name: "eth0"} })
		r.pass(time.Minute)
		r.stop()
		for _, want := range []string{"no carrier; waiting for it", "no server answers; still asking", "the link is gone; waiting for it"} {
			if n := strings.Count(out.String(), want); n != 1 {
				t.Errorf("%q is said %d times:\n%s", want, n, out.String())
			}
		}
	})
}
