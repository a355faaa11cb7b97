package main

import (
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// A manager is the socket of a systemd that a unit's process talks to.
type manager struct {
	*net.UnixConn
	path  string
	heard []string
}

func newManager(t *testing.T, s *site) *manager {
	t.Helper()
	m := &manager{path: filepath.Join(s.dir, "notify")}
	var err error
	if m.UnixConn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// hear reads until a message matches.
func (m *manager) hear(t *testing.T, want string) {
	t.Helper()
	if err := m.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 4096); ; {
		n, err := m.Read(b)
		if err != nil {
			t.Fatalf("no %q: %v; heard %q", want, err, m.heard)
		}
		m.heard = append(m.heard, string(b[:n]))
		if regexp.MustCompile("^" + want + "$").Match(b[:n]) {
			return
		}
	}
}

// unsaid fails the test if a message was heard so far.
func (m *manager) unsaid(t *testing.T, text string) {
	t.Helper()
	if all := strings.Join(m.heard, "\n"); strings.Contains(all, text) {
		t.Errorf("%q was said:\n%s", text, all)
	}
}

const statusLine0 = `STATUS=eth0: 192\.0\.0\.5/24 from 192\.0\.0\.1, renews \d\d:\d\d`

// systemd is told of the lease when it is in place and not before, of the state
// in a line, that the client answers, and of the end; the variables that say so
// go no further.
func TestSystemd(t *testing.T) {
	s := newSite(t)
	server := s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	m := newManager(t, s)
	p := s.exec(t, "env", "NOTIFY_SOCKET="+m.path, "WATCHDOG_USEC=400000",
		"dhclient-go", "--no-dns", "--lease-dir", s.dir, "eth0")
	m.hear(t, `STATUS=eth0: no lease \(SELECTING\)`)
	m.hear(t, "WATCHDOG=1")
	waitFor(t, "a DISCOVER", func() bool { return total(server) > 0 })
	m.unsaid(t, "READY")
	if err := server.Configure(func(c *dhcptest.Config) { c.Silent = false }); err != nil {
		t.Fatal(err)
	}
	m.hear(t, "READY=1")
	if addr := s.addresses(t, "eth0"); !strings.Contains(addr, "192.0.0.5/24") {
		t.Errorf("READY=1 with addresses %q", addr)
	}
	if all := strings.Join(m.heard, "\n"); !regexp.MustCompile("(?m)^" + statusLine0 + "$").MatchString(all) {
		m.hear(t, statusLine0)
	}
	m.hear(t, "WATCHDOG=1")
	m.unsaid(t, "STOPPING")
	p.signal(t, syscall.SIGTERM)
	m.hear(t, "STOPPING=1")
	p.exit(t, exitDone)
}

// The process in the background is the one that counts, and says nothing before
// systemd knows it.
func TestSystemd_Background(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	m := newManager(t, s)
	p := s.startBackground(t, "NOTIFY_SOCKET="+m.path+" WATCHDOG_USEC=400000; export NOTIFY_SOCKET WATCHDOG_USEC; "+
		`WATCHDOG_PID=$$ exec dhclient-go -b "$0" "$@"`, "eth0")
	p.exit(t, exitDone)
	pid := s.inBackground(t)
	m.hear(t, "MAINPID="+strconv.Itoa(pid))
	if len(m.heard) != 1 {
		t.Errorf("before that was said: %q", m.heard)
	}
	m.hear(t, "READY=1")
	m.hear(t, "WATCHDOG=1")
	end(t, pid)
	m.hear(t, "STOPPING=1")
}

// A unit that waits for an interface that may never come holds up nobody, unless
// there is a limit.
func TestSystemd_WaitLink(t *testing.T) {
	s := newSite(t)
	m := newManager(t, s)
	for _, name := range []string{"eth7", "en*"} {
		p := s.exec(t, "env", "NOTIFY_SOCKET="+m.path, "WATCHDOG_USEC=400000", "dhclient-go", "--no-dns", "--lease-dir", s.dir, "--wait-link", name)
		m.hear(t, "READY=1")
		m.hear(t, "WATCHDOG=1")
		p.signal(t, syscall.SIGTERM)
		p.exit(t, exitDone)
	}
	p := s.exec(t, "env", "NOTIFY_SOCKET="+m.path, "dhclient-go", "--no-dns", "--lease-dir", s.dir, "--wait-link=50ms", "eth7")
	p.exit(t, exitRuntime)
	for m.heard = nil; ; {
		if err := m.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 100)
		n, err := m.Read(b)
		if err != nil {
			break
		}
		m.heard = append(m.heard, string(b[:n]))
	}
	m.unsaid(t, "READY")
}

// Of several interfaces all are waited for, or with --wait any the first.
func TestSystemd_SeveralLinks(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	second := s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	m := newManager(t, s)
	args := []string{"env", "NOTIFY_SOCKET=" + m.path, "dhclient-go", "--no-dns", "--lease-dir", s.dir, "eth0", "eth1"}
	p := s.exec(t, append(args, "--wait=any")...)
	m.hear(t, "READY=1")
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	m.hear(t, "STOPPING=1")
	m.heard = nil
	s.exec(t, args...)
	m.hear(t, statusLine0+`; eth1: no lease \(SELECTING\)`)
	m.unsaid(t, "READY")
	if err := second.Configure(func(c *dhcptest.Config) { c.Silent = false }); err != nil {
		t.Fatal(err)
	}
	m.hear(t, "READY=1")
	if addr := s.addresses(t, "eth1"); !strings.Contains(addr, "192.0.1.5/24") {
		t.Errorf("READY=1 with addresses %q", addr)
	}
}
