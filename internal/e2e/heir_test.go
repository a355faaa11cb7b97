package e2e_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// A heir is where a client had a lease, and where another finds it.
type heir struct {
	cli, peer *station
	srv       *liar
	n         *nettest.Sniffer
	dir       string
	// first are the messages of the first client.
	first []frame.Frame
	held  netip.Prefix
}

// inherit lets a client get a lease of an hour and be killed.
func inherit(t *testing.T) *heir {
	t.Helper()
	h := &heir{dir: stateDir(t)}
	h.cli, h.peer = cable(t)
	h.srv = h.peer.lie(t, func(*dhcptest.Config) {})
	h.n = sniff(t, h.cli)
	c := start(t, h.cli, h.dir)
	h.held = c.bound(t)
	h.n.WaitFor(t, patience, sent(h.cli, dhcpv4.MessageTypeRequest))
	eventually(t, "a lease that knows its router", func() bool {
		b, _ := os.ReadFile(h.file())
		return strings.Contains(string(b), "router_mac")
	})
	c.kill(t)
	h.first = h.n.Matching(sent(h.cli))
	return h
}

func (h *heir) file() string { return filepath.Join(h.dir, "leases", "eth0.json") }

// edit changes the lease file. The times in it are as numbers of a program that
// knows nothing of package lease.
func (h *heir) edit(t *testing.T, change func(file, lease map[string]any)) {
	t.Helper()
	b, err := os.ReadFile(h.file())
	must(t, err)
	var file map[string]any
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.UseNumber()
	must(t, dec.Decode(&file))
	change(file, file["lease"].(map[string]any))
	b, err = json.Marshal(file)
	must(t, err)
	must(t, os.WriteFile(h.file(), b, 0o644))
}

// began sets when the lease in the file began, on the wall clock and since boot.
func beginning(wall time.Time, boot time.Duration, id string) func(file, lease map[string]any) {
	return func(file, l map[string]any) {
		l["start"], file["boot_time_ns"] = wall.UTC().Format(time.RFC3339Nano), int64(boot)
		delete(l, "expires_at")
		if id != "" {
			file["boot_id"] = id
		}
	}
}

// What a lease file says of its times, and what is made of it: it is asked for
// again while it lasts, by the clock that knows, and is a wish at most when it is
// over or its times make no sense (RFC 2131 3.7, 4.4.5).
func TestStoredTimes_RBT_06_RBT_11(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	const otherBoot = "00000000-0000-4000-8000-000000000000"
	now, boot := time.Now(), lease.SinceBoot()
	for _, s := range []struct {
		name    string
		wall    time.Time
		boot    time.Duration
		id      string
		forever bool
		asked   bool
	}{
		{name: "ten minutes ago", wall: now.Add(-10 * time.Minute), boot: boot - 10*time.Minute, asked: true},
		{name: "two hours ago", wall: now.Add(-2 * time.Hour), boot: boot - 2*time.Hour},
		{name: "ten minutes ago, the wall clock was set back a year since", wall: now.AddDate(1, 0, 0), boot: boot - 10*time.Minute, asked: true},
		{name: "ten minutes ago, the wall clock was set on ten years since", wall: now.AddDate(-10, 0, 0), boot: boot - 10*time.Minute, asked: true},
		{name: "two hours ago, and the wall clock says now", wall: now, boot: boot - 2*time.Hour},
		{name: "an hour from now since boot", wall: now, boot: boot + time.Hour},
		{name: "before boot, of this boot", wall: now, boot: -time.Hour},
		{name: "another boot, ten minutes ago", wall: now.Add(-10 * time.Minute), boot: boot * 3, id: otherBoot, asked: true},
		{name: "another boot, two hours ago", wall: now.Add(-2 * time.Hour), boot: boot, id: otherBoot},
		{name: "another boot, of a year ago", wall: now.AddDate(-1, 0, 0), boot: boot, id: otherBoot},
		{name: "another boot, in the future: a clock that starts in 1970", wall: now.AddDate(50, 0, 0), boot: boot, id: otherBoot},
		{name: "another boot, for ever, in the future", wall: now.AddDate(50, 0, 0), boot: boot, id: otherBoot, forever: true},
		{name: "another boot, for ever", wall: now.AddDate(-50, 0, 0), boot: boot, id: otherBoot, forever: true, asked: true},
		{name: "no boot known", wall: now.Add(-2 * time.Hour), boot: boot, id: "?"},
	} {
		t.Run(s.name, func(t *testing.T) {
			turn(t)
			h := inherit(t)
			h.edit(t, func(file, l map[string]any) {
				beginning(s.wall, s.boot, s.id)(file, l)
				if s.forever {
					l["lease_seconds"] = 4294967295
					delete(l, "renew_seconds")
					delete(l, "rebind_seconds")
				}
			})
			must(t, h.srv.Configure(silent))
			m := watch(t, h.cli)
			c := start(t, h.cli, h.dir)
			next := h.n.WaitFor(t, patience, sent(h.cli))
			if s.asked {
				expect(t, next, message{Type: dhcpv4.MessageTypeRequest, Requested: h.held.Addr()})
				m.steady(t)
				if a := h.cli.one(t); a.Valid > 3600 {
					t.Errorf("the address was extended: %+v", a)
				}
			} else {
				expect(t, next, message{Type: dhcpv4.MessageTypeDiscover, Requested: h.held.Addr()})
				m.deleted(t, "inet "+h.held.Addr().String())
				h.cli.bare(t)
			}
			must(t, h.srv.Configure(func(c *dhcptest.Config) { c.Silent = false }))
			if p := c.bound(t); p != h.held {
				t.Errorf("bound to %v, before to %v", p, h.held)
			}
			if a := h.cli.one(t); a.Valid < 3500 || a.Valid > 3600 {
				t.Errorf("address %+v", a)
			}
			c.end(t)
		})
	}
}

// The machine was suspended for a day, or another machine has the file: the same
// boot, another CLOCK_BOOTTIME. A time namespace shows such a machine, and that
// the client's timers count from its clock (time_namespaces(7), RBT-11, LIF-06).
func TestOtherBootTime_RBT_11(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	if unix.Access("/proc/self/ns/time", unix.F_OK) != nil {
		t.Skip("this kernel has no time namespaces")
	}
	const day = 24 * 60 * 60
	for _, s := range []struct {
		name   string
		offset int
	}{{"a day later", day}, {"earlier than the lease began", -int(lease.SinceBoot()/time.Second) + 1}} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			h := inherit(t)
			must(t, h.srv.Configure(func(c *dhcptest.Config) { c.Lease, c.T1, c.T2 = 30*time.Second, 2*time.Second, 20*time.Second }))
			m := watch(t, h.cli)
			c := launch(t, h.cli, "unshare", "--time", "--boottime", strconv.Itoa(s.offset), program(t), "eth0", "-vv", "--no-dns",
				"--lease-dir", filepath.Join(h.dir, "leases"), "--on-exit=remove")
			next := h.n.WaitFor(t, patience, sent(h.cli))
			expect(t, next, message{Type: dhcpv4.MessageTypeDiscover, Requested: h.held.Addr()})
			m.deleted(t, "inet "+h.held.Addr().String())
			c.bound(t)
			if a := h.cli.one(t); a.Valid < 25 || a.Valid > 30 {
				t.Errorf("address %+v", a)
			}
			first := began(t, h.n)
			renewal := h.n.WaitFor(t, patience, extends(h.cli))
			around(t, "the renewal", renewal.Time, first, 2*time.Second, 1500*time.Millisecond)
			c.stdout.wait(t, "the renewal", func(line string) bool { return strings.HasSuffix(line, ", renewed") })
			c.end(t)
			h.cli.bare(t)
		})
	}
}

// What may answer an INIT-REBOOT, and what comes of it.
func TestReboot_RFC2131_4_4_2(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, s := range []struct {
		name string
		do   func(t *testing.T, h *heir)
	}{
		{"any server may acknowledge (RBT-03), and the identity is the same (RBT-02)", rebootOtherServer},
		{"silence, and a server that answers DISCOVER (RBT-07)", rebootForgotten},
		{"an OFFER is no answer (RBT-08)", rebootOffered},
		{"the address has another user (RBT-09)", rebootConflict},
		{"a NAK forgets the lease (RBT-04)", rebootRefused},
		{"no server at all (RBT-05)", rebootNobody},
		{"another network with the same addresses (RBT-10)", rebootElsewhere},
		{"another hardware address (RBT-10)", rebootOtherHardware},
	} {
		t.Run(s.name, func(t *testing.T) {
			turn(t)
			s.do(t, inherit(t))
		})
	}
}

// reboots starts the next client, and checks its first message.
func (h *heir) reboots(t *testing.T, flags ...string) (*client, frame.Frame) {
	t.Helper()
	c := start(t, h.cli, h.dir, flags...)
	request := h.n.WaitFor(t, patience, sent(h.cli))
	expect(t, request, message{Type: dhcpv4.MessageTypeRequest, Requested: h.held.Addr()})
	for _, f := range h.first {
		if f.DHCP.TransactionID == request.DHCP.TransactionID {
			t.Error("the xid is an old one")
		}
		if got, want := request.DHCP.Options.Get(dhcpv4.OptionClientIdentifier), f.DHCP.Options.Get(dhcpv4.OptionClientIdentifier); string(got) != string(want) {
			t.Errorf("client id %x, before %x", got, want)
		}
	}
	return c, request
}

func rebootOtherServer(t *testing.T, h *heir) {
	other := host(2)
	h.peer.IP(t, "address", "add", netip.PrefixFrom(other, 24).String(), "dev", "eth0")
	must(t, h.srv.Configure(func(c *dhcptest.Config) { c.ServerID, c.Lease = other, 2*time.Hour }))
	c, request := h.reboots(t)
	if p := c.bound(t); p != h.held || !strings.Contains(c.stdout.String(), "from "+other.String()) {
		t.Errorf("bound to %v", p)
	}
	if a := h.cli.one(t); a.Valid < 7100 || a.Valid > 7200 {
		t.Errorf("address %+v", a)
	}
	around(t, "the start of the lease", began(t, h.n), request.Time, 0, 100*time.Millisecond)
	c.signal(t, unix.SIGUSR1)
	expect(t, h.n.WaitFor(t, patience, extends(h.cli)), message{Type: dhcpv4.MessageTypeRequest, Src: h.held.Addr(), Dst: other, To: h.peer.mac, Client: h.held.Addr()})
	c.end(t)
}

func rebootForgotten(t *testing.T, h *heir) {
	h.srv.Forget()
	began := time.Now()
	c, _ := h.reboots(t)
	h.n.WaitFor(t, patience, sent(h.cli, dhcpv4.MessageTypeRequest)) // once more
	discover := h.n.WaitFor(t, patience, sent(h.cli))
	expect(t, discover, message{Type: dhcpv4.MessageTypeDiscover, Requested: h.held.Addr()})
	c.bound(t)
	soon(t, "a lease", began, time.Now(), 12*time.Second+sluggish/2)
	c.end(t)
}

func rebootOffered(t *testing.T, h *heir) {
	must(t, h.srv.Configure(saying(dhcpv4.MessageTypeAck, option(53, byte(dhcpv4.MessageTypeOffer)))))
	c, request := h.reboots(t)
	h.n.WaitFor(t, patience, answers(request, dhcpv4.MessageTypeOffer))
	h.n.WaitFor(t, patience, sent(h.cli, dhcpv4.MessageTypeDiscover))
	for _, f := range h.n.Matching(sent(h.cli, dhcpv4.MessageTypeRequest)) {
		if f.Time.After(request.Time) && f.DHCP.TransactionID == request.DHCP.TransactionID && len(f.DHCP.ServerIdentifier()) > 0 {
			t.Errorf("the OFFER was accepted by %v", f)
		}
	}
	h.srv.repent(t)
	c.bound(t)
	c.end(t)
}

func rebootConflict(t *testing.T, h *heir) {
	other := lease.HardwareAddr{2, 0, 0, 0, 0, 9}
	var squatter *dhcptest.Squatter
	var err error
	h.peer.Do(t, func() { squatter, err = dhcptest.Squat("eth0", h.held.Addr(), other) })
	must(t, err)
	defer squatter.Close()
	m := watch(t, h.cli)
	c, request := h.reboots(t)
	h.n.WaitFor(t, patience, answers(request, dhcpv4.MessageTypeAck))
	decline := h.n.WaitFor(t, patience, sent(h.cli))
	expect(t, decline, message{Type: dhcpv4.MessageTypeDecline, Requested: h.held.Addr(), Server: router})
	m.deleted(t, "inet "+h.held.Addr().String())
	h.cli.bare(t)
	eventually(t, "no lease in the file", func() bool { return listing(filepath.Dir(h.file())) == "" })
	c.end(t)
}

func rebootRefused(t *testing.T, h *heir) {
	must(t, h.srv.Configure(func(c *dhcptest.Config) {
		c.Reserved = map[lease.HardwareAddr]netip.Addr{h.cli.mac: movedTo}
	}))
	m := watch(t, h.cli)
	c, request := h.reboots(t)
	nak := h.n.WaitFor(t, patience, answers(request, dhcpv4.MessageTypeNak))
	startsOver(t, nak, h.n.WaitFor(t, patience, sent(h.cli)), m, h.held.Addr())
	if p := c.bound(t); p.Addr() != movedTo {
		t.Errorf("bound to %v", p)
	}
	wantStored(t, filepath.Dir(h.file()), movedTo.String())
	c.end(t)
}

func rebootNobody(t *testing.T, h *heir) {
	must(t, h.srv.Configure(silent))
	// Six seconds are left of it, on the link too.
	h.edit(t, beginning(time.Now().Add(-time.Hour+6*time.Second), lease.SinceBoot()-time.Hour+6*time.Second, ""))
	ends := time.Now().Add(6 * time.Second)
	m := watch(t, h.cli)
	c, _ := h.reboots(t)
	gone := m.deleted(t, "inet "+h.held.Addr().String())
	around(t, "the end of the address", gone.at, ends, 0, time.Second)
	h.cli.bare(t)
	c.end(t)
}

func rebootElsewhere(t *testing.T, h *heir) {
	// The router has the same address, and is another station.
	h.peer.IP(t, "link", "set", "dev", "eth0", "down")
	h.peer.IP(t, "link", "set", "dev", "eth0", "address", "02:00:00:00:00:78")
	h.peer.IP(t, "link", "set", "dev", "eth0", "up")
	nettest.WaitUp(t, h.cli.NS, "eth0")
	h.srv.Forget()
	must(t, h.srv.Configure(func(c *dhcptest.Config) { c.First, c.Last = host(40), host(49) }))
	began := time.Now()
	c, _ := h.reboots(t)
	h.n.WaitFor(t, patience, sent(h.cli, dhcpv4.MessageTypeDiscover))
	if p := c.bound(t); p.Addr() != host(40) {
		t.Errorf("bound to %v", p)
	}
	soon(t, "a lease of this network", began, time.Now(), 12*time.Second+sluggish/2)
	if a := h.cli.one(t); a.Local != host(40) {
		t.Errorf("address %+v", a)
	}
	wantStored(t, filepath.Dir(h.file()), host(40).String())
	c.end(t)
}

func rebootOtherHardware(t *testing.T, h *heir) {
	h.cli.IP(t, "link", "set", "dev", "eth0", "down")
	h.cli.IP(t, "link", "set", "dev", "eth0", "address", "02:00:00:00:00:79")
	h.cli.IP(t, "link", "set", "dev", "eth0", "up")
	nettest.WaitUp(t, h.cli.NS, "eth0")
	h.cli.mac = lease.HardwareAddr{2, 0, 0, 0, 0, 0x79}
	m := watch(t, h.cli)
	c := start(t, h.cli, h.dir)
	expect(t, h.n.WaitFor(t, patience, sent(h.cli)), message{Type: dhcpv4.MessageTypeDiscover})
	if p := c.bound(t); p == h.held {
		t.Errorf("bound to %v, which is another station's", p)
	}
	m.deleted(t, "inet "+h.held.Addr().String())
	h.cli.one(t)
	c.end(t)
}
