package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

const line0 = "eth0: 192.0.0.5/24 from 192.0.0.1, lease 1h, router 192.0.0.1, DNS 192.0.0.1\n"

// One shot: address, route, resolver and lease file are there when the command
// has ended, and the kernel knows when the address ends.
func TestOneshot_LeavesTheLeaseInPlace(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	// Flags may stand behind the interface.
	p := s.start(t, "eth0", "--oneshot")
	p.exit(t, exitDone)
	if got := p.stdout.String(); got != line0 {
		t.Errorf("stdout is %q, want %q", got, line0)
	}
	if got := p.stderr.String(); got != "" {
		t.Errorf("stderr is %q", got)
	}
	addr := s.addresses(t, "eth0")
	if !strings.Contains(addr, "inet 192.0.0.5/24 ") || !strings.Contains(addr, "valid_lft 3") {
		t.Errorf("addresses: %s", addr)
	}
	if routes := s.IP(t, "route"); !strings.Contains(routes, "default via 192.0.0.1 dev eth0 proto dhcp") {
		t.Errorf("routes: %s", routes)
	}
	if !strings.Contains(s.resolvConf(), "nameserver 192.0.0.1") {
		t.Errorf("resolv.conf: %q", s.resolvConf())
	}
	if _, err := os.Stat(s.leaseFile("eth0")); err != nil {
		t.Error(err)
	}
}

// A dry run prints the lease and leaves nothing behind: no address, no route,
// no resolver, no lease file, and no message but DISCOVER and REQUEST.
func TestDryRun_ConfiguresNothing(t *testing.T) {
	s := newSite(t)
	server := s.link(t, nil)
	p := s.start(t, "eth0", "--dry-run")
	p.exit(t, exitDone)
	var got struct {
		Interface string `json:"interface"`
		lease.Lease
	}
	if err := json.Unmarshal([]byte(p.stdout.String()), &got.Lease); err != nil {
		t.Fatal(err)
	}
	if got.Prefix().String() != "192.0.0.5/24" || got.Options[1] == nil {
		t.Errorf("the lease is %+v", got.Lease)
	}
	p.stdout.contains(t, `"interface": "eth0"`)
	if addr := s.addresses(t, "eth0"); addr != "" {
		t.Errorf("addresses: %s", addr)
	}
	if routes := s.IP(t, "route"); routes != "" {
		t.Errorf("routes: %s", routes)
	}
	if left, _ := os.ReadDir(s.dir); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
	received := server.Received()
	if len(received) != 2 || received[dhcpv4.MessageTypeDiscover] == 0 || received[dhcpv4.MessageTypeRequest] == 0 {
		t.Errorf("the server got %v", received)
	}
}

// A dry run that could not print its lease has not done what it is for.
func TestDryRun_FailsWithoutOutput(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	p := s.exec(t, "sh", "-c", "exec dhclient-go --dry-run eth0 >/dev/full")
	p.exit(t, exitRuntime)
	p.stderr.contains(t, "dhclient-go: standard output: write")
}

// A dry run on a link that is down brings it up, and says so.
func TestDryRun_SaysThatItBringsTheLinkUp(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	s.IP(t, "link", "set", "dev", "eth0", "down")
	p := s.start(t, "eth0", "--dry-run")
	p.exit(t, exitDone)
	p.stderr.contains(t, "eth0: warning: the interface was down: it was brought up, and stays so\n")
	p.stdout.contains(t, `"address": "192.0.0.5/24"`)
}

// A link that is down is brought up.
func TestRun_BringsTheLinkUp(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	s.IP(t, "link", "set", "dev", "eth0", "down")
	p := s.start(t, "-1", "eth0")
	p.exit(t, exitDone)
	if got := p.stdout.String(); got != line0 || p.stderr.String() != "" {
		t.Errorf("it says %q and %q", got, p.stderr)
	}
}

// What is sent is what the flags say.
func TestFlags_ReachTheServer(t *testing.T) {
	s := newSite(t)
	requests := make(chan *dhcpv4.DHCPv4, 10)
	s.link(t, func(c *dhcptest.Config) {
		c.Mutate = func(req, _ *dhcpv4.DHCPv4) { requests <- req }
	})
	p := s.start(t, "-1", "eth0", "--hostname", "box", "--client-id", "text", "--vendor-class", "acme", "--broadcast",
		"--request-ip", "192.0.0.9", "-O", "ntp-servers,66", "--metric", "77", "--acd=off", "--no-dns")
	p.exit(t, exitDone)
	p.stdout.contains(t, "eth0: 192.0.0.9/24 ")
	discover := <-requests
	for code, want := range map[uint8]string{12: "box", 60: "acme", 61: "\x00text", 50: "\xc0\x00\x00\x09"} {
		if got := string(discover.Options.Get(dhcpv4.GenericOptionCode(code))); got != want {
			t.Errorf("option %d is %q, want %q", code, got, want)
		}
	}
	if !discover.IsBroadcast() {
		t.Error("the broadcast flag is not set")
	}
	if list := discover.Options.Get(dhcpv4.GenericOptionCode(55)); !strings.Contains(string(list), "\x42") {
		t.Errorf("option 66 is not among those asked for: %v", list)
	}
	if routes := s.IP(t, "route"); !strings.Contains(routes, " metric 77") {
		t.Errorf("routes: %s", routes)
	}
	if s.resolvConf() != "" {
		t.Errorf("resolv.conf: %q", s.resolvConf())
	}
}

// No client id at all is a client id of its own kind.
func TestFlags_ClientIDNone(t *testing.T) {
	s := newSite(t)
	requests := make(chan *dhcpv4.DHCPv4, 10)
	s.link(t, func(c *dhcptest.Config) {
		c.Mutate = func(req, _ *dhcpv4.DHCPv4) { requests <- req }
	})
	s.start(t, "-1", "eth0", "--client-id=none").exit(t, exitDone)
	if discover := <-requests; discover.Options.Has(dhcpv4.OptionClientIdentifier) {
		t.Errorf("option 61 is %x", discover.Options.Get(dhcpv4.OptionClientIdentifier))
	}
}

// Events are JSON lines for programs; the log can be JSON too.
func TestJSON_EventsAndLog(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	p := s.start(t, "-1", "eth0", "--json", "--log-format=json", "-v")
	p.exit(t, exitDone)
	var events []string
	for _, line := range strings.Split(strings.TrimSpace(p.stdout.String()), "\n") {
		var ev struct {
			Event string `json:"event"`
			Lease *lease.Lease
		}
		if err := json.Unmarshal([]byte(line), &ev); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		events = append(events, ev.Event)
		if ev.Event == "bound" && ev.Lease.Prefix().String() != "192.0.0.5/24" {
			t.Errorf("bound to %v", ev.Lease.Prefix())
		}
	}
	if all := strings.Join(events, " "); !strings.Contains(all, "transition bound transition stopped") {
		t.Errorf("events: %v", events)
	}
	for _, line := range strings.Split(strings.TrimSpace(p.stderr.String()), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("the log has %q", line)
		}
	}
	for _, want := range []string{`"from":"OFF","to":"SELECTING"`, `"lease":"1h0m0s"`} {
		p.stderr.contains(t, want)
	}
}

// A lease file is a help, never a condition: one that is not to be read or
// written is one warning.
func TestLeaseFile_BrokenIsAWarning(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, s *site)
		want    string
	}{
		{"corrupt", func(t *testing.T, s *site) { s.write(t, s.leaseFile("eth0"), "{ no lease") },
			"eth0: warning: the stored lease cannot be read; starting without it: "},
		{"unwritable", func(t *testing.T, s *site) { s.write(t, filepath.Dir(s.leaseFile("eth0")), "a file") },
			"eth0: warning: the lease cannot be stored: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			s.link(t, nil)
			tt.prepare(t, s)
			p := s.start(t, "-1", "eth0")
			p.exit(t, exitDone)
			if p.stdout.String() != line0 {
				t.Errorf("stdout is %q", p.stdout)
			}
			if n := strings.Count(p.stderr.String(), tt.want); n != 1 {
				t.Errorf("%d times %q in %q", n, tt.want, p.stderr)
			}
			if addr := s.addresses(t, "eth0"); !strings.Contains(addr, "192.0.0.5/24") {
				t.Errorf("addresses: %s", addr)
			}
		})
	}
}

func (s *site) write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// SIGTERM stops within a second. What becomes of the lease is --on-exit's.
func TestSignal_TermHonoursOnExit(t *testing.T) {
	for _, tt := range []struct {
		mode, line     string
		held, released bool
	}{
		{"keep", "eth0: stopped; 192.0.0.5/24 stays until ", true, false},
		{"remove", "eth0: stopped; 192.0.0.5/24 removed\n", false, false},
		{"release", "eth0: 192.0.0.5/24 released\n", false, true},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			s := newSite(t)
			server := s.link(t, nil)
			p := s.start(t, "eth0", "--on-exit", tt.mode)
			p.stdout.wait(t, line0)
			began := time.Now()
			p.signal(t, syscall.SIGTERM)
			p.exit(t, exitDone)
			// A second on a machine that is not busy; what hangs takes 5.
			if d := time.Since(began); d > 3*time.Second {
				t.Errorf("it took %v", d)
			}
			p.stdout.contains(t, tt.line)
			if held := strings.Contains(s.addresses(t, "eth0"), "192.0.0.5/24"); held != tt.held {
				t.Errorf("the address is on the link: %v", held)
			}
			if held := strings.Contains(s.resolvConf(), "192.0.0.1"); held != tt.held {
				t.Errorf("the resolver has it: %v", held)
			}
			waitFor(t, "what the server has got of a RELEASE", func() bool {
				return (server.Received()[dhcpv4.MessageTypeRelease] > 0) == tt.released
			})
		})
	}
}

// waitFor polls for what gives no sign by itself.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%s: not in %v", what, patience)
		}
	}
}

// SIGUSR1 renews before T1; SIGUSR2 gives the lease back, and SIGUSR1 then gets
// one again.
func TestSignal_RenewAndRelease(t *testing.T) {
	s := newSite(t)
	server := s.link(t, nil)
	p := s.start(t, "eth0", "-v")
	p.stdout.wait(t, line0)
	requests := server.Received()[dhcpv4.MessageTypeRequest]
	p.signal(t, syscall.SIGUSR1)
	p.stdout.wait(t, ", renewed\n")
	if got := server.Received()[dhcpv4.MessageTypeRequest]; got <= requests {
		t.Errorf("%d REQUESTs, as before", got)
	}
	p.signal(t, syscall.SIGUSR2)
	p.stdout.wait(t, "eth0: 192.0.0.5/24 released\n")
	waitFor(t, "the address gone", func() bool { return s.addresses(t, "eth0") == "" })
	waitFor(t, "RELEASE", func() bool { return server.Received()[dhcpv4.MessageTypeRelease] == 1 })
	p.signal(t, syscall.SIGUSR1)
	waitFor(t, "the address back", func() bool { return strings.Contains(s.addresses(t, "eth0"), "192.0.0.5/24") })
	p.signal(t, syscall.SIGHUP)
	p.exit(t, exitDone)
}

// A signal that was ignored when the command was started stays ignored, as
// nohup wants it.
func TestSignal_IgnoredStaysIgnored(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	p := s.exec(t, "sh", "-c", "trap '' HUP; exec dhclient-go eth0 --no-dns --lease-dir "+s.dir)
	p.stdout.wait(t, line0)
	p.signal(t, syscall.SIGHUP)
	// Signals are taken in turn: this one has an effect that shows.
	p.signal(t, syscall.SIGUSR2)
	p.stdout.wait(t, "released\n")
	select {
	case <-p.ended:
		t.Error("it has ended")
	default:
	}
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
}

// A second signal to stop does not wait.
func TestSignal_SecondKills(t *testing.T) {
	sigs := catchSignals()
	defer sigs.stop()
	sigs.interrupt(syscall.SIGURG) // a signal whose default is to do nothing
	if sigs.ctx.Err() == nil {
		t.Error("the first does not stop")
	}
	sigs.interrupt(syscall.SIGURG)
}

// Two links are served side by side, with a default route each.
func TestRun_TwoLinks(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	s.link(t, nil)
	p := s.start(t, "eth0", "-1", "eth1")
	p.exit(t, exitDone)
	p.stdout.contains(t, line0, "eth1: 192.0.1.5/24 from 192.0.1.1, ")
	routes := s.IP(t, "route")
	for _, want := range []string{"default via 192.0.0.1 dev eth0", "default via 192.0.1.1 dev eth1"} {
		if !strings.Contains(routes, want) {
			t.Errorf("no %q in:\n%s", want, routes)
		}
	}
}

// With a link that is waited for, the others need not wait.
func TestWaitLink_AppearsLater(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	p := s.start(t, "eth0", "eth1", "--wait-link")
	p.stdout.wait(t, line0)
	s.link(t, nil)
	p.stdout.wait(t, "eth1: 192.0.1.5/24 from 192.0.1.1, ")
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
}

// A closed pipe is no reason to lose a lease.
func TestRun_SurvivesAClosedPipe(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := s.Command(t.Context(), "dhclient-go", "--lease-dir", filepath.Join(s.dir, "leases"), "--no-dns", "eth0", "-vv")
	cmd.Stdout, cmd.Stderr = write, write
	_ = read.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	waitFor(t, "the address", func() bool { return strings.Contains(s.addresses(t, "eth0"), "192.0.0.5/24") })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
