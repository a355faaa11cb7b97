package isc

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// maxAppended is how large a file may grow that can only be appended to.
const maxAppended = 1 << 16

// A leaseFile is a file that is replaced as a whole.
type leaseFile struct{ path string }

// nowhere is a path for those who do not want a lease to be kept.
const nowhere = "/dev/null"

// read returns the content; nil if there is no file. Links and devices are not
// followed or opened, and what another user than root put there is not read: in
// a directory that all can write to it would be a lease of theirs.
func (f *leaseFile) read() ([]byte, error) {
	if f.path == nowhere {
		return nil, nil
	}
	file, err := os.OpenFile(f.path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if err := f.check(file); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(file, maxFile))
}

// check says what is wrong with an open file.
func (f *leaseFile) check(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", f.path)
	case info.Size() > maxFile:
		return fmt.Errorf("%s is larger than %d bytes", f.path, maxFile)
	case ok && st.Uid != 0 && int(st.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to user %d", f.path, st.Uid)
	}
	return nil
}

// write replaces the file by whole. Where that cannot be done, for the file is
// a mount or the directory is not ours to write to, more is appended to it, or
// whole written over it if it has grown large or there is nothing more.
func (f *leaseFile) write(whole, more []byte) error {
	info, err := os.Lstat(f.path)
	switch {
	case f.path == nowhere:
		return nil
	case err == nil && !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0:
		return fmt.Errorf("%s is not a regular file", f.path)
	}
	// A directory that is missing is made; if that fails, so does what comes.
	_ = os.MkdirAll(filepath.Dir(f.path), 0o755)
	err = lease.ReplaceFile(f.path, whole)
	if err == nil || !isFixed(err) {
		return err
	}
	if e := f.over(whole, more); e != nil {
		return errors.Join(err, e)
	}
	return nil
}

// isFixed says that err is that of a file whose name cannot be given to
// another.
func isFixed(err error) bool {
	for _, e := range []error{syscall.EBUSY, syscall.EXDEV, syscall.EROFS, syscall.EACCES, syscall.EPERM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// over writes to the file that is there.
func (f *leaseFile) over(whole, more []byte) error {
	file, err := os.OpenFile(f.path, os.O_RDWR|os.O_APPEND|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	err = f.check(file)
	if err == nil {
		err = f.overwrite(file, whole, more)
	}
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}

func (f *leaseFile) overwrite(file *os.File, whole, more []byte) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	// What a crash cut off would go on in what is appended.
	end := make([]byte, 2)
	if n := info.Size(); n >= 2 {
		if _, err := file.ReadAt(end, n-2); err != nil {
			return err
		}
	}
	torn := info.Size() > 0 && (end[1] != '\n' || end[0] != '}' && end[0] != ';')
	if more == nil || torn || info.Size() > maxAppended {
		if err := file.Truncate(0); err != nil {
			return err
		}
		more = whole
	}
	_, err = file.Write(more)
	return err
}

const (
	// lockTries and lockPause bound the wait for another process that
	// writes: whoever can read the file can hold its lock.
	lockTries = 50
	lockPause = 10 * time.Millisecond
)

// lock keeps other processes of this program from replacing the file between
// our reading and our writing. What it returns ends that.
func (f *leaseFile) lock() (unlock func()) {
	dir, err := os.OpenFile(filepath.Dir(f.path), os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return func() {}
	}
	for range lockTries {
		if err = syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
			break
		}
		time.Sleep(lockPause)
	}
	return func() { _ = dir.Close() }
}
