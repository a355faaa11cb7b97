package daemon

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// LeaveStdio has descriptors 0, 1 and 2 lead nowhere, as Child.Ready does, in
// another process that has them too.
func LeaveStdio(keepFiles bool) error { return leaveStdio(keepFiles) }

// leaveStdio has descriptors 0, 1 and 2 lead nowhere, so that nobody waits for
// us who reads or owns them: an ssh, a cron, a terminal.
func leaveStdio(keepFiles bool) error {
	nowhere, err := openNowhere()
	if err != nil {
		return fmt.Errorf("leave standard input, output and error: %w", err)
	}
	defer func() { _ = unix.Close(nowhere) }()
	var errs []error
	for fd := range 3 {
		if fd > 0 && keepFiles && IsFile(fd) {
			continue
		}
		if err := unix.Dup3(nowhere, fd, 0); err != nil {
			errs = append(errs, fmt.Errorf("leave descriptor %d: %w", fd, err))
		}
	}
	return errors.Join(errs...)
}

// openNowhere opens /dev/null. Where there is none, or something else in its
// place, it is a path that can be neither read nor written: what matters is that
// no socket of ours gets the number of standard output.
func openNowhere() (int, error) {
	fd, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err == nil {
		if isNull(fd) {
			return fd, unix.SetNonblock(fd, false)
		}
		_ = unix.Close(fd)
	}
	return unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
}

func isNull(fd int) bool {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 3)
}

// IsFile says that a descriptor leads to a regular file.
func IsFile(fd int) bool {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG
}
