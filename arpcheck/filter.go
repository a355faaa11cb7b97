package arpcheck

import (
	"encoding/binary"
	"net/netip"

	"github.com/mdlayher/arp"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Offsets in an Ethernet frame that holds an ARP packet (RFC 826).
const (
	typeOffset      = 12
	hardwareOffset  = 14 // and the protocol
	sizesOffset     = 18
	operationOffset = 20
	shaOffset       = 22
	spaOffset       = 28
	tpaOffset       = 38
)

// wanted is what a Detector wants to hear at a time. The zero value is nothing.
type wanted struct {
	// claim is the address whose other users matter; probes says that those
	// who only probe for it matter too.
	claim  netip.Addr
	probes bool
	// router is whose replies matter.
	router netip.Addr
}

// dropAll is the program of a socket that hears nothing.
var dropAll = mustAssemble([]bpf.Instruction{bpf.RetConstant{Val: 0}})

// program is the filter that lets pass what w says. A load past the end of the
// frame drops it.
func (w wanted) program() []bpf.RawInstruction {
	if w == (wanted{}) {
		return dropAll
	}
	return mustAssemble(append(toUs(), w.match()...))
}

// toUs drops what a promiscuous link overhears, what leaves the link, and the
// frames of VLANs. Tag 0 is a priority and belongs to this link, any other is a
// VLAN (IEEE 802.1Q table 9-2). The kernel takes both out of the frame; from a
// socket for one protocol it hides them as well, and calls the frame of a VLAN
// that the machine is not in one to another host.
func toUs() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: unix.PACKET_MULTICAST, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 4},
		bpf.LoadExtension{Num: bpf.ExtVLANTag},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xfff},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
	}
}

// match lets pass the ARP packets that w says, and no frame else.
func (w wanted) match() []bpf.Instruction {
	prog := unless(bpf.LoadAbsolute{Off: typeOffset, Size: 2}, unix.ETH_P_ARP)
	prog = append(prog, unless(bpf.LoadAbsolute{Off: hardwareOffset, Size: 4}, unix.ARPHRD_ETHER<<16|unix.ETH_P_IP)...)
	prog = append(prog, unless(bpf.LoadAbsolute{Off: sizesOffset, Size: 2}, 6<<8|4)...)
	spa := bpf.LoadAbsolute{Off: spaOffset, Size: 4}
	if w.claim.IsValid() {
		prog = append(prog, accept(spa, word(w.claim))...)
	}
	if w.probes {
		prog = append(prog, spa, bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipFalse: 3})
		prog = append(prog, accept(bpf.LoadAbsolute{Off: tpaOffset, Size: 4}, word(w.claim))...)
	}
	if w.router.IsValid() {
		prog = append(prog, bpf.LoadAbsolute{Off: operationOffset, Size: 2},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(arp.OperationReply), SkipFalse: 3})
		prog = append(prog, accept(spa, word(w.router))...)
	}
	return append(prog, bpf.RetConstant{Val: 0})
}

// accept lets the frame pass if what is loaded is val.
func accept(load bpf.Instruction, val uint32) []bpf.Instruction {
	return []bpf.Instruction{load, bpf.JumpIf{Cond: bpf.JumpEqual, Val: val, SkipFalse: 1}, bpf.RetConstant{Val: frameMax}}
}

// unless drops the frame unless what is loaded is val.
func unless(load bpf.Instruction, val uint32) []bpf.Instruction {
	return []bpf.Instruction{load, bpf.JumpIf{Cond: bpf.JumpEqual, Val: val, SkipTrue: 1}, bpf.RetConstant{Val: 0}}
}

// word is an IPv4 address as the filter loads it.
func word(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// mustAssemble panics on a program that cannot be assembled: they are all ours.
func mustAssemble(prog []bpf.Instruction) []bpf.RawInstruction {
	raw, err := bpf.Assemble(prog)
	if err != nil {
		panic(err)
	}
	return raw
}
