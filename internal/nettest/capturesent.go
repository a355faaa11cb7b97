package nettest

import (
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// CaptureSent is Capture of what leaves the link, and no more: it keeps up with
// any flood that comes in.
func CaptureSent(t testing.TB, n *NS, ifname string) *Sniffer {
	t.Helper()
	s := Capture(t, n, ifname)
	prog, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PACKET_OUTGOING, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: maxFrame},
	})
	if err != nil {
		t.Fatal(err)
	}
	filter := make([]unix.SockFilter, len(prog))
	for i, ins := range prog {
		filter[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	conn, err := s.file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var attached error
	err = conn.Control(func(fd uintptr) {
		attached = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
	})
	if err != nil || attached != nil {
		t.Fatalf("capture on %s: %v, %v", s.name, err, attached)
	}
	return s
}
