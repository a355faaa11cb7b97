package main

import (
	"bytes"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// stop ends a process in the foreground at once.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	<-p.ended
}

// has wants an option of a message to have that value; nil for none.
func has(code uint8, want string) func(*testing.T, frame.Frame) {
	return func(t *testing.T, f frame.Frame) {
		t.Helper()
		if got := f.DHCP.Options[code]; string(got) != want {
			t.Errorf("option %d is %q, not %q", code, got, want)
		}
	}
}

// What flags and dhclient.conf make of a DISCOVER.
func TestDhclient_Sends(t *testing.T) {
	s := newStage(t, silent)
	mac := s.IP(t, "-br", "link", "show", "dev", "eth0")
	duid := func(kind byte) func(*testing.T, frame.Frame) {
		return func(t *testing.T, f frame.Frame) {
			id := f.DHCP.Options[61]
			if len(id) < 15 || id[0] != 0xff || id[6] != kind || !bytes.HasSuffix(id, f.DHCP.ClientHWAddr) {
				t.Errorf("% x is no identifier with a DUID of kind %d (RFC 4361 6.1) for %s", id, kind, mac)
			}
		}
	}
	for _, c := range []struct {
		name, args, conf string
		check            func(*testing.T, frame.Frame)
	}{
		{"no identifier", "", "", has(61, "")},
		{"-i", "-i", "", duid(1)},
		{"-D LL", "-D LL", "", duid(1)}, // that of -i is kept
		{"-s", "-s 192.0.0.9", "", func(t *testing.T, f frame.Frame) {
			if f.IPv4.Dst.String() != "192.0.0.9" {
				t.Errorf("it asks %v", f.IPv4.Dst)
			}
		}},
		{"-g", "-g 192.0.0.8", "", func(t *testing.T, f frame.Frame) {
			if f.DHCP.GatewayIPAddr.String() != "192.0.0.8" {
				t.Errorf("giaddr is %v", f.DHCP.GatewayIPAddr)
			}
		}},
		{"-B", "-B", "", func(t *testing.T, f frame.Frame) {
			if !f.DHCP.IsBroadcast() {
				t.Error("it does not ask for broadcast replies")
			}
		}},
		{"bootp-broadcast-always", "", "bootp-broadcast-always;", func(t *testing.T, f frame.Frame) {
			if !f.DHCP.IsBroadcast() {
				t.Error("it does not ask for broadcast replies")
			}
		}},
		{"-C", "-C 01:02:03", "", has(61, "\x01\x02\x03")},
		{"-H", "-H box", `send host-name "other";`, has(12, "box")},
		{"-F", "-F box.example", "", has(81, "\x01\x00\x00box.example")},
		{"-V", "-V class", "", has(60, "class")},
		{"--request-options", "--request-options routers,6", "", has(55, "\x03\x06")},
		{"request", "", "request subnet-mask, domain-search;", has(55, "\x01\x77")},
		{"also request", "", "request subnet-mask; also request interface-mtu;", has(55, "\x01\x1a")},
		{"send", "", `send host-name "box"; send dhcp-lease-time 60;`, has(51, "\x00\x00\x00\x3c")},
		{"send dhcp-client-identifier", "", `send dhcp-client-identifier 00:61;`, has(61, "\x00a")},
		{"send dhcp-requested-address", "", `send dhcp-requested-address 192.0.0.7;`, has(50, "\xc0\x00\x00\x07")},
		{"option code", "", `option here code 224 = text; send here "x";`, has(224, "x")},
		{"interface", "", `send host-name "all"; interface "eth0" { send host-name "zero"; } interface "eth1" { send host-name "one"; }`, has(12, "zero")},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.write(t, "conf", c.conf)
			p := s.exec(t, s.dhclient(append(strings.Fields(c.args), "-d", "eth0")...)...)
			c.check(t, s.await(t, dhcpv4.MessageTypeDiscover))
			p.stop(t)
		})
	}
	p := s.exec(t, s.dhclient("-d", "-p", "1068", "eth0")...)
	f := s.wire.WaitFor(t, patience, func(f frame.Frame) bool { return f.UDP != nil && f.UDP.DstPort == 1067 })
	if f.UDP.SrcPort != 1068 {
		t.Errorf("-p 1068: it listens at %d", f.UDP.SrcPort)
	}
	p.stop(t)
	if !strings.Contains(s.read("leases"), "default-duid ") {
		t.Error("the DUID of -i is not kept")
	}
}

// What is modified of a lease is so for the script and in the lease file.
func TestDhclient_ModifiesOptions(t *testing.T) {
	s := newStage(t, func(c *dhcptest.Config) { c.Domain = "server.example" })
	s.write(t, "conf", `supersede domain-name "own.example";
default host-name "box";
default subnet-mask 255.0.0.0;
prepend domain-name-servers 127.0.0.1;
append domain-name-servers 192.0.0.9;
`)
	p := s.exec(t, s.dhclient("-d", "eth0")...)
	s.told(t, "PREINIT", "BOUND")
	for _, want := range []string{"domain_name=own.example", "host_name=box", "subnet_mask=255.255.255.0", "domain_name_servers=127.0.0.1 192.0.0.1 192.0.0.9"} {
		if !strings.Contains(s.read("events"), "BOUND new_"+want+"\n") {
			t.Errorf("the script is not told new_%s", want)
		}
	}
	p.stderr.wait(t, "bound to")
	if !strings.Contains(s.read("leases"), "option domain-name-servers 127.0.0.1,192.0.0.1,192.0.0.9;\n") {
		t.Error("not in the lease file")
	}
}

// Which offers are taken, and when it is given up.
func TestDhclient_RejectAndRequire(t *testing.T) {
	for _, conf := range []string{"reject 192.0.0.1;", "reject 192.0.0.0/24;", "require ntp-servers;"} {
		t.Run(conf, func(t *testing.T) {
			s := newStage(t, nil)
			s.write(t, "conf", "timeout 1; "+conf)
			s.exec(t, s.dhclient("-1", "eth0")...).exit(t, exitNoLease)
			if s.sent(t, dhcpv4.MessageTypeOffer) == 0 || s.sent(t, dhcpv4.MessageTypeRequest) != 0 {
				t.Errorf("%d OFFERs, %d REQUESTs", s.sent(t, dhcpv4.MessageTypeOffer), s.sent(t, dhcpv4.MessageTypeRequest))
			}
		})
	}
}

// The times of dhclient.conf are those between messages; more is always possible
// on a machine that is busy.
func TestDhclient_Times(t *testing.T) {
	offer, request, discover := dhcpv4.MessageTypeOffer, dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeDiscover
	for _, c := range []struct {
		conf          string
		silent, again bool
		from, to      dhcpv4.MessageType
		least         time.Duration
	}{
		{"select-timeout 1;", false, false, offer, request, 900 * time.Millisecond},
		{"initial-interval 4; backoff-cutoff 4;", true, false, discover, discover, 2 * time.Second},
		{"timeout 1; retry 3;", true, false, discover, discover, 500 * time.Millisecond},
		{"reboot 1;", true, true, request, discover, 900 * time.Millisecond},
		{"reboot 3;", true, true, request, discover, 2500 * time.Millisecond},
	} {
		t.Run(c.conf, func(t *testing.T) {
			s := newStage(t, nil)
			if c.again {
				s.exec(t, s.dhclient("-1", "eth0")...).exit(t, exitDone)
				end(t, s.inBackground(t))
				s.await(t, dhcpv4.MessageTypeAck)
			}
			s.answers(t, func(to *dhcptest.Config) { to.Silent = c.silent })
			s.write(t, "conf", c.conf)
			s.exec(t, s.dhclient("-d", "eth0")...)
			one := s.await(t, c.from)
			two := s.await(t, c.to)
			if gap := two.Time.Sub(one.Time); gap < c.least {
				t.Errorf("%v after %v, not %v", c.to, gap, c.least)
			}
		})
	}
}

// A lease block of the configuration is for when nobody answers.
func TestDhclient_FallbackLease(t *testing.T) {
	s := newStage(t, silent)
	s.write(t, "conf", `timeout 1; retry 1;
lease {
  interface "eth0";
  fixed-address 192.0.0.77;
  option subnet-mask 255.255.255.0;
  expire never;
}
`)
	p := s.exec(t, s.dhclient("-1", "eth0")...)
	s.told(t, "PREINIT", "TIMEOUT")
	p.exit(t, exitDone)
	if !strings.Contains(s.read("events"), "TIMEOUT new_ip_address=192.0.0.77\n") {
		t.Error("the script does not hear which address")
	}
	end(t, s.inBackground(t))
}

// What is not supported is said with its place, and the rest holds. The script of
// the configuration stands before that of the command line.
func TestDhclient_ConfigurationIsExplained(t *testing.T) {
	s := newStage(t, nil)
	s.write(t, "own", strings.Replace(s.read("script"), "event=${1:-$reason}", "event=OWN-$reason", 1))
	s.write(t, "conf", fmt.Sprintf("omapi port 7911;\nsend host-name \"box\";\nnonsense here;\nscript %q;\n", s.path("own")))
	p := s.exec(t, s.dhclient("-1", "eth0")...)
	has(12, "box")(t, s.await(t, dhcpv4.MessageTypeDiscover))
	p.exit(t, exitDone)
	p.stderr.contains(t, s.path("conf")+":1: omapi: not supported, statement skipped\n",
		s.path("conf")+":3: nonsense: not a statement of dhclient.conf, statement skipped\n")
	s.told(t, "OWN-PREINIT", "OWN-BOUND")
	end(t, s.inBackground(t))
	s.write(t, "conf", "send host-name \"box\n")
	p = s.exec(t, s.dhclient("-1", "eth0")...)
	p.exit(t, exitRuntime)
	p.stderr.contains(t, s.path("conf")+":")
}
