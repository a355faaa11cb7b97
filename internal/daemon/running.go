package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// ErrNotRunning says that a pid file names no process that runs, or one that is
// no DHCP client: the number was left by a process that has long ended.
var ErrNotRunning = errors.New("no DHCP client has that number")

// clients are the names of programs that a pid file of a client may lead to: our
// own, and those that we stand in for.
var clients = []string{"dhclient-go", "dhclient", "udhcpc"}

// RunningPid returns the process that the pid file at path names, if that runs
// and is a DHCP client by its program or by what it is called: a process that
// may be sent a signal. Otherwise the error is ErrNotRunning, fs.ErrNotExist for
// a file that is not there, or what is wrong with the file.
func RunningPid(path string) (int, error) {
	pid, err := readPid(path)
	if err != nil {
		return 0, fmt.Errorf("pid file %q: %w", path, err)
	}
	if pid == 1 || pid == os.Getpid() || !isClient(pid) {
		return 0, fmt.Errorf("pid file %q: %d: %w", path, pid, ErrNotRunning)
	}
	return pid, nil
}

// IsClient says that a process runs, and is a DHCP client by its program or by
// what it is called.
func IsClient(pid int) bool { return isClient(pid) }

func isClient(pid int) bool {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	name, state := status(dir)
	if name == "" || state == 'Z' || state == 'X' {
		return false
	}
	if !isTrusted(dir) {
		return false
	}
	if slices.Contains(clients, name) {
		return true
	}
	// Named otherwise, as by somebody's own link: the program tells.
	exe, err := os.Readlink(filepath.Join(dir, "exe"))
	if err != nil {
		return false
	}
	if slices.Contains(clients, strings.TrimSuffix(filepath.Base(exe), " (deleted)")) {
		return true
	}
	theirs, err := os.Stat(filepath.Join(dir, "exe"))
	if err != nil {
		return false
	}
	ours, err := os.Stat(selfExe)
	return err == nil && os.SameFile(theirs, ours)
}

// isTrusted says that a process is root's or of the user that we are: anybody
// may call a program of his own by our names.
func isTrusted(dir string) bool {
	st, err := os.Stat(dir)
	if err != nil {
		return false
	}
	owner, ok := st.Sys().(*syscall.Stat_t)
	return ok && (owner.Uid == 0 || int(owner.Uid) == os.Geteuid())
}

// status reads what a process is called and the letter of its state, as
// "123 (name) S ...": the name may have any character (proc_pid_stat(5)). It is
// empty for a process that is not there.
func status(dir string) (name string, state byte) {
	file, err := os.Open(filepath.Join(dir, "stat"))
	if err != nil {
		return "", 0
	}
	defer func() { _ = file.Close() }()
	b, _ := io.ReadAll(io.LimitReader(file, 4096))
	from, to := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if from < 0 || to < from || len(b) < to+3 {
		return "", 0
	}
	return string(b[from+1 : to]), b[to+2]
}
