package places_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A bare root has two programs in it and nothing else: no /proc, no /sys, no /dev,
// not even a directory.
type bare struct {
	*site
	dir      string
	out, log output
}

func newBare(t *testing.T) *bare {
	t.Helper()
	nettest.Require(t)
	b := &bare{site: newSite(t), dir: t.TempDir()}
	for name, program := range programs {
		put(t, filepath.Join(b.dir, name), 0o755, program)
	}
	return b
}

// A process is one that runs in a bare root.
type process struct {
	*exec.Cmd
	done chan struct{}
}

// start starts a program of that root.
func (b *bare) start(t *testing.T, argv ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	p := &process{b.here.Command(ctx, "chroot", append([]string{b.dir}, argv...)...), make(chan struct{})}
	p.Stdout, p.Stderr = &b.out, &b.log
	must(t, p.Start())
	go func() {
		_ = p.Wait() // how it ended is in its state
		close(p.done)
	}()
	t.Cleanup(func() {
		cancel()
		<-p.done
		if t.Failed() {
			t.Logf("%q:\n%s\n%s", argv, &b.out, &b.log)
		}
	})
	return p
}

// ends waits for the end and wants that code.
func (p *process) ends(t *testing.T, code int) {
	t.Helper()
	<-p.done
	if got := p.ProcessState.ExitCode(); got != code {
		t.Errorf("exit code %d, want %d", got, code)
	}
}

// The program of init has its address, and its name servers.
func TestBareRoot_Init(t *testing.T) {
	t.Parallel()
	b := newBare(t)
	p := b.start(t, slices.Concat([]string{"/dhclient-go", "init", "eth0", "--", "/guest"}, look, []string{"list=/proc", "ready", "signal", "exit=7"})...)
	b.out.isReady(t, p.done)
	b.out.has(t, slices.Concat(leased, named, []string{"list: open /proc: no such file or directory"})...)
	must(t, p.Process.Signal(syscall.SIGHUP))
	p.ends(t, 7)
	b.out.has(t, "signal hangup")
	b.isBare(t)
}

// The client alone, as an initramfs calls it: it ends, and the address stays.
func TestBareRoot_Oneshot(t *testing.T) {
	t.Parallel()
	b := newBare(t)
	b.start(t, "/dhclient-go", "--oneshot", "eth0").ends(t, 0)
	b.start(t, append([]string{"/guest"}, look...)...).ends(t, 0)
	b.out.has(t, append(named, "address eth0 192.0.2.10/24")...)
	b.server.WaitLease(t, firstAddr, true)
}

// The client that stays gives back what it has, when it is told to.
func TestBareRoot_Release(t *testing.T) {
	t.Parallel()
	b := newBare(t)
	p := b.start(t, "/dhclient-go", "--on-exit", "release", "eth0")
	eventually(t, "an address", func() bool { return b.has(t, fmt.Sprintf("inet %v/24", firstAddr)) })
	must(t, p.Process.Signal(syscall.SIGTERM))
	p.ends(t, 0)
	b.isBare(t)
}
