package helper

import (
	"errors"

	"golang.org/x/sys/unix"
)

// killByHandle kills the process that has that number and that handle. In a sandbox
// (package sandbox) handles are refused, and only the number is allowed: it is
// still the process's while the handle is not readable (pidfd_open(2)).
func killByHandle(pid, pidfd int) {
	err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
	if !errors.Is(err, unix.EPERM) {
		return
	}
	ended, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
	if err == nil && ended == 0 {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}
