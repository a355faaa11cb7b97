package rawudp

import (
	"encoding/binary"
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Open fails or works with fewer descriptors, and leaves none behind.
func TestOpen_OutOfDescriptors(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	link := r.link(t)
	r.near.Do(t, func() {
		before := descriptors(t)
		opened, failed, poor := 0, 0, 0
		for spare := range uint64(7) {
			var c *Conn
			var err error
			withLimit(t, spare, func() { c, err = Open(Config{Link: link}, func([]byte, netip.Addr) {}) })
			switch {
			case err != nil:
				failed++
				if c != nil || !strings.Contains(err.Error(), "too many open files") {
					t.Errorf("%d spare: %v, %v", spare, c, err)
				}
			case c.udp == nil && c.hops == nil:
				// Neither way of unicasts: they go to all stations.
				poor++
				mustBe(t, "send", c.Send([]byte("renew"), ourAddr, farAddr), nil)
				checkDatagram(t, r.capture(t, "the renewal", isUDP), allStations[:], ourAddr, farAddr, "renew")
				mustBe(t, "close", c.Close(), nil)
			default:
				opened++
				mustBe(t, "close", c.Close(), nil)
			}
		}
		if opened == 0 || failed == 0 {
			t.Errorf("opened %d, of them %d without unicast, failed %d", opened, poor, failed)
		}
		if after := descriptors(t); after != before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	})
}

// Close closes all that Open opened, whichever way unicasts leave.
func TestClose_LeavesNoDescriptor(t *testing.T) {
	r := newRig(t)
	link := r.link(t)
	for _, taken := range []bool{false, true} {
		if taken {
			r.holdPort(t, false)
		}
		before := descriptors(t)
		c := r.openWith(t, link, func([]byte, netip.Addr) {})
		mustBe(t, "close", c.Close(), nil)
		if after := descriptors(t); after != before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	}
}

// withLimit runs f with the lowest free descriptors, spare of them, and no more.
func withLimit(t *testing.T, spare uint64, f func()) {
	t.Helper()
	fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	var full unix.Rlimit
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &full); err != nil {
		t.Fatal(err)
	}
	less := unix.Rlimit{Cur: uint64(fd) + spare, Max: full.Max}
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &less, nil); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &full, nil); err != nil {
			t.Fatal(err)
		}
	}()
	f()
}

func descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// The status is found among other control messages, and missed in garbage.
func TestAuxStatus(t *testing.T) {
	// A header on this machine: the length in a word, level, type.
	message := func(level, typ int32, data ...byte) []byte {
		b := make([]byte, unix.CmsgSpace(len(data)))
		h := unix.Cmsghdr{Level: level, Type: typ}
		h.SetLen(unix.CmsgLen(len(data)))
		putHeader(b, h)
		copy(b[unix.CmsgLen(0):], data)
		return b
	}
	aux := message(unix.SOL_PACKET, unix.PACKET_AUXDATA, append(native32(unix.TP_STATUS_CSUMNOTREADY), make([]byte, 16)...)...)
	other := message(unix.SOL_SOCKET, unix.SCM_TIMESTAMP, make([]byte, 16)...)
	for _, row := range []struct {
		name    string
		control []byte
		want    uint32
	}{
		{"alone", aux, unix.TP_STATUS_CSUMNOTREADY},
		{"after another", append(other[:len(other):len(other)], aux...), unix.TP_STATUS_CSUMNOTREADY},
		{"none", nil, 0},
		{"another", other, 0},
		{"empty one", message(unix.SOL_PACKET, unix.PACKET_AUXDATA), 0},
		{"cut", aux[:len(aux)-8], 0},
		{"no header", []byte{1, 2, 3}, 0},
	} {
		if got := auxStatus(row.control); got != row.want {
			t.Errorf("%s: %#x, want %#x", row.name, got, row.want)
		}
	}
}

// putHeader writes a control message's header as this machine has it.
func putHeader(b []byte, h unix.Cmsghdr) {
	n := binary.NativeEndian
	switch unix.CmsgLen(0) {
	case 16:
		n.PutUint64(b, uint64(h.Len))
	default:
		n.PutUint32(b, uint32(h.Len))
	}
	at := unix.CmsgLen(0) - 8
	n.PutUint32(b[at:], uint32(h.Level))
	n.PutUint32(b[at+4:], uint32(h.Type))
}

func native32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }
