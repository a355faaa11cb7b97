package helper

import (
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/daemon"
)

const (
	// helperEnv tells the second process that helperFD is its end of the socket.
	helperEnv = "DHCLIENT_GO_HELPER"
	helperFD  = 3
	// helperName is what ps and pgrep show: not the name of a client, which a
	// script may look for. The kernel has room for 15 octets.
	helperName = "dhclient-helper"
)

// Start is Prepare and Execute.
func Start(cfg Config, log *slog.Logger) (*Helper, error) {
	h, err := Prepare(cfg, log)
	if err != nil {
		return nil, err
	}
	return h, h.Execute()
}

// Prepare makes a helper that is not executed yet: requests wait in its socket.
// What it logs goes to log.
func Prepare(cfg Config, log *slog.Logger) (*Helper, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	w, err := cfg.wire()
	if err != nil {
		return nil, fmt.Errorf("helper: %w", err)
	}
	w.Level = levelOf(log)
	w.Wall, w.Boot = lease.Origin()
	first, err := frame(w, maxConfig)
	if err != nil {
		return nil, fmt.Errorf("helper: %w", err)
	}
	h := &Helper{cfg: cfg, log: log, pidfd: -1, done: make(chan struct{}), calls: map[uint64]*call{}, links: map[string]*Scope{}}
	if err := h.connect(); err != nil {
		return nil, fmt.Errorf("start the helper process: %w", err)
	}
	h.once = sync.OnceValue(h.execute)
	h.post(first)
	return h, nil
}

// connect makes the socket.
func (h *Helper) connect() (err error) {
	if h.path, err = daemon.Program(); err != nil {
		return err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket pair: %w", err)
	}
	if err = unix.SetNonblock(pair[0], true); err != nil {
		_ = unix.Close(pair[0])
		_ = unix.Close(pair[1])
		return fmt.Errorf("socket: %w", err)
	}
	h.sock = os.NewFile(uintptr(pair[0]), "helper") // non-blocking, so it is waited for without a thread
	h.theirs = pair[1]
	return nil
}

// Execute executes the helper, the first time it is called, and does not wait until
// it is ready. Of the caller's descriptors it has 0, 1 and 2, and its working
// directory and environment are the caller's. It runs in the network namespace of
// the calling thread. If it cannot be executed it has ended: that is what requests
// find.
func (h *Helper) Execute() error { return h.once() }

func (h *Helper) execute() error {
	defer func() { _ = unix.Close(h.theirs) }()
	h.mu.Lock()
	err := error(nil)
	if h.closing {
		err = ErrLost // it was closed before
	}
	h.mu.Unlock()
	if err == nil {
		err = h.fork()
	}
	if err != nil {
		h.mu.Lock()
		h.lost = true
		h.mu.Unlock()
		_ = h.sock.Close()
		close(h.done)
		return fmt.Errorf("start the helper process: %w", err)
	}
	go h.listen()
	return nil
}

func (h *Helper) fork() error {
	daemon.CloseOnExec()
	pid, err := syscall.ForkExec(h.path, []string{helperName}, &syscall.ProcAttr{
		Env:   environ(),
		Files: []uintptr{0, 1, 2, helperFD: uintptr(h.theirs)},
		Sys:   &syscall.SysProcAttr{PidFD: &h.pidfd},
	})
	if err != nil {
		return fmt.Errorf("execute %s: %w", h.path, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pid = pid
	return nil
}

// environ is our environment with the mark of the helper.
func environ() []string {
	env := []string{helperEnv + "=" + strconv.Itoa(helperFD)}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, helperEnv+"=") {
			env = append(env, v)
		}
	}
	return env
}
