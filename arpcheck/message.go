package arpcheck

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"golang.org/x/sys/unix"
)

const (
	// arpLen is the length of an ARP packet for IPv4 on Ethernet (RFC 826).
	arpLen = 28
	// frameMax is as much of a frame as is looked at: the Ethernet header with
	// two tags, and the ARP packet. The rest is padding.
	frameMax = 64
)

// A mac is the hardware address of a station.
type mac [6]byte

var broadcast = mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

func (m mac) addr() net.HardwareAddr { return m[:] }
func (m mac) String() string         { return m.addr().String() }

// A message is a checked ARP packet: a request or a reply about IPv4 addresses
// of Ethernet stations, and what matters of its frame.
type message struct {
	op       arp.Operation
	sha      mac        // sender hardware address: a station's
	spa, tpa netip.Addr // sender and target protocol address
	// src is the frame's source, broadcast says that it is to all stations.
	src       mac
	broadcast bool
}

// parse checks an Ethernet frame that may be anything.
func parse(b []byte) (m message, why Reason) {
	var f ethernet.Frame
	switch err := f.UnmarshalBinary(b); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return m, Truncated
	case err != nil:
		return m, VLAN // the package has no other error
	case f.ServiceVLAN != nil || f.VLAN != nil && f.VLAN.ID != ethernet.VLANNone:
		return m, VLAN
	case f.EtherType != ethernet.EtherTypeARP:
		return m, EtherType
	}
	p, why := parseARP(f.Payload)
	if why != accepted {
		return m, why
	}
	m = message{
		op: p.Operation, sha: mac(p.SenderHardwareAddr), spa: p.SenderIP, tpa: p.TargetIP,
		src: mac(f.Source), broadcast: mac(f.Destination) == broadcast,
	}
	switch {
	case m.op != arp.OperationRequest && m.op != arp.OperationReply:
		return m, Operation
	case m.sha == mac{} || m.sha == broadcast:
		return m, Sender
	}
	return m, accepted
}

// isFrom says that b is a plain ARP request or reply with the sender hardware
// address m. A loop in the network makes a flood of our own, which is not worth
// to be taken apart.
func isFrom(b []byte, m mac) bool {
	const request, reply = "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01", "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x02"
	if len(b) < hardwareOffset+arpLen || mac(b[shaOffset:]) != m {
		return false
	}
	head := string(b[typeOffset:shaOffset])
	return head == request || head == reply
}

// parseARP checks the sizes before arp.Packet sees them: it takes any. After
// that its slices and addresses have the lengths of Ethernet and IPv4.
func parseARP(b []byte) (p arp.Packet, why Reason) {
	switch {
	case len(b) < arpLen:
		return p, Truncated
	case binary.BigEndian.Uint16(b[0:]) != unix.ARPHRD_ETHER || b[4] != 6:
		return p, Hardware
	case binary.BigEndian.Uint16(b[2:]) != unix.ETH_P_IP || b[5] != 4:
		return p, Protocol
	}
	if err := p.UnmarshalBinary(b[:arpLen]); err != nil {
		return p, Truncated // with those sizes it finds nothing wrong
	}
	return p, accepted
}

// A request is an ARP request of ours.
type request struct {
	spa, tpa netip.Addr
	to       mac // the frame's destination
	// as is what the log calls it: "probe", "announcement" or "router check".
	as string
}

// probeFor is an ARP Probe (RFC 5227 1.1): its sender IP address is zero, so
// that it changes nobody's mind about who has addr.
func probeFor(addr netip.Addr) request {
	return request{spa: netip.IPv4Unspecified(), tpa: addr, to: broadcast, as: "probe"}
}

// announcementOf is an ARP Announcement (RFC 5227 1.1).
func announcementOf(addr netip.Addr) request {
	return request{spa: addr, tpa: addr, to: broadcast, as: "announcement"}
}

// frame is r as sent by the station src. The target hardware address is what
// is asked for, so it is zero (RFC 5227 2.1.1).
func (r request) frame(src mac) []byte {
	p := arp.Packet{
		HardwareType: unix.ARPHRD_ETHER, HardwareAddrLength: 6, ProtocolType: unix.ETH_P_IP, IPLength: 4,
		Operation:          arp.OperationRequest,
		SenderHardwareAddr: src.addr(), SenderIP: r.spa,
		TargetHardwareAddr: make(net.HardwareAddr, 6), TargetIP: r.tpa,
	}
	payload, _ := p.MarshalBinary() // it has no error
	f := ethernet.Frame{Destination: r.to.addr(), Source: src.addr(), EtherType: ethernet.EtherTypeARP, Payload: payload}
	b, _ := f.MarshalBinary() // nor has this, for a frame without a tag
	return b
}
