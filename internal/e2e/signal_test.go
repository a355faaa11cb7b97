package e2e_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// A condition is a state that a client can be in, and how it gets there.
type condition struct {
	name  string
	flags []string
	// server is how the server behaves, from the start or, with held, from when
	// the client has a lease.
	server func(*dhcptest.Config)
	// held says that the client has a lease before, and stored that an earlier
	// process had one and was killed.
	held, stored bool
	// reach takes the client to the state; log is the line that says it is there.
	reach func(t *testing.T, e *exits, c *client)
	log   string
	// onLink says that there is an address on the link then, and unverified that
	// it is from an earlier process: no RELEASE is sent for it.
	onLink, unverified bool
}

func silent(c *dhcptest.Config) { c.Silent = true }

func ignoring(types ...dhcpv4.MessageType) func(*dhcptest.Config) {
	return func(c *dhcptest.Config) { c.Ignore = types }
}

func renewing(t *testing.T, _ *exits, c *client) { c.signal(t, syscall.SIGUSR1) }

var conditions = []condition{
	{name: "INIT without carrier", log: "to INIT", reach: func(t *testing.T, e *exits, _ *client) {
		e.peer.IP(t, "link", "set", "dev", "eth0", "down")
	}, server: silent},
	{name: "INIT after a release", held: true, log: "to INIT", reach: func(t *testing.T, _ *exits, c *client) { c.signal(t, syscall.SIGUSR2) }},
	{name: "WAITING after NAKs", server: func(c *dhcptest.Config) { c.NakRequests = true }, log: "to WAITING"},
	{name: "WAITING after a DECLINE", server: func(c *dhcptest.Config) { c.First, c.Last = host(77), host(77) }, log: "to WAITING"},
	{name: "SELECTING", server: silent, log: "to SELECTING"},
	{name: "REQUESTING", server: ignoring(dhcpv4.MessageTypeRequest), log: "to REQUESTING"},
	{name: "REBOOTING", stored: true, server: silent, log: "to REBOOTING", onLink: true, unverified: true},
	{name: "CHECKING", flags: []string{"--acd=20s"}, log: "to CHECKING"},
	{name: "CHECKING after a reboot", stored: true, flags: []string{"--acd=20s"}, log: "to CHECKING", onLink: true, unverified: true},
	{name: "BOUND", held: true, log: "to BOUND", onLink: true},
	{name: "BOUND while the resolver is stalled", log: "to BOUND", onLink: true, reach: func(t *testing.T, e *exits, _ *client) { e.stall(t) }},
	{name: "RENEWING", held: true, server: silent, log: "to RENEWING", reach: renewing, onLink: true},
	{name: "REBINDING", held: true, server: silent, log: "to REBINDING", onLink: true},
}

// exits is where clients are told to stop.
type exits struct {
	cli, peer *station
	srv       *liar
	n         *nettest.Sniffer
	dir       string
}

// A stop is a way to tell a client to stop.
type stop struct {
	sig  syscall.Signal
	exit string
}

var stops = []stop{{syscall.SIGTERM, "keep"}, {syscall.SIGTERM, "remove"}, {syscall.SIGTERM, "release"}, {syscall.SIGINT, "keep"}, {syscall.SIGHUP, "release"}}

// In every state a signal ends the client within a second, with exit code 0, with
// the link as --on-exit has it, and with no process or socket left (LIF-12).
func TestSignalInEveryState_LIF_12(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, s := range conditions {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			e := newExits(t)
			best := patience
			for _, how := range stops {
				best = min(best, e.endsIn(t, &s, how))
				if t.Failed() {
					t.Fatalf("%s, --on-exit=%s", how.sig, how.exit)
				}
			}
			if best > time.Second {
				t.Errorf("each time it took more than a second, at best %v", best)
			}
		})
	}
}

func newExits(t *testing.T) *exits {
	t.Helper()
	e := &exits{}
	e.cli, e.peer = cable(t)
	e.srv = e.peer.lie(t, func(*dhcptest.Config) {})
	// Another host has this address, for who is offered it.
	var squatter *dhcptest.Squatter
	var err error
	e.peer.Do(t, func() { squatter, err = dhcptest.Squat("eth0", host(77), lease.HardwareAddr{2, 0, 0, 0, 0, 9}) })
	must(t, err)
	t.Cleanup(func() { must(t, squatter.Close()) })
	e.n = sniff(t, e.cli)
	return e
}

func (e *exits) configure(t *testing.T, change func(*dhcptest.Config)) {
	t.Helper()
	must(t, e.srv.Configure(change))
}

// stall keeps the lock of the resolver file, as a client does that was stopped
// while it wrote. The directory is that of netcfg for a file that is not mounted.
func (e *exits) stall(t *testing.T) {
	t.Helper()
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(filepath.Join(e.dir, "resolv.conf"))) // a hash.Hash never fails
	dir := fmt.Sprintf("/run/dhclient-go/resolv/resolv.conf-%016x", sum.Sum64())
	must(t, os.MkdirAll(dir, 0o755))
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	must(t, err)
	t.Cleanup(func() { must(t, lock.Close()) })
	must(t, unix.Flock(int(lock.Fd()), unix.LOCK_EX))
}

// endsIn takes a client to a state and stops it there. It returns how long that
// took: where 64 tests share two cores, the best of several tells.
func (e *exits) endsIn(t *testing.T, s *condition, how stop) (took time.Duration) {
	t.Helper()
	e.srv.Forget()
	e.configure(t, func(c *dhcptest.Config) {
		*c = e.srv.honest
		if s.name == "REBINDING" {
			c.Lease, c.T1, c.T2 = 60*time.Second, time.Second, 2*time.Second
		}
	})
	e.dir = stateDir(t)
	quiet := e.sockets(t)
	if s.stored {
		c := start(t, e.cli, e.dir)
		c.bound(t)
		eventually(t, "a resolver file", func() bool { return c.resolver() != "" })
		c.kill(t)
	}
	c := e.reach(t, s, how)
	began := time.Now()
	c.signal(t, how.sig)
	if code := c.exit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	took = time.Since(began)
	soon(t, "stopping in "+s.name, began, time.Now(), sluggish)
	e.wantLink(t, s, how)
	e.wantRelease(t, s, how, began)
	if pids := e.processes(t); len(pids) != 0 {
		t.Errorf("processes %q are left", pids)
	}
	if got := e.sockets(t); !slices.Equal(got, quiet) {
		t.Errorf("sockets\n%s\nbefore\n%s", strings.Join(got, "\n"), strings.Join(quiet, "\n"))
	}
	// For the next one.
	e.peer.IP(t, "link", "set", "dev", "eth0", "up")
	e.cli.IP(t, "address", "flush", "dev", "eth0")
	nettest.WaitUp(t, e.cli.NS, "eth0")
	return took
}

// reach starts a client and waits until it is in the state.
func (e *exits) reach(t *testing.T, s *condition, how stop) *client {
	t.Helper()
	if !s.held && s.server != nil {
		e.configure(t, s.server)
	}
	if !s.held && s.reach != nil {
		s.reach(t, e, nil)
	}
	c := start(t, e.cli, e.dir, append([]string{"--on-exit=" + how.exit}, s.flags...)...)
	if s.held {
		c.bound(t)
		if s.server != nil {
			e.configure(t, s.server)
		}
		if s.reach != nil {
			s.reach(t, e, c)
		}
	}
	c.stderr.wait(t, s.name, func(line string) bool { return strings.Contains(line, s.log) })
	return c
}

// wantLink looks at what is on the link after the end.
func (e *exits) wantLink(t *testing.T, s *condition, how stop) {
	t.Helper()
	if !s.onLink || how.exit != "keep" {
		e.cli.bare(t)
		return
	}
	if a := e.cli.one(t); a.Local != host(10) || len(e.cli.routes(t)) != 2 {
		t.Errorf("kept are address %+v and routes %q", a, e.cli.routes(t))
	}
}

// wantRelease looks for a RELEASE since the signal: there is one of a lease that
// is in use, if it is to be given back.
func (e *exits) wantRelease(t *testing.T, s *condition, how stop, since time.Time) {
	t.Helper()
	want := 0
	if s.onLink && !s.unverified && how.exit == "release" {
		want = 1
	}
	released := e.n.Matching(func(f frame.Frame) bool {
		return sent(e.cli, dhcpv4.MessageTypeRelease)(f) && f.Time.After(since)
	})
	if len(released) != want {
		t.Errorf("sent %v after the signal, want %d RELEASE", released, want)
	}
}

// processes are those in the client's namespace, but for a thread of our own that
// may be there.
func (e *exits) processes(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("ip", "netns", "pids", e.cli.Name).Output()
	must(t, err)
	return slices.DeleteFunc(strings.Fields(string(out)), func(pid string) bool { return pid == fmt.Sprint(os.Getpid()) })
}

// sockets lists the packet and UDP sockets of the client's namespace.
func (e *exits) sockets(t *testing.T) (all []string) {
	t.Helper()
	for _, file := range []string{"packet", "udp"} {
		out, err := e.cli.Command(context.Background(), "cat", "/proc/net/"+file).Output()
		must(t, err)
		for i, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
			// The last columns count what was received, which goes on.
			if f := strings.Fields(line); i > 0 && len(f) > 5 {
				all = append(all, file+" "+strings.Join(f[1:5], " "))
			}
		}
	}
	slices.Sort(all)
	return all
}
