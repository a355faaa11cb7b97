package netcfg

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// loopbackAddresses is what the loopback link has, once it is up.
func (b *bench) loopbackAddresses(t *testing.T) string {
	t.Helper()
	return b.IP(t, "-4", "-o", "addr", "show", "dev", "lo", "up")
}

func TestLoopbackUp(t *testing.T) {
	b := newBench(t)
	b.IP(t, "link", "set", "dev", "lo", "down")
	for range 2 {
		must(t, b.handle.LoopbackUp())
		if got := b.loopbackAddresses(t); !strings.Contains(got, "127.0.0.1/8") {
			t.Errorf("lo has %q", got)
		}
	}
}

// Whatever it is called, it is the loopback link.
func TestLoopbackUp_Renamed(t *testing.T) {
	b := newBench(t)
	b.IP(t, "link", "set", "dev", "lo", "down")
	b.IP(t, "link", "set", "dev", "lo", "name", "local")
	b.IP(t, "link", "set", "dev", "eth0", "down")
	b.IP(t, "link", "set", "dev", "eth0", "name", "lo")
	must(t, b.handle.LoopbackUp())
	if got := b.IP(t, "-o", "link", "show", "up"); !strings.Contains(got, "local") || strings.Contains(got, "ether") {
		t.Errorf("up are %q", got)
	}
}

// Without CAP_NET_ADMIN it fails only where it is down.
func TestLoopbackUp_WithoutTheRight(t *testing.T) {
	b := newBench(t)
	unprivileged := func() (err error) {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			runtime.LockOSThread() // for ever: the thread ends with its rights
			if err = dropAll(); err != nil {
				t.Errorf("drop capabilities: %v", err)
				return
			}
			err = b.handle.LoopbackUp()
		}()
		<-ended
		return err
	}
	if err := unprivileged(); err != nil {
		t.Errorf("it is up: %v", err)
	}
	b.IP(t, "link", "set", "dev", "lo", "down")
	if err := unprivileged(); !errors.Is(err, unix.EPERM) {
		t.Errorf("it is down: %v", err)
	}
}

// dropAll leaves the calling thread without an effective capability.
func dropAll() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return unix.Capset(&header, &none[0])
}
