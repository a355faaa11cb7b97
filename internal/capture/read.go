package capture

import (
	"encoding/binary"
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A frame is what is known of one.
type frame struct {
	octets []byte // from the destination address on, with its VLAN's tag
	at     time.Time
	kind   uint8 // PACKET_HOST, PACKET_OUTGOING ...: packet(7)
}

// flags are a frame's direction and how it was received (4.3.1).
func (f *frame) flags() uint32 {
	const inbound, outbound = 1, 2
	switch f.kind {
	case unix.PACKET_OUTGOING:
		return outbound
	case unix.PACKET_HOST:
		return inbound | 1<<2
	case unix.PACKET_MULTICAST:
		return inbound | 2<<2
	case unix.PACKET_BROADCAST:
		return inbound | 3<<2
	case unix.PACKET_OTHERHOST:
		return inbound | 4<<2 // promiscuous
	}
	return 0
}

// A reader reads frames. It is what a File has once for all links.
type reader struct {
	// buf has room for a tag before the octets that are read.
	buf     []byte
	control [128]byte
}

// maxFrame is more than a link carries in one frame: 64 KiB and its head.
const maxFrame = 1<<16 + 64

// next reads a frame, valid until the next call; EAGAIN is that there is none.
func (r *reader) next(fd int) (*frame, error) {
	if r.buf == nil {
		r.buf = make([]byte, tagLen+maxFrame)
	}
	n, nControl, _, from, err := unix.Recvmsg(fd, r.buf[tagLen:], r.control[:], unix.MSG_DONTWAIT)
	if err != nil {
		return nil, err
	}
	if n < headLen {
		return nil, errors.New("less than a frame")
	}
	f := &frame{octets: r.buf[tagLen:][:n], at: time.Now()}
	if ll, ok := from.(*unix.SockaddrLinklayer); ok {
		f.kind = ll.Pkttype
	}
	messages, err := unix.ParseSocketControlMessage(r.control[:nControl])
	if err != nil {
		return f, nil
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.SOL_PACKET && m.Header.Type == unix.PACKET_AUXDATA && len(m.Data) >= int(unsafe.Sizeof(unix.TpacketAuxdata{})):
			r.tag(f, (*unix.TpacketAuxdata)(unsafe.Pointer(&m.Data[0])))
		case m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})):
			f.at = time.Unix((*unix.Timespec)(unsafe.Pointer(&m.Data[0])).Unix())
		}
	}
	return f, nil
}

// tag puts the tag back that the kernel took off (IEEE 802.1Q 9.4).
func (r *reader) tag(f *frame, aux *unix.TpacketAuxdata) {
	if aux.Status&unix.TP_STATUS_VLAN_VALID == 0 {
		return
	}
	protocol := uint16(unix.ETH_P_8021Q)
	if aux.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		protocol = aux.Vlan_tpid
	}
	const addresses = typeOffset // the length of both
	whole := r.buf[:tagLen+len(f.octets)]
	copy(whole, f.octets[:addresses])
	binary.BigEndian.PutUint16(whole[addresses:], protocol)
	binary.BigEndian.PutUint16(whole[addresses+2:], aux.Vlan_tci)
	f.octets = whole
}
