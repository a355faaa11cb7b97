package client

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// A counting transport has frames of its own to report.
type countingTransport struct {
	transport
	frames map[string]uint64
}

func (c countingTransport) Rejected() map[string]uint64 { return c.frames }

// Whatever is received and not used has a reason that is counted, wherever it
// was found, and at debug level a line.
func TestRejectedIsVisible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var log bytes.Buffer // written by this goroutine and the loop, in turn
		r.cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		r.cfg.OpenTransport = func(_ LinkState, receive func([]byte, netip.Addr)) (Transport, error) {
			r.receive = receive
			return countingTransport{transport{r}, map[string]uint64{"frame: UDP checksum": 7}}, nil
		}
		serve := r.answer
		r.answer = func(sentMessage) []*dhcpv4.DHCPv4 { return nil }
		c := r.run()
		good := serve(r.last())[0]
		say := func(change func(*dhcpv4.DHCPv4)) {
			m := *good
			m.Options = dhcpv4.Options{}
			for code, v := range good.Options {
				m.Options[code] = v
			}
			change(&m)
			r.receive(m.ToBytes(), server1)
			synctest.Wait()
		}
		say(func(m *dhcpv4.DHCPv4) { m.ClientHWAddr = otherMAC })
		say(func(m *dhcpv4.DHCPv4) { m.UpdateOption(dhcpv4.OptMessageType(9)) })
		say(func(m *dhcpv4.DHCPv4) { delete(m.Options, 54) })
		say(func(m *dhcpv4.DHCPv4) { m.TransactionID[0] ^= 1 })
		say(func(m *dhcpv4.DHCPv4) { m.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeNak)) })
		want := []string{"for another hardware address", "unauthenticated FORCERENEW", "offer without server id",
			"of another exchange", "of a type that is not awaited"}
		got := c.Stats().Rejected
		for _, reason := range want {
			if got[reason] != 1 {
				t.Errorf("%q: counted %d times", reason, got[reason])
			}
			if n := strings.Count(log.String(), reason); n != 1 {
				t.Errorf("%q: %d lines", reason, n)
			}
		}
		if got["frame: UDP checksum"] != 7 || len(got) != len(want)+1 {
			t.Errorf("rejected %v", got)
		}
		if t.Failed() {
			t.Log(log.String())
		}
		r.stop()
	})
}

// A flood of what no server sends takes no memory unless it is logged.
func TestRejectCostsNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.run()
		for _, b := range [][]byte{[]byte("rubbish"), make([]byte, 300), bytes.Repeat([]byte{2}, 1400)} {
			if n := testing.AllocsPerRun(100, func() { r.receive(b, server1) }); n != 0 {
				t.Errorf("%d octets: %v allocations", len(b), n)
			}
		}
		r.stop()
	})
}
