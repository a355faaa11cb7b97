package frame

import (
	"encoding/binary"
	"net/netip"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Broadcast is the hardware address of all stations.
var Broadcast = lease.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

const (
	ethernetHead = 14
	ipHead       = 20
	udpHead      = 8
)

// EncodeUDP is a frame with one datagram, of 65507 octets at most, and correct
// checksums (RFC 791, RFC 768).
func EncodeUDP(dstMAC, srcMAC lease.HardwareAddr, dst, src netip.AddrPort, payload []byte) []byte {
	b := ethernet(dstMAC, srcMAC, EtherIPv4, ethernetHead+ipHead+udpHead+len(payload))
	ip, udp := b[ethernetHead:][:ipHead], b[ethernetHead+ipHead:]
	ip[0], ip[8], ip[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)+len(udp)))
	from, to := src.Addr().As4(), dst.Addr().As4()
	copy(ip[12:], from[:])
	copy(ip[16:], to[:])
	binary.BigEndian.PutUint16(ip[10:], ^uint16(Sum(0, ip)))

	binary.BigEndian.PutUint16(udp, src.Port())
	binary.BigEndian.PutUint16(udp[2:], dst.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
	copy(udp[udpHead:], payload)
	pseudo := Sum(Sum(17+uint32(len(udp)), from[:]), to[:])
	check := ^uint16(Sum(pseudo, udp))
	if check == 0 {
		check = 0xffff // 0 would say that there is none
	}
	binary.BigEndian.PutUint16(udp[6:], check)
	return b
}

// EncodeARP is a frame with an ARP packet (RFC 826), padded to the least size of
// a frame.
func EncodeARP(dstMAC, srcMAC lease.HardwareAddr, a ARP) []byte {
	b := ethernet(dstMAC, srcMAC, EtherARP, 60)
	p := b[ethernetHead:]
	copy(p, []byte{0, 1, 8, 0, 6, 4})
	binary.BigEndian.PutUint16(p[6:], a.Op)
	sender, target := a.SenderIP.As4(), a.TargetIP.As4()
	copy(p[8:], a.SenderMAC[:])
	copy(p[14:], sender[:])
	copy(p[18:], a.TargetMAC[:])
	copy(p[24:], target[:])
	return b
}

func ethernet(dst, src lease.HardwareAddr, etherType uint16, size int) []byte {
	b := make([]byte, size)
	copy(b, dst[:])
	copy(b[6:], src[:])
	binary.BigEndian.PutUint16(b[12:], etherType)
	return b
}

// Fragment cuts a frame of EncodeUDP into frames that a link with that MTU
// carries (RFC 791 3.2). What fits, or cannot be cut, is
// returned as it is.
func Fragment(b []byte, mtu int) [][]byte {
	step := (mtu - ipHead) &^ 7
	if len(b) <= ethernetHead+mtu || len(b) < ethernetHead+ipHead+udpHead || step <= 0 {
		return [][]byte{b}
	}
	head, payload := b[:ethernetHead+ipHead], b[ethernetHead+ipHead:]
	var parts [][]byte
	for at := 0; at < len(payload); at += step {
		part := append(append([]byte(nil), head...), payload[at:min(at+step, len(payload))]...)
		ip := part[ethernetHead:][:ipHead]
		field := uint16(at / 8)
		if at+step < len(payload) {
			field |= 0x2000 // more fragments
		}
		binary.BigEndian.PutUint16(ip[2:], uint16(len(part)-ethernetHead))
		copy(ip[4:6], payload[6:8]) // the checksum tells datagrams apart
		binary.BigEndian.PutUint16(ip[6:], field)
		binary.BigEndian.PutUint16(ip[10:], 0)
		binary.BigEndian.PutUint16(ip[10:], ^uint16(Sum(0, ip)))
		parts = append(parts, part)
	}
	return parts
}
