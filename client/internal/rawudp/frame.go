package rawudp

import (
	"cmp"
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

const (
	clientPort = 68 // RFC 2131 4.1
	serverPort = 67

	ipHeader  = 20   // octets, without options
	udpHeader = 8    // octets
	ttl       = 64   // RFC 1700 "IP TIME TO LIVE PARAMETER"
	tos       = 0xc0 // CS6, network control, as other clients of today send

	// fragmented are the bits of an IPv4 header's third word that only
	// fragments have: more fragments, and the offset (RFC 791 3.1).
	fragmented = 0x3fff

	// checksumUnneeded are the states of a received frame in which its UDP
	// checksum says nothing: it was not computed yet (the sender is this
	// machine, or a guest, and left that to a network card that never came),
	// or the kernel knows that it is good.
	checksumUnneeded = unix.TP_STATUS_CSUMNOTREADY | unix.TP_STATUS_CSUM_VALID
)

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// ports are those of the two ends of a Conn.
type ports struct{ client, server uint16 }

// portsOf are those of a configuration.
func portsOf(cfg *Config) ports {
	return ports{cmp.Or(cfg.ClientPort, clientPort), cmp.Or(cfg.ServerPort, serverPort)}
}

// datagram frames payload as UDP from the client's port to the server's, in an
// IPv4 datagram that may be fragmented on its way (RFC 768, RFC 791). id tells
// its fragments from those of another (RFC 6864 4.3).
func (p ports) datagram(payload []byte, src, dst [4]byte, id uint16) []byte {
	b := make([]byte, ipHeader+udpHeader, ipHeader+udpHeader+len(payload))
	b = append(b, payload...)
	b[0] = 4<<4 | ipHeader/4
	b[1] = tos
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[4:], id)
	b[8] = ttl
	b[9] = unix.IPPROTO_UDP
	copy(b[12:], src[:])
	copy(b[16:], dst[:])
	binary.BigEndian.PutUint16(b[10:], ^fold(sum(0, b[:ipHeader])))

	u := b[ipHeader:]
	binary.BigEndian.PutUint16(u[0:], p.client)
	binary.BigEndian.PutUint16(u[2:], p.server)
	binary.BigEndian.PutUint16(u[4:], uint16(len(u)))
	check := ^fold(udpSum(b, u))
	if check == 0 {
		check = 0xffff // 0 would mean that there is none (RFC 768)
	}
	binary.BigEndian.PutUint16(u[6:], check)
	return b
}

// parse returns the payload of the UDP datagram to the client in the frame b,
// which begins with an IPv4 header and may end with padding, and the address it
// came from.
// status is the kernel's word about the frame (TP_STATUS_*).
func (p ports) parse(b []byte, status uint32) (payload []byte, from netip.Addr, why Reason) {
	b, hlen, why := parseIP(b)
	if why != accepted {
		return nil, netip.Addr{}, why
	}
	from = netip.AddrFrom4([4]byte(b[12:16]))
	if from.IsMulticast() || from.IsLoopback() || from == broadcast {
		return nil, netip.Addr{}, Source
	}
	payload, why = p.parseUDP(b, b[hlen:], status)
	if why != accepted {
		return nil, netip.Addr{}, why
	}
	return payload, from, accepted
}

// parseIP returns the datagram that b begins with and the length of its header,
// whose options nobody looks at (RFC 1122 3.2.1.8).
func parseIP(b []byte) (datagram []byte, hlen int, why Reason) {
	if len(b) < ipHeader {
		return nil, 0, Truncated
	}
	if b[0]>>4 != 4 {
		return nil, 0, Version
	}
	hlen = int(b[0]&0xf) * 4
	if hlen < ipHeader || hlen > len(b) {
		return nil, 0, HeaderLength
	}
	if fold(sum(0, b[:hlen])) != 0xffff {
		return nil, 0, HeaderChecksum
	}
	total := int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case total < hlen || total > len(b):
		return nil, 0, TotalLength
	case binary.BigEndian.Uint16(b[6:])&fragmented != 0:
		return nil, 0, Fragment
	case b[9] != unix.IPPROTO_UDP:
		return nil, 0, Protocol
	}
	return b[:total], hlen, accepted
}

// parseUDP returns the payload of the UDP datagram u in the IP datagram ip.
func (p ports) parseUDP(ip, u []byte, status uint32) (payload []byte, why Reason) {
	if len(u) < udpHeader {
		return nil, UDPLength
	}
	length := int(binary.BigEndian.Uint16(u[4:]))
	if length < udpHeader || length > len(u) {
		return nil, UDPLength
	}
	u = u[:length]
	if binary.BigEndian.Uint16(u[2:]) != p.client {
		return nil, Port
	}
	check := binary.BigEndian.Uint16(u[6:])
	if check != 0 && status&checksumUnneeded == 0 && fold(udpSum(ip, u)) != 0xffff {
		return nil, UDPChecksum
	}
	return u[udpHeader:], accepted
}

// udpSum adds up what the checksum of the UDP datagram u covers: itself and the
// pseudo header, made from the IP header ip (RFC 768).
func udpSum(ip, u []byte) uint64 {
	return sum(unix.IPPROTO_UDP+uint64(len(u))+sum(0, ip[12:20]), u)
}

// sum adds the 16-bit words of b to acc; an odd octet is the high half of a
// word (RFC 1071 1).
func sum(acc uint64, b []byte) uint64 {
	for ; len(b) >= 2; b = b[2:] {
		acc += uint64(b[0])<<8 | uint64(b[1])
	}
	if len(b) == 1 {
		acc += uint64(b[0]) << 8
	}
	return acc
}

// fold adds the carries of a sum (RFC 1071 1).
func fold(acc uint64) uint16 {
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	return uint16(acc)
}
