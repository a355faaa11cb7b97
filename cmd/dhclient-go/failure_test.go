package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// A refusal is a command line and what is said about it, with exit code 1.
type refusal struct{ args, want string }

func (s *site) refuses(t *testing.T, cases ...refusal) {
	t.Helper()
	for _, tt := range cases {
		p := s.start(t, strings.Fields(tt.args)...)
		p.exit(t, exitRuntime)
		if got := p.stderr.String(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.args, got, tt.want)
		}
	}
}

// A link that cannot be used is refused by name, with what was meant.
func TestRefused_Links(t *testing.T) {
	const isLoopback = "lo is a loopback link, not Ethernet: DHCP needs Ethernet\n"
	s := newSite(t)
	s.link(t, nil)
	s.refuses(t,
		refusal{"lo", "dhclient-go: " + isLoopback},
		refusal{"eht0", `dhclient-go: no link "eht0"; there is "eth0"` + "\n"},
		refusal{"agnet", `dhclient-go: no link "agnet"; did you mean the command agent?` + "\n"},
		refusal{"lo nolink", "dhclient-go: " + isLoopback + `dhclient-go: no link "nolink"` + "\n"},
		refusal{"eth7 --wait-link=50ms", "dhclient-go: eth7 did not appear within 50ms\n"},
		// A link that is waited for is not taken whatever it is.
		refusal{"lo --wait-link", "dhclient-go: " + isLoopback},
	)
	// With --wait any the last one that fails ends the command.
	p := s.start(t, "lo", "nolink", "--wait=any")
	p.exit(t, exitRuntime)
	p.stderr.contains(t, isLoopback, `no link "nolink"`)
	if got := p.stderr.String(); strings.Count(got, "\n") != 2 || strings.Count(got, "dhclient-go: ") != 1 {
		t.Errorf("it says %q", got)
	}
}

func TestRefused_Tunnel(t *testing.T) {
	s := newSite(t)
	tun, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("no tunnels here: %v", err)
	default:
		t.Skipf("no tunnels here: %v", err)
	}
	_ = tun.Close()
	s.IP(t, "tuntap", "add", "dev", "tun0", "mode", "tun")
	s.refuses(t, refusal{"tun0", "dhclient-go: tun0 is a tunnel, not Ethernet: DHCP needs Ethernet\n"})
}

// With --wait all nothing is done for any link unless all can be opened; with
// --wait any the others go on.
func TestRefused_OneOfTwo(t *testing.T) {
	s := newSite(t)
	server := s.link(t, nil)
	p := s.start(t, "eth0", "lo", "-1")
	p.exit(t, exitRuntime)
	if got := server.Received(); len(got) != 0 || s.addresses(t, "eth0") != "" {
		t.Errorf("the server got %v", got)
	}
	p = s.start(t, "eth0", "lo", "-1", "--wait=any")
	p.exit(t, exitDone)
	if p.stdout.String() != line0 {
		t.Errorf("stdout is %q", p.stdout)
	}
	p.stderr.contains(t, "error: lo is a loopback link, not Ethernet: DHCP needs Ethernet\n")
}

func TestTimeout_SaysWhatWasMissing(t *testing.T) {
	s := newSite(t)
	s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	s.link(t, func(c *dhcptest.Config) { c.NakRequests = true })
	s.link(t, nil)
	s.far[2].IP(t, "link", "set", "dev", "eth0", "down")
	s.link(t, nil)
	for _, tt := range []struct{ args, want string }{
		{"eth0 --timeout 300ms", "dhclient-go: eth0: no lease within 300ms: no server answered (1 DISCOVER sent)\n"},
		{"eth0 -1 --timeout 300ms", "dhclient-go: eth0: no lease within 300ms: no server answered (1 DISCOVER sent)\n"},
		{"eth1 -1 --timeout 500ms", "dhclient-go: eth1: no lease within 500ms: a server refused (NAK)\n"},
		{"eth2 -1 --timeout 300ms", "dhclient-go: eth2: no lease within 300ms: the interface has no carrier\n"},
		{"eth3 -1 --timeout 300ms --deny-server 192.0.3.1", "dhclient-go: eth3: no lease within 300ms: a server answered, and is not allowed (--allow-server, --deny-server)\n"},
		{"eth3 -1 --timeout 300ms --require-option 224", "dhclient-go: eth3: no lease within 300ms: there was an offer, but without what --require-option says\n"},
		{"eth9 -1 --timeout 100ms --wait-link", "dhclient-go: eth9: no lease within 100ms: the interface does not exist\n"},
		{"eth0 eth9 --timeout 300ms --wait-link", "dhclient-go: eth0: no lease within 300ms: no server answered (1 DISCOVER sent)\n" +
			"dhclient-go: eth9: no lease within 300ms: the interface does not exist\n"},
	} {
		p := s.start(t, append(strings.Fields(tt.args), "-q")...)
		p.exit(t, exitNoLease)
		if got := p.stderr.String(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.args, got, tt.want)
		}
	}
}

// A dry run is a client like any: it is not one beside another.
func TestDryRun_LinkHasAClient(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	p := s.start(t, "eth0")
	p.stdout.wait(t, line0)
	q := s.start(t, "eth0", "--dry-run")
	q.exit(t, exitRuntime)
	q.stderr.contains(t, fmt.Sprintf("dhclient-go: eth0: process %d (dhclient-go) serves this link already\n", p.cmd.Process.Pid))
}

// A client that ends because --timeout is over says so.
func TestTimeout_IsTheReason(t *testing.T) {
	s := newSite(t)
	s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	p := s.start(t, "eth0", "--timeout=300ms", "-v")
	p.exit(t, exitNoLease)
	p.stderr.contains(t, "from SELECTING, to OFF, why \"no lease in time\")")
}

// A time limit is for the first lease: what runs on has none.
func TestTimeout_IsOverWithTheLease(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	p := s.start(t, "eth0", "eth1", "--timeout=2s", "--wait=any")
	p.stdout.wait(t, line0)
	p.stderr.wait(t, "error: eth1: no lease within 2s: no server answered")
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	if addr := s.addresses(t, "eth0"); !strings.Contains(addr, "192.0.0.5/24") {
		t.Errorf("addresses: %s", addr)
	}
}

// With --wait all, one link without a lease is a failure of the command. What
// the other has got stays, as --on-exit says.
func TestTimeout_OneOfTwo(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	p := s.start(t, "eth0", "eth1", "--timeout=2s")
	p.exit(t, exitNoLease)
	p.stderr.contains(t, "dhclient-go: eth1: no lease within 2s: no server answered")
	if addr := s.addresses(t, "eth0"); !strings.Contains(addr, "192.0.0.5/24") {
		t.Errorf("addresses: %s", addr)
	}
}

// Every address that is offered has another user: exit 3, and none of them is
// ever on the link.
func TestConflict_EveryAddress(t *testing.T) {
	s := newSite(t)
	s.link(t, func(c *dhcptest.Config) { c.Last = c.First })
	s.squat(t, 0, "192.0.0.5", lease.HardwareAddr{2, 0, 0, 0, 0, 9})
	p := s.start(t, "eth0", "-1", "--timeout=3s")
	p.exit(t, exitConflict)
	p.stderr.contains(t, "02:00:00:00:00:09", "dhclient-go: eth0: no offered address is free: 02:00:00:00:00:09 has 192.0.0.5\n")
	if addr := s.addresses(t, "eth0"); addr != "" {
		t.Errorf("addresses: %s", addr)
	}
}

// Where a station has every address, --acd=off takes one all the same.
func TestConflict_IgnoredWithACDOff(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	s.squat(t, 0, "192.0.0.5", lease.HardwareAddr{2, 0, 0, 0, 0, 9})
	p := s.start(t, "eth0", "-1", "--acd=off")
	p.exit(t, exitDone)
	if p.stdout.String() != line0 {
		t.Errorf("stdout is %q", p.stdout)
	}
}

// What a capability is missing for is said before anything is done.
func TestCapability_MissingIsNamed(t *testing.T) {
	s := newSite(t)
	server := s.link(t, nil)
	for _, tt := range []struct{ drop, args, want string }{
		{"net_raw", "eth0 -1", "dhclient-go: needs CAP_NET_RAW to open the packet socket: operation not permitted\n"},
		{"net_raw", "eth0 --dry-run", "dhclient-go: needs CAP_NET_RAW to open the packet socket: operation not permitted\n"},
		{"net_admin", "eth0 -1", "dhclient-go: needs CAP_NET_ADMIN to set addresses and routes: operation not permitted\n"},
	} {
		p := s.exec(t, append([]string{"setpriv", "--bounding-set=-" + tt.drop, "dhclient-go", "--lease-dir", s.dir}, strings.Fields(tt.args)...)...)
		p.exit(t, exitCapability)
		if got := p.stderr.String(); !strings.HasPrefix(got, tt.want) || strings.Count(got, "\n") != 1 {
			t.Errorf("without %s: %q, want %q", tt.drop, got, tt.want)
		}
	}
	if got := server.Received(); len(got) != 0 {
		t.Errorf("the server got %v", got)
	}
	// A user namespace has all capabilities, but not over this network: then
	// it is the kernel that refuses.
	p := s.exec(t, "unshare", "-Ur", "dhclient-go", "--lease-dir", s.dir, "--no-dns", "eth0")
	p.exit(t, exitCapability)
	p.stderr.contains(t, "dhclient-go: eth0: needs CAP_NET_RAW to open the ARP socket: ")
	// A dry run only looks.
	p = s.exec(t, "setpriv", "--bounding-set=-net_admin", "dhclient-go", "--dry-run", "eth0")
	p.exit(t, exitDone)
	// Without NET_BIND_SERVICE port 68 is not to be had: worth a warning.
	p = s.exec(t, "setpriv", "--bounding-set=-net_bind_service", "dhclient-go", "--lease-dir", s.dir, "--no-dns", "-1", "eth0")
	p.exit(t, exitDone)
	if n := strings.Count(p.stderr.String(), "warning"); n != 1 {
		t.Errorf("%d warnings: %q", n, p.stderr)
	}
}

// Interrupted before there is a lease, one shot has failed and a daemon has not.
func TestSignal_BeforeALease(t *testing.T) {
	s := newSite(t)
	server := s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	heard := 0
	for _, tt := range []struct {
		args   string
		code   int
		stderr string
	}{
		{"eth0", exitDone, ""},
		{"eth0 --timeout=1m", exitDone, ""},
		{"eth0 -1", exitRuntime, "dhclient-go: stopped by a signal\n"},
		{"eth0 eth9 --wait-link", exitDone, ""},
		{"eth0 eth9 -1 --wait-link", exitRuntime, "dhclient-go: stopped by a signal\n"},
	} {
		p := s.start(t, strings.Fields(tt.args)...)
		waitFor(t, "a DISCOVER", func() bool { return total(server) > heard })
		p.attends(t)
		p.signal(t, syscall.SIGINT)
		p.exit(t, tt.code)
		heard = total(server)
		if got := p.stderr.String(); got != tt.stderr || p.stdout.String() != "" {
			t.Errorf("%s: %q and %q", tt.args, p.stdout, got)
		}
	}
}

func total(s *dhcptest.Server) (n int) {
	for _, count := range s.Received() {
		n += count
	}
	return n
}

// The link goes while its address is probed: that is what is said at the end.
func TestTimeout_LinkIsGone(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	p := s.start(t, "eth0", "-1", "--timeout=3s", "--acd=1s", "-v")
	p.stderr.wait(t, "CHECKING")
	s.IP(t, "link", "del", "dev", "eth0")
	p.exit(t, exitNoLease)
	p.stderr.contains(t, "dhclient-go: eth0: no lease within 3s: the interface is gone\n")
}
