package main

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// unpiped is w, but where that is a file nobody reads any more its writes fail and
// nothing else: package os ends the process with SIGPIPE if it is standard output
// or error and the signal is not taken yet.
func unpiped(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok {
		return unpipedFile{f}
	}
	return w
}

type unpipedFile struct{ *os.File }

func (f unpipedFile) Write(b []byte) (n int, err error) {
	conn, err := f.SyscallConn()
	for err == nil && n < len(b) {
		var failed error
		err = conn.Write(func(fd uintptr) bool {
			var some int
			some, failed = syscall.Write(int(fd), b[n:])
			n += max(some, 0)
			return failed != syscall.EAGAIN
		})
		if err == nil && !errors.Is(failed, syscall.EINTR) {
			err = pathError(f.Name(), failed)
		}
	}
	return n, err
}

func pathError(name string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: "write", Path: name, Err: err}
}
