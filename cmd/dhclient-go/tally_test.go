package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"github.com/dhclient-go/dhclient-go/arpcheck"
)

// With -v the end of a client is the time to say what was sent, received and
// rejected; without, nobody wants to know.
func TestCounted_WhenVerbose(t *testing.T) {
	for _, tt := range []struct {
		flag string
		want bool
	}{{"-v", true}, {"--timeout=1m", false}} {
		t.Run(tt.flag, func(t *testing.T) {
			s := newSite(t)
			s.link(t, nil)
			p := s.start(t, "eth0", tt.flag)
			p.stdout.wait(t, "eth0: 192.0.0.5/24 from")
			p.signal(t, syscall.SIGTERM)
			p.exit(t, exitDone)
			const want = "eth0: counted (sent.DISCOVER 1, sent.REQUEST 1, received.ACK 1, received.OFFER 1, arp.announcements "
			if got := strings.Contains(p.stderr.String(), want); got != tt.want {
				t.Errorf("%v in\n%s", got, p.stderr.String())
			}
		})
	}
}

// Nothing that is zero, and in JSON an object for each group.
func TestCounts(t *testing.T) {
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).Info("counted",
		counts("sent", map[string]uint64{"REQUEST": 2, "DISCOVER": 1, "RELEASE": 0}),
		counts("rejected", nil),
		counts("arp", arpCounts(arpcheck.Stats{Probes: 3, Dropped: map[arpcheck.Reason]uint64{arpcheck.Own: 4}})))
	var got struct{ Sent, Rejected, ARP map[string]int }
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Sent) != 2 || got.Sent["DISCOVER"] != 1 || got.Rejected != nil || len(got.ARP) != 2 || got.ARP["rejected: own"] != 4 {
		t.Errorf("%s", b.String())
	}
}
