package daemon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A PidFile is a file with the number of this process, for scripts: it keeps
// nobody off. Make one with WritePid.
type PidFile struct {
	path string
	pid  int
	// kept is a device, which is not ours to remove.
	kept bool
}

// WritePid writes the number of this process and a newline to path, mode 0644
// whatever the umask, and replaces what stands there: an old file, or a link,
// which is never followed. A device, as /dev/null, is written to and stays.
// Anything else is an error.
func WritePid(path string) (*PidFile, error) {
	abs, err := filepath.Abs(path) // the working directory will be another
	if err != nil {
		return nil, fmt.Errorf("pid file %q: %w", path, err)
	}
	f := &PidFile{path: abs, pid: os.Getpid()}
	if err := f.write(); err != nil {
		return nil, fmt.Errorf("pid file %q: %w", path, err)
	}
	return f, nil
}

func (f *PidFile) write() error {
	// The directory by its descriptor: who can rename it in between does not
	// make us replace a file elsewhere.
	dir, err := unix.Open(filepath.Dir(f.path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(dir) }()
	name, text := filepath.Base(f.path), []byte(strconv.Itoa(f.pid)+"\n")
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err == nil {
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG, unix.S_IFLNK:
		case unix.S_IFCHR:
			f.kept = true
			return writeAt(dir, name, unix.O_NONBLOCK|unix.O_NOCTTY, text)
		default:
			return errors.New("there is something that is not a file")
		}
	}
	return replaceAt(dir, name, text)
}

// replaceAt makes a new file and renames it into place.
func replaceAt(dir int, name string, text []byte) error {
	// No longer than a name may be.
	temporary := "." + name[:min(len(name), 200)] + ".new"
	// What a killed process left here is in the way of O_EXCL.
	if err := unix.Unlinkat(dir, temporary, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	err := writeAt(dir, temporary, unix.O_CREAT|unix.O_EXCL, text)
	if err == nil {
		err = unix.Renameat(dir, temporary, dir, name)
	}
	if err != nil {
		_ = unix.Unlinkat(dir, temporary, 0)
	}
	return err
}

func writeAt(dir int, name string, flags int, text []byte) error {
	fd, err := unix.Openat(dir, name, flags|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), name)
	_, err = file.Write(text)
	if err == nil && flags&unix.O_CREAT != 0 {
		err = file.Chmod(0o644) // the umask may have taken something away
	}
	return errors.Join(err, file.Close())
}

// Remove removes the file if it still has the number of this process. It may be
// called on nil.
func (f *PidFile) Remove() error {
	if f == nil || f.kept {
		return nil
	}
	pid, err := readPid(f.path)
	if err != nil || pid != f.pid {
		return nil // it is not ours any more
	}
	return os.Remove(f.path)
}

// maxPidFile is more than the text of any pid file.
const maxPidFile = 64

// readPid reads a pid file that anybody may have written.
func readPid(path string) (int, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return 0, errors.Join(err, errors.New("it is not a regular file"))
	}
	b, err := io.ReadAll(io.LimitReader(file, maxPidFile))
	if err != nil {
		return 0, err
	}
	// ParseUint takes no sign; the kernel's limit is 2^22 (proc(5), pid_max).
	pid, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 22)
	if err != nil || pid < 1 {
		return 0, fmt.Errorf("%.20q is not the number of a process", b)
	}
	return int(pid), nil
}
