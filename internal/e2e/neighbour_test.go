package e2e_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// A second client of a link says which process has it and exits 1, having sent
// nothing and touched nothing. When the first is killed the link is free at once.
func TestSecondClient_NET_10(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	peer.lie(t, func(*dhcptest.Config) {})
	n, m := sniff(t, cli), watch(t, cli)
	dir := stateDir(t)
	first := start(t, cli, dir)
	p := first.bound(t)
	n.WaitFor(t, patience, frame.IsARP(func(a frame.ARP) bool { return a.Announcement }))
	before := len(n.Matching(sent(cli)))
	want := fmt.Sprintf("dhclient-go: eth0: process %d (%s) serves this link already", first.cmd.Process.Pid, name)
	for _, flags := range [][]string{nil, {"--oneshot"}, {"--on-exit=release"}, {"--dry-run"}} {
		for _, where := range []string{dir, stateDir(t)} {
			began := time.Now()
			second := start(t, cli, where, flags...)
			if code := second.exit(t); code != 1 {
				t.Errorf("%q: exit code %d, want 1", flags, code)
			}
			soon(t, "the end of the second client", began, time.Now(), sluggish)
			if got := second.stderr.String(); got != want || second.stdout.String() != "" {
				t.Errorf("%q: it says %q and %q, want %q", flags, got, second.stdout, want)
			}
		}
	}
	if after := len(n.Matching(sent(cli))); after != before {
		t.Errorf("%d messages were sent meanwhile", after-before)
	}
	m.steady(t)
	renewNow(t, n, cli, first) // it is none the worse
	first.kill(t)
	third := start(t, cli, dir)
	expect(t, n.WaitFor(t, patience, sent(cli)), message{Type: dhcpv4.MessageTypeRequest, Requested: p.Addr()})
	if again := third.bound(t); again != p {
		t.Errorf("bound to %v, before to %v", again, p)
	}
	m.steady(t)
	third.end(t)
}

// Links of one name in two namespaces have nothing to do with one another, also
// where both clients keep their leases in the same directory.
func TestSameNameElsewhere_NET_10(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	l.join(t, "server").lie(t, func(*dhcptest.Config) {})
	stations := []*station{l.client, l.join(t, "other")}
	leases := filepath.Join(stateDir(t), "leases")
	for range 2 { // the second time, one of them finds the lease of the other
		var clients []*client
		var held []netip.Prefix
		for _, s := range stations {
			c := launch(t, s, program(t), "eth0", "-vv", "--lease-dir", leases, "--no-dns")
			clients, held = append(clients, c), append(held, c.bound(t))
		}
		if held[0] == held[1] {
			t.Errorf("both have %v", held[0])
		}
		for i, c := range clients {
			c.signal(t, syscall.SIGUSR1)
			c.stdout.wait(t, "the renewal", func(line string) bool { return strings.HasSuffix(line, ", renewed") })
			if a := stations[i].one(t); a.Local != held[i].Addr() || len(stations[i].routes(t)) != 2 {
				t.Errorf("station %d: address %+v, routes %q, want %v", i, a, stations[i].routes(t), held[i])
			}
		}
		for _, c := range clients {
			c.kill(t)
		}
	}
	if got := listing(leases); got != "eth0.json regular" {
		t.Errorf("in the directory is %q", got)
	}
}

// A peer is another client program, with an identity of its own.
type otherClient struct {
	name string
	args func(dir string) []string
	// script is what udhcpc runs.
	script string
}

var otherClients = []otherClient{
	{name: "udhcpc", script: `#!/bin/sh
case "$1" in
bound|renew) ip address replace "$ip/$mask" dev "$interface" valid_lft "$lease" preferred_lft "$lease"; ip route replace default via "$router" dev "$interface" metric 77 proto dhcp;;
esac
`, args: func(dir string) []string {
		return []string{"-i", "eth0", "-f", "-s", filepath.Join(dir, "script"), "-x", "0x3d:00616263", "-T", "1", "-p", filepath.Join(dir, "pid")}
	}},
	{name: "dhclient", script: `#!/bin/sh
case "$reason" in
BOUND|RENEW|REBIND|REBOOT) ip address replace "$new_ip_address/24" dev "$interface" valid_lft "$new_dhcp_lease_time" preferred_lft "$new_dhcp_lease_time"; ip route replace default via "$new_routers" dev "$interface" metric 77 proto dhcp;;
esac
`, args: func(dir string) []string {
		return []string{"-d", "-sf", filepath.Join(dir, "script"), "-cf", filepath.Join(dir, "conf"), "-lf", filepath.Join(dir, "leases"), "-pf", filepath.Join(dir, "pid"), "eth0"}
	}},
}

// requireProgram skips the test without it; in continuous integration it fails.
func requireProgram(t *testing.T, name string) {
	t.Helper()
	_, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is not installed", name)
	default:
		t.Skipf("%s is not installed", name)
	}
}

// Another client's address on the link, and its routes, are left alone, whatever
// becomes of our lease; and it is not disturbed in its own.
func TestOtherClientOnTheLink_NET_10(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, o := range otherClients {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			requireProgram(t, o.name)
			cli, peer := cable(t)
			srv := peer.lie(t, func(c *dhcptest.Config) { c.Lease, c.T1, c.T2 = 30*time.Second, 2*time.Second, 20*time.Second })
			theirs := o.start(t, cli)
			n, m := sniff(t, cli), watch(t, cli)
			c := start(t, cli, stateDir(t), "--on-exit=remove", "--metric=1007")
			ours := c.bound(t).Addr()
			if ours == theirs {
				t.Fatalf("both have %v", ours)
			}
			both := func(what string) {
				t.Helper()
				for _, a := range []netip.Addr{ours, theirs} {
					if !cli.has(t, a) {
						t.Errorf("%s: %v is not on the link", what, a)
					}
				}
				if got := cli.IP(t, "route", "show", "default"); !strings.Contains(got, "metric 77") || !strings.Contains(got, "metric 1007") {
					t.Errorf("%s: default routes\n%s", what, got)
				}
			}
			both("bound")
			renewNow(t, n, cli, c)
			renewal := n.WaitFor(t, patience, func(f frame.Frame) bool { return extends(cli)(f) && f.IPv4.Src == theirs })
			n.WaitFor(t, patience, answers(renewal, dhcpv4.MessageTypeAck))
			both("renewed")
			old := ours
			must(t, srv.Configure(func(c *dhcptest.Config) { c.Lease, c.T1, c.T2, c.NakRequests = time.Hour, 0, 0, true }))
			c.signal(t, syscall.SIGUSR1)
			m.deleted(t, "inet "+old.String())
			must(t, srv.Configure(func(c *dhcptest.Config) { c.NakRequests = false }))
			eventually(t, "our address again", func() bool { return cli.has(t, old) })
			c.end(t)
			if cli.has(t, old) || !cli.has(t, theirs) {
				t.Errorf("left are %+v", cli.addresses(t))
			}
			if got := cli.IP(t, "route", "show", "default"); !strings.Contains(got, "metric 77") || strings.Contains(got, "metric 1007") {
				t.Errorf("left are default routes\n%s", got)
			}
			for _, ch := range m.changes() {
				// In the local table the kernel moves its own about.
				if ch.deleted && strings.Contains(ch.text, theirs.String()) && !strings.Contains(ch.text, "table local") {
					t.Errorf("removed at %v: %s", ch.at, ch.text)
				}
			}
		})
	}
}

// start runs the program until the test ends, and returns its address.
func (o *otherClient) start(t *testing.T, s *station) (a netip.Addr) {
	t.Helper()
	dir := stateDir(t)
	must(t, os.WriteFile(filepath.Join(dir, "script"), []byte(o.script), 0o755))
	writeFile(t, filepath.Join(dir, "conf"), `send dhcp-client-identifier "abc";`+"\nrequest subnet-mask, routers;\n")
	cmd := s.Command(context.Background(), o.name, o.args(dir)...)
	out := newLines()
	cmd.Stdout, cmd.Stderr = out, out
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", o.name, out)
		}
	})
	eventually(t, o.name+" has an address", func() bool {
		for _, addr := range s.addresses(t) {
			a = addr.Local
		}
		return a.IsValid()
	})
	return a
}

func (s *station) has(t *testing.T, a netip.Addr) bool {
	t.Helper()
	for _, have := range s.addresses(t) {
		if have.Local == a {
			return true
		}
	}
	return false
}

// Another program has UDP port 68 for itself: one warning, and the client binds,
// renews and gives back all the same, by its packet socket.
func TestPortTaken_NET_10(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, addr := range []netip.Addr{none, host(10)} {
		t.Run(addr.String(), func(t *testing.T) {
			t.Parallel()
			cli, peer := cable(t)
			if addr != none {
				cli.IP(t, "address", "add", addr.String()+"/32", "dev", "lo")
			}
			peer.lie(t, func(c *dhcptest.Config) { c.First, c.Last = host(20), host(29) })
			var fd int
			var err error
			cli.Do(t, func() { fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0) })
			must(t, err)
			defer unix.Close(fd)
			must(t, unix.Bind(fd, &unix.SockaddrInet4{Port: 68, Addr: addr.As4()}))
			n, m := sniff(t, cli), watch(t, cli)
			c := start(t, cli, stateDir(t), "--on-exit=release")
			a := c.bound(t).Addr()
			n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeRequest))
			c.signal(t, syscall.SIGUSR1)
			renewal := n.WaitFor(t, patience, extends(cli))
			expect(t, renewal, message{Type: dhcpv4.MessageTypeRequest, Src: a, Dst: router, To: peer.mac, Client: a})
			c.stdout.wait(t, "the renewal", func(line string) bool { return strings.HasSuffix(line, ", renewed") })
			m.steady(t)
			c.end(t)
			release := n.WaitFor(t, patience, sent(cli))
			expect(t, release, message{Type: dhcpv4.MessageTypeRelease, Src: a, Dst: router, To: peer.mac, Client: a, Server: router})
			log := c.stderr.String()
			if strings.Count(log, "warning: ") != 1 || !strings.Contains(log, "warning: unicasts leave through the packet socket: bind UDP port 68: address already in use") {
				t.Error("not one clear warning")
			}
			var b [2048]byte
			if got, _, err := unix.Recvfrom(fd, b[:], unix.MSG_DONTWAIT); err == nil {
				t.Logf("the other program was sent %d octets", got)
			}
		})
	}
}

// One client killed and not restarted: the kernel ends the address with its lease,
// and the routes go with it (RFC 2131 3.3).
func TestKilledForGood_REN_26(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	const lasts = 5 * time.Second
	peer.lie(t, func(c *dhcptest.Config) {
		c.Lease = lasts
		c.Options = map[uint8][]byte{121: {0, 192, 0, 2, 1, 16, 10, 9, 192, 0, 2, 1}}
	})
	cli.IP(t, "address", "add", theirAddress, "dev", "eth0")
	cli.IP(t, "route", "add", theirRoute, "via", "198.51.100.1", "dev", "eth0")
	n, m := sniff(t, cli), watch(t, cli)
	c := start(t, cli, stateDir(t), "--metric=1007")
	a := c.bound(t).Addr()
	c.kill(t)
	wantRoutes(t, cli, append(theirRoutes(), append(plain(a.String()), fmt.Sprintf("10.9.0.0/16 via %v dev eth0 proto dhcp src %v metric 1007", router, a))...)...)
	gone := m.deleted(t, "inet "+a.String())
	around(t, "the end of the address", gone.at, began(t, n), lasts, time.Second)
	eventually(t, "the routes are gone with it", func() bool { return len(cli.routes(t)) == 2 })
	wantRoutes(t, cli, theirRoutes()...)
	if left := cli.one(t); left.Local.String() != "198.51.100.7" {
		t.Errorf("left is %+v", left)
	}
}

// Routes that the kernel refuses, or that are there already, cost no lease and no
// other route.
func TestRouteRefused_HST_07(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	peer.lie(t, func(c *dhcptest.Config) {
		c.Options = map[uint8][]byte{121: {
			16, 10, 1, 192, 0, 2, 1,
			16, 10, 2, 198, 51, 100, 255, // everybody in the administrator's subnet: refused
			16, 10, 3, 192, 0, 2, 1, // there already, by somebody else
			16, 10, 4, 192, 0, 2, 2,
			0, 192, 0, 2, 1,
		}}
	})
	cli.IP(t, "address", "add", theirAddress, "dev", "eth0")
	cli.IP(t, "route", "add", "10.3.0.0/16", "via", "198.51.100.1", "dev", "eth0", "metric", "1007")
	n := sniff(t, cli)
	c := start(t, cli, stateDir(t), "--metric=1007", "--on-exit=remove")
	a := c.bound(t).Addr()
	via := func(dst, gateway string) string {
		return fmt.Sprintf("%s via %s dev eth0 proto dhcp src %v metric 1007", dst, gateway, a)
	}
	before := []string{"10.3.0.0/16 via 198.51.100.1 dev eth0 metric 1007", theirRoutes()[0]}
	want := append([]string{plain(a.String())[1], via("10.1.0.0/16", "192.0.2.1"), via("10.3.0.0/16", "192.0.2.1"),
		via("10.4.0.0/16", "192.0.2.2"), via("default", "192.0.2.1")}, before...)
	wantRoutes(t, cli, want...)
	renewNow(t, n, cli, c)
	wantRoutes(t, cli, want...)
	c.end(t)
	wantRoutes(t, cli, before...)
	if log := c.stderr.String(); !strings.Contains(log, "warning: routes were refused (count ") {
		t.Error("no warning")
	}
}

// A link's name cannot lead out of the directory of leases, nor hide in it: the
// kernel takes names that look like paths, options and hidden files (SEC-03).
func TestLinkNames_SEC_03(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, name := range []string{"...", "..x", "-i", "$(id)", "a\\..", "~", "resolv.conf"} {
		t.Run(name, func(t *testing.T) {
			turn(t)
			cli, peer := cable(t)
			peer.lie(t, func(*dhcptest.Config) {})
			cli.IP(t, "link", "set", "dev", "eth0", "down")
			cli.IP(t, "link", "set", "dev", "eth0", "name", name)
			dir := stateDir(t)
			leases := filepath.Join(dir, "deep", "leases")
			file := filepath.Join(dir, "file")
			writeFile(t, file, theirText)
			c := launch(t, cli, program(t), "-1", "--lease-dir", leases, "--resolv-conf", file, "--interface="+name)
			if strings.HasPrefix(name, "-") {
				// A program that is told of it would take it for an option.
				if code := c.exit(t); code != 1 || listing(dir) != "file regular" {
					t.Errorf("exit code %d, and in the directory is %q", code, listing(dir))
				}
				return
			}
			if code := c.exit(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			for at, want := range map[string]string{dir: "deep d---------, file regular", filepath.Join(dir, "deep"): "leases d---------", leases: name + ".json regular"} {
				if got := listing(at); got != want {
					t.Errorf("in %s is %q, want %q", at, got, want)
				}
			}
		})
	}
	// What the kernel would not take is no link, and no path either.
	cli, _ := cable(t)
	for _, name := range []string{"..", ".", "../../etc/x", "a/b", "", strings.Repeat("x", 16), "a b"} {
		dir := stateDir(t)
		c := launch(t, cli, program(t), "-1", "--lease-dir", filepath.Join(dir, "leases"), "--no-dns", "--interface="+name)
		if code := c.exit(t); code != 64 {
			t.Errorf("%q: exit code %d, want 64", name, code)
		}
		if got := listing(dir); got != "" {
			t.Errorf("%q: in the directory is %q", name, got)
		}
	}
}

// Renewals cost no file descriptor (LIF-13; the long run is in virtual time, in
// package client).
func TestRenewalsCostNothing_LIF_13(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	peer.lie(t, func(c *dhcptest.Config) { c.Lease, c.T1, c.T2 = 8*time.Second, time.Second, 6*time.Second })
	c := start(t, cli, stateDir(t))
	c.bound(t)
	renewals := func() int { return strings.Count(c.stdout.String(), ", renewed") }
	eventually(t, "two renewals", func() bool { return renewals() >= 2 })
	count := func(what string) int {
		return len(strings.Fields(listing(fmt.Sprintf("/proc/%d/%s", c.cmd.Process.Pid, what)))) / 2
	}
	fds, threads := count("fd"), count("task")
	eventually(t, "ten renewals", func() bool { return renewals() >= 10 })
	if fds == 0 {
		t.Fatal("there are no file descriptors to count")
	}
	// At this moment the lease file may be open.
	eventually(t, fmt.Sprintf("%d file descriptors again", fds), func() bool { return count("fd") <= fds })
	if now := count("task"); now > threads+1 {
		t.Errorf("%d threads, before %d", now, threads)
	}
	c.end(t)
}
