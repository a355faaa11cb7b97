package sandbox

import "golang.org/x/sys/unix"

// architecture is what seccomp calls the one whose numbers are in calls.go. A call
// with the number of another (a 32-bit one's) is refused.
const architecture = unix.AUDIT_ARCH_AARCH64
