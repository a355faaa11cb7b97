package dhclient

import (
	"bytes"
	"context"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/isc"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
	"github.com/dhclient-go/dhclient-go/internal/option"
)

func TestMain(m *testing.M) { nettest.Main(m) }

const (
	program = "/sbin/dhclient"
	// patience is for what takes milliseconds where nothing else runs.
	patience = 30 * time.Second
)

func require(t *testing.T) {
	t.Helper()
	nettest.Require(t)
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("isc-dhcp-client is not installed")
		}
		t.Skip("isc-dhcp-client is not installed")
	}
}

// A lab is a client's link, and a server on its other end.
type lab struct {
	client *nettest.NS
	sniff  *nettest.Sniffer
	leases string // the lease file
	dir    string
}

func newLab(t *testing.T, extra ...string) *lab {
	t.Helper()
	l := &lab{client: nettest.NewNS(t, "client"), dir: t.TempDir()}
	l.leases = filepath.Join(l.dir, "dhclient.leases")
	server := nettest.NewNS(t, "server")
	nettest.Veth(t, l.client, "eth0", server, "eth0")
	l.sniff = nettest.Capture(t, l.client, "eth0")
	servers.Require(t, servers.Dnsmasq)
	servers.Start(t, servers.Dnsmasq, servers.Options{
		NS: server, Interface: "eth0", ServerAddr: netip.MustParsePrefix("10.9.0.1/24"),
		PoolFirst: netip.MustParseAddr("10.9.0.10"), PoolLast: netip.MustParseAddr("10.9.0.20"),
		Router: netip.MustParseAddr("10.9.0.1"), Extra: extra,
	})
	return l
}

// A log is what a program prints.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// run starts dhclient with a configuration. stop ends it.
func (l *lab) run(t *testing.T, conf string) (out *log, stop func()) {
	t.Helper()
	file := filepath.Join(l.dir, "dhclient.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	out = &log{}
	cmd := l.client.Command(context.Background(), program, "-4", "-d", "--no-pid", "-cf", file, "-lf", l.leases, "-sf", "/bin/true", "eth0")
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, out, time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_ = cmd.Wait()
		})
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("dhclient said:\n%s", out)
		}
	})
	return out, stop
}

// read waits until the file has a lease that satisfies ok, and returns it.
func (l *lab) read(t *testing.T, table *option.Table, ok func(*isc.Block) bool) *isc.Block {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		src, err := os.ReadFile(l.leases)
		if err == nil {
			f, err := isc.ParseLeases(l.leases, src, table)
			if err != nil {
				t.Fatal(err)
			}
			if b := f.Newest("eth0"); b != nil && ok(b) {
				for _, w := range f.Warnings {
					t.Errorf("warning: %v", w)
				}
				return b
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no such lease in the file:\n%s", src)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestWeReadWhatDhclientWrites has options of every kind, and words that look
// like the file's own.
func TestWeReadWhatDhclientWrites(t *testing.T) {
	t.Parallel()
	require(t)
	text := `q"b\\;}d{#$` + "`x'"
	l := newLab(t,
		`dhcp-option-force=12,named`,
		`dhcp-option-force=17,"q\"b\\\\;}d{#$`+"`x'"+`"`,
		`dhcp-option-force=42,10.9.0.3,10.9.0.4`,
		`dhcp-option-force=option:domain-search,a.example.com,b.example.com`,
		`dhcp-option-force=121,10.20.0.0/16,10.9.0.9`,
		`dhcp-option-force=125,00:00:00:09:03:01:01:41`,
		`dhcp-option-force=245,a8:3f:81:10`,
		`dhcp-option-force=224,41:42:43`,
		`dhcp-option-force=26,1400`,
	)
	const conf = `option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;
		also request rfc3442-classless-static-routes;`
	_, stop := l.run(t, conf)
	c, err := isc.Parse("conf", []byte(conf), nil)
	if err != nil {
		t.Fatal(err)
	}
	b := l.read(t, c.Options, func(b *isc.Block) bool { return !b.Expire.IsZero() })
	ack := l.sniff.WaitFor(t, patience, frame.IsDHCP(dhcpv4.MessageTypeAck))
	stop()
	sent := map[uint8][]byte{}
	maps.Copy(sent, ack.DHCP.Options)
	// It writes the names as they are without pointers.
	sent[119] = []byte("\x01a\x07example\x03com\x00\x01b\x07example\x03com\x00")
	if !reflect.DeepEqual(b.Options, sent) {
		for code := range sent {
			if !bytes.Equal(sent[code], b.Options[code]) {
				t.Errorf("option %d: read %q, sent %q", code, b.Options[code], sent[code])
			}
		}
		t.Errorf("read %v\nsent %v", b.Options, sent)
	}
	if got := string(b.Options[17]); got != text {
		t.Errorf("root-path is %q, want %q", got, text)
	}
	if want := netip.AddrFrom4([4]byte(ack.DHCP.YourIPAddr.To4())); b.Address != want {
		t.Errorf("address %v, want %v", b.Address, want)
	}
	if left := time.Until(b.Expire); left < 50*time.Minute || left > time.Hour || b.Renew.After(b.Rebind) || b.Rebind.After(b.Expire) {
		t.Errorf("times %v, %v, %v", b.Renew, b.Rebind, b.Expire)
	}
}

// store is one of ours on the lease file.
func (l *lab) store(t *testing.T) *isc.Store {
	t.Helper()
	s, err := isc.NewStore(isc.StoreConfig{Path: l.leases, Interface: "eth0"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// complaint is how dhclient says that it does not understand a file.
var complaint = regexp.MustCompile(`(?m)^.*( line \d+: |Corrupt lease file).*$`)

// TestDhclientReadsWhatWeWrite: it asks for our address again (INIT-REBOOT), and
// has every octet of the options, which it shows by writing the file anew.
func TestDhclientReadsWhatWeWrite(t *testing.T) {
	t.Parallel()
	require(t)
	l := newLab(t)
	want := &lease.Lease{
		Address: netip.MustParseAddr("10.9.0.15"), Bits: 24, Server: netip.MustParseAddr("10.9.0.1"),
		Start: lease.Now(), Valid: time.Hour, T1: 30 * time.Minute, T2: 50 * time.Minute,
		BootFile: `"; } lease { #`, ServerName: "\\",
		Options: map[uint8][]byte{
			3: {10, 9, 0, 1, 10, 9, 0, 2}, 12: []byte(`a"; } lease { interface "eth0"; fixed-address 6.6.6.6; } #`),
			15: []byte("x\ny\\z\x00\xff$(a)`b`'c'"), 17: []byte(strings.Repeat(`;"`, 400)), 43: []byte("{}"),
			60: []byte("}\n}\n"), 119: []byte("\x01a\x07example\x00"), 121: {16, 10, 20, 10, 9, 0, 9},
			26: {5, 120}, 19: {1}, 2: {0xff, 0xff, 0xf1, 0xf0}, 33: {10, 0, 0, 0, 10, 9, 0, 1}, 245: []byte("a;b}"), 224: {0, 1}, 249: {1, 2, 3},
		},
		HardwareAddr: lease.HardwareAddr{2, 0, 0, 0, 0, 1},
	}
	s := l.store(t)
	duid := isc.NewDUIDLLT(lease.HardwareAddr{2, ';', '"', '\\', '{', 0xff}, time.Now())
	if _, err := s.DUID(duid); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(context.Background(), want); err != nil {
		t.Fatal(err)
	}
	ours := l.read(t, &option.Table{}, func(*isc.Block) bool { return true })

	out, stop := l.run(t, "option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;")
	first := l.sniff.WaitFor(t, patience, frame.IsDHCP())
	if m := first.DHCP; m.MessageType() != dhcpv4.MessageTypeRequest || m.RequestedIPAddress().String() != "10.9.0.15" {
		t.Errorf("the first message is %s", m.Summary())
	}
	stop()
	if c := complaint.FindString(out.String()); c != "" {
		t.Errorf("dhclient complains: %s", c)
	}
	// What it has written before that message; what came later is behind it.
	src, err := os.ReadFile(l.leases)
	if err != nil {
		t.Fatal(err)
	}
	f, err := isc.ParseLeases(l.leases, src, &option.Table{})
	if err != nil || len(f.Blocks) == 0 || len(f.Warnings) != 0 || bytes.Contains(src, []byte("dhclient-go")) {
		t.Fatalf("%v, %v:\n%s", f, err, src)
	}
	theirs := f.Blocks[0]
	if !bytes.Equal(f.DUID, duid) {
		t.Errorf("DUID %q, want %q", f.DUID, duid)
	}
	for code, v := range ours.Options {
		if !bytes.Equal(theirs.Options[code], v) {
			t.Errorf("option %d: %q, not %q", code, theirs.Options[code], v)
		}
	}
	if theirs.Address != ours.Address || theirs.Filename != ours.Filename || theirs.ServerName != ours.ServerName ||
		!theirs.Renew.Equal(ours.Renew) || !theirs.Rebind.Equal(ours.Rebind) || !theirs.Expire.Equal(ours.Expire) || len(theirs.Options) != len(ours.Options) {
		t.Errorf("got\n%+v\nwant\n%+v", theirs, ours)
	}
	if len(ours.Options) != len(want.Options)+3 {
		t.Errorf("%d options are in our file, of %d and 3", len(ours.Options), len(want.Options))
	}
}

// TestDhclientReleasesWhatWeGot: -r with our file sends a RELEASE for it.
func TestDhclientReleasesWhatWeGot(t *testing.T) {
	t.Parallel()
	require(t)
	l := newLab(t)
	l.client.IP(t, "address", "add", "10.9.0.15/24", "dev", "eth0")
	err := l.store(t).Save(context.Background(), &lease.Lease{
		Address: netip.MustParseAddr("10.9.0.15"), Bits: 24, Server: netip.MustParseAddr("10.9.0.1"), Start: lease.Now(), Valid: lease.Infinite,
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := l.client.Command(context.Background(), program, "-4", "-r", "--no-pid", "-cf", "/dev/null", "-lf", l.leases, "-sf", "/bin/true", "eth0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("dhclient -r: %v\n%s", err, out)
	}
	l.sniff.WaitFor(t, patience, frame.IsDHCP(dhcpv4.MessageTypeRelease))
	b := l.read(t, &option.Table{}, func(b *isc.Block) bool { return !b.Never })
	if time.Until(b.Expire) > time.Second {
		t.Errorf("released, and yet it lasts until %v", b.Expire)
	}
}

// TestDhclientSendsWhatWeRead compares the DISCOVER of dhclient with what a
// configuration is to us.
func TestDhclientSendsWhatWeRead(t *testing.T) {
	t.Parallel()
	require(t)
	l := newLab(t)
	const conf = `
		option acme-flag code 230 = boolean;
		option acme-numbers code 231 = array of unsigned integer 16;
		send host-name = concat("x-", ucase(gethostname()));
		send vendor-class-identifier "a\"b\\c;}\101\x42\000z";
		send dhcp-client-identifier = concat(ff, hardware, substring("abcdef", 2, 2), suffix("abcdef", 2));
		send user-class = binary-to-ascii(16, 8, ":", hardware);
		send dhcp-lease-time 7200;
		send acme-flag on; send acme-numbers 1, 0x10, 65535;
		send unknown-240 1:2:fe; send ntp-servers 10.0.0.1, 10.0.0.2;
		send fqdn.fqdn "a.example.com."; send fqdn.encoded on; send fqdn.server-update on;
		send dhcp-requested-address 10.9.0.17;
		also request acme-flag, dhcp6.fqdn, domain-search;
		interface "eth0" { send unknown-241 "eth0"; also request ntp-servers; }
		interface "eth9" { send unknown-242 "eth9"; also request 4; }
		send unknown-243 "late";`
	out, stop := l.run(t, strings.ReplaceAll(conf, "also request 4;", ""))
	discover := l.sniff.WaitFor(t, patience, frame.IsDHCP(dhcpv4.MessageTypeDiscover)).DHCP
	stop()
	if c := complaint.FindString(out.String()); c != "" {
		t.Errorf("dhclient complains: %s", c)
	}
	c, err := isc.Parse("conf", []byte(conf), nil)
	if err != nil || len(c.Warnings) != 0 {
		t.Fatal(err, c.Warnings)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	facts := isc.Facts{Hostname: host, Hardware: lease.HardwareAddr(discover.ClientHWAddr)}
	i := c.ForInterface("eth0")
	want := i.SendOptions(facts)
	want[50] = i.RequestIP(facts).AsSlice()
	want[55] = i.Request
	got := maps.Clone(map[uint8][]byte(discover.Options))
	delete(got, 53)
	for code := range 256 {
		if g, w := got[uint8(code)], want[uint8(code)]; !bytes.Equal(g, w) {
			t.Errorf("option %d: dhclient sends %q, we %q", code, g, w)
		}
	}
}

// TestDhclientModifiesAsWeDo compares the lease that dhclient writes with the
// server's options as we change them.
func TestDhclientModifiesAsWeDo(t *testing.T) {
	t.Parallel()
	require(t)
	l := newLab(t, `dhcp-option-force=15,example.com`, `dhcp-option-force=6,10.9.0.1`, `dhcp-option-force=26,1400`,
		`dhcp-option-force=option:domain-search,a.example.com,b.example.com`, `dhcp-option-force=42,10.9.0.3`, `dhcp-option-force=17,/root`)
	const conf = `
		supersede domain-name "new.example.com"; append domain-name " more";
		prepend domain-name-servers 127.0.0.1; append domain-name-servers 10.0.0.7, 10.0.0.8;
		default ntp-servers 10.0.0.1; default time-servers 10.0.0.2;
		prepend domain-search "first.example.com"; append domain-search "last.example.org";
		append log-servers 10.0.0.3;
		interface "eth0" { supersede root-path "/other"; supersede dhcp-lease-time 1800; prepend host-name "inner"; }
		supersede root-path "/outer"; prepend host-name "outer";`
	_, stop := l.run(t, conf)
	c, err := isc.Parse("conf", []byte(conf), nil)
	if err != nil || len(c.Warnings) != 0 {
		t.Fatal(err, c.Warnings)
	}
	b := l.read(t, c.Options, func(b *isc.Block) bool { return !b.Expire.IsZero() })
	ack := l.sniff.WaitFor(t, patience, frame.IsDHCP(dhcpv4.MessageTypeAck)).DHCP
	stop()
	want := c.ForInterface("eth0").Modify(isc.Facts{})(ack.Options)
	for code := range 256 {
		if g, w := b.Options[uint8(code)], want[uint8(code)]; !bytes.Equal(g, w) {
			t.Errorf("option %d: dhclient has %q, we %q", code, g, w)
		}
	}
	if left := time.Until(b.Expire); left > 30*time.Minute {
		t.Errorf("the lease lasts %v", left)
	}
}
