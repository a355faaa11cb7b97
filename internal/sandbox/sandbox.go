package sandbox

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Config says what the process goes on to need. What is open already stays
// usable, whatever it is.
type Config struct {
	// Keep has the capabilities that stay (unix.CAP_NET_ADMIN), if they are
	// there. Root is no exception: without CAP_DAC_OVERRIDE it writes only where
	// any user of that number may.
	Keep []int
	// ReadWrite are folders beneath which files, folders and sockets are made,
	// read, written, linked, renamed and removed, or files to read and write. An
	// empty path is none, here and below.
	ReadWrite []string
	// Remove are folders beneath which files are removed, and no more.
	Remove []string
	// ReadOnly are folders beneath which files and folders are read, or files.
	// Where a path leads through a link, it counts where that leads to. A file
	// is allowed as the one that it is now, not as one that takes its name.
	ReadOnly []string
	// Families has what sockets can be opened, besides AF_UNIX: unix.AF_NETLINK.
	Families []int
	// Connect has connect(2) allowed. Without it nobody is reached who takes
	// connections, like a system bus, which does for root what it is asked to.
	// Datagrams reach everybody all the same.
	Connect bool
	// Ethtool has links be asked for their driver (SIOCETHTOOL, ethtool(8)), which
	// with CAP_NET_ADMIN changes them too.
	Ethtool bool
	// Setns has network namespaces be entered (setns(2)), for which CAP_SYS_ADMIN is
	// to be kept.
	Setns bool
	// Signal has the processes that kill(2) may send to, besides this one: they
	// must be children that have not been waited for, whose numbers no other
	// process can take. Handles of processes (pidfd_send_signal(2)) are refused,
	// with which os.Process.Signal works.
	Signal []int
}

// A Report says what is in force.
type Report struct {
	Capabilities, NoNewPrivs, Landlock, Seccomp Part
	// Missing are the paths of Config that cannot be opened, and why: nothing
	// beneath them can be used.
	Missing []error
}

// A Part is one of the mechanisms.
type Part struct {
	// Detail is how far it goes, where there is more to say than that it is in
	// force.
	Detail string
	// Err is why it is not in force, nil if it is.
	Err error
}

// String is one line for a log.
func (r Report) String() string {
	if errors.Is(r.Capabilities.Err, ErrCgo) {
		return "nothing: " + ErrCgo.Error()
	}
	var b strings.Builder
	for _, p := range []struct {
		name string
		Part
	}{
		{"capabilities", r.Capabilities}, {"no_new_privs", r.NoNewPrivs},
		{"landlock", r.Landlock}, {"seccomp", r.Seccomp},
	} {
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		if p.Err != nil {
			fmt.Fprintf(&b, "no %s (%v)", p.name, p.Err)
			continue
		}
		b.WriteString(p.name)
		if p.Detail != "" {
			b.WriteString(" " + p.Detail)
		}
	}
	for _, err := range r.Missing {
		fmt.Fprintf(&b, "; without %v", err)
	}
	return b.String()
}

// ErrCgo is why nothing is in force in a program with C in it.
var ErrCgo = errors.New("a program that is built with cgo cannot change all of its threads")

// Enter gives up what cfg does not ask for, on all threads. It takes a few tenths
// of a millisecond, half of which are two stops of all goroutines, one for the
// capabilities and one for Landlock (three where there is no filter). Call it once.
//
// What cannot be had is said in the Report. The error is that cfg makes no sense,
// and nothing was given up.
func Enter(cfg Config) (Report, error) {
	var r Report
	if err := cfg.check(); err != nil {
		return r, fmt.Errorf("enter the sandbox: %w", err)
	}
	if cgo {
		return notOffered(ErrCgo), nil
	}
	// Three calls are for this thread: no_new_privs, and what comes by it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	readLate()
	rules, err := newRuleset(cfg, &r)
	r.Landlock.Err = err
	if err == nil {
		defer rules.close()
	}
	// The capabilities come first: for the rest none is needed once there is
	// no_new_privs. The filter comes before Landlock, because it is what brings
	// no_new_privs to all threads without stopping them.
	r.Capabilities = keepCapabilities(cfg.Keep)
	if err := setNoNewPrivs(); err != nil {
		r.NoNewPrivs.Err, r.Seccomp.Err, r.Landlock.Err = err, err, err
		return r, nil
	}
	r.Seccomp = filterCalls(cfg)
	if r.Seccomp.Err != nil {
		// Then it is on this thread alone.
		r.NoNewPrivs.Err = setNoNewPrivsOnAll()
	}
	switch {
	case r.NoNewPrivs.Err != nil:
		r.Landlock.Err = r.NoNewPrivs.Err // it would fail on other threads
	case r.Landlock.Err == nil:
		r.Landlock = rules.enforce()
	}
	return r, nil
}

// check refuses numbers that the kernel would understand otherwise.
func (cfg *Config) check() error {
	for _, c := range cfg.Keep {
		if c < 0 || c >= 64 {
			return fmt.Errorf("there is no capability %d", c)
		}
	}
	for _, f := range cfg.Families {
		if f < 0 || f > math.MaxUint16 {
			return fmt.Errorf("there is no address family %d", f)
		}
	}
	// A condition of the filter skips 255 instructions at most.
	if len(cfg.Families) > maxValues || len(cfg.Signal) > maxValues {
		return fmt.Errorf("more than %d address families or processes", maxValues)
	}
	for _, pid := range cfg.Signal {
		if pid <= 0 || pid > math.MaxInt32 {
			return fmt.Errorf("%d is not the number of one process", pid)
		}
	}
	return nil
}

// maxValues is how many values of an argument are told apart.
const maxValues = 16

// notOffered is that no part can be had.
func notOffered(err error) Report {
	p := Part{Err: err}
	return Report{Capabilities: p, NoNewPrivs: p, Landlock: p, Seccomp: p}
}

// readLate reads what the process reads once, and not before it is used: the time
// zone, without which the times in a log would be others from now on.
func readLate() { _ = time.Now().Local().Format("15") }

// onAllThreads does a system call on all threads. If it fails on this one, it is
// done on no other; if it fails on another, the runtime ends the process.
//
//go:uintptrescapes
func onAllThreads(trap, a1, a2, a3 uintptr) error {
	if _, _, errno := syscall.AllThreadsSyscall(trap, a1, a2, a3); errno != 0 {
		return errno
	}
	return nil
}

// refusal says what a kernel means that does not do what it is asked to.
func refusal(what string, err error) error {
	switch {
	case errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("%s: not in this kernel", what)
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%s: turned off when the machine was started", what)
	}
	return fmt.Errorf("%s: %w", what, err)
}
