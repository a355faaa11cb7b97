package helper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ErrLost says that the helper has ended before it had done what was asked.
var ErrLost = errors.New("the helper process has ended")

var (
	errFull   = errors.New("the helper process takes nothing more")
	errSilent = errors.New("the helper process does not answer")
)

const (
	// maxWaiting is how many messages may wait until the helper reads them.
	maxWaiting = 1024
	// lateLimit is how long after it was told to stop something the helper may
	// take to end it: programs have 2 s for that, and a resolver 5 s.
	lateLimit = 10 * time.Second
	// goneLimit is how long it may take to end when it has closed its socket.
	goneLimit = 2 * time.Second
)

// A Helper is the first process's view of the helper. Its methods may be called
// from any goroutine.
type Helper struct {
	cfg Config
	log *slog.Logger
	// pidfd is -1 before Linux 5.2.
	pid, pidfd int
	sock       *os.File
	// path is what is executed and theirs its end of the socket, which once does.
	path   string
	theirs int
	once   func() error
	// done is closed when the helper is gone.
	done chan struct{}

	mu sync.Mutex
	// outbox waits to be written, and writing says that a goroutine does.
	outbox  [][]byte
	writing bool
	// calls wait for answers, by their numbers, of which last was the last.
	calls map[uint64]*call
	last  uint64
	// reaped says that the number of the process may be another's.
	reaped bool
	// lost says that nothing comes any more, closing that nothing is wanted.
	lost, closing bool
	// links are those that were opened by name, and lastLink is the number of the
	// last of all.
	links    map[string]*Scope
	lastLink uint32
	// ran says that the program was run.
	ran bool
}

// A call is a request that waits.
type call struct {
	answers chan *answer // has room for all that may come
}

// PID is the helper's number, 0 before Execute. It may be another process's when Done is closed.
func (h *Helper) PID() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.pid
}

// Done is closed when the helper has ended.
func (h *Helper) Done() <-chan struct{} { return h.done }

// Close has the helper end what it runs, as the end of this process would, and
// waits for its own end. After limit it is killed.
func (h *Helper) Close(limit time.Duration) {
	h.mu.Lock()
	first := !h.closing
	h.closing = true
	if first && !h.writing {
		h.hangUp()
	}
	h.mu.Unlock()
	_ = h.once() // if it was not executed it never is
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-h.done:
		return
	case <-t.C:
		h.log.Warn("the helper process did not end, and was killed", "within", limit)
	}
	h.kill()
	_ = h.sock.Close()
	t.Reset(goneLimit)
	select {
	case <-h.done:
	case <-t.C: // the kernel keeps it: a disk, or a file server
	}
}

// hangUp lets the helper read the end. It still answers.
func (h *Helper) hangUp() {
	if c, err := h.sock.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_WR) })
	}
}

// post sends a message, in the order of the calls. It does not wait.
func (h *Helper) post(message []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.lost || h.closing:
		return ErrLost
	case len(h.outbox) >= maxWaiting:
		return errFull
	}
	h.outbox = append(h.outbox, message)
	if !h.writing {
		h.writing = true
		go h.write()
	}
	return nil
}

// write writes what waits.
func (h *Helper) write() {
	for {
		h.mu.Lock()
		if len(h.outbox) == 0 || h.lost {
			h.writing, h.outbox = false, nil
			if h.closing {
				h.hangUp()
			}
			h.mu.Unlock()
			return
		}
		message := h.outbox[0]
		h.outbox = h.outbox[1:]
		h.mu.Unlock()
		// An error is the end of the helper, which listen hears of.
		_, _ = h.sock.Write(message)
	}
}

// begin sends a request that is answered up to n times. The call ends with end.
func (h *Helper) begin(r *request, n int) (*call, error) {
	c := &call{make(chan *answer, n)}
	h.mu.Lock()
	h.last++
	r.ID = h.last
	if !h.lost {
		h.calls[r.ID] = c
	}
	h.mu.Unlock()
	message, err := frame(r, maxMessage)
	if err == nil {
		err = h.post(message)
	}
	if err != nil {
		h.end(r.ID)
		return nil, err
	}
	return c, nil
}

func (h *Helper) end(id uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.calls, id)
}

// tell sends a request that has no answer. That the helper does not hear it is
// no news: whoever waits for something of it is told.
func (h *Helper) tell(r *request) error {
	message, err := frame(r, maxMessage)
	if err != nil {
		return err
	}
	return h.post(message)
}

// ask sends a request and returns its answer. When ctx ends the helper is told
// to end what it does for it, and waited for: what comes next may rely on that.
func (h *Helper) ask(ctx context.Context, r *request) (*answer, error) {
	c, err := h.begin(r, 1)
	if err != nil {
		return nil, err
	}
	defer h.end(r.ID)
	select {
	case a := <-c.answers:
		return a, a.Failed.err()
	case <-h.done:
		return c.last()
	case <-ctx.Done():
	}
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		_ = h.tell(&request{Op: opCancel, ID: r.ID})
	} // else it has had the limit, and ends by itself
	t := time.NewTimer(lateLimit)
	defer t.Stop()
	select {
	case a := <-c.answers:
		return a, a.Failed.err()
	case <-h.done:
		return c.last()
	case <-t.C:
		return nil, fmt.Errorf("%w: %w", errSilent, context.Cause(ctx))
	}
}

// last is what came before the helper's end.
func (c *call) last() (*answer, error) {
	select {
	case a := <-c.answers:
		return a, a.Failed.err()
	default:
		return nil, ErrLost
	}
}

// listen reads what the helper says until it ends.
func (h *Helper) listen() {
	var err error
	for err == nil {
		a := &answer{}
		if err = read(h.sock, maxMessage, a); err == nil {
			err = h.take(a)
		}
	}
	h.mu.Lock()
	h.lost = true
	h.mu.Unlock()
	_ = h.sock.Close()
	if !errors.Is(err, io.EOF) {
		h.kill() // it says what it must not
	}
	status := h.reap()
	h.mu.Lock()
	wanted := h.closing
	h.mu.Unlock()
	if !wanted {
		h.log.Error("the helper process has ended: what it did for us is not done any more", "why", ending(status, err))
	}
	close(h.done)
}

// take hands an answer to whom it is for.
func (h *Helper) take(a *answer) error {
	if a.Log != nil {
		a.Log.replay(h.log)
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.calls[a.ID]
	if c == nil {
		return nil // nobody waits any more
	}
	select {
	case c.answers <- a:
		return nil
	default:
		return fmt.Errorf("an answer too many, to request %d", a.ID)
	}
}

// reap waits for the end of the process, which has closed its socket or said
// what it must not. Whoever reaps all of a process 1 may have been faster.
func (h *Helper) reap() unix.WaitStatus {
	t := time.AfterFunc(goneLimit, h.kill)
	defer t.Stop()
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(h.pid, &status, 0, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pidfd >= 0 {
		_ = unix.Close(h.pidfd)
	}
	h.pidfd, h.reaped = -1, true
	return status
}

// kill ends the helper at once.
func (h *Helper) kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.pidfd >= 0:
		killByHandle(h.pid, h.pidfd)
	case !h.reaped:
		_ = unix.Kill(h.pid, unix.SIGKILL)
	}
}

// ending says how the helper has ended.
func ending(status unix.WaitStatus, err error) string {
	switch {
	case status.Signaled():
		return fmt.Sprintf("signal %d (%v)", int(status.Signal()), status.Signal())
	case status.ExitStatus() > 0:
		return fmt.Sprintf("exit code %d", status.ExitStatus())
	}
	return err.Error()
}
