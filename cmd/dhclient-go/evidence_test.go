package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// evidenceEnv is the folder that has all evidence in go-heir, the command with
// --takeover.
const evidenceEnv = "DHCLIENT_GO_EVIDENCE"

func init() {
	guises["go-heir"] = func(args []string, stdout, stderr io.Writer) int {
		signals := newSignals()
		defer signals.stop()
		o, err := parse(append(args, "--takeover"))
		if err != nil {
			complain(stderr, err)
			return exitCode(err)
		}
		dir := os.Getenv(evidenceEnv)
		o.evidence = evidence{leases: filepath.Join(dir, "early"), klibc: dir, kernel: filepath.Join(dir, "pnp")}
		return launch(o, signals, stdout, stderr)
	}
}

// heir starts the command on a link with a permanent address, with the files of
// the stage as evidence, and returns the first message.
func (s *stage) heir(t *testing.T, args ...string) (*process, frame.Frame) {
	t.Helper()
	p := s.exec(t, slices.Concat([]string{"env", evidenceEnv + "=" + s.dir, "go-heir", "--no-dns", "--acd=off", "-v",
		"--lease-dir", s.path("leases.d"), "--control-dir", s.path("control"), "eth0"}, args)...)
	return p, s.wire.WaitFor(t, patience, frame.IsDHCP(dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest))
}

const kernelsWord = "#PROTO: DHCP\nnameserver 192.0.0.1\nbootserver 192.0.0.1\n"

// What a file says of an address is believed if it is a whole file of that kind, of
// that address and link; of the kernel's word, if there is no other address that it
// could be of.
func TestEvidence(t *testing.T) {
	const conf = "DEVICE=eth0\nPROTO=dhcp\nIPV4ADDR=192.0.0.5\nIPV4NETMASK=255.255.255.0\n"
	for _, c := range []struct {
		name, file, text string
		// other is an address on another link.
		other    string
		believed bool
		says     string
	}{
		{name: "the kernel", file: "pnp", text: kernelsWord, believed: true, says: "by ip=dhcp"},
		{name: "the kernel, with another permanent address", file: "pnp", text: kernelsWord, other: "192.0.7.7/24"},
		{name: "the kernel, not by DHCP", file: "pnp", text: "#MANUAL\n"},
		{name: "ipconfig", file: "net-eth0.conf", text: conf, other: "192.0.7.7/24", believed: true, says: "by ipconfig"},
		{name: "ipconfig, by BOOTP", file: "net-eth0.conf", text: strings.Replace(conf, "=dhcp", "=bootp", 1), says: "from BOOTP and has no end; it stays as it is (by ipconfig)"},
		{name: "the kernel, by BOOTP", file: "pnp", text: "#PROTO: BOOTP\n", says: "from BOOTP and has no end; it stays as it is (by ip=bootp)"},
		{name: "ipconfig, another address", file: "net-eth0.conf", text: strings.Replace(conf, "0.5", "0.6", 1)},
		{name: "ipconfig, another mask", file: "net-eth0.conf", text: strings.Replace(conf, "255.0\n", "0.0\n", 1)},
		{name: "ipconfig, a command", file: "net-eth0.conf", text: conf + "X=`id`\n", says: "line 5: X: '`' is outside of apostrophes"},
		{name: "a lease that is none", file: "early/eth0.json", text: "{", says: "lease file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, func(d *dhcptest.Config) { d.Silent = true })
			if c.other != "" {
				s.link(t, silent)
				s.IP(t, "address", "add", c.other, "dev", "eth1")
			}
			if err := os.MkdirAll(s.path("early"), 0o755); err != nil {
				t.Fatal(err)
			}
			s.write(t, c.file, c.text)
			s.IP(t, "address", "add", "192.0.0.5/24", "dev", "eth0")
			p, first := s.heir(t)
			want := dhcpv4.MessageTypeDiscover
			if c.believed {
				want = dhcpv4.MessageTypeRequest
			}
			if got := first.DHCP.MessageType(); got != want {
				t.Errorf("the first message is %v, not %v", got, want)
			}
			if c.believed && !first.DHCP.RequestedIPAddress().Equal(netip.MustParseAddr("192.0.0.5").AsSlice()) {
				t.Errorf("it asks for %v", first.DHCP.RequestedIPAddress())
			}
			p.stderr.wait(t, c.says)
			if got := s.addresses(t, "eth0"); !strings.Contains(got, "192.0.0.5/24") || !strings.Contains(got, "valid_lft forever") {
				t.Errorf("silence has changed the address: %s", got)
			}
		})
	}
}

// What ipconfig says of the time of a lease is its time for us: nobody else ends the
// address.
func TestEvidence_LeaseTimeOfIPConfig(t *testing.T) {
	o := newOptions()
	o.evidence = evidence{leases: t.TempDir(), klibc: t.TempDir()}
	conf := fmt.Sprintf("DEVICE=eth0\nPROTO=dhcp\nIPV4ADDR=192.0.0.5\nUPTIME=%d\nDHCPLEASETIME=7200\n", lease.SinceBoot()/time.Second)
	if err := os.WriteFile(filepath.Join(o.evidence.klibc, "net-eth0.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	log, now := slog.New(slog.DiscardHandler), lease.LinkState{Name: "eth0", HardwareAddr: lease.HardwareAddr{2}}
	found := netcfg.Found{Address: netip.MustParsePrefix("192.0.0.5/24"), Permanent: true}
	for _, w := range (&berth{o: o}).witnesses(&lease.Dir{}, now, log)[2:3] {
		l := w.lease(found, now, log)
		if l == nil {
			t.Fatalf("%s knows no lease", w.name)
		}
		if left := l.Remaining(lease.Now()); left > 2*time.Hour || left < 2*time.Hour-time.Minute {
			t.Errorf("%s: the lease ends in %v", w.name, left)
		}
	}
}

// What is said of the host's links is not of those of another network namespace,
// which may have the same names and addresses.
func TestEvidence_OtherNamespace(t *testing.T) {
	o := newOptions()
	b := &berth{o: o}
	if n := len(b.witnesses(nil, lease.LinkState{Name: "eth0"}, nil)); n != 4 {
		t.Errorf("%d are asked", n)
	}
	o.netns = &netns{pid: 1}
	if n := len(b.witnesses(nil, lease.LinkState{Name: "eth0"}, nil)); n != 1 {
		t.Errorf("%d are asked, not the lease file alone", n)
	}
}

// That an address has been leased to us is no evidence against an administrator who
// has made it permanent: with --takeover it stays, and his route with it, as without.
func TestEvidence_AdministratorsAddressStays(t *testing.T) {
	s := newStage(t, nil)
	s.IP(t, "address", "add", "192.0.0.5/24", "dev", "eth0")
	s.IP(t, "link", "set", "eth0", "up")
	s.IP(t, "route", "add", "default", "via", "192.0.0.1", "dev", "eth0")
	before := func(what string) {
		t.Helper()
		route := s.IP(t, "route", "show", "default", "proto", "boot")
		if got := s.addresses(t, "eth0"); !strings.Contains(got, "192.0.0.5/24") || !strings.Contains(got, "forever") || !strings.Contains(route, "via 192.0.0.1") {
			t.Errorf("%s: the address is %q, the route %q", what, got, route)
		}
	}
	p := s.exec(t, "dhclient-go", "--no-dns", "--acd=off", "--lease-dir", s.path("leases.d"), "--control-dir", s.path("control"), "eth0")
	p.stdout.wait(t, "lease 1h")
	before("at first")
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	q, _ := s.heir(t, "--on-exit", "release")
	q.stdout.wait(t, "lease 1h")
	before("taken over")
	q.signal(t, syscall.SIGTERM)
	q.exit(t, exitDone)
	before("released")
}

// A process that was killed when it had stored the lease, and not set it yet, has
// left the kernel's address as it was: it is still the kernel's, and not an
// administrator's, for who goes on.
func TestEvidence_KilledBeforeTheAddressWasSet(t *testing.T) {
	s := newStage(t, nil)
	s.IP(t, "address", "add", "192.0.0.5/24", "dev", "eth0")
	p := s.exec(t, "dhclient-go", "--no-dns", "--acd=off", "--client-id=none", "--lease-dir", s.path("leases.d"), "--control-dir", s.path("control"), "eth0")
	p.stdout.wait(t, "lease 1h") // to it the address is an administrator's
	p.signal(t, syscall.SIGKILL)
	<-p.ended
	s.write(t, "pnp", kernelsWord)
	q, _ := s.heir(t)
	q.stdout.wait(t, "lease 1h")
	if got := s.addresses(t, "eth0"); !strings.Contains(got, "192.0.0.5/24") || strings.Contains(got, "forever") {
		t.Errorf("the address is %q", got)
	}
	q.stderr.contains(t, "lease file")
}
