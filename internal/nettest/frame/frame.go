// Package frame takes Ethernet frames apart and puts them together, for tests
// and for the scripted server of package dhcptest.
package frame

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// EtherTypes of frames.
const (
	EtherIPv4 = 0x0800
	EtherARP  = 0x0806
	etherVLAN = 0x8100
)

// A Frame is an Ethernet frame and what is in it. A part that is not there, or
// that is broken, is nil.
type Frame struct {
	// Time is when the kernel saw it.
	Time time.Time
	// Outgoing says that it was sent from this end of the link.
	Outgoing bool
	// ChecksumPending says that the UDP or TCP checksum was left to hardware
	// that is not there (TP_STATUS_CSUMNOTREADY).
	ChecksumPending bool
	// Raw are its octets, from the destination address on, without a VLAN tag
	// that the kernel took off.
	Raw []byte

	// Dst and Src are the hardware addresses.
	Dst, Src lease.HardwareAddr
	// Tagged says that there is a VLAN tag; VLAN is its number (0 to 4095),
	// Priority its priority.
	Tagged         bool
	VLAN, Priority int
	// EtherType is that of the payload.
	EtherType uint16
	// ARP, IPv4, UDP and DHCP are the layers.
	ARP  *ARP
	IPv4 *IPv4
	UDP  *UDP
	DHCP *dhcpv4.DHCPv4
}

// ARP is an ARP packet for IPv4 on Ethernet (RFC 826).
type ARP struct {
	// Op is 1 for a request, 2 for a reply.
	Op                  uint16
	SenderMAC           lease.HardwareAddr
	SenderIP            netip.Addr
	TargetMAC           lease.HardwareAddr
	TargetIP            netip.Addr
	Probe, Announcement bool // RFC 5227 1.1
}

// IPv4 is an IPv4 header and payload.
type IPv4 struct {
	Src, Dst   netip.Addr
	TOS, TTL   uint8
	Protocol   uint8
	ID         uint16
	Fragment   bool // a part of a datagram: there is no UDP then
	ChecksumOK bool
	Options    []byte
	Payload    []byte
}

// UDP is a UDP header and payload.
type UDP struct {
	SrcPort, DstPort uint16
	// ChecksumOK says that it is right or that there is none (0).
	ChecksumOK bool
	Payload    []byte
}

// Decode takes a frame apart. It keeps raw.
func Decode(raw []byte) Frame {
	f := Frame{Raw: raw}
	if len(raw) < 14 {
		return f
	}
	f.Dst, f.Src = lease.HardwareAddr(raw[0:6]), lease.HardwareAddr(raw[6:12])
	f.EtherType = binary.BigEndian.Uint16(raw[12:])
	payload := raw[14:]
	if f.EtherType == etherVLAN && len(payload) >= 4 {
		f.Tag(binary.BigEndian.Uint16(payload))
		f.EtherType = binary.BigEndian.Uint16(payload[2:])
		payload = payload[4:]
	}
	switch f.EtherType {
	case EtherARP:
		f.ARP = decodeARP(payload)
	case EtherIPv4:
		f.IPv4 = decodeIPv4(payload)
	}
	if f.IPv4 != nil && f.IPv4.Protocol == 17 && !f.IPv4.Fragment {
		f.UDP = decodeUDP(f.IPv4)
	}
	if f.UDP != nil && (isDHCPPort(f.UDP.SrcPort) || isDHCPPort(f.UDP.DstPort)) {
		if m, err := dhcpv4.FromBytes(f.UDP.Payload); err == nil {
			f.DHCP = m
		}
	}
	return f
}

// Tag sets the VLAN fields from a tag control field (IEEE 802.1Q 9.6).
func (f *Frame) Tag(tci uint16) {
	f.Tagged, f.VLAN, f.Priority = true, int(tci&0xfff), int(tci>>13)
}

func isDHCPPort(p uint16) bool { return p == 67 || p == 68 }

func decodeARP(b []byte) *ARP {
	if len(b) < 28 || [6]byte(b) != [6]byte{0, 1, 8, 0, 6, 4} {
		return nil
	}
	a := &ARP{
		Op:        binary.BigEndian.Uint16(b[6:]),
		SenderMAC: lease.HardwareAddr(b[8:14]), SenderIP: netip.AddrFrom4([4]byte(b[14:18])),
		TargetMAC: lease.HardwareAddr(b[18:24]), TargetIP: netip.AddrFrom4([4]byte(b[24:28])),
	}
	a.Probe = a.Op == 1 && a.SenderIP.IsUnspecified()
	a.Announcement = a.Op == 1 && a.SenderIP == a.TargetIP
	return a
}

func decodeIPv4(b []byte) *IPv4 {
	if len(b) < 20 || b[0]>>4 != 4 {
		return nil
	}
	head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if head < 20 || total < head || total > len(b) {
		return nil
	}
	return &IPv4{
		Src: netip.AddrFrom4([4]byte(b[12:16])), Dst: netip.AddrFrom4([4]byte(b[16:20])),
		TOS: b[1], TTL: b[8], Protocol: b[9], ID: binary.BigEndian.Uint16(b[4:]),
		Fragment:   binary.BigEndian.Uint16(b[6:])&0x3fff != 0,
		ChecksumOK: Sum(0, b[:head]) == 0xffff,
		Options:    b[20:head], Payload: b[head:total],
	}
}

func decodeUDP(ip *IPv4) *UDP {
	b := ip.Payload
	if len(b) < 8 {
		return nil
	}
	size := int(binary.BigEndian.Uint16(b[4:]))
	if size < 8 || size > len(b) {
		return nil
	}
	src, dst := ip.Src.As4(), ip.Dst.As4()
	pseudo := Sum(Sum(uint32(ip.Protocol)+uint32(size), src[:]), dst[:])
	return &UDP{
		SrcPort: binary.BigEndian.Uint16(b), DstPort: binary.BigEndian.Uint16(b[2:]),
		ChecksumOK: binary.BigEndian.Uint16(b[6:]) == 0 || Sum(pseudo, b[:size]) == 0xffff,
		Payload:    b[8:size],
	}
}

// Sum is the ones' complement sum of RFC 1071, not yet complemented.
func Sum(acc uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		acc += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		acc += uint32(b[0]) << 8
	}
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	return acc
}

// IsDHCP matches DHCP messages of the types given, of any type if none is.
func IsDHCP(types ...dhcpv4.MessageType) func(Frame) bool {
	return func(f Frame) bool {
		if f.DHCP == nil {
			return false
		}
		for _, typ := range types {
			if f.DHCP.MessageType() == typ {
				return true
			}
		}
		return len(types) == 0
	}
}

// IsARP matches ARP packets that satisfy ok, all of them if that is nil.
func IsARP(ok func(ARP) bool) func(Frame) bool {
	return func(f Frame) bool { return f.ARP != nil && (ok == nil || ok(*f.ARP)) }
}

// String is one line.
func (f Frame) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %v > %v", f.Time.Format("15:04:05.000000"), f.Src, f.Dst)
	if f.Tagged {
		fmt.Fprintf(&b, " vlan %d", f.VLAN)
	}
	switch {
	case f.ARP != nil && f.ARP.Op == 1:
		fmt.Fprintf(&b, " ARP who has %v tell %v (%v)", f.ARP.TargetIP, f.ARP.SenderIP, f.ARP.SenderMAC)
	case f.ARP != nil:
		fmt.Fprintf(&b, " ARP op %d %v is at %v", f.ARP.Op, f.ARP.SenderIP, f.ARP.SenderMAC)
	case f.UDP != nil:
		fmt.Fprintf(&b, " UDP %v:%d > %v:%d", f.IPv4.Src, f.UDP.SrcPort, f.IPv4.Dst, f.UDP.DstPort)
	case f.IPv4 != nil:
		fmt.Fprintf(&b, " IPv4 protocol %d %v > %v", f.IPv4.Protocol, f.IPv4.Src, f.IPv4.Dst)
	default:
		fmt.Fprintf(&b, " type %#04x, %d octets", f.EtherType, len(f.Raw))
	}
	if m := f.DHCP; m != nil {
		fmt.Fprintf(&b, " %v xid %v ciaddr %v yiaddr %v", m.MessageType(), m.TransactionID, m.ClientIPAddr, m.YourIPAddr)
	}
	return b.String()
}
