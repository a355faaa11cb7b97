//go:build amd64 || arm64

package sandbox

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An attempt is something that is forbidden.
type attempt struct {
	name string
	do   func(root string) error
	// free says that a process without a sandbox can do it as root, or that the
	// kernel finds another fault with it than EPERM or EACCES.
	free bool
}

func ptr[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// raw is a system call as it is.
func raw(nr uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := unix.RawSyscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

func path(p string) uintptr {
	b, err := unix.BytePtrFromString(p)
	if err != nil {
		panic(err)
	}
	return ptr(b)
}

func create(name string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		err = f.Close()
	}
	return err
}

func read(name string) error {
	_, err := os.ReadFile(name)
	return err
}

func socket(family, kind, proto int) error {
	fd, err := unix.Socket(family, kind, proto)
	if err == nil {
		err = unix.Close(fd)
	}
	return err
}

// onFiles are the attempts on files, which Landlock refuses.
var onFiles = []attempt{
	{readElsewhere, func(d string) error { return read(d + "/out/file") }, true},
	{"read /etc/passwd", func(string) error { return read("/etc/passwd") }, true},
	{"list a folder elsewhere", func(d string) error { _, err := os.ReadDir(d + "/out"); return err }, true},
	{"write a file elsewhere", func(d string) error { return os.WriteFile(d+"/out/file", nil, 0) }, true},
	{"make a file elsewhere", func(d string) error { return create(d + "/out/new") }, true},
	{"make a folder elsewhere", func(d string) error { return os.Mkdir(d+"/out/dir", 0o700) }, true},
	{"make a socket elsewhere", func(d string) error {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrUnix{Name: d + "/out/socket"})
		}
		return err
	}, true},
	{"remove a file elsewhere", func(d string) error { return os.Remove(d + "/out/gone") }, true},
	{"write a read-only file", func(d string) error { return os.WriteFile(d+"/ro/file", nil, 0) }, true},
	{"make a file in a read-only folder", func(d string) error { return create(d + "/ro/new") }, true},
	{"remove a read-only file", func(d string) error { return os.Remove(d + "/ro/gone") }, true},
	{"read where files are removed", func(d string) error { return read(d + "/rm/file") }, true},
	{"make a file where files are removed", func(d string) error { return create(d + "/rm/new") }, true},
	{"rename out of the folder", func(d string) error { return os.Rename(d+"/rw/moved", d+"/out/moved") }, true},
	{"rename into the folder", func(d string) error { return os.Rename(d+"/out/moves", d+"/rw/moves") }, true},
	{"link out of the folder", func(d string) error { return os.Link(d+"/rw/file", d+"/out/link") }, true},
	{"follow a link out of the folder", func(d string) error { return read(d + "/rw/leads-out") }, true},
	{"write through a link out of the folder", func(d string) error { return os.WriteFile(d+"/rw/leads-out", nil, 0) }, true},
	{"reach the root by /proc", func(string) error { return read("/proc/self/root/etc/passwd") }, true},
	{"open a directory elsewhere by its descriptor", func(d string) error { return read("/proc/self/cwd/etc/passwd") }, true},
	{"see the namespaces of another", func(string) error {
		_, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/user", os.Getppid()))
		return err
	}, true},
	{"make a device", func(d string) error { return unix.Mknod(d+"/rw/null", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))) }, false},
	{"make a link", func(d string) error { return os.Symlink("/etc", d+"/rw/made") }, true},
	{"change an owner", func(d string) error { return os.Chown(d+"/rw/file", 1, 1) }, false},
	{"set a file to run as its owner", func(d string) error { return unix.Fchmodat(unix.AT_FDCWD, d+"/rw/file", unix.S_ISUID|0o755, 0) }, true},
	{"make a file that runs as its owner", func(d string) error {
		fd, err := unix.Open(d+"/rw/setuid", unix.O_CREAT|unix.O_WRONLY, unix.S_ISUID|0o755)
		if err == nil {
			err = unix.Close(fd)
		}
		return err
	}, true},
}

// onSystem are the others.
var onSystem = []attempt{
	{"run /bin/true", func(string) error { return exec.Command("/bin/true").Run() }, true},
	{"execute what can be read", func(d string) error { return raw(unix.SYS_EXECVE, path(d+"/rw/program"), 0, 0) }, true}, // ENOEXEC
	{"execute by descriptor", func(string) error { return raw(unix.SYS_EXECVEAT, ^uintptr(0), path("x"), 0, 0, 0) }, true},
	{"a packet socket", func(string) error { return socket(unix.AF_PACKET, unix.SOCK_RAW, 0) }, true},
	{"a raw socket", func(string) error { return socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP) }, true},
	{"a netlink socket", func(string) error { return socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE) }, true},
	{"a TCP socket", func(string) error { return socket(unix.AF_INET, unix.SOCK_STREAM, 0) }, true},
	{"connect", func(d string) error { // ECONNREFUSED
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err == nil {
			err = unix.Connect(fd, &unix.SockaddrUnix{Name: "@nobody"})
		}
		return err
	}, true},
	{"mount", func(d string) error { return unix.Mount("none", d+"/rw", "tmpfs", 0, "") }, true},
	{"unmount", func(d string) error { return unix.Unmount(d+"/rw", unix.MNT_DETACH) }, true},
	{"pivot_root", func(string) error { return raw(unix.SYS_PIVOT_ROOT, 0, 0) }, false},
	{"chroot", func(string) error { return unix.Chroot("/") }, false},
	{"trace a process", func(string) error { return raw(unix.SYS_PTRACE, unix.PTRACE_ATTACH, 1<<30) }, true}, // ESRCH
	{"read another's memory", func(string) error {
		return raw(unix.SYS_PROCESS_VM_READV, uintptr(os.Getpid()), 0, 0, 0, 0, 0)
	}, true},
	{"signal the parent", func(string) error { return unix.Kill(os.Getppid(), 0) }, true},
	{"signal everybody", func(string) error { return unix.Kill(-1, 0) }, false},
	{"signal a thread of another", func(string) error { return unix.Tgkill(os.Getppid(), os.Getppid(), 0) }, true},
	{"signal by descriptor", func(string) error { return raw(unix.SYS_PIDFD_SEND_SIGNAL, ^uintptr(0), 0, 0, 0) }, true}, // EBADF
	{"signals from a descriptor", func(string) error {
		_, err := unix.FcntlInt(0, unix.F_SETOWN, os.Getpid())
		return err
	}, false},
	{"type for a terminal", func(string) error { return raw(unix.SYS_IOCTL, 0, unix.TIOCSTI, 0) }, true}, // ENOTTY
	{"enter a namespace", func(string) error { return raw(unix.SYS_SETNS, ^uintptr(0), 0) }, true},       // EBADF
	{"leave a namespace", func(string) error { return unix.Unshare(unix.CLONE_NEWUTS) }, true},
	{"fork", func(string) error {
		pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		switch {
		case errno != 0:
			return errno
		case pid == 0:
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
		_, err := unix.Wait4(int(pid), nil, 0, nil)
		return err
	}, true},
	{"memory to run", func(string) error {
		_, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
		return err
	}, true},
	{"memory made to run", func(string) error {
		b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			panic(err)
		}
		return unix.Mprotect(b, unix.PROT_READ|unix.PROT_EXEC)
	}, true},
	{"io_uring", func(string) error { return raw(unix.SYS_IO_URING_SETUP, 0, 0) }, false},
	{"bpf", func(string) error { return raw(unix.SYS_BPF, ^uintptr(0), 0, 0) }, false},
	{"perf_event_open", func(string) error { return raw(unix.SYS_PERF_EVENT_OPEN, 0, 0, 0, 0, 0) }, false},
	{"userfaultfd", func(string) error { return raw(unix.SYS_USERFAULTFD, ^uintptr(0)) }, false},
	{"keyctl", func(string) error { return raw(unix.SYS_KEYCTL, ^uintptr(0)) }, true}, // EOPNOTSUPP
	{"load a module", func(string) error { return raw(unix.SYS_INIT_MODULE, 0, 0, 0) }, false},
	{"load a kernel", func(string) error { return raw(unix.SYS_KEXEC_LOAD, 0, 0, 0, ^uintptr(0)) }, false},
	{"open by handle", func(string) error { return raw(unix.SYS_OPEN_BY_HANDLE_AT, ^uintptr(0), 0, 0) }, false},
	{"become a user", func(string) error { return raw(unix.SYS_SETUID, uintptr(os.Getuid())) }, true},
	{"become a group", func(string) error { return raw(unix.SYS_SETRESGID, ^uintptr(0), ^uintptr(0), ^uintptr(0)) }, true},
	{"set the host name", func(string) error { return raw(unix.SYS_SETHOSTNAME, 0, ^uintptr(0)) }, true}, // EINVAL
	{"set the clock", func(string) error { return raw(unix.SYS_CLOCK_SETTIME, ^uintptr(0), 0) }, true},
	{"set a limit", func(string) error { return raw(unix.SYS_PRLIMIT64, 0, ^uintptr(0), 0, 0) }, true}, // EINVAL
	{"capabilities", func(string) error {
		h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var d [2]unix.CapUserData
		if err := unix.Capget(&h, &d[0]); err != nil {
			panic(err)
		}
		return unix.Capset(&h, &d[0])
	}, true},
	{"a filter of its own", func(string) error { return raw(unix.SYS_SECCOMP, ^uintptr(0), 0, 0) }, true}, // EINVAL
	{"prctl", func(string) error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) }, true},
}

// attempts are all of them.
func attempts() []attempt {
	return append(append(append([]attempt(nil), onFiles...), onSystem...), foreign...)
}

// prepareAttempts makes what the attempts need that are to fail.
func prepareAttempts(t *testing.T, root string) {
	t.Helper()
	for _, name := range []string{"out/gone", "ro/gone", "rw/moved", "out/moves"} {
		if err := os.WriteFile(filepath.Join(root, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "rw/program"), []byte("nothing"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../out/file", filepath.Join(root, "rw/leads-out")); err != nil {
		t.Fatal(err)
	}
}

// attemptChild tries what is forbidden.
func attemptChild(o *order, out *outcome) {
	runtime.LockOSThread()
	if err := os.Chdir("/"); err != nil {
		panic(err)
	}
	for nr, errno := range o.Refuse {
		if err := refuseCall(nr, errno); err != nil {
			panic(err)
		}
	}
	o.enter(out)
	for _, a := range attempts() {
		out.note(a.name, a.do(o.Root))
	}
}

func isRefused(errno syscall.Errno) bool { return errno == unix.EPERM || errno == unix.EACCES }

// What a process in the sandbox must not do fails with EPERM or EACCES, and is
// no news to a process without.
func TestForbidden(t *testing.T) {
	needThreads(t)
	t.Parallel()
	in, without := newOrder(t), newOrder(t)
	without.Enter = false
	prepareAttempts(t, in.Root)
	prepareAttempts(t, without.Root)
	out := run(t, "attempt", in)
	needAll(t, out)
	free := run(t, "attempt", without)
	for _, a := range attempts() {
		if errno := out.Errors[a.name]; !isRefused(errno) {
			t.Errorf("%s: %v", a.name, errno)
		}
		if errno := free.Errors[a.name]; a.free && isRefused(errno) {
			t.Errorf("%s fails without a sandbox too: %v (%s)", a.name, errno, free.Texts[a.name])
		}
	}
	b, err := os.ReadFile(filepath.Join(in.Root, "out/file"))
	if err != nil || string(b) != "out" {
		t.Errorf("the file elsewhere has %q, %v", b, err)
	}
}

// It is the same for a user who never had a capability.
func TestForbiddenToAnotherUser(t *testing.T) {
	needThreads(t)
	t.Parallel()
	o := newOrder(t)
	prepareAttempts(t, o.Root)
	out := run(t, "attempt", o, another(t))
	needAll(t, out)
	for _, a := range attempts() {
		if errno := out.Errors[a.name]; !isRefused(errno) {
			t.Errorf("%s: %v", a.name, errno)
		}
	}
}

// What cfg asks for besides is allowed, and no more than that.
func TestConfiguredCalls(t *testing.T) {
	needThreads(t)
	t.Parallel()
	o := newOrder(t)
	o.Config.Families = []int{unix.AF_NETLINK}
	o.Config.Connect = true
	o.Config.Signal = []int{os.Getpid()} // the parent of the child
	prepareAttempts(t, o.Root)
	out := run(t, "attempt", o)
	needAll(t, out)
	for name, want := range map[string]syscall.Errno{
		"a netlink socket": 0, "connect": unix.ECONNREFUSED, "signal the parent": 0,
		"a packet socket": unix.EPERM, "a TCP socket": unix.EPERM, "signal everybody": unix.EPERM,
		"signal a thread of another": unix.EPERM,
	} {
		if got := out.Errors[name]; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// callsChild does what the runtime's library falls back from.
func callsChild(o *order, out *outcome) {
	o.enter(out)
	out.note("clone3", raw(unix.SYS_CLONE3, 0, 0))
	out.note("openat2", raw(unix.SYS_OPENAT2, 0, 0, 0, 0))
	out.note("statx", raw(unix.SYS_STATX, 0, 0, 0, 0, 0))
	_, err := net.Dial("unix", o.Root+"/none")
	out.note("dial", err)
	_, err = os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
	out.note("start", err)
}

// What is probed for is said not to be there.
func TestUnknownCalls(t *testing.T) {
	needThreads(t)
	t.Parallel()
	out := run(t, "calls", newOrder(t))
	needAll(t, out)
	for name, want := range map[string]syscall.Errno{
		"clone3": unix.ENOSYS, "openat2": unix.ENOSYS, "statx": unix.ENOSYS, "dial": unix.EPERM, "start": unix.EPERM,
	} {
		if got := out.Errors[name]; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
