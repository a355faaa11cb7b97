package rawudp

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// try opens a Conn in ns, and closes it again.
func try(t *testing.T, ns *nettest.NS, link lease.LinkState) (err error) {
	t.Helper()
	ns.Do(t, func() {
		var c *Conn
		if c, err = Open(Config{Link: link}, func([]byte, netip.Addr) {}); err == nil {
			mustBe(t, "close", c.Close(), nil)
		}
	})
	return err
}

// A link has one client, and a second is told which process that is: as often
// as it asks, and for as long as the first is open.
func TestOpen_LinkHasOneClient(t *testing.T) {
	r := newRig(t)
	link := r.link(t)
	c := r.openWith(t, link, func([]byte, netip.Addr) {})
	for range 20 { // more than wait for an accept
		var held *HeldError
		if err := try(t, r.near, link); !errors.As(err, &held) || held.PID != os.Getpid() {
			t.Fatalf("a second client: %v, want it refused because of process %d", err, os.Getpid())
		}
		if own := filepath.Base(os.Args[0]); held.Name == "" || !strings.HasPrefix(own, held.Name) {
			t.Fatalf("held by %q, want %q", held.Name, own)
		}
	}
	other := link
	other.Index++
	mustBe(t, "a client of the link with this index in another namespace", try(t, r.there, link), nil)
	mustBe(t, "a client of another link", try(t, r.near, other), unix.ENODEV)
	mustBe(t, "close", c.Close(), nil)
	mustBe(t, "a client after the first", try(t, r.near, link), nil)
}

// A claim goes with the link: the one that was made anew is claimed, the old
// index is free. Where the socket would stand in another namespace, nothing
// changes.
func TestFollow_TakesTheClaimAlong(t *testing.T) {
	r := newRig(t)
	before := r.link(t)
	c := r.openWith(t, before, func([]byte, netip.Addr) {})
	r.near.IP(t, "link", "delete", "eth0")
	nettest.Veth(t, r.near, "eth1", r.there, "eth1")
	r.cable(t)
	after := r.link(t)
	if after.Index == before.Index {
		t.Fatalf("the new link has the old index %d", after.Index)
	}
	mustBe(t, "follow elsewhere", c.Follow(after.Index, ourMAC[:]), nil)
	mustBe(t, "a client of the new link", try(t, r.near, after), nil)
	r.near.Do(t, func() {
		for range 2 {
			mustBe(t, "follow", c.Follow(after.Index, ourMAC[:]), nil)
		}
	})
	if err := try(t, r.near, after); !errors.As(err, new(*HeldError)) {
		t.Errorf("a second client of the new link: %v, want it refused", err)
	}
	mustBe(t, "a client of the old index", try(t, r.near, before), unix.ENODEV)
	if log := r.log.String(); strings.Contains(log, "second client") {
		t.Errorf("log: %s", log)
	}
	mustBe(t, "close", c.Close(), nil)
	mustBe(t, "a client after the first", try(t, r.near, after), nil)
}

// The name of a claim is open to everybody: whoever could not run a client
// cannot keep one off the link with it.
func TestOpen_StrangerHasTheName(t *testing.T) {
	r := newRig(t)
	link := r.link(t)
	fd := -1
	r.near.Do(t, func() {
		var err error
		asUser(t, 1, func() { fd, err = listenUnix(claimName(link.Index)) })
		if err != nil {
			t.Fatal(err)
		}
	})
	defer unix.Close(fd)
	c := r.openWith(t, link, func([]byte, netip.Addr) {})
	if log := r.log.String(); !strings.Contains(log, "another user") {
		t.Errorf("log: %q", log)
	}
	mustBe(t, "close", c.Close(), nil)
}

// asUser runs f with the rights of uid, which this thread alone has meanwhile.
func asUser(t *testing.T, uid uintptr, f func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const same = ^uintptr(0)
	switch _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, same, uid, same); errno {
	case 0:
	case unix.EINVAL:
		t.Skip("there is no other user in this user namespace")
	default:
		t.Fatal(errno)
	}
	defer unix.RawSyscall(unix.SYS_SETRESUID, same, 0, same)
	f()
}

func listenUnix(name *unix.SockaddrUnix) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	return fd, errors.Join(unix.Bind(fd, name), unix.Listen(fd, 1))
}
