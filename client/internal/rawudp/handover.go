package rawudp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A link is handed over on a connection to the claim. The newcomer says
//
//	take over 1
//
// with its proof beside it (SCM_RIGHTS, unix(7)), and the holder answers
//
//	refused TEXT
//	yours LENGTH
//
// each a line, and after the second so many octets, which is the lease. It closes
// its claim before it closes the connection, and the name is free then. A holder
// that knows nothing of this closes the connection at once.
//
// Who needs several links, or none, first says to each holder
//
//	take over ?
//
// with the same proof, to which the answer is refused TEXT or
//
//	you may
//
// and nothing has changed.
//
// A proof is for those of another user, and is the end of the connection that who
// sends it has itself, with a priority that only CAP_NET_RAW or CAP_NET_ADMIN can
// set (SO_PRIORITY, socket(7)). Anybody may have the name of a claim or connect to
// it, so it is nothing that is of use to who gets it: a packet socket would let
// them read and send all that the link has. Nor can it be shown to a third process,
// and none of the two passes for the other.
const (
	askLine  = "take over 1\n"
	mayLine  = "take over ?\n" // no longer than askLine
	mightGet = "you may\n"
	// askPrefix is what other versions begin with as well.
	askPrefix = "take over "
	// maxLine is the longest line, in octets.
	maxLine = 512

	askPriority  = 7 // 0 to 6 are everybody's
	givePriority = 8
)

const (
	// Whoever connects has that long to ask, and a holder to be read.
	askTime  = time.Second
	giveTime = 2 * time.Second
	// maxAsks is how many are talked to at once of those who may take over by
	// their user, and as many of all others: these do not keep those away.
	maxAsks = 4
)

// A desk talks to those who connect to a claim: a few at a time, each for a
// moment. With no one to ask, its zero value hangs up.
type desk struct {
	// asked is Config.Asked.
	asked func(*Ask)
	// contain is deferred where it is called.
	contain func()

	mu      sync.Mutex
	closed  bool
	open    map[*Ask]bool // whether it is a stranger
	running sync.WaitGroup
}

// An Ask is the wish of another process to take the link over. It must come to
// Refuse, or to Give and then Close.
type Ask struct {
	// PID is that process, 0 if it cannot be seen from here; Name is what the
	// kernel calls it, empty if unknown.
	PID  int
	Name string

	desk  *desk
	conn  *os.File
	given bool // desk.mu
	// question says that it only wants to know whether it would get the link.
	question bool
}

// anew is a desk that does the same for another claim.
func (d *desk) anew() *desk { return &desk{asked: d.asked, contain: d.contain} }

// admit talks to who has connected, or says that nobody does.
func (d *desk) admit(fd int) bool {
	if d.asked == nil {
		return false
	}
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return false
	}
	stranger := !mayByUser(cred.Uid)
	d.mu.Lock()
	defer d.mu.Unlock()
	alike := 0
	for _, s := range d.open {
		if s == stranger {
			alike++
		}
	}
	if d.closed || alike >= maxAsks {
		return false
	}
	a := &Ask{PID: int(cred.Pid), Name: command(int(cred.Pid)), desk: d, conn: os.NewFile(uintptr(fd), "claim")}
	if d.open == nil {
		d.open = map[*Ask]bool{}
	}
	d.open[a] = stranger
	d.running.Go(func() { d.serve(a, stranger) })
	return true
}

// serve hangs up on a peer if what it has to say ends in a panic.
func (d *desk) serve(a *Ask, stranger bool) {
	defer d.contain()
	panics := true
	defer func() {
		if panics {
			a.Close()
		}
	}()
	d.hear(a, stranger)
	panics = false
}

// hear reads what a peer has to say, who may be anybody.
func (d *desk) hear(a *Ask, stranger bool) {
	limit(a.conn, askTime)
	line, _, proof, err := readLine(a.conn, len(askLine))
	if proof >= 0 {
		defer func() { _ = unix.Close(proof) }()
	}
	switch {
	case err != nil || !strings.HasPrefix(line, askPrefix):
		a.Close() // it only looked who is here
	case line != askLine && line != mayLine:
		a.Refuse("it speaks another version of the handover")
	case stranger && !proves(proof, a.conn, askPriority):
		a.Refuse("it hands over to root, to its own user and to who has CAP_NET_RAW or CAP_NET_ADMIN here")
	default:
		a.question = line == mayLine
		d.asked(a)
	}
}

// close ends all that is talked of; what was given is still read.
func (d *desk) close() {
	d.mu.Lock()
	d.closed = true
	for a := range d.open {
		if !a.given {
			_ = a.conn.Close()
		}
	}
	d.mu.Unlock()
	d.running.Wait()
}

// Refuse says why the link is not handed over, and ends the talk.
func (a *Ask) Refuse(why string) {
	why = printable(why)
	limit(a.conn, askTime)
	_, _ = fmt.Fprintf(a.conn, "refused %s\n", why[:min(len(why), maxLine/2)])
	a.Close()
}

// IsQuestion says that the process only wants to know whether it would get the link:
// the wish must come to Refuse or Allow.
func (a *Ask) IsQuestion() bool { return a.question }

// Allow answers a question: the link would be handed over. It ends the talk.
func (a *Ask) Allow() {
	limit(a.conn, askTime)
	_, _ = io.WriteString(a.conn, mightGet)
	a.Close()
}

// Give hands the link over with what, which may be empty. The claim is to be
// closed then, and after that a. An error says that the peer may not have got it.
func (a *Ask) Give(what []byte) error {
	a.desk.mu.Lock()
	gone := a.desk.closed
	a.given = true
	a.desk.mu.Unlock()
	if gone {
		return os.ErrClosed
	}
	limit(a.conn, giveTime)
	err := sendProof(a.conn, fmt.Sprintf("yours %d\n", len(what)), givePriority)
	if err == nil {
		_, err = a.conn.Write(what)
	}
	if err != nil {
		return fmt.Errorf("hand over to process %d: %w", a.PID, err)
	}
	return nil
}

// Close ends the talk. Closing twice is harmless.
func (a *Ask) Close() {
	_ = a.conn.Close()
	a.desk.mu.Lock()
	delete(a.desk.open, a)
	a.desk.mu.Unlock()
}

// limit is how long what is said and heard on a connection from now on may take.
func limit(conn *os.File, d time.Duration) { _ = conn.SetDeadline(time.Now().Add(d)) }

// overflowUID is what the kernel says of a user that has no number in our user
// namespace (user_namespaces(7)): anybody, and not the one that has it.
const overflowUID = 65534

// mayByUser says that a process of that user may end us and have us believe its
// lease: root, and whoever could end us with a signal as well. The kernel has
// noted the user when the connection was made.
func mayByUser(uid uint32) bool {
	return uid == 0 || int(uid) == os.Geteuid() && uid != overflowUID
}

// proves says that fd is the other end of the connection, and that who has it had
// a capability that a client needs where the connection is made, whatever its user:
// it has that priority. Unlike the capabilities of a process, which change when it
// executes another program, that cannot be borrowed. Before Linux 5.14, which
// cannot tell the namespace of a socket, nothing is proved.
func proves(fd int, conn *os.File, priority int) bool {
	if fd < 0 {
		return false
	}
	for opt, want := range map[int]int{
		unix.SO_DOMAIN: unix.AF_UNIX, unix.SO_TYPE: unix.SOCK_STREAM, unix.SO_PRIORITY: priority,
	} {
		if got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, opt); err != nil || got != want {
			return false
		}
	}
	err := onDescriptor(conn, func(own int) error { return areEnds(own, fd) })
	return err == nil
}

var errNoEnds = errors.New("the sockets are not the ends of one connection")

// areEnds says that two sockets are connected to each other. One of them has made
// the connection, by a name of the abstract namespace that callHolder gave it: while
// it is open, no other of this network namespace has that.
func areEnds(a, b int) error {
	var names [2][2]string // own and peer's
	var netns [2]uint64
	for i, fd := range []int{a, b} {
		for j, get := range []func(int) (unix.Sockaddr, error){unix.Getsockname, unix.Getpeername} {
			sa, err := get(fd)
			if err != nil {
				return err
			}
			u, ok := sa.(*unix.SockaddrUnix)
			if !ok || !strings.HasPrefix(u.Name, "@") {
				return errNoEnds
			}
			names[i][j] = u.Name
		}
		var err error
		if netns[i], err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE); err != nil {
			return err
		}
	}
	if netns[0] != netns[1] || names[0][0] != names[1][1] || names[0][1] != names[1][0] || names[0][0] == names[0][1] {
		return errNoEnds
	}
	return nil
}

// itself stands for the socket on which something is sent; none is no descriptor.
const (
	none   = -1
	itself = -2
)

// sendProof sends a line, with a proof where we can have that priority.
func sendProof(f *os.File, line string, priority int) error {
	proof := itself
	err := onDescriptor(f, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, priority)
	})
	if err != nil {
		proof = none // our user may be enough
	}
	return sendLine(f, line, proof)
}

// sendLine sends a line with a descriptor, itself or none.
func sendLine(f *os.File, line string, fd int) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	sent := 0
	werr := raw.Write(func(to uintptr) bool {
		var rights []byte
		switch {
		case fd == itself:
			rights = unix.UnixRights(int(to))
		case fd >= 0:
			rights = unix.UnixRights(fd)
		}
		sent, err = unix.SendmsgN(int(to), []byte(line), rights, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		return !errors.Is(err, unix.EAGAIN)
	})
	switch {
	case werr != nil:
		return werr
	case err == nil && sent < len(line):
		return errors.New("the line was cut") // a socket with no room for it is not ours
	}
	return err
}

// readLine reads a line of longest octets at most, with its end, and what has come
// with it: what is behind it, and a descriptor, -1 for none, which is the
// caller's to close whatever the error is.
func readLine(f *os.File, longest int) (line string, rest []byte, fd int, err error) {
	buf := make([]byte, 0, maxLine)
	for fd = -1; ; {
		n, passed, err := receive(f, buf[len(buf):cap(buf)])
		switch {
		case fd < 0:
			fd = passed
		case passed >= 0:
			_ = unix.Close(passed)
		}
		if err != nil {
			return "", nil, fd, err
		}
		buf = buf[:len(buf)+n]
		if i := strings.IndexByte(string(buf), '\n'); i >= 0 && i < longest {
			return string(buf[:i+1]), buf[i+1:], fd, nil
		} else if i >= 0 || len(buf) >= longest {
			return "", nil, fd, errors.New("a line that is too long")
		}
	}
}

// receive reads what has come, and one descriptor that came with it, -1 for none.
func receive(f *os.File, p []byte) (n, fd int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, -1, err
	}
	oob, oobn := make([]byte, unix.CmsgSpace(4)), 0
	rerr := raw.Read(func(from uintptr) bool {
		n, oobn, _, _, err = unix.Recvmsg(int(from), p, oob, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
	})
	switch {
	case rerr != nil:
		return 0, -1, rerr
	case err != nil:
		return 0, -1, err
	}
	fd = passedIn(oob[:oobn])
	if n == 0 {
		return 0, fd, errHungUp
	}
	return n, fd, nil
}

var errHungUp = errors.New("the peer has hung up")

// passedIn is the first descriptor in a control message; others are closed.
func passedIn(oob []byte) int {
	first := -1
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return first
	}
	for i := range msgs {
		fds, _ := unix.ParseUnixRights(&msgs[i]) // what is another message has none
		for _, fd := range fds {
			if first < 0 {
				first = fd
			} else {
				_ = unix.Close(fd)
			}
		}
	}
	return first
}

// onDescriptor calls f with the descriptor of a file.
func onDescriptor(file *os.File, f func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	cerr := raw.Control(func(fd uintptr) { err = f(int(fd)) })
	return errors.Join(cerr, err)
}

// printable is s in one line that moves no terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
