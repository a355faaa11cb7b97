package rawudp

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/poll"
)

// A claim keeps other clients of this program off a link: two would answer each
// other's messages and undo each other's addresses.
//
// It is a listening socket in the abstract namespace of unix(7), which the
// kernel keeps for each network namespace and ends with the process, however
// that ends. So it needs no folder that can be written and no process namespace
// that is shared, and never outlives its holder; and the kernel says who that
// is.
type claim struct {
	index int // 0 for none, with nothing open
	fd    int
	reg   *poll.Registration
	// netns is where it stands, 0 if that cannot be told.
	netns uint64
	// desk talks to who connects.
	desk *desk
}

// A HeldError says that another client serves the link.
type HeldError struct {
	// PID is its process, 0 if that is in a process namespace that cannot be
	// seen from here; Name is what the kernel calls it, empty if unknown.
	PID  int
	Name string
	// Why says what the process did when it was asked for the link, with a verb
	// first; empty if it was not.
	Why string
	// Foreign says that it is a client of another kind, that cannot be asked.
	Foreign bool
}

// Error names the process, and what it did when it was asked for the link.
func (e *HeldError) Error() string {
	who := fmt.Sprintf("process %d (%s)", e.PID, e.Name)
	switch {
	case e.Foreign:
		return fmt.Sprintf("%s (process %d) serves this link: stop it first", e.Name, e.PID)
	case e.PID == 0:
		who = "a process of another namespace"
	case e.Name == "":
		who = fmt.Sprintf("process %d", e.PID)
	}
	if e.Why != "" {
		return who + " " + e.Why
	}
	return who + " serves this link already"
}

// errForeign says that a name of ours is taken by a user who could not run a
// client: anybody may take one.
var errForeign = errors.New("the name of the claim is taken by another user")

// errElsewhere says that a link was made anew where no socket can be made.
var errElsewhere = errors.New("the link was made anew in another network namespace")

// takeClaim claims the link with that index, in the network namespace of the
// calling thread. The error is a *HeldError if another client has it.
func takeClaim(index int, to *desk) (*claim, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	c := &claim{index: index, fd: fd, netns: currentNetns(), desk: to}
	err = c.bind(claimName(index))
	if err == nil {
		err = c.listen()
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return c, nil
}

const (
	// A holder is not asked more often: one that answers no connection, not even
	// after a moment, is none of ours.
	claimTries = 5
	claimPause = 10 * time.Millisecond
	// One that was killed is waited for longer, two seconds: its threads end one
	// by one, and its sockets with the last. If it is seen to be there still, it
	// has many, which the kernel closes one by one, those of a thousand links in
	// half a minute (package packetsocket): there is no hurry then.
	dyingTries = 200
	dyingPause = 10 * claimPause
	dyingTime  = time.Minute
)

// bind takes the name, or says who has it.
func (c *claim) bind(name *unix.SockaddrUnix) error {
	began := time.Now()
	for silent, dying := 0, 0; silent < claimTries; {
		switch err := unix.Bind(c.fd, name); {
		case err == nil:
			return nil
		case !errors.Is(err, unix.EADDRINUSE):
			return fmt.Errorf("claim %s: %w", name.Name, err)
		}
		err := holder(name)
		var held *HeldError
		switch {
		case errors.As(err, &held) && isDying(held.PID) && dying < dyingTries:
			dying++
		case dying > 0 && time.Since(began) < dyingTime && (err == nil || held != nil && isZombie(held.PID)):
			// One that accepts nobody any more has its queue full after a while:
			// then it cannot be told who it is.
			dying++
			time.Sleep(dyingPause)
		case err == nil:
			silent++
		default:
			return err
		}
		time.Sleep(claimPause) // it begins or ends just now, or is asked by many
	}
	return errForeign
}

func claimName(index int) *unix.SockaddrUnix {
	return &unix.SockaddrUnix{Name: fmt.Sprintf("@dhclient-go/link/%d", index)}
}

func (c *claim) listen() (err error) {
	if err := unix.Listen(c.fd, 128); err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	if err := spare.take(); err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	if c.reg, err = poll.Register(c.fd, c.answer); err != nil {
		spare.leave()
	}
	return err
}

// answer takes a connection. Most who connect ask who is here, no more, and the
// kernel has told them.
func (c *claim) answer() {
	defer c.desk.contain()
	const flags = unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	fd, _, err := unix.Accept4(c.fd, flags)
	if errors.Is(err, unix.EMFILE) {
		// It would stay, and wake us again and again.
		spare.lend(func() {
			if fd, _, err = unix.Accept4(c.fd, flags); err == nil {
				_ = unix.Close(fd)
				err = unix.EAGAIN // there is no more to do
			}
		})
	}
	switch {
	case err == nil:
		if !c.desk.admit(fd) {
			_ = unix.Close(fd)
		}
	case !errors.Is(err, unix.EAGAIN):
		time.Sleep(claimPause) // nothing is left to give up; not without end, at least
	}
}

func (c *claim) close() {
	if c == nil || c.index == 0 {
		return
	}
	c.reg.Close()
	spare.leave()
	_ = unix.Close(c.fd)
	c.desk.close()
}

// follow goes on with another link. A socket has one name for life and stands
// in the namespace of the thread that makes it, so that is done only where
// Open was called; elsewhere the link is used unclaimed, and the error says so.
// What was claimed before is free in any case. c may be nil.
func (c *claim) follow(index int) (*claim, error) {
	if c == nil || index == 0 || index == c.index {
		return c, nil
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c.close()
	none := &claim{netns: c.netns, desk: c.desk.anew()}
	if here := currentNetns(); here == 0 || here != c.netns {
		return none, errElsewhere
	}
	next, err := takeClaim(index, none.desk)
	if err != nil {
		return none, err
	}
	return next, nil
}

// couldServe says that a process of another user has what a client needs, of the
// capabilities that count here.
func couldServe(pid int) bool {
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/user", pid))
	ours, err2 := os.Readlink("/proc/self/ns/user")
	if err != nil || err2 != nil || theirs != ours {
		return false // in a user namespace of one's own anybody has them all
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(status), "\nCapPrm:")
	line, _, _ := strings.Cut(rest, "\n")
	caps, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	return err == nil && caps&(1<<unix.CAP_NET_ADMIN|1<<unix.CAP_NET_RAW) != 0
}

// holder says who has the name: root, the user that we are, or somebody with the
// capabilities can run a client. Nil is that it cannot be told now.
func holder(name *unix.SockaddrUnix) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Connect(fd, name); err != nil {
		return nil
	}
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	switch {
	case err != nil:
		return &HeldError{}
	case cred.Uid != 0 && int(cred.Uid) != os.Geteuid() && !couldServe(int(cred.Pid)):
		return errForeign
	}
	return &HeldError{PID: int(cred.Pid), Name: command(int(cred.Pid))}
}

// isDying says that a process has been killed, and is not gone yet, or is unknown by
// now.
func isDying(pid int) bool {
	if pid == 0 {
		return false
	}
	_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	return errors.Is(err, os.ErrNotExist) || isZombie(pid)
}

// isZombie says that a process has ended, and is not gone yet: so says the state
// behind its name (proc_pid_stat(5)).
func isZombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	i := strings.LastIndexByte(string(b), ')')
	return err == nil && i >= 0 && i+2 < len(b) && (b[i+2] == 'Z' || b[i+2] == 'X')
}

// command is the name of a process, printable; empty if it cannot be told.
func command(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil || pid == 0 {
		return ""
	}
	return printable(strings.TrimSuffix(string(b), "\n"))
}

// currentNetns identifies the network namespace of the calling thread; 0 if it
// cannot be told.
func currentNetns() uint64 {
	var st unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil {
		return 0
	}
	return st.Ino
}
