package client

import (
	"bytes"
	"errors"
	"flag"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/ladder"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the ladders in testdata; read the diff")

func silent(sentMessage) []*dhcpv4.DHCPv4 { return nil }

// change changes the network while the client runs.
func (r *rig) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// naks is a server that refuses each REQUEST, with words that would clear a
// terminal.
func naks(m sentMessage) []*dhcpv4.DHCPv4 {
	if m.MessageType() != dhcpv4.MessageTypeRequest {
		return nil
	}
	return []*dhcpv4.DHCPv4{reply(m, dhcpv4.MessageTypeNak, netip.IPv4Unspecified(), dhcpv4.OptMessage("not of this network\x1b[2J\r"))}
}

// What a client logs makes a ladder: a word of the log that is changed is missed
// here. ARP is not in them: arpcheck is replaced in these tests.
func TestLadder(t *testing.T) {
	for name, play := range map[string]func(*rig){
		"acquire-renew-nak": func(r *rig) {
			r.run()
			r.pass(time.Minute)
			r.pass(30 * time.Minute)
			r.change(func() { r.answer = naks })
			r.pass(30*time.Minute - 10*time.Second)
			r.change(func() { r.answer = r.serve(time.Hour) })
			r.pass(time.Minute)
			r.client.Release()
			r.pass(time.Second)
		},
		"lost-link": func(r *rig) {
			r.router = nil
			r.answer = silent
			r.run()
			r.pass(20 * time.Second)
			r.setLink(func(s *LinkState) { s.Carrier = false })
			r.pass(time.Minute)
			r.change(func() { r.answer = r.serve(time.Hour) })
			r.setLink(func(s *LinkState) { s.Carrier = true })
			r.pass(time.Minute)
			r.setLink(func(s *LinkState) { s.CarrierChanges += 2 })
			r.pass(time.Minute)
			r.setLink(func(s *LinkState) { *s = LinkState{Name: "eth0"} })
			r.pass(time.Minute)
		},
		"expiry": func(r *rig) {
			r.answer = r.serve(2 * time.Minute)
			r.run()
			r.pass(time.Second)
			r.change(func() { r.answer = silent })
			r.pass(70 * time.Second)
			r.change(func() { r.sendErr = errors.New("network is down") })
			r.pass(50 * time.Second)
		},
		"conflict": func(r *rig) {
			r.squatters[offered] = otherMAC
			r.run()
			r.pass(5 * time.Second)
		},
		"stored": func(r *rig) {
			r.stored = &lease.Lease{Address: offered, Bits: 24, Server: server1, Start: r.now().Add(-10 * time.Minute),
				Valid: time.Hour, T1: 30 * time.Minute, T2: 52 * time.Minute, HardwareAddr: myMAC,
				ClientID: append([]byte{1}, myMAC[:]...)}
			r.run()
			r.pass(time.Second)
		},
		"ignored": func(r *rig) {
			r.answer = func(m sentMessage) []*dhcpv4.DHCPv4 {
				if m.MessageType() != dhcpv4.MessageTypeDiscover {
					return nil
				}
				p := reply(m, dhcpv4.MessageTypeOffer, netip.IPv4Unspecified())
				if m.at > 0 {
					p = reply(m, dhcpv4.MessageTypeOffer, offered)
					p.TransactionID[3] ^= 1
				}
				return []*dhcpv4.DHCPv4{p}
			}
			r.run()
			r.pass(2 * time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { playLadder(t, name, play) }) })
	}
}

// local is what the zone of the machine changes.
var local = regexp.MustCompile(`  Sat .*|until 2000-01-01 .*`)

func playLadder(t *testing.T, name string, play func(*rig)) {
	r := newRig(t)
	r.seed = &[2]uint64{1, 2}
	var out bytes.Buffer
	r.cfg.Logger = slog.New(ladder.New(ladder.Config{W: &out, Links: []string{"eth0"}, Level: slog.LevelWarn,
		Clock: func() time.Duration { return time.Since(r.start) }}))
	play(r)
	r.stop()
	got := local.ReplaceAll(out.Bytes(), []byte("(a local time)"))
	file := filepath.Join("testdata", "ladder", name+".txt")
	if *rewrite {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
