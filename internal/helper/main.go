package helper

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/daemon"
)

// Main is the helper, and ends the process: if it was executed as one. For every
// other it returns at once. It must be called before anything else that main
// does.
func Main() {
	switch isHelper() {
	case stranger:
	case orphan:
		os.Exit(0)
	case helper:
		debug.SetGCPercent(garbage)
		os.Exit(runHelper())
	}
}

// garbage is what the helper may let lie, in percent of what it needs, a quarter of
// the usual: what an agent asks of it for hundreds of links else stays as memory up
// to 4 MiB, which is as much as the links themselves.
const garbage = 25

// A role is what this process was executed as.
type role uint8

const (
	stranger role = iota
	// orphan is a helper whose first process has ended already.
	orphan
	helper
)

// isHelper takes the mark out of the environment: programs that we run shall not
// find it. It counts only with a socket that our parent has made, which ran with
// the rights that we have: whoever sets the variable gets nothing by it.
func isHelper() role {
	mark := os.Getenv(helperEnv)
	if mark == "" {
		return stranger
	}
	_ = os.Unsetenv(helperEnv)
	kind, err := unix.GetsockoptInt(helperFD, unix.SOL_SOCKET, unix.SO_TYPE)
	if mark != strconv.Itoa(helperFD) || err != nil || kind != unix.SOCK_STREAM {
		return stranger // somebody else's variable, somebody else's descriptor
	}
	domain, err := unix.GetsockoptInt(helperFD, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil || domain != unix.AF_UNIX {
		return stranger
	}
	made, err := unix.GetsockoptUcred(helperFD, unix.SOL_SOCKET, unix.SO_PEERCRED)
	switch {
	case err != nil || int(made.Uid) != os.Geteuid() || int(made.Gid) != os.Getegid():
		return stranger
	case int(made.Pid) == os.Getppid():
		return helper
	}
	at := []unix.PollFd{{Fd: helperFD, Events: unix.POLLRDHUP}}
	if n, err := unix.Poll(at, 0); err == nil && n == 1 && at[0].Revents&unix.POLLHUP != 0 {
		return orphan
	}
	return stranger
}

// The exit codes of the helper. They are for a log, and nobody relies on them.
const (
	exitDone     = 0
	exitProtocol = 1
)

// runHelper does what the first process asks until that ends, and returns the
// exit code.
func runHelper() int {
	withEmptyMask()
	daemon.CloseOnExec()
	// It was executed as "exe", or by the name of a client. Without /proc it
	// stays so.
	_ = os.WriteFile("/proc/self/comm", []byte(helperName), 0)
	keepSignals()
	_ = unix.SetNonblock(helperFD, true)
	s := newServer(os.NewFile(helperFD, "first process"))
	err := s.run()
	s.finish()
	if errors.Is(err, io.EOF) {
		return exitDone
	}
	s.log.LogAttrs(context.Background(), slog.LevelError, "the helper process refuses a request, and ends", slog.Any("err", err))
	return exitProtocol
}

// keepSignals has what a terminal or a service manager sends to all of us do
// nothing here: the first process decides. They are not ignored, since programs
// would inherit that (signal(7)); those that were ignored, by nohup, are the
// default for programs from here on.
func keepSignals() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP,
		syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE)
}

// withEmptyMask executes the helper again where it has inherited a mask of
// signals: the Go runtime would hand that on to each program that it runs.
func withEmptyMask() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var old, none unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &none, &old); err != nil || old == none {
		return
	}
	if path, err := daemon.Program(); err == nil {
		_ = syscall.Exec(path, os.Args, environ())
	}
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
}
