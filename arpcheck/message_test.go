package arpcheck

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
)

// tagged puts a VLAN tag into a frame, as the kernel never does.
func tagged(frame []byte, tpid, tci uint16) []byte {
	tag := binary.BigEndian.AppendUint16(nil, tpid)
	return slices.Insert(slices.Clone(frame), 12, binary.BigEndian.AppendUint16(tag, tci)...)
}

// with changes octets of a frame.
func with(frame []byte, off int, octets ...byte) []byte {
	frame = slices.Clone(frame)
	copy(frame[off:], octets)
	return frame
}

func TestParse_RFC826(t *testing.T) {
	good := announcedBy(other, ours)
	for _, c := range []struct {
		name  string
		frame []byte
		want  Reason
	}{
		{"good", good, accepted},
		{"without padding", good[:42], accepted},
		{"long", append(slices.Clone(good), make([]byte, 9000)...), accepted},
		{"priority tag", tagged(good, 0x8100, 7<<13), accepted},
		{"nothing", nil, Truncated},
		{"no type", good[:13], Truncated},
		{"no ARP", good[:14], Truncated},
		{"one octet short", good[:41], Truncated},
		{"tag at the end", tagged(good, 0x8100, 0)[:15], Truncated},
		{"VLAN 1", tagged(good, 0x8100, 1), VLAN},
		{"VLAN 4095", tagged(good, 0x8100, 0xfff), VLAN},
		{"double tag", tagged(tagged(good, 0x8100, 0), 0x88a8, 0), VLAN},
		{"service tag alone", tagged(good, 0x88a8, 0), VLAN},
		{"IPv4", with(good, 12, 8, 0), EtherType},
		{"IEEE 802.3 length", with(good, 12, 0, 46), EtherType},
		{"token ring", with(good, 14, 0, 4), Hardware},
		{"hlen 255", with(good, 18, 255), Hardware},
		{"hlen 0", with(good, 18, 0), Hardware},
		{"IPv6", with(good, 16, 0x86, 0xdd), Protocol},
		{"plen 16", with(good, 19, 16), Protocol},
		{"plen 0", with(good, 19, 0), Protocol},
		{"operation 0", with(good, 20, 0, 0), Operation},
		{"RARP reply", with(good, 20, 0, 4), Operation},
		{"sender of zeros", with(good, 22, 0, 0, 0, 0, 0, 0), Sender},
		{"sender of ones", with(good, 22, 255, 255, 255, 255, 255, 255), Sender},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, why := parse(c.frame)
			if why != c.want {
				t.Fatalf("%v, want %v", why, c.want)
			}
			want := message{op: 1, sha: other, spa: ours, tpa: ours, src: other, broadcast: true}
			if why == accepted && m != want {
				t.Errorf("parsed %+v", m)
			}
		})
	}
}

func TestReasonNames(t *testing.T) {
	seen := map[string]bool{}
	for r := range reasons {
		if s := r.String(); s == "" || seen[s] {
			t.Errorf("reason %d is %q", r, s)
		} else {
			seen[s] = true
		}
	}
}

// The program lets pass exactly what parse and the jobs want to see, and more
// only where a look at the rest of the frame decides.
func TestFilter(t *testing.T) {
	claim, probing := wanted{claim: ours}, wanted{claim: ours, probes: true}
	router, all := wanted{router: gateway}, wanted{claim: ours, probes: true, router: gateway}
	for _, c := range []struct {
		name  string
		frame []byte
		pass  []wanted // of claim, probing, router, all
	}{
		{"announcement", announcedBy(other, ours), []wanted{claim, probing, all}},
		{"reply", replyOf(other, ours, zero), []wanted{claim, probing, all}},
		{"probe", probeOf(other, ours), []wanted{probing, all}},
		{"request of the router", announcedBy(other, gateway), nil},
		{"reply of the router", replyOf(other, gateway, ours), []wanted{router, all}},
		{"request of others", arpFrame{op: 1, sha: other, spa: theirs, tpa: gateway}.bytes(), nil},
		{"request for it", arpFrame{op: 1, sha: other, spa: theirs, tpa: ours}.bytes(), nil},
		{"reply of others", replyOf(other, theirs, ours), nil},
		{"probe for another", probeOf(other, theirs), nil},
		{"IPv4", with(announcedBy(other, ours), 12, 8, 0), nil},
		{"token ring", with(announcedBy(other, ours), 14, 0, 4), nil},
		{"IPv6", with(announcedBy(other, ours), 16, 0x86, 0xdd), nil},
		{"long addresses", with(announcedBy(other, ours), 18, 8), nil},
		{"long protocol addresses", with(announcedBy(other, ours), 19, 16), nil},
		{"runt", probeOf(other, ours)[:41], nil},
		{"empty", nil, nil},
	} {
		for _, w := range []wanted{claim, probing, router, all} {
			if got, want := passes(t, w, c.frame), slices.Contains(c.pass, w); got != want {
				t.Errorf("%s through %+v: %v, want %v", c.name, w, got, want)
			}
		}
	}
}

func TestConfig(t *testing.T) {
	if _, err := (Config{Duration: -2}).withDefaults(); err == nil {
		t.Error("a negative duration was accepted")
	}
	if _, err := Open(1, make([]byte, 20), Config{}); err == nil {
		t.Error("an InfiniBand address was accepted")
	}
	if _, err := Open(1, self.addr(), Config{Duration: -2}); err == nil {
		t.Error("a negative duration was opened")
	}
	c, err := (Config{Duration: RFC5227}).withDefaults()
	if err != nil || c.Duration != RFC5227 || c.Logger == nil {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestSinceBoot(t *testing.T) {
	if a, b := sinceBoot(), sinceBoot(); a <= 0 || b < a {
		t.Errorf("%v, then %v", a, b)
	}
}

// FuzzFrame: whatever comes, nothing panics, and a conflict is reported only if
// the octets of the frame say so.
func FuzzFrame(f *testing.F) {
	f.Add(announcedBy(other, ours), true)
	f.Add(replyOf(other, ours, zero), true)
	f.Add(probeOf(other, ours), true)
	f.Add(probeOf(self, ours), true)
	f.Add(arpFrame{op: 1, dst: self, sha: other, spa: zero, tpa: ours}.bytes(), true)
	f.Add(replyOf(other, gateway, ours), false)
	f.Add(tagged(announcedBy(other, ours), 0x8100, 1), false)
	f.Add(tagged(announcedBy(other, ours), 0x8100, 0), false)
	f.Add(with(announcedBy(other, ours), 18, 255, 16), false)
	f.Add(announcedBy(other, ours)[:41], false)
	f.Fuzz(func(t *testing.T, frame []byte, probing bool) {
		d, err := newDetector(3, self.addr(), Config{})
		if err != nil {
			t.Fatal(err)
		}
		d.link = &fakeLink{d: d}
		d.job = &defence{task: task{d: d}, address: ours}
		d.defended, d.defendedAt = true, sinceBoot() // so that one conflict is enough
		if probing {
			d.job = &probe{task: task{d: d}, address: ours}
		}
		d.query = &query{task: task{d: d}, source: ours, router: gateway}
		d.calls.active = true // nobody calls
		d.handle(frame)
		want := isConflict(frame, probing)
		if got := d.job == nil; got != want || d.count.conflicts.Load() != map[bool]uint64{true: 1}[want] {
			t.Errorf("probing %v: conflict %v, want %v: % x", probing, got, want, frame)
		}
		if got, want := d.query == nil, isReply(frame, gateway, ours) || isReply(frame, gateway, zero); got != want {
			t.Errorf("router found %v, want %v: % x", got, want, frame)
		}
	})
}

// arpOf returns the frame's addresses and its ARP packet, by its octets alone;
// nil if it holds none that is well formed and from another station.
func arpOf(frame []byte) (header, p []byte) {
	if len(frame) < 14 {
		return nil, nil
	}
	header, p = frame[:12], frame[12:]
	if binary.BigEndian.Uint16(p) == 0x8100 && len(p) >= 6 && p[2]&0xf == 0 && p[3] == 0 {
		p = p[4:]
	}
	if len(p) < 2+28 || string(p[:8]) != "\x08\x06\x00\x01\x08\x00\x06\x04" || p[8] != 0 || p[9] != 1 && p[9] != 2 {
		return nil, nil
	}
	switch mac(p[10:16]) {
	case mac{}, broadcast, self:
		return nil, nil
	}
	return header, p
}

func isConflict(frame []byte, probing bool) bool {
	header, p := arpOf(frame)
	if p == nil {
		return false
	}
	spa, tpa := netip.AddrFrom4([4]byte(p[16:20])), netip.AddrFrom4([4]byte(p[26:30]))
	return spa == ours ||
		probing && p[9] == 1 && spa == zero && tpa == ours && mac(header[:6]) == broadcast && mac(header[6:12]) == mac(p[10:16])
}

func isReply(frame []byte, from, to netip.Addr) bool {
	_, p := arpOf(frame)
	return p != nil && p[9] == 2 && netip.AddrFrom4([4]byte(p[16:20])) == from && netip.AddrFrom4([4]byte(p[26:30])) == to
}

// What a frame costs that the filter lets pass.
func BenchmarkHandle(b *testing.B) {
	d, err := newDetector(3, self.addr(), Config{})
	if err != nil {
		b.Fatal(err)
	}
	d.link = &fakeLink{d: d}
	frame := probeOf(self, ours)
	b.ReportAllocs()
	for b.Loop() {
		d.handle(frame)
	}
}
