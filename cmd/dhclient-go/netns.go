package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/control"
)

const (
	// netnsDir is where ip-netns(8) has its names.
	netnsDir = "/run/netns/"
	// nsGetType is NS_GET_NSTYPE of linux/nsfs.h (ioctl_ns(2)).
	nsGetType = 0xb703
	// maxPID is one less than the kernel's limit (PID_MAX_LIMIT, proc_sys_kernel(5)).
	maxPID = 1 << 22
)

// A netns is a network namespace as it was named: by a name of ip-netns(8), the
// number of a process or a path.
type netns struct {
	text, path string
	// name is that of ip-netns(8), and pid the process; empty and 0 for a path.
	name string
	pid  int
}

// setNetns reads NAME, PID or PATH, which has a slash.
func setNetns(o *options, s string) (err error) {
	o.netns, err = parseNetns(s)
	return err
}

func parseNetns(s string) (*netns, error) {
	bad := func(r rune) bool { return r <= ' ' || r == 0x7f }
	if s == "" || strings.ContainsFunc(s, bad) {
		return nil, fmt.Errorf("%q is not a name, the number of a process, or a path", s)
	}
	if strings.Contains(s, "/") {
		path, err := filepath.Abs(s)
		if err != nil {
			return nil, fmt.Errorf("make %q absolute: %w", s, err)
		}
		name, ok := strings.CutPrefix(strings.TrimPrefix(path, "/var"), netnsDir)
		if !ok || strings.Contains(name, "/") {
			return &netns{text: path, path: path}, nil
		}
		return &netns{text: path, path: path, name: name}, nil
	}
	if strings.Trim(s, "0123456789") == "" {
		pid, err := strconv.Atoi(s)
		if err != nil || pid < 1 || pid > maxPID {
			return nil, fmt.Errorf("%q is not the number of a process", s)
		}
		return &netns{text: s, path: fmt.Sprintf("/proc/%d/ns/net", pid), pid: pid}, nil
	}
	if s == "." || s == ".." || len(s) > 255 {
		return nil, fmt.Errorf("%q cannot be the name of a network namespace", s)
	}
	return &netns{text: s, path: netnsDir + s, name: s}, nil
}

// folder is a name for what is kept of links in n: two namespaces have links of the
// same name. Two words for one namespace have two folders, but for a name and its
// path.
func (n *netns) folder() string {
	text := n.text
	if n.name != "" {
		text = n.name
	}
	var b strings.Builder
	for _, c := range []byte(text) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("_-", c) >= 0, c == '.' && b.Len() > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// leases is where the leases are kept: those of another namespace have a folder of
// their own beneath the others.
func (o *options) leases() string {
	if o.netns == nil {
		return o.leaseDir
	}
	return filepath.Join(o.leaseDir, "netns", o.netns.folder())
}

// open returns a descriptor of the namespace.
func (n *netns) open() (fd int, err error) {
	// A pipe would be waited for, and a terminal become ours.
	fd, err = unix.Open(n.path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist) && n.name != "":
		return -1, fmt.Errorf("no network namespace is called %s (%s does not exist)", n.name, n.path)
	case errors.Is(err, fs.ErrNotExist) && n.pid != 0:
		return -1, fmt.Errorf("no process has the number %d (%s does not exist)", n.pid, n.path)
	case errors.Is(err, fs.ErrPermission) && n.pid != 0:
		return -1, needs("CAP_SYS_PTRACE", fmt.Sprintf("look at the network namespace of process %d", n.pid), err)
	case err != nil:
		return -1, fmt.Errorf("open the network namespace %s: %w", n.text, err)
	}
	kind, err := unix.IoctlRetInt(fd, nsGetType)
	switch {
	case err != nil:
		err = fmt.Errorf("%s is not a network namespace", n.path)
	case kind != unix.CLONE_NEWNET:
		err = fmt.Errorf("%s is a namespace, but not one of the network", n.path)
	default:
		return fd, nil
	}
	_ = unix.Close(fd)
	return -1, err
}

// number is that of the namespace's inode, as control.Netns has it.
func (n *netns) number() (uint64, error) {
	fd, err := n.open()
	if err != nil {
		if number := numberIn(n.text); number != 0 {
			return number, nil // as status has it
		}
		return 0, err
	}
	defer func() { _ = unix.Close(fd) }()
	return inode(fd)
}

// numberIn is the number that the label of a container's namespace ends with, as
// box:[4026532001]; 0 if there is none.
func numberIn(label string) uint64 {
	_, rest, _ := strings.Cut(label, ":[")
	digits, ok := strings.CutSuffix(rest, "]")
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n == noNumber {
		return 0
	}
	return n
}

func inode(fd int) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, fmt.Errorf("look at a network namespace: %w", err)
	}
	return st.Ino, nil
}

// A place is where links are: in the network namespace that --netns names, or nil
// here.
type place struct {
	*netns
	// ino identifies it; here says that it is ours.
	ino  uint64
	here bool
	// setns is unix.Setns, but in tests.
	setns func(fd, kind int) error

	mu sync.Mutex
	fd int // -1 when it is closed
}

// openPlace returns the place of n; nil for nil.
func openPlace(n *netns) (*place, error) {
	if n == nil {
		return nil, nil
	}
	fd, err := n.open()
	if err != nil {
		return nil, err
	}
	p := &place{netns: n, fd: fd, setns: unix.Setns}
	if p.ino, err = inode(fd); err != nil {
		p.close()
		return nil, err
	}
	p.here = p.ino == control.Netns()
	return p, nil
}

// isElsewhere says that the place is not where we are.
func (p *place) isElsewhere() bool { return p != nil && !p.here }

// close gives the descriptor back: nothing more can be opened there.
func (p *place) close() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd >= 0 {
		_ = unix.Close(p.fd)
	}
	p.fd = -1
}

// do calls f with its OS thread in the place, and returns what it does. Sockets
// that f opens stay there; goroutines and processes that it starts do not run
// there. The thread goes back; one that cannot ends.
func (p *place) do(f func() error) error {
	if !p.isElsewhere() {
		return f()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	done := make(chan error, 1)
	go onThread(func() (back bool) {
		leave, err := p.enter()
		if err != nil {
			done <- err
			return true
		}
		err = f()
		back = leave()
		done <- err
		return back
	})
	return <-done
}

// onThread calls f on an OS thread that runs nothing else meanwhile, and nothing
// ever after if f returns false: the runtime ends it with the goroutine
// (runtime.LockOSThread). It is not the first thread, which cannot end, and which
// others take for the process.
func onThread(f func() bool) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		ended := make(chan struct{})
		go func() { // on another thread, since this goroutine has the first
			defer close(ended)
			onThread(f)
		}()
		<-ended
		runtime.UnlockOSThread()
		return
	}
	if f() {
		runtime.UnlockOSThread()
	}
}

// enter moves the calling thread into the place, and returns what moves it back.
func (p *place) enter() (leave func() bool, err error) {
	if p.fd < 0 {
		return nil, fmt.Errorf("the network namespace %s: %w", p.text, fs.ErrClosed)
	}
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("no way back from the network namespace %s: %w", p.text, err)
	}
	if err := p.setns(p.fd, unix.CLONE_NEWNET); err != nil {
		_ = home.Close()
		return nil, refused("CAP_SYS_ADMIN", "enter the network namespace "+p.text, fmt.Errorf("setns: %w", err))
	}
	return func() bool {
		defer func() { _ = home.Close() }()
		return p.setns(int(home.Fd()), unix.CLONE_NEWNET) == nil
	}, nil
}

// number identifies the place, as control.Netns does.
func (p *place) number() uint64 {
	if p == nil {
		return control.Netns()
	}
	return p.ino
}

// label is what a person calls the place; empty for here.
func (p *place) label() string {
	if p == nil {
		return ""
	}
	return p.text
}

// resolveFor decides where the name servers of links in the place go, unless that
// is said. A namespace with a name may have the file that `ip netns exec` binds to
// resolv.conf (ip-netns(8)); the resolver here is not theirs.
func (o *options) resolveFor(p *place, log *slog.Logger) {
	if o.noDNS || o.resolvConf != "" || p == nil {
		return
	}
	if p.name != "" {
		path := filepath.Join("/etc/netns", p.name, "resolv.conf")
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
			o.resolvConf = path
			return
		}
	}
	if p.isElsewhere() {
		log.Info("name servers are not used: the links are in another network namespace, and no --resolv-conf is given")
		o.noDNS = true
	}
}
