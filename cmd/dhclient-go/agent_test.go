package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// agent starts one with its leases in the site's directory.
func (s *site) agent(t *testing.T, args ...string) *process {
	t.Helper()
	return s.exec(t, append([]string{"dhclient-go", "agent", "--control-dir", s.control(), s.leaseDir(), "--no-dns"}, args...)...)
}

// control is where the agent of the site listens.
func (s *site) control() string { return filepath.Join("/run", s.Name) }

// becomes waits until a status of the agent has each of these.
func (s *site) becomes(t *testing.T, want ...string) {
	t.Helper()
	for limit := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		// Its exit code is for others: 2 while a link has no lease.
		out, _ := s.Command(t.Context(), "env", "COLUMNS=80", "dhclient-go", "status", "--control-dir", s.control()).CombinedOutput()
		missing := slices.DeleteFunc(slices.Clone(want), func(text string) bool { return strings.Contains(string(out), text) })
		if len(missing) == 0 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("no %q in\n%s", missing, out)
		}
	}
}

// Links that are there, that appear, that are renamed, and that go.
func TestAgent_FollowsLinks(t *testing.T) {
	s := newSite(t)
	server := s.link(t, nil)
	p := s.agent(t, "--match", "eth*", "--match", "wan0")
	s.becomes(t, "eth0  BOUND  192.0.0.5/24", "1 link: 1 BOUND")
	w := s.exec(t, "dhclient-go", "watch", "--control-dir", s.control())
	w.stdout.wait(t, "eth0: BOUND, 192.0.0.5/24")
	s.link(t, nil)
	s.becomes(t, "eth1  BOUND  192.0.1.5/24", "2 links: 2 BOUND")
	w.stdout.wait(t, "eth1: 192.0.1.5/24 from 192.0.1.1")

	// Another name, with the same plan: it is the client that it was.
	s.IP(t, "link", "set", "dev", "eth1", "down")
	s.IP(t, "link", "set", "dev", "eth1", "name", "wan0")
	s.IP(t, "link", "set", "dev", "wan0", "up")
	s.becomes(t, "wan0  BOUND  192.0.1.5/24")
	waitFor(t, "the lease under its new name", func() bool { return exists(s.leaseFile("wan0")) && !exists(s.leaseFile("eth1")) })
	out, _ := s.ask(t, exitDone, "renew", "--control-dir", s.control(), "wan0")
	matches(t, out, `^wan0: 192\.0\.1\.5/24 .*, renewed$`)
	// And one that is not meant: it is let go.
	s.IP(t, "link", "set", "dev", "wan0", "down")
	s.IP(t, "link", "set", "dev", "wan0", "name", "other0")
	s.becomes(t, "1 link: 1 BOUND")

	out, _ = s.ask(t, exitDone, "release", "--control-dir", s.control(), "eth0")
	matches(t, out, `^eth0: 192\.0\.0\.5/24 released`)
	waitFor(t, "a RELEASE", func() bool { return server.Received()[dhcpv4.MessageTypeRelease] == 1 })
	_, errs := s.ask(t, exitNoLease, "stop", "--control-dir", s.control(), "eth0")
	matches(t, errs, `^dhclient-go: eth0: stop failed: an agent serves it`)
	s.IP(t, "link", "del", "dev", "eth0")
	_, errs = s.ask(t, exitRuntime, "status", "--control-dir", s.control(), "eth0")
	matches(t, errs, `no client of eth0 runs`)
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	w.exit(t, exitDone)
	// A link that goes down just when it is looked at, or configured, is told of.
	for line := range strings.Lines(p.stdout.String() + p.stderr.String()) {
		if !regexp.MustCompile(`warning: (the interface was down|no carrier|.*network is down)`).MatchString(line) {
			t.Errorf("it is not silent: %s", line)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// A process that ends leaves the address, and the next one goes on from the lease.
func TestAgent_GoesOn(t *testing.T) {
	s := newSite(t)
	server := s.link(t, nil)
	for i, want := range []string{"BOUND", "BOUND"} {
		p := s.agent(t, "--match", "eth0")
		s.becomes(t, "eth0  "+want+"  192.0.0.5/24")
		if n := server.Received()[dhcpv4.MessageTypeDiscover]; n != 1 {
			t.Errorf("run %d: %d DISCOVERs", i, n)
		}
		p.signal(t, syscall.SIGTERM)
		p.exit(t, exitDone)
		if got := s.addresses(t, "eth0"); !strings.Contains(got, "192.0.0.5/24") {
			t.Errorf("run %d: it has left %q", i, got)
		}
	}
}

// Two links of one name, each in a namespace of its own, are told apart; one that
// moves is served where it comes to.
func TestAgent_Namespaces(t *testing.T) {
	near, far := newTwoSites(t)
	host := &site{NS: nettest.NewNS(t, "host"), dir: t.TempDir()}
	p := host.agent(t, "--netns", near.Name, "--netns", "/run/netns/"+far.Name, "--match", "eth*")
	host.becomes(t, near.Name+" ", "/run/netns/"+far.Name, "2 links: 2 BOUND")
	out, _ := host.ask(t, exitDone, "status", "--control-dir", host.control(), "--netns", far.Name, "eth0")
	matches(t, out, `^eth0 in /run/netns/`+far.Name+`  BOUND  192\.0\.0\.5/24`)
	if strings.Contains(out, near.Name) {
		t.Errorf("the other too: %s", out)
	}
	out, _ = host.ask(t, exitDone, "renew", "--control-dir", host.control(), "--netns", near.Name, "eth0")
	matches(t, out, `^eth0: 192\.0\.0\.5/24 .*, renewed$`)
	for _, dir := range []string{near.Name, far.Name} {
		if path := filepath.Join(host.dir, "leases", "netns", dir, "eth0.json"); !exists(path) {
			t.Errorf("no %s", path)
		}
	}
	near.IP(t, "link", "set", "dev", "eth0", "name", "eth7", "netns", far.Name)
	host.becomes(t, "eth7  /run/netns/", "2 links: 2 BOUND")
	if got := far.IP(t, "-4", "-o", "addr", "show", "dev", "eth7"); !strings.Contains(got, "192.0.0.5/24") {
		t.Errorf("addresses: %q", got)
	}
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	p = host.agent(t, "--netns", near.Name, "--netns", "/run/netns/"+near.Name, "--match", "eth*")
	p.exit(t, exitUsage)
	p.stderr.contains(t, near.Name+" and /run/netns/"+near.Name+" are the same network namespace")
}

// config writes the config file of the site's agent.
func (s *site) config(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(s.dir, "agent.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The config file is read again on SIGHUP. Only the links whose sections have
// changed are touched, and a wrong file changes nothing.
func TestAgent_Reload(t *testing.T) {
	s := newSite(t)
	first, second := s.link(t, nil), s.link(t, nil)
	head := fmt.Sprintf("[defaults]\nlease-dir = %q\nno-dns = true\nacd = \"off\"\n[[link]]\nmatch = \"eth0\"\nmetric = 70\n", filepath.Join(s.dir, "leases"))
	path := s.config(t, head+"[[link]]\nmatch = \"eth*\"\nmetric = 80\n")
	p := s.exec(t, "dhclient-go", "agent", "--control-dir", s.control(), "--config", path)
	s.becomes(t, "2 links: 2 BOUND")
	for link, metric := range map[string]string{"eth0": "metric 70", "eth1": "metric 80"} {
		if got := s.IP(t, "route", "show", "default", "dev", link); !strings.Contains(got, metric) {
			t.Errorf("%s: %s", link, got)
		}
	}
	asked := first.Received()[dhcpv4.MessageTypeRequest]

	s.config(t, head+"[[link]]\nmatch = \"eth*\"\nmetric = \"many\"\n")
	p.signal(t, syscall.SIGHUP)
	p.stderr.wait(t, path+":10: metric: ")
	s.becomes(t, "2 links: 2 BOUND")
	if n := second.Received()[dhcpv4.MessageTypeRequest]; n != 1 {
		t.Errorf("%d REQUESTs of eth1", n)
	}

	s.config(t, head+"[[link]]\nmatch = \"eth*\"\nmetric = 90\n")
	p.signal(t, syscall.SIGHUP)
	waitFor(t, "the new metric", func() bool {
		return strings.Contains(s.IP(t, "route", "show", "default", "dev", "eth1"), "metric 90")
	})
	s.becomes(t, "2 links: 2 BOUND")
	if n := first.Received()[dhcpv4.MessageTypeRequest]; n != asked {
		t.Errorf("eth0 was touched: %d REQUESTs, and %d before", n, asked)
	}
	// A program that was not named at the start is refused.
	s.config(t, head+"script = \"/bin/true\"\n")
	p.signal(t, syscall.SIGHUP)
	p.stderr.wait(t, "a script that the agent was not started with")
	// A section that is gone lets its link go.
	s.config(t, head)
	p.signal(t, syscall.SIGHUP)
	s.becomes(t, "eth0 ", "1 link: 1 BOUND")
	// And so does another match of the process.
	s.config(t, "[agent]\nmatch = \"eth1\"\n"+head+"[[link]]\nmatch = \"eth*\"\n")
	p.signal(t, syscall.SIGHUP)
	s.becomes(t, "eth1 ", "1 link: 1 BOUND")
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
}

// A first file that is wrong ends it, with the line and the key.
func TestAgent_WrongConfig(t *testing.T) {
	s := newSite(t)
	path := s.config(t, "[defaults]\nacd = \"off\"\nmetrik = 5\n")
	p := s.exec(t, "dhclient-go", "agent", "--config", path)
	p.exit(t, exitBadConfig)
	p.stderr.contains(t, "dhclient-go: "+path+":3: metrik: is no key of [defaults]")
	p = s.exec(t, "dhclient-go", "agent", "--config", filepath.Join(s.dir, "none"))
	p.exit(t, exitBadConfig)
	p = s.exec(t, "dhclient-go", "agent", "--config", s.config(t, ""), "--metric", "5")
	p.exit(t, exitUsage)
	p.stderr.contains(t, "--metric: contradicts --config")
	p = s.exec(t, "dhclient-go", "agent", "--check-config", "--config", path)
	p.exit(t, exitDone)
	p.stdout.contains(t, path+" is fine: [defaults] alone, for every link\n")
}

// A link that another process serves is that one's, and taken when it is free.
func TestAgent_LinkOfAnother(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	other := s.start(t, "eth0", "--no-dns")
	other.stdout.wait(t, line0)
	p := s.agent(t, "--match", "eth*")
	p.stderr.wait(t, fmt.Sprintf("eth0: warning: the link is not served, and tried again: process %d", other.cmd.Process.Pid))
	s.becomes(t, "eth0  RESTING")
	out, _ := s.ask(t, exitNoLease, "status", "--json", "--control-dir", s.control())
	if strings.Contains(out, `"0001-`) || !strings.Contains(out, `"error":"process `) {
		t.Error(out)
	}
	other.signal(t, syscall.SIGTERM)
	other.exit(t, exitDone)
	s.becomes(t, "eth0  BOUND  192.0.0.5/24")
	if st := s.agentsStatus(t, "eth0"); st.Restarts == 0 || st.Panics != 0 || !st.Agent || st.Error == "" {
		t.Errorf("%+v", st)
	}
}

// Commands about a link that another process serves are that one's, which the agent
// does not spoil.
func TestAgent_CommandsOfAnother(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	other := s.start(t, "eth0", "--no-dns", "--control-dir", s.control())
	other.stdout.wait(t, line0)
	p := s.agent(t, "--match", "eth*")
	s.becomes(t, "2 links: 1 BOUND, 1 RESTING")
	out, errs := s.ask(t, exitDone, "renew", "--control-dir", s.control())
	matches(t, out+errs, `^eth0: 192\.0\.0\.5/24 .*, renewed$`)
	out, errs = s.ask(t, exitDone, "release", "--control-dir", s.control())
	matches(t, out+errs, `^eth0: 192\.0\.0\.5/24 released$`)
	out, errs = s.ask(t, exitDone, "stop", "--all", "--control-dir", s.control())
	matches(t, out+errs, `^eth0: stopped$`, `^eth0: stopped$`)
	other.exit(t, exitDone)
	p.exit(t, exitDone)
}

// An agent that has no link is none that does not run, and can be ended.
func TestAgent_NoLink(t *testing.T) {
	s := newSite(t)
	p := s.agent(t, "--match", "none*")
	waitFor(t, "its socket", func() bool { all, _ := filepath.Glob(s.control() + "/*.sock"); return len(all) > 0 })
	_, errs := s.ask(t, exitRuntime, "status", "--control-dir", s.control())
	matches(t, errs, `^dhclient-go: the agent has no link in this network namespace`)
	_, errs = s.ask(t, exitRuntime, "renew", "eth0", "--control-dir", s.control())
	matches(t, errs, `^dhclient-go: no client of eth0 runs in this network namespace: the agent there does not serve it$`)
	out, _ := s.ask(t, exitDone, "stop", "--all", "--control-dir", s.control())
	matches(t, out, `^agent: stopped; it had no link$`)
	p.exit(t, exitDone)
}

// agentsStatus is what the agent says of a link.
func (s *site) agentsStatus(t *testing.T, link string) (st linkStatus) {
	t.Helper()
	out, err := s.Command(t.Context(), "dhclient-go", "status", "--json", "--control-dir", s.control(), link).Output()
	if err == nil {
		err = json.Unmarshal(out, &st)
	}
	if err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return st
}

// oneNetwork makes eth0 and eth1, both on one network with a server.
func (s *site) oneNetwork(t *testing.T) (far *nettest.NS) {
	t.Helper()
	far = nettest.NewNS(t, "server")
	far.IP(t, "link", "add", "name", "br0", "type", "bridge")
	far.IP(t, "addr", "add", "192.0.0.1/24", "dev", "br0")
	far.IP(t, "link", "set", "dev", "br0", "up")
	for _, name := range []string{"eth0", "eth1"} {
		nettest.Veth(t, far, name, s.NS, name)
		far.IP(t, "link", "set", "dev", name, "master", "br0")
	}
	serveOn(t, far, "br0", dhcptest.Config{ServerID: netip.MustParseAddr("192.0.0.1"), Network: netip.MustParsePrefix("192.0.0.0/24"),
		First: netip.MustParseAddr("192.0.0.5"), Last: netip.MustParseAddr("192.0.0.20"), Lease: time.Hour})
	return far
}

// The kernel answers for an address on each link of the host, also on one that has
// none: that is no conflict.
func TestProbe_AnotherLinkOfTheHost(t *testing.T) {
	s := newSite(t)
	s.oneNetwork(t)
	s.start(t, "-1", "eth0").exit(t, exitDone)
	had := s.addresses(t, "eth0")
	s.IP(t, "link", "set", "dev", "eth1", "up")
	p := s.start(t, "-1", "--timeout=10s", "-v", "eth0")
	p.exit(t, exitDone)
	got := s.addresses(t, "eth0")
	if !strings.Contains(had, "192.0.0.5/24") || !strings.Contains(got, "192.0.0.5/24") || strings.Contains(p.stderr.String(), "declined") {
		t.Errorf("it had %q and has %q:\n%s", had, got, p.stderr)
	}
}

// Two links on one network: the kernel answers on each for the addresses of both,
// and in the sandbox too that is no conflict.
func TestAgent_LinksOnOneNetwork(t *testing.T) {
	s := newSite(t)
	far := s.oneNetwork(t)
	p := s.agent(t, "--match", "eth*")
	s.becomes(t, "2 links: 2 BOUND")
	if !offered() {
		t.Log("without a sandbox: the binary has cgo")
	} else if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid)); err != nil || !strings.Contains(string(b), "Seccomp:\t2") {
		t.Errorf("it is in no sandbox: %v", err)
	}
	w := s.exec(t, "dhclient-go", "watch", "--control-dir", s.control(), "eth0")
	w.stdout.wait(t, "eth0: BOUND")
	far.IP(t, "link", "set", "dev", "eth0", "down")
	w.stdout.wait(t, "no carrier")
	far.IP(t, "link", "set", "dev", "eth0", "up")
	w.stdout.wait(t, "REBOOTING → ")
	s.becomes(t, "2 links: 2 BOUND")
	if strings.Contains(w.stdout.String(), "declined") {
		t.Errorf("it has met itself: %s", w.stdout)
	}
}

// serveOn runs a server on a link until the test ends.
func serveOn(t *testing.T, ns *nettest.NS, link string, cfg dhcptest.Config) {
	t.Helper()
	server, err := dhcptest.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var conn *dhcptest.Conn
	ns.Do(t, func() { conn, err = dhcptest.Listen(link) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { _ = conn.Serve(ctx, server) })
	t.Cleanup(func() { cancel(); serving.Wait() })
}
