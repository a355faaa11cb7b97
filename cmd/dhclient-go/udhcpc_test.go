package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/cmd/dhclient-go/udhcpcargs"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// Called as udhcpc it goes to the background with the first lease. Signals renew,
// release and end it, and the script is told so.
func TestUdhcpc_LifeAndSignals(t *testing.T) {
	s := newStage(t, nil)
	p := s.exec(t, s.udhcpc()...)
	p.exit(t, exitDone)
	p.stderr.contains(t, "udhcpc: broadcasting discover\n", "udhcpc: broadcasting select for 192.0.0.5, server 192.0.0.1\n",
		"udhcpc: lease of 192.0.0.5 obtained from 192.0.0.1, lease time 3600\n")
	pid := s.inBackground(t)
	want := []string{"deconfig", "bound"}
	for _, step := range []struct {
		signal syscall.Signal
		event  string
		sends  dhcpv4.MessageType
	}{
		{syscall.SIGUSR1, "renew", dhcpv4.MessageTypeRequest},
		{syscall.SIGUSR2, "deconfig", dhcpv4.MessageTypeRelease},
		{syscall.SIGUSR1, "bound", dhcpv4.MessageTypeDiscover},
	} {
		waitFor(t, "end of the script", func() bool { return idle(pid) })
		before := s.sent(t, step.sends)
		if err := syscall.Kill(pid, step.signal); err != nil {
			t.Fatal(err)
		}
		want = append(want, step.event)
		s.told(t, want...)
		if n := s.sent(t, step.sends); n != before+1 {
			t.Errorf("%v: %d messages of type %v", step.signal, n-before, step.sends)
		}
	}
	for _, line := range []string{"bound ip=192.0.0.5", "bound mask=24", "bound subnet=255.255.255.0", "bound router=192.0.0.1",
		"bound dns=192.0.0.1", "bound serverid=192.0.0.1", "bound lease=3600", "bound interface=eth0", "renew ip=192.0.0.5"} {
		if !strings.Contains(s.read("events"), line+"\n") {
			t.Errorf("the script is not told %q", line)
		}
	}
	end(t, pid)
	if n := s.sent(t, dhcpv4.MessageTypeRelease); n != 1 {
		t.Errorf("%d RELEASEs: SIGTERM without -R gives nothing back", n)
	}
	if s.readPid() != 0 {
		t.Error("the pid file is still there")
	}
}

// How it ends, or stays, where no server answers.
func TestUdhcpc_WithoutAServer(t *testing.T) {
	for _, c := range []struct {
		name, args string
		code       int
		stays      bool
	}{
		{"-n", "-n -t 1 -T 1", 1, false},
		{"-n -q -f", "-n -q -f -t 1 -T 1", 1, false},
		{"-b", "-b -t 1 -T 1 -A 600", 0, true},
		{"-b before -n", "-b -n -t 1 -T 1 -A 600", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, silent)
			p := s.exec(t, s.udhcpc(strings.Fields(c.args)...)...)
			p.exit(t, c.code)
			s.told(t, "deconfig", "leasefail")
			if n := s.sent(t, dhcpv4.MessageTypeDiscover); n != 1 {
				t.Errorf("%d DISCOVERs", n)
			}
			p.stderr.contains(t, "udhcpc: no lease")
			if c.stays {
				end(t, s.inBackground(t))
			}
		})
	}
}

// After -t DISCOVERs, -T seconds apart, it waits for -A, and goes on for ever.
func TestUdhcpc_Retries(t *testing.T) {
	s := newStage(t, silent)
	s.exec(t, s.udhcpc("-f", "-t", "2", "-T", "1", "-A", "3")...)
	var at [3]time.Time
	for i := range at {
		at[i] = s.await(t, dhcpv4.MessageTypeDiscover).Time
	}
	if one, two := at[1].Sub(at[0]), at[2].Sub(at[1]); one < 900*time.Millisecond || two < 2900*time.Millisecond {
		t.Errorf("gaps of %v and %v", one, two)
	}
	s.told(t, "deconfig", "leasefail")
	s.answers(t, func(c *dhcptest.Config) { c.Silent = false })
	s.told(t, "deconfig", "leasefail", "bound")
}

// -q ends with the lease, and the address stays; with -R it is given back.
func TestUdhcpc_Quit(t *testing.T) {
	for args, releases := range map[string]int{"-q": 0, "-q -f -n": 0, "-q -R": 1} {
		t.Run(args, func(t *testing.T) {
			s := newStage(t, nil)
			s.exec(t, s.udhcpc(strings.Fields(args)...)...).exit(t, exitDone)
			events := []string{"deconfig", "bound"}
			if releases > 0 {
				s.await(t, dhcpv4.MessageTypeRelease)
				events = append(events, "deconfig")
			}
			s.told(t, events...)
			if n := s.sent(t, dhcpv4.MessageTypeRelease); n != releases {
				t.Errorf("%d RELEASEs, not %d", n, releases)
			}
			if addr := s.addresses(t, "eth0"); releases == 0 && !strings.Contains(addr, "192.0.0.5/24") {
				t.Errorf("addresses: %s", addr)
			}
		})
	}
}

// -R gives the lease back at SIGTERM; -f stays in the foreground.
func TestUdhcpc_ReleaseOnExit(t *testing.T) {
	s := newStage(t, nil)
	p := s.exec(t, s.udhcpc("-f", "-R")...)
	p.stderr.wait(t, "udhcpc: lease of 192.0.0.5 obtained")
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	s.await(t, dhcpv4.MessageTypeRelease)
	s.told(t, "deconfig", "bound", "deconfig")
	p.stderr.contains(t, "udhcpc: unicasting a release of 192.0.0.5 to 192.0.0.1\n")
}

// A NAK to a renewal is told, and then it begins anew.
func TestUdhcpc_Nak(t *testing.T) {
	s := newStage(t, nil)
	p := s.exec(t, s.udhcpc("-f")...)
	p.stderr.wait(t, "udhcpc: lease of 192.0.0.5 obtained")
	s.answers(t, func(c *dhcptest.Config) {
		c.NakRequests, c.Ignore = true, []dhcpv4.MessageType{dhcpv4.MessageTypeDiscover}
	})
	p.signal(t, syscall.SIGUSR1)
	s.told(t, "deconfig", "bound", "nak", "deconfig")
	p.stderr.wait(t, "udhcpc: received DHCP NAK\n")
}

// What its flags make of a DISCOVER.
func TestUdhcpc_Sends(t *testing.T) {
	s := newStage(t, silent)
	for _, c := range []struct {
		args  string
		check func(*testing.T, frame.Frame)
	}{
		{"", has(60, "udhcp 1.36.1")},
		{"-V thing", has(60, "thing")},
		{"-V thing -x 60:6f", has(60, "o")},
		{"-x hostname:box", has(12, "box")},
		{"-x 0x3d:0102", has(61, "\x01\x02")},
		{"-H box", has(12, "box")},
		{"-C", has(61, "")},
		{"-F box.example", has(81, "\x01\x00\x00box.example")},
		{"-r 192.0.0.7", has(50, "\xc0\x00\x00\x07")},
		{"-O staticroutes", has(55, "\x79\x01\x03\x06\x0c\x0f\x1c\x2a")},
		{"-o -O dns", has(55, "\x06")},
		{"-B", func(t *testing.T, f frame.Frame) {
			if !f.DHCP.IsBroadcast() {
				t.Error("it does not ask for broadcast replies")
			}
		}},
	} {
		t.Run(c.args, func(t *testing.T) {
			p := s.exec(t, s.udhcpc(append(strings.Fields(c.args), "-f")...)...)
			c.check(t, s.await(t, dhcpv4.MessageTypeDiscover))
			p.stop(t)
		})
	}
	p := s.exec(t, s.udhcpc("-f", "-P", "1068")...)
	f := s.wire.WaitFor(t, patience, func(f frame.Frame) bool { return f.UDP != nil && f.UDP.DstPort == 1067 })
	if f.UDP.SrcPort != 1068 {
		t.Errorf("-P 1068: it listens at %d", f.UDP.SrcPort)
	}
	p.stop(t)
}

// The address is probed, for -a as long as it says, and declined if another host
// has it.
func TestUdhcpc_Probes(t *testing.T) {
	for _, args := range []string{"-f", "-f -a500"} {
		t.Run(args, func(t *testing.T) {
			s := newStage(t, nil)
			s.squat(t, 0, "192.0.0.5", [6]byte{2, 0, 0, 0, 0, 9})
			s.exec(t, s.udhcpc(strings.Fields(args)...)...)
			m := s.await(t, dhcpv4.MessageTypeDecline).DHCP
			if !m.RequestedIPAddress().Equal(first.AsSlice()) {
				t.Errorf("it declines %v", m.RequestedIPAddress())
			}
			if probes := s.wire.Matching(frame.IsARP(func(a frame.ARP) bool { return a.Probe && a.TargetIP == first })); len(probes) == 0 {
				t.Error("no probe")
			}
		})
	}
}

// -S logs what is printed to the system log as well.
func TestUdhcpc_SystemLog(t *testing.T) {
	s := newStage(t, silent)
	log := newPrivateLog(t, s.site)
	p := s.exec(t, append([]string{"sh", "-c", log.wrap("udhcpc")}, s.udhcpc("-S", "-n", "-f", "-t", "1", "-T", "1")[1:]...)...)
	p.exit(t, udhcpcargs.ExitCode)
	p.stderr.contains(t, "udhcpc: broadcasting discover\n")
	log.hear(t, `<30`+logTime+`udhcpc\[\d+\]: .*broadcasting discover`)
}

// Without a script we configure the link.
func TestUdhcpc_WithoutAScript(t *testing.T) {
	s := newStage(t, nil)
	program := `for f in ` + strings.Join(udhcpcargs.DefaultScripts, " ") + `; do test ! -e $f || mount --bind /dev/null $f; done; exec "$@"`
	s.exec(t, "unshare", "-m", "sh", "-c", program, "sh", "udhcpc", "-i", "eth0", "-q").exit(t, exitDone)
	if addr := s.addresses(t, "eth0"); !strings.Contains(addr, "192.0.0.5/24") || !strings.Contains(addr, "valid_lft 3") {
		t.Errorf("addresses: %s", addr)
	}
}
