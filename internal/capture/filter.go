package capture

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	typeOffset = 12 // of the EtherType in a frame
	tagLen     = 4  // of a VLAN's tag (IEEE 802.1Q 9.4)
	headLen    = 14 // of an Ethernet header without a tag

	// whole is more than any frame has: nothing is cut off.
	whole = 1 << 18
)

// dropAll is the program of a socket that hears nothing.
var dropAll = mustAssemble([]bpf.Instruction{bpf.RetConstant{Val: 0}})

// dhcpAndARP is the program that lets pass ARP, and UDP from or to one of the
// ports. The kernel takes the tag off most frames of a VLAN before the filter
// sees them; it stays in those that a host sends itself.
func dhcpAndARP(ports []uint16) []bpf.RawInstruction {
	plain, tagged := protocols(0, ports), protocols(tagLen, ports)
	prog := []bpf.Instruction{
		bpf.LoadAbsolute{Off: typeOffset, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_8021Q, SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.ETH_P_8021AD, SkipTrue: uint8(len(tagged))},
	}
	return mustAssemble(append(append(prog, tagged...), plain...))
}

// protocols is a program for frames whose EtherType is off octets further back.
// A load past a frame's end drops it.
func protocols(off uint32, ports []uint16) []bpf.Instruction {
	accept := bpf.RetConstant{Val: whole}
	drop := bpf.RetConstant{Val: 0}
	prog := []bpf.Instruction{
		bpf.LoadAbsolute{Off: typeOffset + off, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.ETH_P_ARP, SkipTrue: 1},
		accept,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_IP, SkipTrue: 1},
		drop,
		bpf.LoadAbsolute{Off: headLen + off + 9, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_UDP, SkipTrue: 1},
		drop,
		// Only a first fragment has ports (RFC 791 3.2).
		bpf.LoadAbsolute{Off: headLen + off + 6, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: 0x1fff, SkipTrue: 1},
		drop,
		bpf.LoadMemShift{Off: headLen + off}, // X is the length of the IP header
	}
	for _, end := range []uint32{0, 2} { // source and destination
		prog = append(prog, bpf.LoadIndirect{Off: headLen + off + end, Size: 2})
		for _, port := range ports {
			prog = append(prog, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(port), SkipTrue: 1}, accept)
		}
	}
	return append(prog, drop)
}

// mustAssemble panics on a program that cannot be assembled: they are all ours.
func mustAssemble(prog []bpf.Instruction) []bpf.RawInstruction {
	raw, err := bpf.Assemble(prog)
	if err != nil {
		panic(err)
	}
	return raw
}
