package attach

import (
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/cni"
)

// That there are no descriptors left for a moment is no reason to forget a container.
func TestLoad_WithoutDescriptors(t *testing.T) {
	const path = "/proc/self/ns/net"
	ns, err := cni.OpenNetns(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var all []file
	for _, container := range []string{"c1", "c2", "c3"} {
		key := cni.Attachment{Network: "lan", Container: container, Interface: "eth0"}
		r := &record{Version: recordVersion, ID: ns.ID(), Boot: lease.BootID(), Link: key.Interface, Granted: netip.MustParseAddr("192.0.2.10"),
			Request: cni.Request{Version: cni.Version, Command: cni.Add, Attachment: key, Netns: path, Limit: patience}}
		f := fileFor(dir, key)
		if err := f.save(r); err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	ns.Close()
	k := New(Config{Dir: dir})
	withOneDescriptor(t, func() { err = k.Load() })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, old := range k.kept {
			old.ns.Close()
		}
	}()
	if len(k.kept) != 1 {
		t.Errorf("%d were read: the test tests nothing", len(k.kept))
	}
	for _, f := range all {
		if _, err := os.Stat(f.path()); err != nil {
			t.Error(err)
		}
	}
}

// withOneDescriptor calls f with room for one more descriptor.
func withOneDescriptor(t *testing.T, f func()) {
	t.Helper()
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(fd) // the lowest that is free
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	few := was
	few.Cur = uint64(fd) + 1
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
			t.Error(err)
		}
	}()
	f()
}
