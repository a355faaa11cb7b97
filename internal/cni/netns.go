package cni

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// nsGetType is NS_GET_NSTYPE of linux/nsfs.h (ioctl_ns(2)).
const nsGetType = 0xb703

// A NetnsID tells a network namespace from all others that there are: its file on
// the kernel's nsfs. The zero NetnsID is none.
type NetnsID struct {
	Dev uint64 `json:"dev"`
	Ino uint64 `json:"ino"`
}

// A Netns is a network namespace that is held open.
type Netns struct {
	path string
	id   NetnsID

	mu sync.RWMutex
	fd int // -1 when it is closed
}

// OpenNetns opens the network namespace at path. The error is fs.ErrNotExist if
// there is nothing, and says if it is something else.
func OpenNetns(path string) (*Netns, error) {
	if err := CheckNetnsPath(path); err != nil {
		return nil, err
	}
	// A pipe would be waited for, and a terminal become ours.
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open the network namespace", Path: path, Err: err}
	}
	n := &Netns{path: path, fd: fd}
	if err := n.identify(); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// received is the network namespace that fd is said to be, which has come from
// somebody. It is called as path is.
func received(fd int, path string) (*Netns, error) {
	n := &Netns{path: path, fd: fd}
	var err error
	if n.id, err = identify(fd); err == nil {
		// It is not entered if it is anything else (setns(2)).
		err = n.Do(func() error { return nil })
	}
	if err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// identify finds out what was opened: only a namespace knows its type, and one
// that no process is in any more has one too.
func (n *Netns) identify() error {
	kind, err := unix.IoctlRetInt(n.fd, nsGetType)
	switch {
	case err != nil:
		return fmt.Errorf("%s is not a network namespace%s", n.path, n.whyNot())
	case kind != unix.CLONE_NEWNET:
		return fmt.Errorf("%s is a namespace, but not one of the network", n.path)
	}
	n.id, err = identify(n.fd)
	return err
}

// whyNot explains an empty file: that is what is left where a runtime's mount of a
// namespace cannot be seen.
func (n *Netns) whyNot() string {
	var st unix.Stat_t
	if err := unix.Fstat(n.fd, &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Size == 0 {
		return ": it is an empty file, as where the mount is not seen from here (mountPropagation: HostToContainer)"
	}
	return ""
}

func identify(fd int) (NetnsID, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return NetnsID{}, fmt.Errorf("look at a network namespace: %w", err)
	}
	return NetnsID{Dev: st.Dev, Ino: st.Ino}, nil
}

// NetnsAt is which namespace is at path, if it is one, for who may not open it. Only
// another can be told from it.
func NetnsAt(path string) (NetnsID, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return NetnsID{}, &fs.PathError{Op: "look at the network namespace", Path: path, Err: err}
	}
	return NetnsID{Dev: st.Dev, Ino: st.Ino}, nil
}

// OwnNetns is the namespace of the calling OS thread.
func OwnNetns() (NetnsID, error) { return NetnsAt("/proc/thread-self/ns/net") }

// ID is which namespace it is.
func (n *Netns) ID() NetnsID { return n.id }

// Close gives the descriptor back.
func (n *Netns) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fd >= 0 {
		_ = unix.Close(n.fd)
	}
	n.fd = -1
}

// Do calls f with its OS thread in the namespace, and returns what f does. What f
// opens stays there; goroutines that it starts do not run there. A thread that
// cannot go back ends. It needs CAP_SYS_ADMIN.
func (n *Netns) Do(f func() error) error {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.fd < 0 {
		return fmt.Errorf("the network namespace %s: %w", n.path, fs.ErrClosed)
	}
	done := make(chan error, 1)
	go n.enter(f, done)
	return <-done
}

// enter does f on a thread that runs nothing else meanwhile. It is not the first
// one, which cannot end, and which others take for the process.
func (n *Netns) enter(f func() error, done chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		defer runtime.UnlockOSThread()
		inner := make(chan error, 1)
		go n.enter(f, inner) // this goroutine has the first thread
		done <- <-inner
		return
	}
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		done <- fmt.Errorf("no way back from the network namespace %s: %w", n.path, err)
		return
	}
	defer func() { _ = home.Close() }()
	if err := unix.Setns(n.fd, unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		if errors.Is(err, fs.ErrPermission) {
			err = fmt.Errorf("%w (it takes CAP_SYS_ADMIN)", err)
		}
		done <- fmt.Errorf("enter the network namespace %s: %w", n.path, err)
		return
	}
	panicked := true
	defer func() {
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		} // else the thread ends with this goroutine (runtime.LockOSThread)
		if panicked {
			done <- fmt.Errorf("in the network namespace %s: %v", n.path, recover())
		}
	}()
	err = f()
	panicked = false
	done <- err
}
