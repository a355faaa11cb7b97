package frame

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

const addresses = "020000000002" + "020000000001"

// octets reads hex with blanks.
func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDecodeARP_RFC826(t *testing.T) {
	const probe = addresses + "0806 0001 0800 06 04 0001 020000000001 00000000 000000000000 c0000232"
	f := Decode(octets(t, probe))
	want := ARP{Op: 1, SenderMAC: lease.HardwareAddr{2, 0, 0, 0, 0, 1}, SenderIP: netip.MustParseAddr("0.0.0.0"), TargetIP: netip.MustParseAddr("192.0.2.50"), Probe: true}
	if f.ARP == nil || *f.ARP != want || f.Src != want.SenderMAC || f.Dst != (lease.HardwareAddr{2, 0, 0, 0, 0, 2}) {
		t.Errorf("%+v", f)
	}
	if !IsARP(nil)(f) || !IsARP(func(a ARP) bool { return a.Probe })(f) || IsARP(func(a ARP) bool { return a.Announcement })(f) || IsDHCP()(f) {
		t.Error("matchers")
	}
	if !strings.Contains(f.String(), "who has 192.0.2.50 tell 0.0.0.0") {
		t.Error(f.String())
	}
	f = Decode(octets(t, strings.Replace(strings.Replace(probe, "00000000 0", "c0000232 0", 1), "0806 ", "8100 2007 0806", 1)))
	if f.ARP == nil || !f.ARP.Announcement || f.ARP.Probe || !f.Tagged || f.VLAN != 7 || f.Priority != 1 || !strings.Contains(f.String(), "vlan 7") {
		t.Errorf("%+v", f)
	}
	f = Decode(octets(t, strings.Replace(probe, "04 0001", "04 0002", 1)))
	if f.ARP == nil || f.ARP.Op != 2 || !strings.Contains(f.String(), "op 2 0.0.0.0 is at 02:00:00:00:00:01") {
		t.Errorf("%+v", f)
	}
	for name, s := range map[string]string{
		"short":           probe[:len(probe)-2],
		"hardware length": strings.Replace(probe, "06 04", "08 04", 1),
		"IPv6":            strings.Replace(probe, "0001 0800", "0001 86dd", 1),
	} {
		if f := Decode(octets(t, s)); f.ARP != nil {
			t.Errorf("%s: %+v", name, f.ARP)
		}
	}
}

// A datagram as a kernel sent it, with one octet of payload more than is even.
const udp = addresses + "0800 45c0 0021 1234 4000 40 11 a3d4 c0000201 c0000202 0043 0044 000d 3777 68656c6c6f"

func TestDecodeUDP_RFC768(t *testing.T) {
	f := Decode(octets(t, udp))
	if f.UDP == nil || string(f.UDP.Payload) != "hello" || f.UDP.SrcPort != 67 || f.UDP.DstPort != 68 || f.DHCP != nil {
		t.Fatalf("%+v", f)
	}
	if !f.UDP.ChecksumOK || !f.IPv4.ChecksumOK || f.IPv4.TOS != 0xc0 || f.IPv4.TTL != 64 || f.IPv4.ID != 0x1234 {
		t.Errorf("%+v, %+v", f.IPv4, f.UDP)
	}
	if !strings.Contains(f.String(), "UDP 192.0.2.1:67 > 192.0.2.2:68") {
		t.Error(f.String())
	}
	for name, c := range map[string]struct {
		old, new   string
		udp, ip    bool
		ipOK, udOK bool
	}{
		"padded":            {"6f", "6f 0000 0000", true, true, true, true},
		"no checksum":       {"000d 3777", "000d 0000", true, true, true, true},
		"bad checksum":      {"000d 3777", "000d 3776", true, true, true, false},
		"bad IP checksum":   {"a3d4", "a3d5", true, true, false, true},
		"first fragment":    {"1234 4000", "1234 2000", false, true, false, false},
		"later fragment":    {"1234 4000", "1234 0001", false, true, false, false},
		"UDP length 7":      {"000d 3777", "0007 3777", false, true, true, false},
		"UDP length beyond": {"000d 3777", "000e 3777", false, true, true, false},
		"TCP":               {"40 11", "40 06", false, true, false, false},
		"IP header of 16":   {"45c0", "44c0", false, false, false, false},
		"IP header beyond":  {"45c0", "49c0", false, false, false, false},
		"IPv6":              {"45c0", "65c0", false, false, false, false},
		"IP length beyond":  {"0021 1234", "0022 1234", false, false, false, false},
		"IP length short":   {"0021 1234", "001b 1234", false, true, false, false},
		"not IP":            {"0800 45", "88cc 45", false, false, false, false},
	} {
		f := Decode(octets(t, strings.Replace(udp, c.old, c.new, 1)))
		if (f.UDP != nil) != c.udp || (f.IPv4 != nil) != c.ip || f.UDP != nil && f.UDP.ChecksumOK != c.udOK || f.IPv4 != nil && f.IPv4.ChecksumOK != c.ipOK {
			t.Errorf("%s: %+v, %+v", name, f.IPv4, f.UDP)
		}
		if f.String() == "" {
			t.Errorf("%s: no text", name)
		}
	}
}

func TestDecodeDHCP(t *testing.T) {
	m, err := dhcpv4.New(dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer), dhcpv4.WithYourIP([]byte{192, 0, 2, 50}))
	if err != nil {
		t.Fatal(err)
	}
	f := Decode(dhcpFrame(m.ToBytes()))
	if f.DHCP == nil || f.DHCP.TransactionID != m.TransactionID {
		t.Fatalf("%+v", f)
	}
	if !IsDHCP()(f) || !IsDHCP(dhcpv4.MessageTypeAck, dhcpv4.MessageTypeOffer)(f) || IsDHCP(dhcpv4.MessageTypeAck)(f) {
		t.Error("matchers")
	}
	if !strings.Contains(f.String(), "OFFER") || !strings.Contains(f.String(), "yiaddr 192.0.2.50") {
		t.Error(f.String())
	}
}

// dhcpFrame is a broadcast of port 67, without checksums.
func dhcpFrame(payload []byte) []byte {
	head := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 0,
		0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 255, 255, 255, 255,
		0, 67, 0, 68, 0, 0, 0, 0}
	size := len(payload) + 8
	head[38], head[39] = byte(size>>8), byte(size)
	head[16], head[17] = byte((size+20)>>8), byte(size+20)
	return append(head, payload...)
}

// Decode takes what a network brings.
func FuzzDecode(f *testing.F) {
	f.Add(octets(f, udp))
	f.Add(octets(f, addresses+"8100 0000 0806 0001 0800 06 04 0001"))
	f.Add(dhcpFrame([]byte{2, 1, 6}))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := Decode(b)
		if d.String() == "" || d.UDP != nil && d.IPv4 == nil || d.DHCP != nil && d.UDP == nil {
			t.Errorf("%+v", d)
		}
	})
}
