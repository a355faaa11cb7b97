package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// ask runs a command in the site's namespace, and wants that exit code.
func (s *site) ask(t *testing.T, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	p := s.exec(t, append([]string{"env", "LC_ALL=C.UTF-8", "COLUMNS=80", "TZ=UTC", "dhclient-go"}, args...)...)
	p.exit(t, code)
	return p.stdout.String(), p.stderr.String()
}

// statusOf is what status --json says of a link.
func (s *site) statusOf(t *testing.T, link string) *linkStatus {
	t.Helper()
	p := s.exec(t, "dhclient-go", "status", "--json", link)
	<-p.ended
	var st linkStatus
	if err := json.Unmarshal([]byte(p.stdout.String()), &st); err != nil {
		t.Fatalf("%q: %v", p.stdout, err)
	}
	return &st
}

// mute has the server not answer.
func mute(t *testing.T, server *dhcptest.Server, silent bool) {
	t.Helper()
	if err := server.Configure(func(c *dhcptest.Config) { c.Silent = silent }); err != nil {
		t.Fatal(err)
	}
}

// matches fails the test unless text is matched by each pattern, where ^ and $
// are of a line.
func matches(t *testing.T, text string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile(`(?m)` + p).MatchString(text) {
			t.Errorf("no %s in:\n%s", p, text)
		}
	}
}

// Each command has the client do what it says, and says what came of it.
func TestCommands_OnALink(t *testing.T) {
	s := newSite(t)
	server := s.link(t, nil)
	p := s.start(t, "eth0", "--no-dns")
	p.stdout.wait(t, line0)

	out, _ := s.ask(t, exitDone, "status")
	matches(t, out, `^eth0  BOUND  192\.0\.0\.5/24 for (1h|59m) more +since \d\d:\d\d:\d\d$`,
		`^  \d\d:\d\d [├●]\S*┼\S*┼\S*┤ \d\d:\d\d$`, `^ +T1 \d\d:\d\d +T2 \d\d:\d\d$`,
		`^  server +192\.0\.0\.1$`, `^  routes +default via 192\.0\.0\.1$`, `^  DNS +192\.0\.0\.1$`,
		`^  sent +DISCOVER 1, REQUEST 1$`, `^  received +ACK 1, OFFER 1$`,
		fmt.Sprintf(`^  process +%d, dhclient-go `, p.cmd.Process.Pid),
		`^ +\d\d:\d\d:\d\d  APPLYING → BOUND: the link is configured$`)

	st := s.statusOf(t, "eth0")
	if st.State != "BOUND" || st.Lease == nil || st.Lease.Address.String() != "192.0.0.5" || st.Link != linkUp || len(st.Events) < 6 ||
		st.PID != p.cmd.Process.Pid || !st.ExpiresAt.Equal(st.Lease.ExpireAt()) || st.Counters.Sent["REQUEST"] != 1 {
		t.Errorf("%+v", st)
	}

	out, _ = s.ask(t, exitDone, "renew")
	matches(t, out, `^eth0: 192\.0\.0\.5/24 from 192\.0\.0\.1, lease 1h, .*, renewed$`)
	out, _ = s.ask(t, exitDone, "rebind", "eth0")
	matches(t, out, `^eth0: 192\.0\.0\.5/24 from .*, renewed$`)
	if st := s.statusOf(t, "eth0"); st.Counters.Sent["REQUEST"] != 3 || st.HeldSince == nil || !st.HeldSince.Before(st.Lease.Start) {
		t.Errorf("after two renewals: %+v", st)
	}
	out, _ = s.ask(t, exitDone, "lease")
	matches(t, out, `^eth0  192\.0\.0\.5/24 for `, `^  ends +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d, after 1h$`, `^ +51 dhcp-lease-time +3600$`)
	out, _ = s.ask(t, exitDone, "lease", "--json")
	matches(t, out, `^  "interface": "eth0",$`, `^  "address": "192.0.0.5/24",$`, `^    "51": "00000e10",?$`)

	out, _ = s.ask(t, exitDone, "release")
	matches(t, out, `^eth0: 192\.0\.0\.5/24 released$`)
	waitFor(t, "RELEASE", func() bool { return released(server) })
	out, _ = s.ask(t, exitNoLease, "status")
	matches(t, out, `^eth0  INIT  no address; the lease was released; idle until renew`)
	_, errs := s.ask(t, exitNoLease, "lease", "eth0")
	matches(t, errs, `^dhclient-go: eth0: INIT: no address; `)
	out, _ = s.ask(t, exitDone, "release")
	matches(t, out, `^eth0: there was no lease to give back; idle until renew$`)
	out, _ = s.ask(t, exitDone, "renew")
	matches(t, out, `^eth0: 192\.0\.0\.5/24 from `)

	out, _ = s.ask(t, exitDone, "stop")
	matches(t, out, `^eth0: stopped; 192\.0\.0\.5/24 stays`)
	p.exit(t, exitDone)
	if addr := s.addresses(t, "eth0"); !strings.Contains(addr, "192.0.0.5/24") {
		t.Errorf("addresses: %s", addr)
	}
	_, errs = s.ask(t, exitRuntime, "stop")
	matches(t, errs, `^dhclient-go: no client runs in this network namespace \(none answers in /run/dhclient-go\)$`)
	out, errs = s.ask(t, exitDone, "lease", "--lease-dir", filepath.Join(s.dir, "leases"))
	matches(t, out, `^eth0  192\.0\.0\.5/24 for `)
	matches(t, errs, `^dhclient-go: eth0: no client runs; this is the stored lease$`)
	_, errs = s.ask(t, exitNoLease, "lease", "eth7", "--lease-dir", filepath.Join(s.dir, "leases"))
	matches(t, errs, `^dhclient-go: eth7: no client runs, and no lease is stored in `)
	_, errs = s.ask(t, exitRuntime, "lease", "--lease-dir", filepath.Join(s.dir, "nothing"))
	matches(t, errs, `^dhclient-go: no client runs `, `^dhclient-go: no lease is stored in `)
}

func released(server *dhcptest.Server) bool {
	for kind, n := range server.Received() {
		if kind.String() == "RELEASE" && n > 0 {
			return true
		}
	}
	return false
}

// Where nothing comes of it, a command says why, in time.
func TestCommands_Fail(t *testing.T) {
	s := newSite(t)
	server := s.link(t, nil)
	mute(t, server, true)
	p := s.start(t, "eth0", "--no-dns")
	waitFor(t, "a DISCOVER", func() bool { return total(server) > 0 })
	waitFor(t, "its socket", func() bool { // which comes a moment after that
		p := s.exec(t, "dhclient-go", "status", "eth0")
		<-p.ended
		return p.stdout.String() != ""
	})
	out, _ := s.ask(t, exitNoLease, "status", "eth0")
	matches(t, out, `^eth0  SELECTING  no address; asking for \d+s, \d DISCOVERs? unanswered$`)
	_, errs := s.ask(t, exitNoLease, "renew", "--timeout=300ms")
	matches(t, errs, `^dhclient-go: eth0: renew failed: no outcome within 300ms; it goes on: SELECTING, no address; asking for `)

	mute(t, server, false)
	s.ask(t, exitDone, "renew", "--timeout=30s")
	mute(t, server, true)
	_, errs = s.ask(t, exitNoLease, "renew", "--timeout=300ms")
	matches(t, errs, `^dhclient-go: eth0: renew failed: no outcome within 300ms; it goes on: RENEWING, 192\.0\.0\.5/24 for (1h|59m) more; asking its server`)
	_, errs = s.ask(t, exitNoLease, "rebind", "--timeout=300ms")
	matches(t, errs, `; it goes on: REBINDING, `)

	if err := server.Configure(func(c *dhcptest.Config) { c.Silent, c.NakRequests = false, true }); err != nil {
		t.Fatal(err)
	}
	_, errs = s.ask(t, exitNoLease, "renew", "--timeout=30s")
	matches(t, errs, `^dhclient-go: eth0: renew failed: refused by 192\.0\.0\.1 \(NAK\)`)
	if addr := s.addresses(t, "eth0"); addr != "" {
		t.Errorf("addresses: %s", addr)
	}
	waitFor(t, "a back-off", func() bool {
		st := s.statusOf(t, "eth0")
		return st.State == "WAITING" && st.NextTry != nil && strings.HasPrefix(st.Reason, "refused by NAK")
	})

	s.IP(t, "link", "set", "dev", "eth0", "down")
	waitFor(t, "no carrier", func() bool { return s.statusOf(t, "eth0").Link == linkNoCarrier })
	_, errs = s.ask(t, exitNoLease, "renew", "--timeout=30s")
	matches(t, errs, `^dhclient-go: eth0: renew failed: the interface has no carrier$`)
	_, errs = s.ask(t, exitRuntime, "renew", "eth7")
	matches(t, errs, `^dhclient-go: no client of eth7 runs in this network namespace`)
	// SIGKILL leaves the socket, which the next command removes.
	p.signal(t, syscall.SIGKILL)
	<-p.ended
	_, errs = s.ask(t, exitRuntime, "status")
	matches(t, errs, `^dhclient-go: no client runs in this network namespace`)
	if left, _ := filepath.Glob(fmt.Sprintf("/run/dhclient-go/*-%d.sock", p.cmd.Process.Pid)); len(left) > 0 {
		t.Errorf("it left %q", left)
	}
}

// A process of several links: each has commands of its own, and what would take
// a lease from all has to be said.
func TestCommands_SeveralLinks(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	s.link(t, nil)
	p := s.start(t, "eth0", "eth1", "--no-dns", "--on-exit=remove")
	p.stdout.wait(t, "eth0: 192.0.0.5/24")
	p.stdout.wait(t, "eth1: 192.0.1.5/24")
	out, _ := s.ask(t, exitDone, "status")
	matches(t, out, `^eth0  BOUND  192\.0\.0\.5/24 [^\0]*\n\neth1  BOUND  192\.0\.1\.5/24 `)
	out, _ = s.ask(t, exitDone, "renew")
	matches(t, out, `^eth0: 192\.0\.0\.5/24 .*renewed$`, `^eth1: 192\.0\.1\.5/24 .*renewed$`)
	for _, command := range []string{"stop", "release"} {
		_, errs := s.ask(t, exitUsage, command)
		matches(t, errs, `^dhclient-go: clients run for eth0, eth1: name one, or say --all$`)
	}
	out, _ = s.ask(t, exitDone, "stop", "eth1")
	matches(t, out, `^eth1: stopped$`)
	if addr := s.addresses(t, "eth1"); addr != "" {
		t.Errorf("addresses: %s", addr)
	}
	// The link is free for another, and the process has the other one.
	q := s.start(t, "-1", "eth1", "--no-dns")
	q.exit(t, exitDone)
	out, _ = s.ask(t, exitDone, "renew", "eth0")
	matches(t, out, `^eth0: 192\.0\.0\.5/24 .*renewed$`)
	_, errs := s.ask(t, exitNoLease, "renew", "eth1")
	matches(t, errs, `^dhclient-go: eth1: renew failed: the client of this link has ended$`)
	out, _ = s.ask(t, exitDone, "stop", "--all")
	matches(t, out, `^eth0: stopped$`, `^eth1: stopped$`)
	p.exit(t, exitDone)
	if addr := s.addresses(t, "eth0"); addr != "" {
		t.Errorf("addresses: %s", addr)
	}
}

// Two processes in two network namespaces share /run: each answers those of its
// own namespace.
func TestCommands_OtherNamespace(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	other := &site{NS: nettest.NewNS(t, "client"), dir: t.TempDir()}
	other.link(t, func(c *dhcptest.Config) { c.First = netip.MustParseAddr("192.0.0.7") })
	p, q := s.start(t, "eth0", "--no-dns"), other.start(t, "eth0", "--no-dns")
	p.stdout.wait(t, "eth0: 192.0.0.5/24")
	q.stdout.wait(t, "eth0: 192.0.0.7/24")
	for at, want := range map[*site]string{s: "192.0.0.5", other: "192.0.0.7"} {
		if st := at.statusOf(t, "eth0"); st.Lease == nil || st.Lease.Address.String() != want {
			t.Errorf("%+v, not %s", st, want)
		}
	}
	other.ask(t, exitDone, "stop")
	q.exit(t, exitDone)
	other.ask(t, exitRuntime, "status")
	s.ask(t, exitDone, "status")
}

// A process that hangs is not taken for none.
func TestCommands_HangingProcess(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	p := s.start(t, "eth0", "--no-dns")
	p.stdout.wait(t, line0)
	p.signal(t, syscall.SIGSTOP)
	_, errs := s.ask(t, exitRuntime, "renew", "--timeout=300ms")
	p.signal(t, syscall.SIGCONT)
	matches(t, errs, `^dhclient-go: a process of /run/dhclient-go does not answer within 300ms$`)
	s.ask(t, exitDone, "stop")
	p.exit(t, exitDone)
}

// An interface that is waited for has a status too.
func TestCommands_AbsentInterface(t *testing.T) {
	s := newSite(t)
	p := s.start(t, "eth0", "--wait-link", "--no-dns")
	waitFor(t, "a status", func() bool {
		q := s.exec(t, "dhclient-go", "status", "eth0")
		<-q.ended
		return strings.HasPrefix(q.stdout.String(), "eth0  ABSENT  no address; the interface does not exist; waiting for it")
	})
	_, errs := s.ask(t, exitNoLease, "renew")
	matches(t, errs, `^dhclient-go: eth0: renew failed: the interface is not there yet$`)
	s.link(t, nil)
	p.stdout.wait(t, line0)
	s.ask(t, exitDone, "status")
	s.ask(t, exitDone, "stop")
	p.exit(t, exitDone)
}

// watch ends with the client, and has said what it did.
func TestWatch(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	p := s.start(t, "eth0", "--no-dns", "--json", "-v")
	p.stdout.wait(t, `"to":"BOUND"`)
	w := s.exec(t, "env", "LC_ALL=C", "dhclient-go", "watch")
	j := s.exec(t, "dhclient-go", "watch", "--json", "eth0")
	w.stdout.wait(t, "eth0: BOUND, 192.0.0.5/24 for ")
	// There is no word for "listening" with --json: one event shows it.
	waitFor(t, "an event", func() bool {
		s.ask(t, exitDone, "renew")
		return strings.Contains(j.stdout.String(), `"event":"renewed"`)
	})
	s.ask(t, exitDone, "stop")
	p.exit(t, exitDone)
	w.exit(t, exitDone)
	j.exit(t, exitDone)
	matches(t, w.stdout.String(), `^\d\d:\d\d:\d\d eth0: BOUND -> RENEWING: asked to renew$`,
		`^\d\d:\d\d:\d\d eth0: 192\.0\.0\.5/24 from .*, renewed$`, `^\d\d:\d\d:\d\d eth0: stopped; 192\.0\.0\.5/24 stays$`)
	// The same lines as those of the client, but for the moment that they have.
	time := regexp.MustCompile(`^\{"time":"[^"]*",`)
	said := map[string]bool{}
	for line := range strings.Lines(p.stdout.String()) {
		said[time.ReplaceAllString(line, "{")] = true
	}
	n := 0
	for line := range strings.Lines(j.stdout.String()) {
		if n++; !said[time.ReplaceAllString(line, "{")] {
			t.Errorf("the client has not said %s", line)
		}
	}
	if n < 4 || !strings.Contains(j.stdout.String(), `"to":"OFF"`) {
		t.Errorf("%d lines:\n%s", n, j.stdout)
	}
}

// Who is not root is refused by the mode of the socket, unless that is changed.
func TestCommands_Permission(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	dir := filepath.Join("/run", "permission")
	p := s.start(t, "eth0", "--no-dns", "--control-dir", dir)
	p.stdout.wait(t, line0)
	socket := filepath.Join(dir, fmt.Sprintf("eth0-%d.sock", p.cmd.Process.Pid))
	nobody := func(args ...string) *process {
		return s.exec(t, append([]string{"setpriv", "--bounding-set=-all", "dhclient-go"}, args...)...)
	}
	// Without CAP_DAC_OVERRIDE the mode is all that there is, also for root.
	if err := os.Chmod(socket, 0); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"status", "lease", "watch", "renew", "stop"} {
		q := nobody(command, "--control-dir", dir)
		q.exit(t, exitCapability)
		if want := fmt.Sprintf("dhclient-go: connect to %s: permission denied: only root, or who may write to that, can ask the client\n", socket); q.stderr.String() != want {
			t.Errorf("%s: %q, not %q", command, q.stderr, want)
		}
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		t.Fatal(err)
	}
	nobody("status", "--control-dir", dir).exit(t, exitDone)
	s.asAnotherUser(t, socket, "status", "--control-dir", dir)
}

// asAnotherUser runs a command as one who may not, if there can be one here: in a
// user namespace of one user there cannot.
func (s *site) asAnotherUser(t *testing.T, socket string, args ...string) {
	t.Helper()
	if err := exec.Command("setpriv", "--reuid=65534", "--clear-groups", "true").Run(); err != nil {
		t.Logf("nobody else is here: %v", err)
		return
	}
	path, err := exec.LookPath("dhclient-go")
	if err != nil {
		t.Fatal(err)
	}
	// Where everybody may run it.
	const public = "/run/public/dhclient-go"
	s.exec(t, "install", "-D", path, public).exit(t, 0)
	q := s.exec(t, append([]string{"setpriv", "--reuid=65534", "--clear-groups", public}, args...)...)
	q.exit(t, exitCapability)
	q.stderr.contains(t, "dhclient-go: connect to "+socket+": permission denied: only root, ")
}

// A host without a place for the socket gets its address all the same; nor is
// there one that is not wanted, or of a command that ends with the lease.
func TestControl_NoSocket(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	p := s.start(t, "eth0", "--no-dns", "-v", "--control-dir", "/proc/nowhere")
	p.stdout.wait(t, line0)
	p.stderr.contains(t, "status, renew and the other commands find nobody: mkdir /proc/nowhere")
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	dir := filepath.Join(s.dir, "control")
	for _, args := range [][]string{{"--control-dir="}, {"-1", "--control-dir", dir}, {"--dry-run", "--control-dir", dir}} {
		p := s.start(t, append([]string{"eth0", "--no-dns"}, args...)...)
		p.stdout.wait(t, "192.0.0.5/24")
		if len(args) == 1 {
			p.signal(t, syscall.SIGTERM)
		}
		p.exit(t, exitDone)
		if p.stderr.String() != "" {
			t.Errorf("%q: %s", args, p.stderr)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("there is a directory for sockets")
	}
}

// The process in the background is the one that answers.
func TestCommands_Background(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	s.startBackground(t, plainly, "eth0").exit(t, exitDone)
	pid := s.inBackground(t)
	if st := s.statusOf(t, "eth0"); st.PID != pid || st.Lease == nil {
		t.Errorf("%+v", st)
	}
	s.ask(t, exitDone, "stop", "eth0")
	waitFor(t, "end", func() bool { return !alive(pid) })
}

// A peer that says nonsense, nothing, or more than it should, is no trouble for
// the lease.
func TestControl_HostilePeer(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	p := s.start(t, "eth0", "--no-dns")
	p.stdout.wait(t, line0)
	socket := fmt.Sprintf("/run/dhclient-go/eth0-%d.sock", p.cmd.Process.Pid)
	for _, say := range []string{"", "x", "\n", `{"version":1,"command":"stop","interface":"nolink","netns":1}` + "\n", strings.Repeat("y", 1<<20),
		`{"version":1,"command":"format","netns":0}` + "\n"} {
		for range 4 {
			c := dialUnix(t, socket)
			_, _ = c.Write([]byte(say))
			_ = c.CloseWrite()
			line, _ := bufio.NewReader(c).ReadString('\n')
			if !strings.HasPrefix(line, `{"error":`) && line != "{\"done\":true}\n" && line != "" {
				t.Errorf("%.20q: %q", say, line)
			}
			_ = c.Close()
		}
	}
	s.ask(t, exitDone, "renew")
	select {
	case <-p.ended:
		t.Error("it has ended")
	default:
	}
}

// The commands have a help of their own, and flags that are theirs.
func TestCommands_Help(t *testing.T) {
	for i := range commands {
		c := &commands[i]
		var b strings.Builder
		c.printHelp(&b)
		for line := range strings.Lines(b.String()) {
			if columns(strings.TrimSuffix(line, "\n")) > 80 {
				t.Errorf("%s: more than 80 columns: %s", c.name, line)
			}
		}
		if len(c.help) > 53 || c.run == nil || c.more == "" {
			t.Errorf("%+v", c)
		}
	}
}

func dialUnix(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}
