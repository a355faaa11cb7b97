package dhclient

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/isc"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// TestStore_OnAMountOfItsOwn: a container has its lease file from the host, and
// nothing can take its name.
func TestStore_OnAMountOfItsOwn(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	dir := t.TempDir()
	host, path := filepath.Join(dir, "host"), filepath.Join(dir, "leases")
	for _, name := range []string{host, path} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mount(host, path, "", syscall.MS_BIND, ""); err != nil {
		t.Fatalf("mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(path, syscall.MNT_DETACH) })
	s, err := isc.NewStore(isc.StoreConfig{Path: path, Interface: "eth0"})
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{"10.0.0.5", "10.0.0.6"} {
		l := &lease.Lease{
			Address: netip.MustParseAddr(addr), Start: lease.Now(), Valid: time.Hour, T1: 30 * time.Minute, T2: 50 * time.Minute,
		}
		if err := s.Save(context.Background(), l); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Load(context.Background()); err != nil || got == nil || got.Address != l.Address {
			t.Fatalf("loaded %+v, %v", got, err)
		}
	}
	b, err := os.ReadFile(host)
	if err != nil || strings.Count(string(b), "lease {") != 2 {
		t.Errorf("the host's file, %v:\n%s", err, b)
	}
	if err := s.Save(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(host); err != nil || len(b) != 0 {
		t.Errorf("after forgetting, %v:\n%s", err, b)
	}
}
