package rawudp

import (
	"net/netip"
	"runtime"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// BenchmarkUnrelatedTraffic measures what a broadcast for another port costs
// this process: with the filter of a client that waits for a reply, with that
// of one that is bound, and without one. The sender's thread is not counted.
func BenchmarkUnrelatedTraffic(b *testing.B) {
	everything := mustAssemble([]bpf.Instruction{bpf.RetConstant{Val: whole}})
	for _, row := range []struct {
		name   string
		filter []bpf.RawInstruction
	}{
		{"bound", dropAll},
		{"waiting", filterFor(1, ourMAC, clientPort)},
		{"unfiltered", everything},
	} {
		b.Run(row.name, func(b *testing.B) {
			r := newRig(b)
			c := r.openWith(b, r.link(b), func([]byte, netip.Addr) {})
			if err := c.Receive(true); err != nil {
				b.Fatal(err)
			}
			if err := c.packet.SetFilter(row.filter); err != nil {
				b.Fatal(err)
			}
			m := newReply()
			m.to, m.dst, m.dport, m.size = allStations, broadcast, 5353, 1400
			frame := m.frame()
			fd, to := sender(b, r)
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			used := cpu(b)
			for b.Loop() {
				if err := unix.Sendto(fd, frame, 0, to); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpu(b)-used)/float64(b.N), "reader-ns/frame")
		})
	}
}

// sender is a socket at the far end that the Go runtime does not know: it would
// wake a thread for each frame that has left.
func sender(b testing.TB, r *rig) (fd int, to unix.Sockaddr) {
	r.far.Close() // so that nobody else sees it
	r.there.Do(b, func() {
		var err error
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			b.Fatal(err)
		}
		to = &unix.SockaddrLinklayer{Protocol: ipv4, Ifindex: index(b, "eth0")}
	})
	b.Cleanup(func() { unix.Close(fd) })
	return fd, to
}

// cpu is the time that the threads of this process used, but this one.
func cpu(b *testing.B) time.Duration {
	var all, this unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &all); err != nil {
		b.Fatal(err)
	}
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &this); err != nil {
		b.Fatal(err)
	}
	return time.Duration(all.Utime.Nano() + all.Stime.Nano() - this.Utime.Nano() - this.Stime.Nano())
}
