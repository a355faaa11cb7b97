package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// systemd is told that the agent has started, of its links in a line, of a reload
// and that it is over, that it answers, and of the end.
func TestAgent_Systemd(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	m := newManager(t, s)
	path := s.config(t, fmt.Sprintf("[defaults]\nlease-dir = %q\nno-dns = true\n[[link]]\nmatch = \"eth*\"\n", filepath.Join(s.dir, "leases")))
	p := s.exec(t, "env", "NOTIFY_SOCKET="+m.path, "WATCHDOG_USEC=400000", "dhclient-go", "agent", "--control-dir", s.control(), "--config", path)
	m.hear(t, "READY=1")
	m.hear(t, "STATUS=1 link, 1 with a lease")
	m.hear(t, "WATCHDOG=1")
	m.unsaid(t, "RELOADING")
	p.signal(t, syscall.SIGHUP)
	m.hear(t, `RELOADING=1\nMONOTONIC_USEC=\d+`)
	m.hear(t, "READY=1")
	m.unsaid(t, "STOPPING")
	p.signal(t, syscall.SIGTERM)
	m.hear(t, "STOPPING=1")
	p.exit(t, exitDone)
}

// In the background it is there when the links are followed, and says where.
func TestAgent_Background(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	t.Cleanup(func() {
		if pid := s.readPid(); pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	p := s.agent(t, "-b", "--match", "eth0", "--pid-file", s.pidFile())
	p.exit(t, exitDone)
	pid := s.readPid()
	if pid == 0 || !alive(pid) {
		t.Fatalf("process %d", pid)
	}
	s.becomes(t, "eth0  BOUND  192.0.0.5/24")
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "its end", func() bool { return !alive(pid) })
	if exists(s.pidFile()) {
		t.Error("the pid file is still there")
	}
}

// The helper runs the programs of each link, and writes its name servers, also of a
// link that comes later and when a link has gone.
func TestAgent_ScriptsAndResolver(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	script := s.script(t, "hook", `echo $DHCLIENT_GO_INTERFACE $DHCLIENT_GO_EVENT >>$D/seen`)
	p := s.exec(t, "dhclient-go", "agent", "--control-dir", s.control(), s.leaseDir(), "--match", "eth*", "--on-exit", "remove",
		"--script", script, "--resolv-conf", filepath.Join(s.dir, "resolv.conf"))
	s.becomes(t, "1 link: 1 BOUND")
	s.link(t, nil)
	s.becomes(t, "2 links: 2 BOUND")
	waitFor(t, "both in the resolver", func() bool {
		return strings.Contains(s.resolvConf(), "192.0.0.1") && strings.Contains(s.resolvConf(), "192.0.1.1")
	})
	if offered() && len(helpers(p.cmd.Process.Pid)) != 1 {
		t.Errorf("helpers %v", helpers(p.cmd.Process.Pid))
	}
	s.IP(t, "link", "del", "dev", "eth0")
	waitFor(t, "the end of its name server", func() bool { return !strings.Contains(s.resolvConf(), "192.0.0.1") })
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	seen := strings.Split(s.file("seen"), "\n")
	for _, want := range []string{"eth0 bound", "eth1 bound", "eth0 stop", "eth1 stop"} {
		if n := strings.Count(strings.Join(seen, "\n")+"\n", want+"\n"); n != 1 {
			t.Errorf("%q was seen %d times: %q", want, n, seen)
		}
	}
	if got := s.resolvConf(); got != "" {
		t.Errorf("the resolver has at the end %q", got)
	}
}

// Scripts that configure a link go by its name: when it has another, and another link has
// the old one, they are not told the old one any more.
func TestAgent_ScriptedLinkRenamed(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	script := s.script(t, "udhcpc", `echo "$interface $1" >>$D/seen
case $1 in
bound|renew) ip address replace $ip/$mask dev $interface ;;
deconfig) ip link set $interface up; ip -4 address flush dev $interface ;;
esac`)
	p := s.exec(t, "dhclient-go", "agent", "--control-dir", s.control(), s.leaseDir(), "--match", "eth*", "--match", "wan0",
		"--script", script, "--script-env", "udhcpc")
	s.becomes(t, "eth0  BOUND  192.0.0.5/24")
	s.IP(t, "link", "set", "dev", "eth0", "down")
	s.IP(t, "link", "set", "dev", "eth0", "name", "wan0")
	s.IP(t, "link", "set", "dev", "wan0", "up")
	waitFor(t, "the new name told to the script", func() bool { return strings.Contains(s.file("seen"), "wan0 ") })
	s.becomes(t, "wan0  BOUND  192.0.0.5/24")
	told := s.file("seen")
	s.ask(t, exitDone, "renew", "--control-dir", s.control(), "wan0")
	waitFor(t, "a renewal", func() bool { return len(s.file("seen")) > len(told) })
	if after := s.file("seen")[len(told):]; strings.Contains(after, "eth0") {
		t.Errorf("after it was renamed the script was told %q", after)
	}
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
}

// Links that come and go leave nothing in the process.
func TestAgent_NothingIsLeft(t *testing.T) {
	s := newSite(t)
	server := s.link(t, nil)
	p := s.agent(t, "--match", "eth*", "--acd", "off")
	s.becomes(t, "1 link: 1 BOUND")
	open := func() int { return len(targets(t, p.cmd.Process.Pid)) }
	cycle := func(i int) {
		s.IP(t, "link", "add", "name", fmt.Sprint("eth", i), "type", "veth", "peer", "name", fmt.Sprint("far", i))
		s.IP(t, "link", "set", "dev", fmt.Sprint("far", i), "up")
		s.becomes(t, "2 links: 1 BOUND, 1 SELECTING")
		s.IP(t, "link", "del", "dev", fmt.Sprint("eth", i))
		s.becomes(t, "1 link: 1 BOUND")
	}
	for i := range 8 { // the UDP sockets of a namespace are as many
		cycle(10 + i)
	}
	before := open()
	for i := range 5 {
		cycle(20 + i)
	}
	waitFor(t, fmt.Sprintf("%d descriptors, as before", before), func() bool { return open() <= before })
	if n := total(server); n != 2 {
		t.Errorf("eth0 has sent %d messages, not DISCOVER and REQUEST", n)
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "Threads:\t")
	var threads int
	if _, err := fmt.Sscan(rest, &threads); err != nil || threads > 20 {
		t.Errorf("%d threads, %v", threads, err)
	}
}
