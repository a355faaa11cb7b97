package rawudp

import (
	"encoding/binary"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

const (
	// Offsets in a BOOTP message (RFC 951 3, RFC 2131 2).
	opOffset     = 0
	chaddrOffset = 28
	cookieOffset = 236

	bootReply   = 2
	magicCookie = 0x63825363 // RFC 2131 3

	// whole is more than the longest datagram has: nothing is cut off.
	whole = 1 << 18
)

// dropAll is the program of a socket that hears nothing.
var dropAll = mustAssemble([]bpf.Instruction{bpf.RetConstant{Val: 0}})

// filterFor is the program of a socket that hears replies to a port, if there is
// a link to hear them from.
func filterFor(index int, mac lease.HardwareAddr, port uint16) []bpf.RawInstruction {
	if index == 0 {
		return dropAll
	}
	return mustAssemble(replyFilter(mac, port))
}

// replyFilter is the program that lets pass what can be a reply to the port of
// the station mac. The frame begins with its IPv4 header. A load past its end drops it.
func replyFilter(mac lease.HardwareAddr, port uint16) []bpf.Instruction {
	prog := []bpf.Instruction{
		// To us, to all or to a group: not what a promiscuous link overhears,
		// nor what leaves it.
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: unix.PACKET_MULTICAST, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		// Tag 0 is a priority and belongs to this link, any other is a VLAN
		// (IEEE 802.1Q table 9-2).
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 4},
		bpf.LoadExtension{Num: bpf.ExtVLANTag},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xfff},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadAbsolute{Off: 6, Size: 2},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: fragmented},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
	}
	prog = append(prog, want(bpf.LoadAbsolute{Off: 9, Size: 1}, unix.IPPROTO_UDP)...)
	// X is the length of the IP header with its options.
	prog = append(prog, bpf.LoadMemShift{Off: 0})
	prog = append(prog, want(bpf.LoadIndirect{Off: 2, Size: 2}, uint32(port))...)
	prog = append(prog, want(bpf.LoadIndirect{Off: udpHeader + opOffset, Size: 1}, bootReply)...)
	prog = append(prog, want(bpf.LoadIndirect{Off: udpHeader + cookieOffset, Size: 4}, magicCookie)...)
	prog = append(prog, want(bpf.LoadIndirect{Off: udpHeader + chaddrOffset, Size: 4}, binary.BigEndian.Uint32(mac[:4]))...)
	prog = append(prog, want(bpf.LoadIndirect{Off: udpHeader + chaddrOffset + 4, Size: 2}, uint32(binary.BigEndian.Uint16(mac[4:])))...)
	return append(prog, bpf.RetConstant{Val: whole})
}

// want drops the frame unless what is loaded is val.
func want(load bpf.Instruction, val uint32) []bpf.Instruction {
	return []bpf.Instruction{load, bpf.JumpIf{Cond: bpf.JumpEqual, Val: val, SkipTrue: 1}, bpf.RetConstant{Val: 0}}
}

// mustAssemble panics on a program that cannot be assembled: they are all ours.
func mustAssemble(prog []bpf.Instruction) []bpf.RawInstruction {
	raw, err := bpf.Assemble(prog)
	if err != nil {
		panic(err)
	}
	return raw
}
