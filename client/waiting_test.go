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

// What becomes of the carrier is in the log at debug level, whatever follows.
func TestLogCarrier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var out bytes.Buffer
		r.cfg.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		r.run()
		for _, step := range []struct {
			change func(*LinkState)
			want   string
		}{
			{func(s *LinkState) { s.MTU = 1400 }, ""},
			{func(s *LinkState) { s.Carrier = false }, `msg="carrier is lost"`},
			{func(s *LinkState) { s.Carrier = true }, `msg="carrier is back"`},
			{func(s *LinkState) { s.CarrierChanges += 2 }, `msg="carrier was lost, and is back"`},
			{func(s *LinkState) { s.Index, s.Carrier = 0, false }, `msg="the link is gone"`},
			{func(s *LinkState) { s.Index, s.Carrier = 8, true }, `msg="the link is there"`},
		} {
			out.Reset()
			r.setLink(step.change)
			says := strings.Contains(out.String(), "carrier") || strings.Contains(out.String(), "the link is")
			if !strings.Contains(out.String(), step.want) || says != (step.want != "") {
				t.Errorf("want %q in:\n%s", step.want, out.String())
			}
		}
		r.stop()
	})
}

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
