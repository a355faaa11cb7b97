// Package daemon has what a program needs to live in the background of a Linux
// host: the way there, a pid file, the system log, and the word to systemd.
//
// A Go program cannot fork. So Launch executes it again, in a new session, and
// waits: the new process finds by Inherited that it is the one, does its work
// with the terminal of the first, and says by Child.Ready that it goes on alone
// or by Child.End how it ended. What the second does until then is as if the
// first did it: the first has its output, its signals and its exit code, and
// does not end without it.
package daemon

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// childEnv tells the second process that childFD is its end of the socket.
	childEnv = "DHCLIENT_GO_CHILD"
	childFD  = 3
)

// unreported is the exit code for a background process that did not say how it
// ends. Its own may mean something else: Go ends with 2 after a panic.
const unreported = 1

// Launch executes the program again with the same arguments, as a process of
// the background, and returns the exit code that is due: 0 when that process
// runs on by itself, else that with which it ended. The signals TERM, INT and
// HUP among those that come from the channel are handed on to it. The error says
// what the process itself cannot have said.
func Launch(signals <-chan os.Signal) (code int, err error) {
	p, err := start()
	if err != nil {
		return unreported, fmt.Errorf("start a background process: %w", err)
	}
	defer func() { _ = unix.Close(p.sock) }()
	reports := make(chan report, 1)
	go func() { reports <- p.read() }()
	for {
		select {
		case sig := <-signals:
			p.forward(sig)
		case r := <-reports:
			return p.conclude(r)
		}
	}
}

// A parent is the first process's view of the second.
type parent struct{ pid, sock int }

// A report is what the second process said: nothing if it is not there.
type report struct {
	code  int
	there bool
}

// start executes the program again. Of our descriptors it gets 0, 1 and 2, and
// its end of the socket: not what the caller of the program left open either, as
// the lock of a script.
func start() (*parent, error) {
	path, err := program()
	if err != nil {
		return nil, err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket pair: %w", err)
	}
	defer func() { _ = unix.Close(pair[1]) }()
	closeOnExec()
	pid, err := syscall.ForkExec(path, os.Args, &syscall.ProcAttr{
		Env:   childEnviron(),
		Files: []uintptr{0, 1, 2, childFD: uintptr(pair[1])},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		_ = unix.Close(pair[0])
		return nil, fmt.Errorf("execute %s: %w", path, err)
	}
	return &parent{pid, pair[0]}, nil
}

// childEnviron is our environment with the mark of the second process. The
// watchdog of systemd is meant for that one then (sd_watchdog_enabled(3)).
func childEnviron() []string {
	env := []string{childEnv + "=" + strconv.Itoa(childFD)}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, childEnv+"=") && v != watchdogPidEnv+"="+strconv.Itoa(os.Getpid()) {
			env = append(env, v)
		}
	}
	return env
}

// forward hands a signal to end on; we do not end before the other.
func (p *parent) forward(sig os.Signal) {
	switch sig {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP:
		_ = syscall.Kill(p.pid, sig.(syscall.Signal)) // it has ended, at worst
	}
}

// read waits for the report, or the end of the process.
func (p *parent) read() report {
	var b [1]byte
	for {
		n, err := unix.Read(p.sock, b[:])
		if !errors.Is(err, unix.EINTR) {
			return report{int(b[0]), n == 1}
		}
	}
}

// conclude makes an exit code of a report. A process that goes on is left to
// itself; one that has ended is waited for, so that whatever it held is free.
func (p *parent) conclude(r report) (code int, err error) {
	if r.there && r.code == 0 {
		tellMainPid(p.pid)
		return 0, nil
	}
	var status unix.WaitStatus
	for {
		if _, err = unix.Wait4(p.pid, &status, 0, nil); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	switch {
	case r.there:
		return r.code, nil
	case err != nil:
		return unreported, fmt.Errorf("wait for background process %d: %w", p.pid, err)
	case status.Signaled():
		return unreported, fmt.Errorf("background process %d was ended by signal %d (%v)", p.pid, status.Signal(), status.Signal())
	}
	return unreported, fmt.Errorf("background process %d ended with status %d, and did not say why", p.pid, status.ExitStatus())
}

// closeRange is replaced in tests, by that of an old kernel.
var closeRange = unix.CloseRange

// CloseOnExec keeps what the caller of this process has left open from the programs
// that it runs.
func CloseOnExec() { closeOnExec() }

// closeOnExec marks every descriptor from 3 on, whoever opened it.
func closeOnExec() {
	// Since Linux 5.11.
	if closeRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return // no /proc: nothing tells what is open
	}
	defer func() { _ = dir.Close() }()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if fd, err := strconv.Atoi(name); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}
