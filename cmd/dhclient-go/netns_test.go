package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/control"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

func TestParseNetns(t *testing.T) {
	for _, tt := range []struct {
		text, path, name, folder string
		pid                      int
	}{
		{"blue", "/run/netns/blue", "blue", "blue", 0},
		{"/run/netns/blue", "/run/netns/blue", "blue", "blue", 0},
		{"/var/run/netns/blue", "/var/run/netns/blue", "blue", "blue", 0},
		{"/run/netns/../docker/netns/1a", "/run/docker/netns/1a", "", "%2Frun%2Fdocker%2Fnetns%2F1a", 0},
		{"/variable/run/netns/blue", "/variable/run/netns/blue", "", "%2Fvariable%2Frun%2Fnetns%2Fblue", 0},
		{"4711", "/proc/4711/ns/net", "", "4711", 4711},
		{"/proc/1/ns/net", "/proc/1/ns/net", "", "%2Fproc%2F1%2Fns%2Fnet", 0},
		{".b%é", "/run/netns/.b%é", ".b%é", "%2Eb%25%C3%A9", 0},
	} {
		n, err := parseNetns(tt.text)
		if err != nil || n.path != tt.path || n.name != tt.name || n.pid != tt.pid || n.folder() != tt.folder {
			t.Errorf("%s: %+v, folder %s, %v", tt.text, n, n.folder(), err)
		}
	}
	for _, text := range []string{"", ".", "..", "0", "99999999", "99999999999999999999", "a b", "a\n", strings.Repeat("x", 256)} {
		if n, err := parseNetns(text); err == nil {
			t.Errorf("%q: %+v", text, n)
		}
	}
}

// from runs the command in the namespace host, for a link of the site.
func (s *site) from(t *testing.T, host *nettest.NS, args ...string) *process {
	t.Helper()
	argv := append([]string{"dhclient-go"}, args...)
	return runProcess(t, host.Command(context.Background(), argv[0], argv[1:]...), argv)
}

// leaseDir is a flag for the leases of the site.
func (s *site) leaseDir() string { return "--lease-dir=" + filepath.Join(s.dir, "leases") }

// namespaces are the network namespaces of the threads of a process, and those
// that it has descriptors of.
func namespaces(t *testing.T, pid int) (threads, held []string) {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/ns/net", pid))
	if err != nil || len(links) == 0 {
		t.Fatalf("no threads of %d: %v", pid, err)
	}
	for _, link := range links {
		to, err := os.Readlink(link)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has just ended
		}
		if err != nil {
			t.Fatal(err)
		}
		threads = append(threads, to)
	}
	for _, to := range targets(t, pid) {
		if strings.HasPrefix(to, "net:") || strings.HasPrefix(to, "/run/netns/") || strings.Contains(to, "/ns/net") {
			held = append(held, to)
		}
	}
	slices.Sort(threads)
	return slices.Compact(threads), held
}

// isAtHome fails the test unless all threads of a process are in the namespace of
// this test, or host, and none is held.
func isAtHome(t *testing.T, pid int, host *nettest.NS) {
	t.Helper()
	var home uint64
	host.Do(t, func() { home = control.Netns() })
	threads, held := namespaces(t, pid)
	if want := fmt.Sprintf("net:[%d]", home); len(threads) != 1 || threads[0] != want || len(held) != 0 {
		t.Errorf("threads in %v, want %s; descriptors of %v", threads, want, held)
	}
}

// A link of another namespace, named in each way, is served as one here: it is
// renewed, its carrier may go, it may be removed and made again. No thread is
// left there, and no descriptor.
func TestNetns_Serves(t *testing.T) {
	s := newSite(t)
	host := nettest.NewNS(t, "host")
	server := s.link(t, nil)
	p := s.from(t, host, "--netns", s.Name, s.leaseDir(), "--pcap="+filepath.Join(s.dir, "pcap"), "eth0", "-v")
	p.stdout.wait(t, line0)
	pid := p.cmd.Process.Pid
	isAtHome(t, pid, host)
	if got := s.addresses(t, "eth0"); !strings.Contains(got, "192.0.0.5/24") {
		t.Errorf("addresses: %s", got)
	}
	if got := s.IP(t, "route", "show", "default"); !strings.Contains(got, "via 192.0.0.1 dev eth0 proto dhcp") {
		t.Errorf("default route: %s", got)
	}
	p.signal(t, syscall.SIGUSR1)
	p.stdout.wait(t, ", renewed\n")

	before := server.Received()[dhcpv4.MessageTypeRequest]
	s.far[0].IP(t, "link", "set", "dev", "eth0", "down")
	p.stderr.wait(t, "no carrier")
	s.far[0].IP(t, "link", "set", "dev", "eth0", "up")
	waitFor(t, "a REQUEST when the carrier is back", func() bool { return server.Received()[dhcpv4.MessageTypeRequest] > before })

	s.IP(t, "link", "del", "eth0")
	p.stderr.wait(t, "the link is gone")
	s.link(t, nil) // as eth1, with a server at the other end
	s.IP(t, "link", "set", "dev", "eth1", "down")
	s.IP(t, "link", "set", "dev", "eth1", "name", "eth0")
	p.stdout.wait(t, "192.0.1.5/24")
	p.stderr.wait(t, "warning: nothing keeps a second client off the link")
	isAtHome(t, pid, host)
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
}

// The ways to name a namespace, and those that have yet to be waited for.
func TestNetns_Named(t *testing.T) {
	s := newSite(t)
	host := nettest.NewNS(t, "host")
	s.link(t, nil)
	inside := s.exec(t, "sleep", "1000")
	waitFor(t, "a process in it", func() bool {
		return strings.Contains(s.IP(t, "-j", "link"), "eth0") && isIn(t, s.NS, inside.cmd.Process.Pid)
	})
	pid := strconv.Itoa(inside.cmd.Process.Pid)
	for _, where := range []string{s.Name, "/run/netns/" + s.Name, pid, "/proc/" + pid + "/ns/net"} {
		p := s.from(t, host, "--netns="+where, s.leaseDir(), "e*", "-1")
		p.exit(t, exitDone)
		if p.stdout.String() != line0 {
			t.Errorf("%s: stdout %q", where, p.stdout)
		}
	}
	all, err := filepath.Glob(filepath.Join(s.dir, "leases", "netns", "*", "eth0.json"))
	if err != nil || len(all) != 3 {
		t.Errorf("lease files %q, %v", all, err)
	}
	// Ours by name is as no name at all, but for the lease.
	p := s.exec(t, "setpriv", "--bounding-set=-sys_admin", "dhclient-go", "--no-dns", s.leaseDir(), "--netns", s.Name, "eth0", "-1")
	p.exit(t, exitDone)
}

func isIn(t *testing.T, ns *nettest.NS, pid int) bool {
	t.Helper()
	var want uint64
	ns.Do(t, func() { want = control.Netns() })
	to, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	return to == fmt.Sprintf("net:[%d]", want)
}

// Until a link appears the namespace is held by a descriptor, and by no thread.
func TestNetns_WaitLink(t *testing.T) {
	s := newSite(t)
	host := nettest.NewNS(t, "host")
	p := s.from(t, host, "--netns", s.Name, s.leaseDir(), "--wait-link", "eth0", "eth1")
	waitFor(t, "a descriptor", func() bool { _, held := namespaces(t, p.cmd.Process.Pid); return len(held) == 1 })
	s.link(t, nil)
	p.stdout.wait(t, line0)
	if threads, held := namespaces(t, p.cmd.Process.Pid); len(threads) != 1 || len(held) != 1 {
		t.Errorf("with a link to come: threads in %v, descriptors of %v", threads, held)
	}
	s.link(t, nil)
	p.stdout.wait(t, "eth1: 192.0.1.5/24")
	isAtHome(t, p.cmd.Process.Pid, host)
}

func TestNetns_Background(t *testing.T) {
	s := newSite(t)
	host := nettest.NewNS(t, "host")
	s.link(t, nil)
	t.Cleanup(func() {
		if pid := s.readPid(); pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	p := s.from(t, host, "--netns", s.Name, s.leaseDir(), "-b", "--pid-file", s.pidFile(), "eth0")
	p.exit(t, exitDone)
	if p.stdout.String() != line0 {
		t.Errorf("stdout %q", p.stdout)
	}
	pid := s.inBackground(t)
	isAtHome(t, pid, host)
	renew := s.from(t, host, "renew", "--netns", s.Name)
	renew.exit(t, exitDone)
	end(t, pid)
}

// What cannot be entered is named, with the reason.
func TestNetns_Refused(t *testing.T) {
	s := newSite(t)
	host := nettest.NewNS(t, "host")
	s.link(t, nil)
	file, pipe := filepath.Join(s.dir, "file"), filepath.Join(s.dir, "pipe")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	gone := s.exec(t, "true")
	gone.exit(t, 0)
	pid := strconv.Itoa(gone.cmd.Process.Pid)
	for where, want := range map[string]string{
		"green":            "no network namespace is called green (/run/netns/green does not exist)",
		pid:                "no process has the number " + pid + " (/proc/" + pid + "/ns/net does not exist)",
		file:               file + " is not a network namespace",
		pipe:               pipe + " is not a network namespace",
		"/no/such/path":    "open the network namespace /no/such/path: no such file or directory",
		"/proc/self/ns/":   "/proc/self/ns is not a network namespace",
		"/proc/1/ns/mnt":   "/proc/1/ns/mnt is a namespace, but not one of the network",
		"/run/netns/green": "no network namespace is called green (/run/netns/green does not exist)",
	} {
		p := s.from(t, host, "--netns", where, s.leaseDir(), "eth0")
		p.exit(t, exitRuntime)
		if got := p.stderr.String(); got != "dhclient-go: "+want+"\n" {
			t.Errorf("%s: %q", where, got)
		}
	}
	argv := []string{"setpriv", "--bounding-set=-sys_admin", "dhclient-go", "--netns", s.Name, "eth0"}
	p := runProcess(t, host.Command(context.Background(), argv[0], argv[1:]...), argv)
	p.exit(t, exitCapability)
	if got := p.stderr.String(); got != "dhclient-go: needs CAP_SYS_ADMIN to enter the network namespace "+s.Name+": setns: operation not permitted\n" {
		t.Errorf("it says %q", got)
	}
}

// Links of one name in two namespaces have leases of their own. Who asks how they
// are is told of both; what is done is done to those here, or to those that are
// named.
func TestNetns_Commands(t *testing.T) {
	near, far := newTwoSites(t)
	dir, control := near.leaseDir(), "--control-dir="+filepath.Join(near.dir, "control")
	one := near.exec(t, "dhclient-go", "--no-dns", dir, control, "eth0", "--json")
	two := near.exec(t, "dhclient-go", "--no-dns", dir, control, "--netns", far.Name, "eth0", "--json")
	one.stdout.wait(t, `"event":"bound"`)
	two.stdout.wait(t, `"event":"bound"`)
	if strings.Contains(one.stdout.String(), "netns") || !strings.Contains(two.stdout.String(), `"interface":"eth0","netns":"`+far.Name+`"`) {
		t.Errorf("events %s and %s", one.stdout, two.stdout)
	}
	ask := func(code int, args ...string) *process {
		p := near.exec(t, append([]string{"dhclient-go", args[0], control}, args[1:]...)...)
		p.exit(t, code)
		return p
	}
	status := ask(exitDone, "status").stdout.String()
	heads := regexp.MustCompile(`(?m)^eth0.*`).FindAllString(status, -1)
	if len(heads) != 2 || !strings.HasPrefix(heads[0], "eth0  BOUND") || !strings.HasPrefix(heads[1], "eth0 in "+far.Name+"  BOUND") {
		t.Errorf("status %q", status)
	}
	if got := ask(exitDone, "status", "--netns", far.Name, "--json").stdout.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"netns":"`+far.Name+`"`) {
		t.Errorf("status there: %s", got)
	}
	ask(exitDone, "renew", "eth0")
	one.stdout.wait(t, `"event":"renewed"`)
	if strings.Contains(two.stdout.String(), "renewed") {
		t.Error("the other was renewed")
	}
	ask(exitDone, "release", "--netns", far.Name)
	two.stdout.wait(t, `"event":"released"`)
	if strings.Contains(one.stdout.String(), "released") {
		t.Error("the other was released")
	}
	ask(exitDone, "stop", "eth0")
	one.exit(t, exitDone)
	if got, want := ask(exitRuntime, "stop", "eth0").stderr.String(), "; one does with --netns "+far.Name+"\n"; !strings.HasSuffix(got, want) {
		t.Errorf("stop says %q", got)
	}
	ask(exitDone, "renew", "--netns", far.Name)
	two.stdout.wait(t, `"to":"BOUND"`)
	ask(exitDone, "stop", "--netns", far.Name)
	two.exit(t, exitDone)
	for _, where := range [][]string{nil, {"--netns", far.Name}} {
		p := ask(exitDone, append([]string{"lease", dir, "eth0"}, where...)...)
		p.stderr.contains(t, "eth0: no client runs; this is the stored lease\n")
	}
}

// newTwoSites are two clients' namespaces with an eth0 each.
func newTwoSites(t *testing.T) (near, far *site) {
	t.Helper()
	near = newSite(t)
	far = &site{NS: nettest.NewNS(t, "other"), dir: t.TempDir()}
	near.link(t, nil)
	far.link(t, nil)
	return near, far
}

// The resolver here is not that of a link elsewhere. One with a name may have a
// file of its own, as `ip netns exec` uses it.
func TestNetns_Resolver(t *testing.T) {
	s := newSite(t)
	host := nettest.NewNS(t, "host")
	s.link(t, nil)
	before, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		t.Fatal(err)
	}
	p := s.from(t, host, "--netns", s.Name, s.leaseDir(), "-1", "-v", "eth0")
	p.exit(t, exitDone)
	p.stderr.contains(t, "name servers are not used: the links are in another network namespace, and no --resolv-conf is given")
	given := filepath.Join(s.dir, "resolv.conf")
	s.from(t, host, "--netns", s.Name, s.leaseDir(), "-1", "--resolv-conf", given, "eth0").exit(t, exitDone)
	if got := s.resolvConf(); !strings.Contains(got, "nameserver 192.0.0.1") {
		t.Errorf("the file that is named has %q", got)
	}
	own := filepath.Join("/etc/netns", s.Name, "resolv.conf")
	if err := os.MkdirAll(filepath.Dir(own), 0o755); err != nil {
		t.Skipf("/etc cannot be written here: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(own)) })
	if err := os.WriteFile(own, []byte("# mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.from(t, host, "--netns", s.Name, s.leaseDir(), "-1", "eth0").exit(t, exitDone)
	if got, err := os.ReadFile(own); err != nil || !strings.Contains(string(got), "nameserver 192.0.0.1") {
		t.Errorf("the namespace's file has %q, %v", got, err)
	}
	if after, err := os.ReadFile("/etc/resolv.conf"); err != nil || string(after) != string(before) {
		t.Errorf("ours is %q, not %q: %v", after, before, err)
	}
}

// A thread that cannot go back ends; one that can is as before. Neither is the
// first of the process.
func TestPlace_ThreadsGoBackOrEnd(t *testing.T) {
	there := nettest.NewNS(t, "there")
	n, err := parseNetns(there.Name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := openPlace(n)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	var want uint64
	there.Do(t, func() { want = control.Netns() })
	for _, stuck := range []bool{false, true} {
		calls, tid := 0, 0
		p.setns = func(fd, kind int) error {
			if calls++; stuck && calls == 2 {
				return unix.EPERM
			}
			return unix.Setns(fd, kind)
		}
		broken := errors.New("broken")
		err := p.do(func() error {
			if control.Netns() != want {
				t.Errorf("in %d, want %d", control.Netns(), want)
			}
			tid = unix.Gettid()
			return broken
		})
		if err != broken || calls != 2 || tid == os.Getpid() {
			t.Errorf("%v after %d calls, thread %d of %d", err, calls, tid, os.Getpid())
		}
		waitFor(t, "no thread there", func() bool {
			to, err := os.Readlink(fmt.Sprintf("/proc/self/task/%d/ns/net", tid))
			return err != nil || to != fmt.Sprintf("net:[%d]", want)
		})
	}
	p.close()
	if err := p.do(func() error { t.Error("it was called"); return nil }); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after it was closed: %v", err)
	}
}

// A link there is taken over as one here is.
func TestNetns_Takeover(t *testing.T) {
	s := newSite(t)
	host := nettest.NewNS(t, "host")
	s.link(t, nil)
	one := s.from(t, host, "--netns", s.Name, s.leaseDir(), "eth0")
	one.stdout.wait(t, line0)
	two := s.from(t, host, "--netns=/run/netns/"+s.Name, s.leaseDir(), "--takeover", "eth0", "-v")
	one.exit(t, exitDone)
	two.stdout.wait(t, "eth0: taken over from process "+strconv.Itoa(one.cmd.Process.Pid)+" ")
	if got := s.addresses(t, "eth0"); !strings.Contains(got, "192.0.0.5/24") {
		t.Errorf("addresses: %s", got)
	}
	isAtHome(t, two.cmd.Process.Pid, host)
}
