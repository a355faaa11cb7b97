//go:build amd64 || arm64

package sandbox

import (
	"os"

	"golang.org/x/sys/unix"
)

// allowCalls allows the calls that the process goes on to need: what the Go
// runtime makes goroutines, timers, signals and memory of (runtime/sys_linux_*.s,
// internal/runtime/syscall/linux), and what this program does until it ends. They
// are told by subject; the rest is refused with EPERM.
func allowCalls(t *table, cfg Config) {
	t.rules = make([]rule, 0, 16)
	allowMemory(t)
	allowThreads(t)
	allowSignals(t, cfg)
	allowPolling(t)
	allowFiles(t, cfg)
	allowSockets(t, cfg)
	// Who we are.
	t.allow(unix.SYS_GETPID, unix.SYS_GETPPID, unix.SYS_GETTID, unix.SYS_CAPGET,
		unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID)
	// What the runtime and its library do without where the kernel does not have
	// it.
	t.unknown(unix.SYS_CLONE3, unix.SYS_CLOSE_RANGE, unix.SYS_COPY_FILE_RANGE, unix.SYS_EPOLL_PWAIT2,
		unix.SYS_FACCESSAT2, unix.SYS_OPENAT2, unix.SYS_PIDFD_OPEN, unix.SYS_RSEQ, unix.SYS_STATX)
}

// Nothing that was written becomes code.
func allowMemory(t *table) {
	t.allow(unix.SYS_MUNMAP, unix.SYS_MADVISE)
	t.allowWithout(unix.SYS_MMAP, 2, unix.PROT_EXEC)
	t.allowWithout(unix.SYS_MPROTECT, 2, unix.PROT_EXEC)
	// The runtime gives its memory names, for /proc/PID/maps.
	t.allowIf(unix.SYS_PRCTL, 0, unix.PR_SET_VMA)
}

// What the runtime begins is a thread like the others, no process.
func allowThreads(t *table) {
	const flags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND |
		unix.CLONE_SYSVSEM | unix.CLONE_THREAD
	t.allowIf(unix.SYS_CLONE, 0, flags, flags|unix.CLONE_SETTLS)
	t.allow(unix.SYS_FUTEX, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY,
		unix.SYS_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_RESTART_SYSCALL, unix.SYS_GETRANDOM,
		unix.SYS_EXIT, unix.SYS_EXIT_GROUP)
	// Landlock comes after the filter. It can only take away, and takes a
	// ruleset, which nobody can make any more.
	t.allow(unix.SYS_LANDLOCK_RESTRICT_SELF)
}

// Signals go to this process, and to children that cfg names. Ends of children
// are waited for.
func allowSignals(t *table, cfg Config) {
	t.allow(unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK,
		unix.SYS_WAIT4, unix.SYS_WAITID)
	self := uint32(os.Getpid())
	t.allowIf(unix.SYS_TGKILL, 0, self)
	t.allowIf(unix.SYS_KILL, 0, with(self, cfg.Signal)...)
}

func with(first uint32, others []int) []uint32 {
	all := []uint32{first}
	for _, v := range others {
		all = append(all, uint32(v))
	}
	return all
}

// The runtime's poller begins with the first descriptor that it waits for, and
// ours begins anew at times.
func allowPolling(t *table) {
	t.allow(unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2,
		unix.SYS_PPOLL, unix.SYS_TIMERFD_CREATE, unix.SYS_TIMERFD_SETTIME)
}

// Where files are opened, says Landlock. None gets a mode that has it run as its
// owner.
func allowFiles(t *table, cfg Config) {
	t.allow(unix.SYS_READ, unix.SYS_WRITE, unix.SYS_PREAD64, unix.SYS_PWRITE64, unix.SYS_LSEEK, unix.SYS_CLOSE,
		unix.SYS_FTRUNCATE, unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_FLOCK,
		unix.SYS_FSTAT, unix.SYS_NEWFSTATAT, unix.SYS_GETDENTS64, unix.SYS_READLINKAT,
		unix.SYS_RENAMEAT, unix.SYS_UNLINKAT, unix.SYS_LINKAT)
	const modes = unix.S_ISUID | unix.S_ISGID | unix.S_ISVTX
	t.allowWithout(unix.SYS_OPENAT, 3, modes)
	t.allowWithout(unix.SYS_MKDIRAT, 2, modes)
	t.allowWithout(unix.SYS_FCHMOD, 1, modes)
	t.allowWithout(unix.SYS_FCHMODAT, 2, modes)
	t.allow(unix.SYS_CHDIR, unix.SYS_DUP3) // on the way to the background
	// Not F_SETOWN, by which a descriptor sends signals to others.
	t.allowIf(unix.SYS_FCNTL, 1, unix.F_GETFL, unix.F_SETFL, unix.F_GETFD, unix.F_SETFD, unix.F_DUPFD_CLOEXEC)
	// The width of a terminal, whether it is one, what a socket has not sent yet,
	// a link's name, MTU and address, and which links have one: by that arpcheck
	// knows our own from other stations. Not TIOCSTI, which types.
	ioctls := []uint32{unix.TIOCGWINSZ, unix.TCGETS, unix.SIOCOUTQ,
		unix.SIOCGIFNAME, unix.SIOCGIFMTU, unix.SIOCGIFHWADDR, unix.SIOCGIFCONF}
	if cfg.Ethtool {
		ioctls = append(ioctls, unix.SIOCETHTOOL)
	}
	t.allowIf(unix.SYS_IOCTL, 1, ioctls...)
}

// All can be done with sockets that are open, and harmless ones can be made.
func allowSockets(t *table, cfg Config) {
	t.allow(unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_ACCEPT4, unix.SYS_SHUTDOWN,
		unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME, unix.SYS_GETSOCKOPT, unix.SYS_SETSOCKOPT,
		unix.SYS_SENDTO, unix.SYS_RECVFROM, unix.SYS_SENDMSG, unix.SYS_RECVMSG)
	t.allowIf(unix.SYS_SOCKET, 0, with(unix.AF_UNIX, cfg.Families)...)
	if cfg.Connect {
		t.allow(unix.SYS_CONNECT)
	}
	if cfg.Setns {
		t.allowIf(unix.SYS_SETNS, 1, unix.CLONE_NEWNET)
	}
}
