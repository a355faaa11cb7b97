package rawudp

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// An Inheritance is what the process has left from which a Conn has taken its
// link over.
type Inheritance struct {
	// PID and Name are that process, as in a HeldError.
	PID  int
	Name string
	// Document is what it gave, as client/lease encodes a lease; empty for
	// none. It was checked for its length only.
	Document []byte
}

// answerTime is how long a holder may take to stop, which may wait for the kernel,
// for a resolver and for a disk; replaced in tests.
var answerTime = 10 * time.Second

// freeTime is how long it may take then to close its claim, which it has given the
// lease away for: who leaves it alone too early has a link that nobody serves. An
// agent may have many to end. Replaced in tests.
var freeTime = 10 * time.Second

// takeOver claims the link, and asks who has it to leave it to us. Who comes
// between the two has it: the error is a *HeldError then, as where a client of
// another kind serves the link too, which cannot be asked.
func (c *Conn) takeOver(link lease.LinkState) error {
	err := c.openClaim()
	var held *HeldError
	free := !errors.As(err, &held)
	if free && err != nil {
		return err
	}
	holder := 0
	if !free {
		holder = held.PID
	}
	if other := rival(link, c.ports.client, holder); other != nil {
		return other
	}
	if free {
		return nil
	}
	c.inherited, err = c.ask(c.index)
	if err != nil && !errors.Is(err, unix.ECONNREFUSED) {
		return err
	}
	return c.openClaim() // if it was refused, the holder has just ended
}

// ask asks the holder of the link with that index.
func (c *Conn) ask(index int) (*Inheritance, error) {
	conn, cred, err := callHolder(index)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	held := &HeldError{PID: int(cred.Pid), Name: command(int(cred.Pid))}
	limit(conn, answerTime)
	if err := sendProof(conn, askLine, askPriority); err != nil {
		return nil, held.because(err)
	}
	line, rest, proof, err := readLine(conn, maxLine)
	proven := err == nil && proves(proof, conn, givePriority)
	if proof >= 0 {
		// Now: it is the holder's end, which is not closed for us while we have it.
		_ = unix.Close(proof)
	}
	if err != nil {
		return nil, held.because(err)
	}
	if why, ok := strings.CutPrefix(line, refusal); ok {
		return nil, held.refuses(why)
	}
	if !mayByUser(cred.Uid) && !proven {
		held.Why = "is another user's, and shows no right to serve a link"
		return nil, held
	}
	got := &Inheritance{PID: held.PID, Name: held.Name}
	if got.Document, err = readDocument(conn, line, rest); err != nil {
		return nil, held.because(err)
	}
	limit(conn, freeTime)
	_, _ = io.CopyN(io.Discard, conn, 1) // until it has closed its claim
	return got, nil
}

// MayTakeOver says whether a Conn that takes over would get the link as things are
// now, and changes nothing; port is Config.ClientPort. It is called in the link's
// network namespace, and the error is a *HeldError.
func MayTakeOver(link lease.LinkState, port uint16) error {
	conn, cred, err := callHolder(link.Index)
	pid := 0
	if err == nil {
		defer func() { _ = conn.Close() }()
		pid = int(cred.Pid)
	}
	if other := rival(link, cmp.Or(port, clientPort), pid); other != nil {
		return other
	}
	if errors.Is(err, unix.ECONNREFUSED) {
		return nil // nobody has it
	}
	if err != nil {
		return err
	}
	held := &HeldError{PID: pid, Name: command(pid)}
	limit(conn, answerTime)
	if err := sendProof(conn, mayLine, askPriority); err != nil {
		return held.because(err)
	}
	line, _, proof, err := readLine(conn, maxLine)
	if proof >= 0 {
		_ = unix.Close(proof)
	}
	why, refused := strings.CutPrefix(line, refusal)
	switch {
	case err != nil:
		return held.because(err)
	case refused:
		return held.refuses(why)
	case line != mightGet:
		return held.because(fmt.Errorf("its answer %.40q has no meaning", printable(line)))
	}
	return nil
}

// refusal begins the line of a holder that keeps the link.
const refusal = "refused "

// refuses is the error that the holder has said no, and why.
func (e *HeldError) refuses(why string) *HeldError {
	e.Why = "keeps the link: " + printable(strings.TrimSuffix(why, "\n"))
	return e
}

// because is the error that the holder did not answer as it should.
func (e *HeldError) because(err error) *HeldError {
	switch {
	case errors.Is(err, errHungUp), errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
		e.Why = "hands the link over to nobody: stop it first"
	case errors.Is(err, os.ErrDeadlineExceeded):
		e.Why = fmt.Sprintf("has the link, and has not answered within %v", answerTime)
	default:
		e.Why = "keeps the link: " + err.Error()
	}
	return e
}

// readDocument reads what follows a line that says how long it is.
func readDocument(conn *os.File, line string, rest []byte) ([]byte, error) {
	length, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "yours ")
	n, err := strconv.ParseUint(length, 10, 31)
	if !ok || err != nil || n > lease.MaxEncoded || len(rest) > int(n) {
		return nil, fmt.Errorf("its answer %.40q has no meaning", printable(line))
	}
	doc := make([]byte, n)
	if _, err := io.ReadFull(conn, doc[copy(doc, rest):]); err != nil {
		return nil, fmt.Errorf("its lease did not come whole: %w", err)
	}
	return doc, nil
}

// callHolder connects to the claim of a link, and says who has it.
func callHolder(index int) (*os.File, *unix.Ucred, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("claim: %w", err)
	}
	// With a name that the kernel chooses: see areEnds.
	if err := unix.Bind(fd, &unix.SockaddrUnix{}); err != nil {
		_ = unix.Close(fd)
		return nil, nil, fmt.Errorf("ask for the link: %w", err)
	}
	err = unix.Connect(fd, claimName(index))
	for try := 0; errors.Is(err, unix.EAGAIN) && try < claimTries; try++ { // asked by many
		time.Sleep(claimPause)
		err = unix.Connect(fd, claimName(index))
	}
	var cred *unix.Ucred
	if err == nil {
		cred, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, nil, fmt.Errorf("ask for the link: %w", err)
	}
	return os.NewFile(uintptr(fd), "claim"), cred, nil
}

// Inherited is what the link was taken over with; nil if it was free.
func (c *Conn) Inherited() *Inheritance { return c.inherited }
