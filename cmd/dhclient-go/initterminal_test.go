package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo-terminal (pty(7)): what is written to near is typed.
func terminal(t *testing.T) (near, far *os.File) {
	t.Helper()
	near, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = near.Close() })
	n, err := unix.IoctlGetInt(int(near.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(near.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		far, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	return near, far
}

// countsSignals is a program that writes a line for each signal, until SIGTERM: a
// shell makes one of two.
func countsSignals() {
	log, err := os.OpenFile(os.Args[1], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		os.Exit(1)
	}
	ch := make(chan os.Signal, 9)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGTERM)
	for sig := os.Signal(nil); sig != syscall.SIGTERM; sig = <-ch {
		if sig == nil {
			fmt.Fprintln(log, "ready")
		} else {
			fmt.Fprintln(log, sig)
		}
	}
	fmt.Fprintln(log, "terminated")
	os.Exit(9)
}

// What is typed at a terminal goes to all processes in its foreground, so to the
// program of init: it gets it once.
func TestInit_TypedSignalsComeOnce(t *testing.T) {
	s := newStage(t, nil)
	near, far := terminal(t)
	program, err := exec.LookPath("counts-signals")
	if err != nil {
		t.Fatal(err)
	}
	cmd := s.Command(t.Context(), "dhclient-go", "init", "--lease-dir", s.path("leases.d"), "--no-dns", "--control-dir", "", "--acd=off", "eth0", "--", program, s.path("program.log"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = far, far, far
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = far.Close()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	waitFor(t, "the program", func() bool { return strings.Contains(s.read("program.log"), "ready") })
	for n := 1; n <= 2; n++ {
		if _, err := near.Write([]byte{3}); err != nil { // Ctrl-C
			t.Fatal(err)
		}
		waitFor(t, "its signal", func() bool { return strings.Count(s.read("program.log"), "interrupt") >= n })
		// What is handed on comes in order: behind this one is none of them.
		if err := cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the next signal", func() bool { return strings.Count(s.read("program.log"), "user") >= n })
		if got := strings.Count(s.read("program.log"), "interrupt"); got != n {
			t.Errorf("typed %d times, it has come %d times", n, got)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the end of the program", func() bool { return strings.HasSuffix(s.read("program.log"), "terminated\n") })
}
