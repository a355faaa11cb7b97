package rawudp

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// inVM is the program with what the kernel knows of a frame put in place of the
// instructions that ask for it: the VM has no such instructions.
func inVM(t *testing.T, prog []bpf.Instruction, r reply) *bpf.VM {
	t.Helper()
	known := map[bpf.Extension]uint32{bpf.ExtType: unix.PACKET_HOST}
	switch {
	case r.to == allStations:
		known[bpf.ExtType] = unix.PACKET_BROADCAST
	case r.to[0]&1 != 0:
		known[bpf.ExtType] = unix.PACKET_MULTICAST
	case r.to != ourMAC:
		known[bpf.ExtType] = unix.PACKET_OTHERHOST
	}
	if r.tag != nil {
		known[bpf.ExtVLANTagPresent] = 1
		known[bpf.ExtVLANTag] = uint32(binary.BigEndian.Uint16(r.tag[2:]))
	}
	for i, ins := range prog {
		if ext, ok := ins.(bpf.LoadExtension); ok {
			prog[i] = bpf.LoadConstant{Dst: bpf.RegA, Val: known[ext.Num]}
		}
	}
	vm, err := bpf.NewVM(prog)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

func TestReplyFilterInVM(t *testing.T) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := newReply()
			row.edit(&r)
			n, err := inVM(t, replyFilter(ourMAC, clientPort), r).Run(r.packet())
			if err != nil {
				t.Fatal(err)
			}
			if passes := n >= len(r.packet()) && n > 0; passes != row.passes {
				t.Errorf("the filter passes %d octets; passes = %v, want %v", n, passes, row.passes)
			}
		})
	}
}

// What leaves the link, or a kind of frame that is not known yet, is not heard.
func TestReplyFilterPacketTypes(t *testing.T) {
	for typ, want := range []bool{
		unix.PACKET_HOST: true, unix.PACKET_BROADCAST: true, unix.PACKET_MULTICAST: true,
		unix.PACKET_OTHERHOST: false, unix.PACKET_OUTGOING: false, 7: false,
	} {
		prog := replyFilter(ourMAC, clientPort)
		prog[0] = bpf.LoadConstant{Dst: bpf.RegA, Val: uint32(typ)}
		n, err := inVM(t, prog, newReply()).Run(newReply().packet())
		if err != nil || (n > 0) != want {
			t.Errorf("type %d: passes %d octets (%v), want some: %v", typ, n, err, want)
		}
	}
}

// A link that does not exist is heard by nobody, whatever its address.
func TestFilterForNoLink(t *testing.T) {
	if got := filterFor(0, lease.HardwareAddr{}, clientPort); len(got) != 1 || got[0] != dropAll[0] {
		t.Errorf("filter of link 0: %v", got)
	}
	if got := filterFor(1, ourMAC, clientPort); len(got) == 1 {
		t.Error("filter of link 1 drops all")
	}
}
