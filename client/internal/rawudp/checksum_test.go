package rawudp

import (
	"net"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// finishChecksums has the kernel finish the checksums of what it sends over
// eth0 of a namespace, as where no hardware can (ethtool -K eth0 tx off).
func finishChecksums(t *testing.T, n *nettest.NS) {
	t.Helper()
	const setTXChecksum = 0x17 // ETHTOOL_STXCSUM
	n.Do(t, func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		value := struct{ cmd, data uint32 }{setTXChecksum, 0}
		req := struct {
			name [unix.IFNAMSIZ]byte
			data unsafe.Pointer
			_    [16]byte
		}{data: unsafe.Pointer(&value)}
		copy(req.name[:], "eth0")
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
		runtime.KeepAlive(&value)
		if errno != 0 {
			t.Fatalf("turn checksum offload off: %v", errno)
		}
	})
}

// A renewal leaves by the kernel's UDP socket, with its checksum (MSG-28).
func TestSend_MSG28_KernelChecksum(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	finishChecksums(t, r.near)
	c, _ := r.open(t)
	payload := strings.Repeat("renew", 60)
	mustBe(t, "send", c.Send([]byte(payload), ourAddr, farAddr), nil)
	b := r.capture(t, "the renewal", isUDP)
	checkDatagram(t, b, farMAC[:], ourAddr, farAddr, payload)
	if !checksumRight(b) {
		t.Errorf("wrong UDP checksum\n% x", b)
	}
}

// A server's kernel that finishes its checksums is heard as well as one that
// does not (NET-02).
func TestReceive_NET02_FinishedChecksum(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	finishChecksums(t, r.there)
	c, got := r.open(t)
	r.there.Do(t, func() {
		server, err := net.ListenPacket("udp4", farAddr.String()+":67")
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		m := newReply()
		m.text = "finished"
		if _, err := server.WriteTo(m.message(), &net.UDPAddr{IP: net.IPv4(10, 99, 0, 255), Port: 68}); err != nil {
			t.Fatal(err)
		}
	})
	hear(t, got, "finished")
	if s := c.Stats(); len(s.Dropped) != 0 || s.Received != 1 {
		t.Errorf("stats %+v", s)
	}
}
