package helper

import (
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
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

// Start executes the helper and returns: requests wait in the socket until it is
// ready. What it logs goes to log. Of the caller's descriptors it has 0, 1 and 2,
// and its working directory and environment are the caller's. It runs in the
// network namespace of the calling thread.
func Start(cfg Config, log *slog.Logger) (*Helper, error) {
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
	h := &Helper{cfg: cfg, log: log, done: make(chan struct{}), calls: map[uint64]*call{}, links: map[string]uint32{}}
	if err := h.execute(); err != nil {
		return nil, fmt.Errorf("start the helper process: %w", err)
	}
	h.post(first)
	go h.listen()
	return h, nil
}

// execute starts the process.
func (h *Helper) execute() error {
	path, err := daemon.Program()
	if err != nil {
		return err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket pair: %w", err)
	}
	defer func() { _ = unix.Close(pair[1]) }()
	if err = unix.SetNonblock(pair[0], true); err != nil {
		_ = unix.Close(pair[0])
		return fmt.Errorf("socket: %w", err)
	}
	daemon.CloseOnExec()
	h.pidfd = -1
	h.pid, err = syscall.ForkExec(path, []string{helperName}, &syscall.ProcAttr{
		Env:   environ(),
		Files: []uintptr{0, 1, 2, helperFD: uintptr(pair[1])},
		Sys:   &syscall.SysProcAttr{PidFD: &h.pidfd},
	})
	if err != nil {
		_ = unix.Close(pair[0])
		return fmt.Errorf("execute %s: %w", path, err)
	}
	h.sock = os.NewFile(uintptr(pair[0]), "helper") // non-blocking, so it is waited for without a thread
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
