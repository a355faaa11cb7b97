package daemon

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/poll"
)

// A Child is the process that Launch started. The methods may be called on nil,
// which is every other process, and from any goroutine.
type Child struct {
	mu   sync.Mutex
	sock int // -1 when the first process has its answer
	// watch tells of the end of the first process.
	watch *poll.Registration
}

// Inherited is the Child that this process is, nil for none. The first call
// takes the mark out of the environment: programs that we run shall not find it.
var Inherited = sync.OnceValue(func() *Child {
	mark := os.Getenv(childEnv)
	if mark == "" {
		return nil
	}
	_ = os.Unsetenv(childEnv)
	kind, err := unix.GetsockoptInt(childFD, unix.SOL_SOCKET, unix.SO_TYPE)
	if mark != strconv.Itoa(childFD) || err != nil || kind != unix.SOCK_SEQPACKET {
		return nil // somebody else's variable, somebody else's descriptor
	}
	unix.CloseOnExec(childFD)
	takeName()
	return &Child{sock: childFD}
})

// Waiting says that the first process still waits for Ready or End.
func (c *Child) Waiting() bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sock >= 0
}

// Watch calls lost, in a goroutine of its own, if the first process ends before
// it has its answer.
func (c *Child) Watch(lost func()) error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sock < 0 || c.watch != nil {
		return nil
	}
	var once sync.Once
	var err error
	c.watch, err = poll.Register(c.sock, func() {
		// There is nothing to read but the end, and that for ever.
		once.Do(func() {
			go func() {
				c.stopWatch()
				lost()
			}()
		})
	})
	if err != nil {
		return fmt.Errorf("watch the process in the foreground: %w", err)
	}
	return nil
}

func (c *Child) stopWatch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watch != nil {
		c.watch.Close()
		c.watch = nil
	}
}

// ErrAlone says that the first process ended without waiting for its answer, as
// one that was killed: then the second ends too.
var ErrAlone = errors.New("the process in the foreground has ended")

// Ready leaves the terminal, the working directory and standard input, output
// and error, and lets the first process end with exit code 0. With keepFiles,
// output and error that are regular files stay: nobody waits for the end of
// those. It returns when the first process knows. The error is ErrAlone, or says
// what could not be left; that of a second call is nil.
func (c *Child) Ready(keepFiles bool) error {
	if !c.Waiting() {
		return nil
	}
	// All this before the answer: who started us may look at once.
	left := errors.Join(leaveDir(), leaveStdio(keepFiles))
	return errors.Join(c.answer(0), left)
}

// End tells the first process, if that waits, the exit code to end with.
func (c *Child) End(code int) {
	if c.Waiting() {
		_ = c.answer(byte(code)) // a process that is not there needs none
	}
}

// answerLimit is how long the first process may take to hear: it may be stopped
// by its terminal.
const answerLimit = 2 * time.Second

func (c *Child) answer(code byte) error {
	c.stopWatch()
	c.mu.Lock()
	sock := c.sock
	c.sock = -1
	c.mu.Unlock()
	if sock < 0 {
		return nil
	}
	defer func() { _ = unix.Close(sock) }()
	if err := unix.Send(sock, []byte{code}, unix.MSG_NOSIGNAL); err != nil {
		return ErrAlone
	}
	if code == 0 {
		awaitEnd(sock)
	}
	return nil
}

// awaitEnd waits until the first process has closed its end of the socket: it
// has told systemd about us then.
func awaitEnd(sock int) {
	for limit := time.Now().Add(answerLimit); ; {
		left := time.Until(limit)
		if left <= 0 {
			return
		}
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(sock), Events: unix.POLLIN}}, int(left/time.Millisecond)+1)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

func leaveDir() error {
	if err := os.Chdir("/"); err != nil {
		return fmt.Errorf("leave the working directory: %w", err)
	}
	return nil
}
