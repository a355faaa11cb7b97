package sandbox

import "golang.org/x/sys/unix"

// architecture is what seccomp calls the one whose numbers are in calls.go. A call
// with the number of another (int 0x80 of i386) is refused, and so is one of x32,
// which says x86-64 but has bit 30 in its number.
const architecture = unix.AUDIT_ARCH_X86_64
