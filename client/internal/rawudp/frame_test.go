package rawudp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParse(t *testing.T) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := newReply()
			row.edit(&r)
			payload, from, why := usual.parse(r.packet(), unix.TP_STATUS_USER)
			if why != row.why {
				t.Fatalf("dropped for %q, want %q", why, row.why)
			}
			if why != accepted {
				if payload != nil || from.IsValid() {
					t.Errorf("dropped, and yet %d octets from %v", len(payload), from)
				}
				return
			}
			want := r.message()
			if r.length != 0 {
				want = want[:r.length-8]
			}
			if !bytes.Equal(payload, want) || from != r.src {
				t.Errorf("%d octets from %v, want the %d of the message from %v", len(payload), from, len(want), r.src)
			}
		})
	}
}

// The kernel's word on a frame replaces the checksum, and nothing else.
func TestParse_ChecksumStatus(t *testing.T) {
	for _, row := range []struct {
		name   string
		status uint32
		check  checksum
		want   Reason
	}{
		{"NET-02 unfinished, and the kernel says so", unix.TP_STATUS_CSUMNOTREADY, unfilled, accepted},
		{"verified by the kernel", unix.TP_STATUS_CSUM_VALID, wrong, accepted},
		{"other bits say nothing", ^uint32(checksumUnneeded), wrong, UDPChecksum},
		{"nothing said", 0, unfilled, UDPChecksum},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newReply()
			r.checksum = row.check
			if _, _, why := usual.parse(r.packet(), row.status); why != row.want {
				t.Errorf("%q, want %q", why, row.want)
			}
			r.ipFault = 1
			if _, _, why := usual.parse(r.packet(), row.status); why != HeaderChecksum {
				t.Errorf("with a wrong header checksum %q", why)
			}
		})
	}
}

// Each octet that a checksum covers is covered by ours.
func TestParse_RFC768_EveryOctetIsChecked(t *testing.T) {
	r := newReply()
	r.options = []byte{0x94, 4, 0, 0}
	good := r.packet()
	for i := range good {
		b := slices.Clone(good)
		b[i] ^= 0x10
		if _, _, why := usual.parse(b, 0); why == accepted {
			t.Errorf("a bit of octet %d flipped, and still accepted", i)
		}
	}
}

func TestDatagram_RFC791_RFC768(t *testing.T) {
	src, dst := [4]byte{10, 99, 0, 50}, [4]byte{255, 255, 255, 255}
	for _, n := range []int{0, 1, 300, 301, 65507} {
		payload := bytes.Repeat([]byte{0xa5}, n)
		b := usual.datagram(payload, src, dst, 0xbeef)
		head := []byte{
			0x45, 0xc0, byte((n + 28) >> 8), byte(n + 28), 0xbe, 0xef, 0, 0, 64, 17, b[10], b[11],
			10, 99, 0, 50, 255, 255, 255, 255,
			0, 68, 0, 67, byte((n + 8) >> 8), byte(n + 8), b[26], b[27],
		}
		if !bytes.Equal(b[:28], head) || !bytes.Equal(b[28:], payload) {
			t.Errorf("%d octets: header\n% x, want\n% x", n, b[:28], head)
		}
		if naiveSum(b[:20]) != 0xffff {
			t.Errorf("%d octets: wrong IP checksum %x", n, b[10:12])
		}
		pseudo := slices.Concat(b[12:20], []byte{0, 17}, b[24:26])
		if naiveSum(slices.Concat(pseudo, b[20:])) != 0xffff {
			t.Errorf("%d octets: wrong UDP checksum %x", n, b[26:28])
		}
	}
}

// A checksum that comes out as 0 is sent as 0xffff: 0 is "none".
func TestDatagram_RFC768_ZeroChecksum(t *testing.T) {
	var src, dst [4]byte
	payload := make([]byte, 2)
	binary.BigEndian.PutUint16(payload, ^naiveSum([]byte{0, 17, 0, 10, 0, 68, 0, 67, 0, 10}))
	if b := usual.datagram(payload, src, dst, 0); b[26] != 0xff || b[27] != 0xff {
		t.Errorf("checksum % x, want ff ff", b[26:28])
	}
	payload[1]++
	if b := usual.datagram(payload, src, dst, 0); b[26] == 0xff && b[27] == 0xff {
		t.Error("every checksum is ff ff")
	}
}

func TestReasonString(t *testing.T) {
	seen := map[string]bool{}
	for r := range reasons {
		if s := r.String(); s == "" || seen[s] {
			t.Errorf("reason %d is %q", uint8(r), s)
		} else {
			seen[s] = true
		}
	}
	if s := reasons.String(); s != fmt.Sprintf("reason %d", uint8(reasons)) {
		t.Errorf("no reason is %q", s)
	}
}

// mustHold is what RFC 791, 768 and 1122 demand of a datagram that is
// delivered, said again in another way than parse does.
func mustHold(t *testing.T, b []byte, status uint32, payload []byte, from netip.Addr) {
	t.Helper()
	hlen, total := int(b[0]&15)*4, int(b[2])<<8|int(b[3])
	ulen := int(b[hlen+4])<<8 | int(b[hlen+5])
	check := int(b[hlen+6])<<8 | int(b[hlen+7])
	pseudo := slices.Concat(b[12:20], []byte{0, 17}, b[hlen+4:hlen+6])
	covered := slices.Concat(pseudo, b[hlen:hlen+ulen])
	unneeded := check == 0 || status&unix.TP_STATUS_CSUMNOTREADY != 0 || status&unix.TP_STATUS_CSUM_VALID != 0
	for what, ok := range map[string]bool{
		"version 4":        b[0]>>4 == 4,
		"IHL":              hlen >= 20 && hlen <= total,
		"total length":     total <= len(b),
		"header checksum":  naiveSum(b[:hlen]) == 0xffff,
		"no fragment":      b[6]&0x3f == 0 && b[7] == 0,
		"UDP":              b[9] == 17,
		"port 68":          b[hlen+2] == 0 && b[hlen+3] == 68,
		"UDP length":       ulen >= 8 && hlen+ulen <= total,
		"UDP checksum":     unneeded || naiveSum(covered) == 0xffff,
		"payload":          bytes.Equal(payload, b[hlen+8:hlen+ulen]),
		"source":           from == netip.AddrFrom4([4]byte(b[12:16])),
		"a unicast source": b[12] < 224 && b[12] != 127 || b[12] > 239 && !bytes.Equal(b[12:16], []byte{255, 255, 255, 255}),
	} {
		if !ok {
			t.Errorf("delivered, but not so: %s\n% x", what, b)
		}
	}
}

// FuzzFrame throws frames at parse: it must not panic, and what it delivers
// must keep every rule.
func FuzzFrame(f *testing.F) {
	for _, row := range rows {
		r := newReply()
		row.edit(&r)
		f.Add(r.packet(), uint32(0))
	}
	r := newReply()
	r.checksum = unfilled
	f.Add(r.packet(), uint32(unix.TP_STATUS_CSUMNOTREADY))
	f.Fuzz(func(t *testing.T, b []byte, status uint32) {
		payload, from, why := usual.parse(b, status)
		if why >= reasons {
			t.Errorf("reason %d", why)
		}
		if why == accepted {
			mustHold(t, b, status, payload, from)
		}
	})
}

// FuzzDatagram frames a payload and reads it back as its receiver would.
func FuzzDatagram(f *testing.F) {
	f.Add([]byte("payload"), uint32(0), uint32(0xffffffff), uint16(7), uint8(3))
	f.Add([]byte{}, uint32(0x0a630032), uint32(0x0a630001), uint16(0), uint8(0))
	f.Fuzz(func(t *testing.T, payload []byte, src, dst uint32, id uint16, padding uint8) {
		if len(payload) > 65507 {
			return
		}
		var s, d [4]byte
		binary.BigEndian.PutUint32(s[:], src)
		binary.BigEndian.PutUint32(d[:], dst)
		b := usual.datagram(payload, s, d, id)
		if binary.BigEndian.Uint16(b[26:]) == 0 {
			t.Error("sent without a checksum")
		}
		// A reply's ports: the sum does not see them change places.
		b[21], b[23] = b[23], b[21]
		b = append(b, make([]byte, padding)...)
		got, from, why := usual.parse(b, 0)
		if why == Source {
			return // mustHold has the rule
		}
		if why != accepted || !bytes.Equal(got, payload) || from != netip.AddrFrom4(s) {
			t.Errorf("%q, %d octets from %v; sent %d from %v", why, len(got), from, len(payload), s)
		}
	})
}
