package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// dirMode is that of the directory: everyone may see which processes there are,
// and that they may not ask them.
const dirMode = 0o755

// socketMode is that of a socket.
const socketMode = 0o600

// backlog is how many may wait to be accepted.
const backlog = 16

// makeDir makes the directory of the sockets, if it is missing.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), dirMode); err != nil {
		return err
	}
	err := os.Mkdir(dir, dirMode)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil // another process was faster
	case err != nil:
		return err
	}
	return os.Chmod(dir, dirMode) // whatever the umask is
}

// listen returns a socket that listens as dir/NAME-PID.sock, and that path.
//
// It has another name until it listens: one that refuses is taken for that of a
// process that is no more, and removed.
func listen(dir, name string) (fd int, path string, err error) {
	if err := makeDir(dir); err != nil {
		return -1, "", err
	}
	fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, "", fmt.Errorf("socket: %w", err)
	}
	base := fmt.Sprintf("%s-%d", name, os.Getpid())
	hidden := filepath.Join(dir, "."+base+".new")
	if err = bindTo(fd, hidden); err == nil {
		sweep(dir, name)
		path, err = giveName(hidden, filepath.Join(dir, base))
		_ = os.Remove(hidden)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, "", err
	}
	return fd, path, nil
}

// bindTo makes the socket's file and listens.
func bindTo(fd int, path string) error {
	// What a killed process with our number has left is in the way.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := bindPrivate(fd, path); err != nil {
		if len(path) >= maxPath {
			return fmt.Errorf("bind %s: its path has more than %d octets", path, maxPath-1)
		}
		return fmt.Errorf("bind %s: %w", path, err)
	}
	st, err := os.Lstat(path)
	if err == nil && st.Mode() != fs.ModeSocket|socketMode {
		err = os.Chmod(path, socketMode) // a umask has taken more
	}
	if err == nil {
		err = unix.Listen(fd, backlog)
	}
	if err != nil {
		_ = os.Remove(path)
		return fmt.Errorf("listen on %s: %w", path, err)
	}
	return nil
}

// bindPrivate makes the socket's file, which nobody else may use at any moment:
// on Linux it gets the mode of the socket, without what the umask takes away
// (net/unix/af_unix.c, unix_bind_bsd; unix(7) is silent).
func bindPrivate(fd int, path string) error {
	if err := unix.Fchmod(fd, socketMode); err != nil {
		return err
	}
	return unix.Bind(fd, &unix.SockaddrUnix{Name: path})
}

// maxPath is the size of sun_path (unix(7)), with a zero at its end.
const maxPath = 108

// giveName gives the socket hidden the name base.sock or, where another process
// has that (the same number in another pid namespace), one with a number. Unlike
// a rename it never takes a name away.
func giveName(hidden, base string) (path string, err error) {
	for n := range 100 {
		path = base + Suffix
		if n > 0 {
			path = fmt.Sprintf("%s-%d%s", base, n, Suffix)
		}
		if err = os.Link(hidden, path); !errors.Is(err, fs.ErrExist) {
			return path, err
		}
	}
	return "", err
}

// sweep removes what killed processes for the same link have left. It looks at
// names only, in a small buffer: what a process needs at its start it keeps, since
// it makes no garbage worth collecting later.
func sweep(dir, name string) {
	d, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(d) }()
	buf := make([]byte, 1024)
	for {
		n, err := unix.ReadDirent(d, buf)
		if n <= 0 || err != nil {
			return
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		for _, other := range names {
			rest, ours := strings.CutPrefix(other, name+"-")
			if ours && strings.HasSuffix(other, Suffix) && !isAlive(rest) {
				if fd, err := connect(filepath.Join(dir, other)); err == nil {
					_ = unix.Close(fd)
				}
			}
		}
	}
}

// isAlive says that the process runs whose number the rest of a name begins with.
// To connect to its socket would say the same, and wake it.
func isAlive(rest string) bool {
	n := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if n <= 0 {
		return false
	}
	_, err := os.Stat("/proc/" + rest[:n])
	return err == nil
}

// sockets are the paths in dir that may be sockets of processes, in order.
func sockets(dir string) (paths []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, Suffix) && e.Type()&fs.ModeSocket != 0 {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths
}

// connect returns a connection to the socket path, and removes it if nobody
// listens there.
func connect(path string) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
	if err == nil {
		return fd, nil
	}
	_ = unix.Close(fd)
	if errors.Is(err, unix.ECONNREFUSED) {
		_ = os.Remove(path)
	}
	return -1, &fs.PathError{Op: "connect to", Path: path, Err: err}
}
