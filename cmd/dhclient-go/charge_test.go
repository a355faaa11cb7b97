package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/daemon"
	"github.com/dhclient-go/dhclient-go/internal/helper"
)

// takesOrphan is a program that is left by its helper, a shell, as init is: with the
// program of that, of which it knows the number only by its own children, and which
// ends when it is told to. It ends as that does.
func takesOrphan() {
	c := &charge{ended: make(chan struct{}), adopted: make(chan struct{})}
	_, err := daemon.BuryOrphans(c.buried)
	if err != nil {
		panic(err)
	}
	fifo := os.Args[2]
	lines := map[string]string{
		// The helper dies before its program, which has ended when it is looked
		// for, or has not; or it has buried it.
		"ended": "sh -c 'read -r go; exit 5' <" + fifo + " &",
		"alive": "sh -c 'read -r go; exit 5' <" + fifo + " &",
		"dead":  "sh -c 'exit 5' & echo $! >" + fifo + ".pid; wait $!",
	}
	c.expect()
	sh, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", lines[os.Args[1]] + "\nexit 0"}, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	if err != nil {
		panic(err)
	}
	buried := func(n int) {
		for begin := time.Now(); time.Since(begin) < patience; time.Sleep(time.Millisecond) {
			c.mu.Lock()
			got := len(c.early)
			c.mu.Unlock()
			if got >= n {
				return
			}
		}
		panic("no burial")
	}
	buried(1)
	tell := func() {
		if err := os.WriteFile(fifo, []byte("\n"), 0); err != nil {
			panic(err)
		}
	}
	if os.Args[1] == "ended" {
		tell()
		buried(2)
	}
	pid := c.orphan(sh)
	if os.Args[1] == "dead" {
		b, _ := os.ReadFile(fifo + ".pid")
		if _, err := fmt.Sscan(string(b), &pid); err != nil || c.orphan(sh) != 0 {
			panic("an orphan that is none")
		}
	}
	c.runs((&helper.Helper{}).Orphan(pid))
	if os.Args[1] == "alive" {
		time.AfterFunc(50*time.Millisecond, tell)
	}
	status, err := c.await(pid)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(status.ExitStatus())
}

// A helper that dies with its word of the program, at the beginning or at the end,
// costs at most that it is not known how the program has ended: init ends, and with
// the code of the program where it is the kernel's to say that.
func TestCharge_HelperDies(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("takes-orphan")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"ended": 5, "alive": 5, "dead": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fifo := t.TempDir() + "/fifo"
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(program, name, fifo)
			cmd.WaitDelay = patience
			timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != want {
				t.Errorf("exit code %d, not %d: %s", got, want, out)
			}
			if name == "dead" && !strings.Contains(string(out), "nobody knows how") {
				t.Errorf("it says %q", out)
			}
		})
	}
}
