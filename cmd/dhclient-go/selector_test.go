package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

func TestSelector(t *testing.T) {
	own, burnt := lease.HardwareAddr{0x52, 0x54, 0, 0x12, 0x34, 0x56}, lease.HardwareAddr{2, 0, 0, 0, 0, 1}
	nic := netcfg.Candidate{Name: "enp1s0", HardwareAddr: own, Permanent: burnt}
	port, vrf := nic, nic
	port.Port, vrf.Port = "bond", "vrf"
	drivers := func(name string) (string, error) { return "virtio_net", nil }
	for _, tt := range []struct {
		text string
		c    netcfg.Candidate
		want bool
	}{
		{"en*", nic, true},
		{"e[mn]p?s0", nic, true},
		{"eth*", nic, false},
		{"*", nic, true},
		{"*", port, false},
		{"*", vrf, true},
		{"mac:52:54:00:12:34:56", nic, true},
		{"mac:52-54-00-12-34-56", nic, true},
		{"mac:02:00:00:00:00:01", nic, true},
		{"mac:02:00:00:00:00:01", port, true}, // it is said which
		{"mac:02:00:00:00:00:02", nic, false},
		{"driver:virtio_net", nic, true},
		{"driver:virtio*", nic, true},
		{"driver:e1000*", nic, false},
		{"driver:*", port, false},
	} {
		s, err := selectorOf(tt.text)
		if err != nil || s == nil {
			t.Fatalf("%s: %v, %v", tt.text, s, err)
		}
		if got, err := s.matches(&tt.c, drivers); err != nil || got != tt.want {
			t.Errorf("%s matches %+v: %v, %v", tt.text, tt.c, got, err)
		}
	}
	for _, name := range []string{"eth0", "macvlan0", "driver0", "-"} {
		if s, err := selectorOf(name); s != nil || err != nil {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	// Without a driver there is no match, and no guess.
	s := &selector{text: "driver:*", drivers: "*"}
	none := func(string) (string, error) { return "", nil }
	if got, err := s.matches(&nic, none); got || err != nil {
		t.Errorf("no driver: %v, %v", got, err)
	}
	broken := errors.New("broken")
	if _, err := s.matches(&nic, func(string) (string, error) { return "", broken }); err != broken {
		t.Errorf("a driver that cannot be told: %v", err)
	}
}

// Each selector finds its links in the namespace that is served, and a link that
// two of them mean is served once.
func TestSelectors_Serve(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	s.link(t, nil)
	s.IP(t, "link", "add", "br0", "type", "bridge")
	s.IP(t, "link", "set", "dev", "br0", "up")
	mac := strings.Fields(s.IP(t, "-br", "link", "show", "dev", "eth1"))[2]
	line1 := strings.NewReplacer("eth0", "eth1", "192.0.0.", "192.0.1.").Replace(line0)
	for _, tt := range []struct{ args, want string }{
		{"et?[0] e*0", line0},
		{"mac:" + strings.ToUpper(mac), line1},
		{"driver:vet*", line0 + line1},
		{"eth1 e*", line0 + line1},
		{"-i driver:veth mac:" + mac + " eth0", line0 + line1},
	} {
		p := s.start(t, append(strings.Fields(tt.args), "-1")...)
		p.exit(t, exitDone)
		got := slices.Sorted(strings.Lines(p.stdout.String())) // they come in any order
		if text := strings.Join(got, ""); text != tt.want {
			t.Errorf("%s: %q, want %q", tt.args, text, tt.want)
		}
	}
}

func TestSelectors_NothingMatches(t *testing.T) {
	s := newSite(t)
	s.refuses(t, refusal{"en*", "dhclient-go: no link matches en* (there is none)\n"})
	server := s.link(t, nil)
	s.link(t, nil)
	s.refuses(t,
		refusal{"en*", "dhclient-go: no link matches en* (there are: eth0, eth1)\n"},
		refusal{"l*", "dhclient-go: no link matches l* (there are: eth0, eth1)\n"},
		refusal{"eth0 en* mac:02:00:00:00:00:99", "dhclient-go: no link matches en* (there are: eth0, eth1)\n" +
			"dhclient-go: no link matches mac:02:00:00:00:00:99 (there are: eth0, eth1)\n"},
		refusal{"driver:virtio_net --wait=any", "dhclient-go: no link matches driver:virtio_net (there are: eth0, eth1)\n"},
		refusal{"en* --wait-link=50ms", "dhclient-go: no link matches en* (there are: eth0, eth1)\n"},
	)
	if got := server.Received(); len(got) != 0 {
		t.Errorf("the server got %v", got)
	}
	p := s.start(t, "en*", "-1", "--wait-link", "--timeout=200ms")
	p.exit(t, exitNoLease)
	if got := p.stderr.String(); got != "dhclient-go: en*: no lease within 200ms: no link matches (there are: eth0, eth1)\n" {
		t.Errorf("it says %q", got)
	}
	// With --wait any what there is is served.
	p = s.start(t, "en*", "eth0", "-1", "--wait=any", "--wait-link")
	p.exit(t, exitDone)
	p.stderr.contains(t, "error: no link matches en* (there are: eth0, eth1)\n")
	if p.stdout.String() != line0 {
		t.Errorf("stdout is %q", p.stdout)
	}
}

// Links are waited for until something matches; then all that match are served.
func TestSelectors_WaitLink(t *testing.T) {
	s := newSite(t)
	p := s.start(t, "e*", "--wait-link", "-vv")
	p.stderr.wait(t, "links chosen")
	s.link(t, nil)
	p.stdout.wait(t, line0)
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
}

// The driver of a link that comes later is asked for in the sandbox, which allows that
// where it is needed (SIOCETHTOOL).
func TestSelectors_DriverOfALaterLink(t *testing.T) {
	if !offered() {
		t.Skip("a program that is built with cgo has no sandbox")
	}
	s := newSite(t)
	p := s.start(t, "driver:veth", "--wait-link", "-vv")
	p.stderr.wait(t, "in a sandbox")
	s.link(t, nil)
	p.stdout.wait(t, line0)
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
}

// A signal ends the wait: one shot has failed then, and a daemon has not.
func TestSelectors_SignalWhileWaiting(t *testing.T) {
	s := newSite(t)
	for args, code := range map[string]int{"-vv": exitDone, "-vv -1": exitRuntime} {
		p := s.start(t, append(strings.Fields(args), "en*", "--wait-link")...)
		p.stderr.wait(t, "links chosen")
		p.signal(t, syscall.SIGUSR1) // there is nothing to renew
		p.signal(t, syscall.SIGTERM)
		p.exit(t, code)
	}
}

// The ladder of --trace names links that a selector means.
func TestSelectors_Trace(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	s.link(t, nil)
	p := s.start(t, "eth*", "-1", "--trace")
	p.exit(t, exitDone)
	for i := range 2 {
		if name := fmt.Sprintf("eth%d ", i); strings.Count(p.stderr.String(), name) < 4 {
			t.Errorf("rows of %s in:\n%s", name, p.stderr)
		}
	}
}

// The program of init waits for links no longer than it would for a lease; links
// go on being waited for.
func TestSelectors_Init(t *testing.T) {
	s := newSite(t)
	run := func(args ...string) *process {
		return s.exec(t, append([]string{"dhclient-go", "init", "--no-dns", "--lease-dir", s.dir}, args...)...)
	}
	run("--before-lease", "en*", "--", "sh", "-c", "exit 7").exit(t, 7)
	run("--timeout=100ms", "en*", "--", "true").exit(t, exitNoLease)
	p := run("--timeout=100ms", "--on-failure=run", "e*", "--", "sh", "-c", "echo runs; exec sleep 60")
	p.stdout.wait(t, "runs\n")
	s.link(t, nil)
	p.stderr.wait(t, line0)
	p.signal(t, syscall.SIGTERM)
	p.exit(t, 128+int(syscall.SIGTERM))
}
