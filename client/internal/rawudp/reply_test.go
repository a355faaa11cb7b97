package rawudp

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

var (
	ourMAC   = lease.HardwareAddr{2, 0, 0, 0, 0, 0xa}
	farMAC   = lease.HardwareAddr{2, 0, 0, 0, 0, 0xb}
	otherMAC = lease.HardwareAddr{2, 0, 0, 0, 0, 0xc}
	farAddr  = netip.MustParseAddr("10.99.0.1")
	ourAddr  = netip.MustParseAddr("10.99.0.50")
)

// A reply is a BOOTREPLY as a frame, every field of which can be made wrong.
type reply struct {
	to           lease.HardwareAddr
	tag          []byte // 802.1Q, after the addresses
	version, ihl int    // ihl 0: as the options need
	options      []byte
	frag         uint16
	ttl, proto   uint8
	total        int // 0: right
	ipFault      uint16
	src, dst     netip.Addr
	sport, dport uint16
	length       int // of UDP; 0: right
	checksum     checksum
	op           uint8
	chaddr       lease.HardwareAddr
	cookie       []byte
	text         string // in the message, to know it by
	size         int    // of the message
	cut          int    // octets missing at the end of the frame
	padding      int    // octets after the datagram
}

type checksum int

const (
	right    checksum = iota
	absent            // 0
	wrong             // not 0
	unfilled          // of the pseudo header only, as a kernel leaves it to hardware
)

// newReply is a good one.
func newReply() reply {
	return reply{
		to: ourMAC, version: 4, ttl: 64, proto: 17, src: farAddr, dst: ourAddr, sport: 67, dport: 68,
		op: 2, chaddr: ourMAC, cookie: []byte{99, 130, 83, 99}, text: "reply", size: 300,
	}
}

// message is the DHCP message, as far as the filter looks.
func (r reply) message() []byte {
	b := make([]byte, max(r.size, 300))
	b[0], b[1], b[2] = r.op, 1, 6
	copy(b[28:], r.chaddr[:])
	copy(b[44:], r.text)
	copy(b[236:], r.cookie)
	copy(b[240:], []byte{53, 1, 2, 255})
	return b[:r.size]
}

// packet is the frame without its link header.
func (r reply) packet() []byte {
	payload := r.message()
	udp := binary.BigEndian.AppendUint16(nil, r.sport)
	udp = binary.BigEndian.AppendUint16(udp, r.dport)
	udp = binary.BigEndian.AppendUint16(udp, uint16(or(r.length, 8+len(payload))))
	udp = append(udp, 0, 0)
	udp = append(udp, payload...)

	hlen := 20 + len(r.options)
	src, dst := r.src.As4(), r.dst.As4()
	ip := []byte{byte(r.version<<4 | or(r.ihl, hlen/4)), 0}
	ip = binary.BigEndian.AppendUint16(ip, uint16(or(r.total, hlen+len(udp))))
	ip = append(ip, 0x12, 0x34)
	ip = binary.BigEndian.AppendUint16(ip, r.frag)
	ip = append(ip, r.ttl, r.proto, 0, 0)
	ip = append(ip, src[:]...)
	ip = append(ip, dst[:]...)
	ip = append(ip, r.options...)
	binary.BigEndian.PutUint16(ip[10:], ^naiveSum(ip)^r.ipFault)

	pseudo := slices.Concat(src[:], dst[:], []byte{0, 17}, udp[4:6])
	check := ^naiveSum(slices.Concat(pseudo, udp))
	switch r.checksum {
	case absent:
		check = 0
	case wrong:
		check ^= 0x0101
	case unfilled:
		check = naiveSum(pseudo)
	}
	binary.BigEndian.PutUint16(udp[6:], check)
	b := append(ip, udp...)
	return append(b[:len(b)-r.cut], make([]byte, r.padding)...)
}

// frame is the whole frame.
func (r reply) frame() []byte {
	return slices.Concat(r.to[:], farMAC[:], r.tag, []byte{8, 0}, r.packet())
}

func or(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}

// naiveSum is the ones' complement sum of RFC 1071, word for word: the carry of
// each addition is added at once.
func naiveSum(b []byte) uint16 {
	var acc uint16
	for i := 0; i < len(b); i += 2 {
		w := uint16(b[i]) << 8
		if i+1 < len(b) {
			w |= uint16(b[i+1])
		}
		if acc += w; acc < w {
			acc++
		}
	}
	return acc
}

// rows are frames and what must become of them: whether the kernel's filter
// lets them pass, and why they are dropped after it (accepted: they are not).
// Names begin with the row of the conformance matrix.
var rows = []struct {
	name   string
	edit   func(*reply)
	passes bool
	why    Reason
}{
	{"unicast reply", func(*reply) {}, true, accepted},
	{"broadcast reply", func(r *reply) { r.to, r.dst = allStations, broadcast }, true, accepted},
	{"multicast frame", func(r *reply) { r.to = lease.HardwareAddr{1, 0, 0x5e, 0, 0, 1} }, true, accepted},
	{"NET-01 no checksum", func(r *reply) { r.checksum = absent }, true, accepted},
	{"NET-01 wrong checksum", func(r *reply) { r.checksum = wrong }, true, UDPChecksum},
	{"NET-01 odd length", func(r *reply) { r.size = 301 }, true, accepted},
	{"NET-02 unfinished checksum of a raw frame", func(r *reply) { r.checksum = unfilled }, true, UDPChecksum},
	{"NET-03 wrong header checksum", func(r *reply) { r.ipFault = 0x0100 }, true, HeaderChecksum},
	{"NET-04 router alert", func(r *reply) { r.options = []byte{0x94, 4, 0, 0} }, true, accepted},
	{"NET-04 all 40 octets of options", func(r *reply) { r.options = make([]byte, 40) }, true, accepted},
	{"NET-04 wrong checksum after options", func(r *reply) { r.options, r.checksum = []byte{0x94, 4, 0, 0}, wrong }, true, UDPChecksum},
	{"NET-04 wrong header checksum in options", func(r *reply) { r.options, r.ipFault = []byte{0x94, 4, 0, 0}, 1 }, true, HeaderChecksum},
	{"NET-04 other port after options", func(r *reply) { r.options, r.dport = []byte{0x94, 4, 0, 0}, 67 }, false, Port},
	{"NET-05 TTL 1", func(r *reply) { r.ttl = 1 }, true, accepted},
	{"NET-05 TTL 255", func(r *reply) { r.ttl = 255 }, true, accepted},
	{"NET-06 first fragment", func(r *reply) { r.frag = 0x2000 }, false, Fragment},
	{"NET-06 middle fragment", func(r *reply) { r.frag = 0x2001 }, false, Fragment},
	{"NET-06 last fragment", func(r *reply) { r.frag = 0x0100 }, false, Fragment},
	{"NET-06 don't fragment", func(r *reply) { r.frag = 0x4000 }, true, accepted},
	{"NET-06 reserved flag", func(r *reply) { r.frag = 0x8000 }, true, accepted},
	{"NET-06 message as long as option 57 says", func(r *reply) { r.size = 1500 - 28 }, true, accepted},
	{"NET-07 UDP length 4", func(r *reply) { r.length = 4 }, true, UDPLength},
	{"NET-07 UDP length 7", func(r *reply) { r.length = 7 }, true, UDPLength},
	{"NET-07 UDP length 4000", func(r *reply) { r.length = 4000 }, true, UDPLength},
	{"NET-07 UDP length one too long", func(r *reply) { r.length = 309 }, true, UDPLength},
	{"NET-07 UDP length one too long, padded", func(r *reply) { r.length, r.padding = 309, 1 }, true, UDPLength},
	{"NET-07 UDP length below the IP payload", func(r *reply) { r.length, r.checksum = 308-20, absent }, true, accepted},
	{"NET-07 IP length 60", func(r *reply) { r.total = 60 }, true, UDPLength},
	{"NET-07 IP length without UDP header", func(r *reply) { r.total = 27 }, true, UDPLength},
	{"NET-07 IP length below its header", func(r *reply) { r.total = 19 }, true, TotalLength},
	{"NET-07 IP length past the frame", func(r *reply) { r.total = 329 }, true, TotalLength},
	{"NET-07 frame one octet short", func(r *reply) { r.cut = 1 }, true, TotalLength},
	{"NET-07 padding", func(r *reply) { r.padding = 60 }, true, accepted},
	{"NET-11 priority tag", func(r *reply) { r.tag = []byte{0x81, 0, 0, 0} }, true, accepted},
	{"NET-11 priority tag 7", func(r *reply) { r.tag = []byte{0x81, 0, 0xe0, 0} }, true, accepted},
	{"NET-11 VLAN 5", func(r *reply) { r.tag = []byte{0x81, 0, 0, 5} }, false, accepted},
	{"NET-11 VLAN 4095", func(r *reply) { r.tag = []byte{0x81, 0, 0x0f, 0xff} }, false, accepted},
	{"NET-11 VLAN 5 with priority", func(r *reply) { r.tag = []byte{0x81, 0, 0xe0, 5} }, false, accepted},
	{"frame to another host", func(r *reply) { r.to = otherMAC }, false, accepted},
	{"VAL-01 a request", func(r *reply) { r.op = 1 }, false, accepted},
	{"VAL-01 op 0", func(r *reply) { r.op = 0 }, false, accepted},
	{"VAL-02 chaddr of another", func(r *reply) { r.chaddr = otherMAC }, false, accepted},
	{"VAL-02 chaddr differs in its first octet", func(r *reply) { r.chaddr[0] ^= 4 }, false, accepted},
	{"VAL-02 chaddr differs in its fifth octet", func(r *reply) { r.chaddr[4] ^= 1 }, false, accepted},
	{"VAL-03 no cookie", func(r *reply) { r.cookie = nil }, false, accepted},
	{"VAL-03 cookie one off", func(r *reply) { r.cookie = []byte{99, 130, 83, 100} }, false, accepted},
	{"VAL-03 message ends before the cookie", func(r *reply) { r.size = 236 }, false, accepted},
	{"VAL-03 message ends after the cookie", func(r *reply) { r.size = 240 }, true, accepted},
	{"VAL-20 from another port", func(r *reply) { r.sport = 6767 }, true, accepted},
	{"VAL-21 to port 67", func(r *reply) { r.dport = 67 }, false, Port},
	{"VAL-21 to port 69", func(r *reply) { r.dport = 69 }, false, Port},
	{"VAL-21 to port 68 with a high octet", func(r *reply) { r.dport = 0x0144 }, false, Port},
	{"TCP", func(r *reply) { r.proto = 6 }, false, Protocol},
	{"UDP-Lite", func(r *reply) { r.proto = 136 }, false, Protocol},
	{"IP version 6", func(r *reply) { r.version = 6 }, true, Version},
	{"IHL 4", func(r *reply) { r.ihl = 4 }, false, HeaderLength},
	{"IHL 15 without options", func(r *reply) { r.ihl = 15 }, false, HeaderChecksum},
	{"frame of an IP header only", func(r *reply) { r.cut = 308 }, false, TotalLength},
	{"runt", func(r *reply) { r.cut = 309 }, false, Truncated},
	{"empty frame", func(r *reply) { r.cut = 328 }, false, Truncated},
	{"RFC 1122 3.2.1.3 from a group", func(r *reply) { r.src = netip.MustParseAddr("224.0.0.1") }, true, Source},
	{"RFC 1122 3.2.1.3 from all", func(r *reply) { r.src = broadcast }, true, Source},
	{"RFC 1122 3.2.1.3 from loopback", func(r *reply) { r.src = netip.MustParseAddr("127.0.0.1") }, true, Source},
	{"from 0.0.0.0", func(r *reply) { r.src = netip.IPv4Unspecified() }, true, accepted},
}
