package client

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// With -vv each message of a server is a line, as each of ours is.
func TestLogReceived(t *testing.T) {
	var out bytes.Buffer
	c := &Client{cfg: &Config{}, log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	l := &lease.Lease{Address: offered, Server: server1, Valid: time.Hour}
	for want, ev := range map[string]fsm.Event{
		"message=OFFER xid=0000000a address=10.99.0.50 server=10.99.0.1 lease=1h0m0s": fsm.Offer{XID: 10, Lease: l},
		"message=ACK xid=0000000a address=10.99.0.50 server=10.99.0.1 lease=1h0m0s":   fsm.Ack{XID: 10, Lease: l},
		`message=NAK xid=0000000b server=10.99.0.1 text="not here"`:                   fsm.Nak{XID: 11, Server: netip.MustParseAddr("10.99.0.1"), Message: "not here"},
	} {
		out.Reset()
		c.logReceived(ev)
		if !strings.Contains(out.String(), want) {
			t.Errorf("%T: %q has no %q", ev, out.String(), want)
		}
	}
}

// However fast a server is, its answer stands in the log after what it answers.
func TestLogReceived_AfterWhatItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var out bytes.Buffer
		r.cfg.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		serve := r.answer
		r.answer = func(m sentMessage) []*dhcpv4.DHCPv4 {
			for _, p := range serve(m) {
				r.receive(p.ToBytes(), server1) // before Send has returned
			}
			return nil
		}
		r.run()
		r.stop()
		at := 0
		for _, want := range []string{"msg=sent if=eth0 message=DISCOVER", "message=OFFER", "msg=sent if=eth0 message=REQUEST", "message=ACK"} {
			i := strings.Index(out.String()[at:], want)
			if i < 0 {
				t.Fatalf("no %q in its place:\n%s", want, out.String())
			}
			at += i
		}
	})
}
