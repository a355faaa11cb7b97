package lease

import (
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// clockBoottime counts on while the machine is suspended, unlike the monotonic
// clock that package time uses (clock_gettime(2)).
const clockBoottime = 7

// A timeline ties a wall clock to CLOCK_BOOTTIME once: later steps of the wall
// clock move no lease.
type timeline struct {
	wall time.Time
	boot time.Duration
}

// newTimeline begins at what the clocks say.
func newTimeline(wall func() time.Time, boot func() time.Duration) timeline {
	b := boot()
	return timeline{wall().Round(0).UTC(), b}
}

// at is the time when CLOCK_BOOTTIME says boot.
func (l timeline) at(boot time.Duration) time.Time { return l.wall.Add(boot - l.boot) }

// origin is that of the process, from when it first asks.
var origin = sync.OnceValue(func() timeline { return newTimeline(time.Now, SinceBoot) })

// Origin is a point on the line of Now: Now returns wall when SinceBoot returns
// boot.
func Origin() (wall time.Time, boot time.Duration) {
	line := origin()
	return line.wall, line.boot
}

// Follow has Now go on the line of another process of the same boot, which has
// that Origin: it may have started before somebody set the wall clock. It must be
// called before Now is.
func Follow(wall time.Time, boot time.Duration) {
	origin = func() timeline { return timeline{wall.Round(0).UTC(), boot} }
}

// Now returns the time on the line that leases are measured on: the wall time
// when the process started plus the CLOCK_BOOTTIME elapsed since, without a
// monotonic reading. A suspended machine does not stop it, and setting the wall
// clock does not move it.
func Now() time.Time {
	line := origin() // before the clock is read, or it could be in the future
	return line.at(SinceBoot())
}

// SinceBoot reads CLOCK_BOOTTIME.
func SinceBoot() time.Duration {
	var ts syscall.Timespec
	// It cannot fail: the clock exists since Linux 2.6.39 and ts is ours.
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockBoottime, uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano())
}

// BootID is the kernel's random identifier of this boot; empty when it cannot
// be read, which is then like a boot that nothing is known of.
func BootID() string {
	// Not by package os, which has its poller watch the file first: the first
	// address of a process waits for this.
	fd, err := syscall.Open("/proc/sys/kernel/random/boot_id", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer func() { _ = syscall.Close(fd) }()
	var b [64]byte
	n, err := syscall.Read(fd, b[:])
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b[:n]))
}
