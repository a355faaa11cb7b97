package relay

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// A Packet is a frame on its way.
type Packet struct {
	// Raw are its octets from the destination address on, with its VLAN tag
	// if it has one. A Packet that is made of Raw alone has the checksums that
	// stand in it, right or wrong.
	Raw []byte

	offload offload
}

// offload is what the sender left to hardware: struct virtio_net_hdr, in the
// machine's order.
type offload [10]byte

const (
	needsChecksum = 1 // VIRTIO_NET_HDR_F_NEEDS_CSUM
	addressesLen  = 12
	tagLen        = 4
)

func (o *offload) pending() bool { return o[0]&needsChecksum != 0 }

// toCut says that it is one frame for many, each of which has a checksum.
func (o *offload) toCut() bool { return o[1] != 0 }

// start is where the sum begins, field where it is to stand in Raw.
func (o *offload) start() int { return int(binary.NativeEndian.Uint16(o[6:])) }
func (o *offload) field() int { return o.start() + int(binary.NativeEndian.Uint16(o[8:])) }

// Unfilled says that a checksum was left to hardware that is not there: the
// field holds the sum of the pseudo header only.
func (p Packet) Unfilled() bool { return p.offload.pending() }

// Filled is the packet with its checksum filled in, with its own octets. A
// frame that is to be cut stays as it is.
func (p Packet) Filled() Packet {
	o := p.offload
	if !o.pending() || o.toCut() || o.field()+2 > len(p.Raw) {
		return p
	}
	b := slices.Clone(p.Raw)
	check := ^uint16(frame.Sum(0, b[o.start():]))
	if check == 0 {
		check = 0xffff // RFC 768: 0 would say that there is none; to TCP it is the same
	}
	binary.BigEndian.PutUint16(b[o.field():], check)
	return Packet{Raw: b}
}

// Tagged is the packet with an 802.1Q tag, of which tci is the control field:
// the priority times 0x2000, and the VLAN.
func (p Packet) Tagged(tci uint16) Packet {
	tag := binary.BigEndian.AppendUint16([]byte{0x81, 0}, tci)
	p.Raw = slices.Insert(slices.Clone(p.Raw), addressesLen, tag...)
	if p.offload.pending() {
		binary.NativeEndian.PutUint16(p.offload[6:], uint16(p.offload.start()+tagLen))
	}
	return p
}

// Frame is the packet taken apart. It shares the octets.
func (p Packet) Frame() frame.Frame {
	f := frame.Decode(p.Raw)
	f.ChecksumPending = p.Unfilled()
	return f
}

// packetOf is what recvmsg returned; nil if it is no frame.
func packetOf(b, oob []byte) *Packet {
	p := &Packet{}
	if len(b) < len(p.offload)+addressesLen+2 {
		return nil
	}
	p.Raw = slices.Clone(b[copy(p.offload[:], b):])
	if tci, ok := tagOf(oob); ok {
		tagged := p.Tagged(tci)
		p = &tagged
	}
	return p
}

// tagOf is the VLAN tag that the kernel took out of the frame.
func tagOf(oob []byte) (tci uint16, ok bool) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0, false
	}
	for _, m := range msgs {
		// struct tpacket_auxdata: status first, the tag at 16.
		if m.Header.Level == unix.SOL_PACKET && m.Header.Type == unix.PACKET_AUXDATA && len(m.Data) >= 20 {
			status := binary.NativeEndian.Uint32(m.Data)
			return binary.NativeEndian.Uint16(m.Data[16:]), status&unix.TP_STATUS_VLAN_VALID != 0
		}
	}
	return 0, false
}
