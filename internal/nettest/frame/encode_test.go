package frame

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

var (
	mac1 = lease.HardwareAddr{2, 0, 0, 0, 0, 1}
	mac2 = lease.HardwareAddr{2, 0, 0, 0, 0, 2}
)

func TestEncodeUDP_RFC768(t *testing.T) {
	src, dst := netip.MustParseAddrPort("192.0.2.1:67"), netip.MustParseAddrPort("192.0.2.2:68")
	for _, payload := range []string{"hello", "", "even"} {
		f := Decode(EncodeUDP(mac2, mac1, dst, src, []byte(payload)))
		if f.UDP == nil || f.Dst != mac2 || f.Src != mac1 {
			t.Fatalf("%+v", f)
		}
		got := f.IPv4.Src.String() + f.IPv4.Dst.String() + string(f.UDP.Payload)
		if got != "192.0.2.1192.0.2.2"+payload || f.UDP.SrcPort != 67 || f.UDP.DstPort != 68 || !f.UDP.ChecksumOK || !f.IPv4.ChecksumOK {
			t.Errorf("%+v, %+v", f.IPv4, f.UDP)
		}
	}
	// A sum of zero is sent as ffff: with this payload it is zero.
	all := EncodeUDP(mac2, mac1, dst, src, []byte{0, 0})
	c := uint16(all[40])<<8 | uint16(all[41])
	zero := EncodeUDP(mac2, mac1, dst, src, []byte{byte(c >> 8), byte(c)})
	if !bytes.Equal(zero[40:42], []byte{0xff, 0xff}) || !Decode(zero).UDP.ChecksumOK {
		t.Errorf("checksum %x", zero[40:42])
	}
}

func TestEncodeARP_RFC826(t *testing.T) {
	a := ARP{Op: 2, SenderMAC: mac1, SenderIP: netip.MustParseAddr("192.0.2.1"), TargetMAC: mac2, TargetIP: netip.MustParseAddr("192.0.2.2")}
	b := EncodeARP(mac2, mac1, a)
	f := Decode(b)
	if len(b) != 60 || f.ARP == nil || *f.ARP != a || f.Dst != mac2 || f.Src != mac1 {
		t.Errorf("%+v", f)
	}
}

// The parts fit the link, and together are the datagram.
func TestFragment_RFC791_3_2(t *testing.T) {
	src, dst := netip.MustParseAddrPort("192.0.2.1:67"), netip.MustParseAddrPort("192.0.2.2:68")
	whole := EncodeUDP(mac2, mac1, dst, src, bytes.Repeat([]byte("dhcp"), 1000))
	parts := Fragment(whole, 1500)
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	var got []byte
	for i, p := range parts {
		f := Decode(p)
		offset, more := int(p[20]&0x1f)<<8|int(p[21]), p[20]&0x20 != 0
		if f.IPv4 == nil || !f.IPv4.Fragment || !f.IPv4.ChecksumOK || f.UDP != nil || len(p) > 1514 || f.IPv4.ID != Decode(parts[0]).IPv4.ID {
			t.Errorf("part %d: %+v", i, f)
			continue
		}
		if offset*8 != len(got) || more != (i < 2) {
			t.Errorf("part %d: offset %d, more %v", i, offset, more)
		}
		got = append(got, f.IPv4.Payload...)
	}
	if !bytes.Equal(got, whole[34:]) {
		t.Error("the parts are another datagram")
	}
	for _, mtu := range []int{4028, 20, 0} { // it fits; it cannot be cut
		if parts := Fragment(whole, mtu); len(parts) != 1 || !bytes.Equal(parts[0], whole) {
			t.Errorf("MTU %d: %d parts", mtu, len(parts))
		}
	}
}
