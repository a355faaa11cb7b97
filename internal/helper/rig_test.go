package helper

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// A hooked is a script that writes down how it is run, and the configuration
// for it.
type hooked struct {
	dir string
	cfg hook.Config
}

// hooks makes one; lines are what it does, where $1 or $reason say what happens,
// and $D is a directory of the test.
func hooks(t testing.TB, d hook.Dialect, lines ...string) *hooked {
	t.Helper()
	dir := t.TempDir()
	first := []string{"D=" + dir, `echo "$reason$1$DHCLIENT_GO_EVENT" >>$D/events`}
	path := program(t, append(first, lines...)...)
	return &hooked{dir, hook.Config{Programs: []string{path}, Dialect: d, Configures: d != hook.JSON}}
}

// on is the configuration for a link.
func (k *hooked) on(link string) hook.Config {
	cfg := k.cfg
	cfg.Interface = link
	return cfg
}

// file is what the script has written.
func (k *hooked) file(name string) string { return text(filepath.Join(k.dir, name)) }

// events are what it was told, in a line.
func (k *hooked) events() string { return strings.Join(strings.Fields(k.file("events")), " ") }

// open opens the scripts of a link.
func open(t testing.TB, h *Helper, cfg hook.Config) Script {
	t.Helper()
	s, err := h.Script(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sample is a lease of 10.9.0.X.
func sample(t testing.TB, last byte) *lease.Lease {
	t.Helper()
	l, err := client.LeaseFromOptions(netip.AddrFrom4([4]byte{10, 9, 0, last}), map[uint8][]byte{
		1: {255, 255, 255, 0}, 3: {10, 9, 0, 1}, 6: {10, 9, 0, 1, 10, 9, 0, 2}, 15: []byte("example.org"), 12: []byte("box"),
		26: {5, 120}, 51: {0, 0, 14, 16}, 53: {5}, 54: {10, 9, 0, 1}, 58: {0, 0, 7, 8}, 59: {0, 0, 12, 78}, 119: []byte("\x03lab\x07example\x03org\x00"), 245: {1, 2, 3},
	})
	if err != nil {
		t.Fatal(err)
	}
	l.Start = lease.Now()
	return l
}

// apply applies a lease, nil for none.
func apply(t testing.TB, c client.Configurator, next *lease.Lease, prev ...*lease.Lease) {
	t.Helper()
	if err := c.Apply(soon(t), next, prev); err != nil {
		t.Fatal(err)
	}
}

// A resolving is the configuration of a resolver that writes a file of the test.
func resolving(t testing.TB) (cfg *netcfg.ResolverConfig, path string) {
	dir := t.TempDir()
	path = filepath.Join(dir, "resolv.conf")
	if err := os.WriteFile(path, []byte("nameserver 192.0.2.53\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return &netcfg.ResolverConfig{Path: path, StateDir: filepath.Join(dir, "state")}, path
}

// resolver opens that of a link.
func resolver(t testing.TB, h *Helper, cfg *netcfg.ResolverConfig, link string) client.Configurator {
	t.Helper()
	on := *cfg
	on.Interface, on.Metric = link, 100
	r, err := h.Resolver(on)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// number waits for a file that holds the number of a process.
func number(t testing.TB, path string) (pid int) {
	t.Helper()
	eventually(t, "number of a process in "+filepath.Base(path), func() bool {
		n, _ := fmt.Sscan(text(path), &pid)
		return n == 1 && pid > 1
	})
	return pid
}

// gone waits for the end of a process.
func gone(t testing.TB, pid int) {
	t.Helper()
	eventually(t, fmt.Sprintf("end of process %d", pid), func() bool { return !runs(pid) })
}

// within fails the test if f takes longer.
func within(t testing.TB, limit time.Duration, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("it takes longer than %v", limit)
	}
}
