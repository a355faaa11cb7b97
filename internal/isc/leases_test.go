package isc

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/option"
)

// wallTime is what the tests' wall clock says.
var wallTime = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// minimal makes a lease of no more than the address, the mask and the time.
func minimal(addr netip.Addr, options map[uint8][]byte) (*lease.Lease, error) {
	l := &lease.Lease{Address: addr, Options: options}
	if v := options[51]; len(v) == 4 {
		l.Valid = time.Duration(binary.BigEndian.Uint32(v)) * time.Second
	}
	if v := options[54]; len(v) == 4 {
		l.Server = netip.AddrFrom4([4]byte(v))
	}
	return l, nil
}

// A rig is a store with clocks that are set.
type rig struct {
	*Store
	path string
	log  bytes.Buffer
}

func newRig(t *testing.T, path, iface string) *rig {
	t.Helper()
	r := &rig{path: path}
	s, err := NewStore(StoreConfig{
		Path: path, Interface: iface, Decode: minimal, Logger: slog.New(slog.NewTextHandler(&r.log, nil)),
		Adopt: func(l *lease.Lease) { l.HardwareAddr = facts.Hardware },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.now = func() time.Time { return wallTime }
	s.wall = s.now
	s.sinceBoot = func() time.Duration { return time.Hour }
	s.bootID = func() string { return "this boot" }
	r.Store = s
	return r
}

func (r *rig) save(t *testing.T, l *lease.Lease) {
	t.Helper()
	if err := r.Save(context.Background(), l); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) load(t *testing.T) *lease.Lease {
	t.Helper()
	l, err := r.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (r *rig) text(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func sample(addr string) *lease.Lease {
	return &lease.Lease{
		Address: netip.MustParseAddr(addr), Bits: 24, Server: netip.MustParseAddr("10.0.0.1"),
		Start: wallTime.Add(-10 * time.Second), Valid: time.Hour, T1: 30 * time.Minute, T2: 52*time.Minute + 30*time.Second,
		Domain: "example.com", BootFile: "pxe;}\"x", ServerName: "boot",
		Options: map[uint8][]byte{
			1: {255, 255, 255, 0}, 3: {10, 0, 0, 1}, 6: {10, 0, 0, 1, 10, 0, 0, 2}, 15: []byte("example.com"),
			51: {0, 0, 14, 16}, 53: {5}, 54: {10, 0, 0, 1}, 245: {168, 63, 129, 16}, 43: []byte("text"), 80: {}, 240: []byte("a;b\\"),
		},
		HardwareAddr: facts.Hardware, ClientID: []byte{1, 2, 3}, RouterMAC: lease.HardwareAddr{2, 0, 0, 0, 0, 9},
	}
}

// TestSave_WritesAsDhclientDoes compares octet for octet, but for the comment.
func TestSave_WritesAsDhclientDoes(t *testing.T) {
	t.Parallel()
	r := newRig(t, filepath.Join(t.TempDir(), "made", "dhclient.leases"), "eth0")
	r.save(t, sample("10.0.0.5"))
	head, rest, _ := strings.Cut(r.text(t), "\n")
	if !strings.HasPrefix(head, "# dhclient-go {") {
		t.Errorf("the comment is %q", head)
	}
	const want = `lease {
  interface "eth0";
  fixed-address 10.0.0.5;
  filename "pxe\073\175\"x";
  server-name "boot";
  option subnet-mask 255.255.255.0;
  option routers 10.0.0.1;
  option domain-name-servers 10.0.0.1,10.0.0.2;
  option domain-name "example.com";
  option vendor-encapsulated-options "text";
  option dhcp-lease-time 3600;
  option dhcp-message-type 5;
  option dhcp-server-identifier 10.0.0.1;
  option unknown-240 61:3b:62:5c;
  option unknown-245 a8:3f:81:10;
  renew 3 2026/11/25 12:29:50;
  rebind 3 2026/11/25 12:52:20;
  expire 3 2026/11/25 12:59:50;
}
`
	if rest != want {
		t.Errorf("got:\n%s\nwant:\n%s", rest, want)
	}
	info, err := os.Stat(r.path)
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestSave_OfALeaseThatNeverEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t, filepath.Join(t.TempDir(), "l"), "eth0")
	l := sample("10.0.0.5")
	l.Valid, l.T1, l.T2 = lease.Infinite, 0, 0
	l.Options = nil
	r.save(t, l)
	for _, line := range []string{"  renew never;", "  rebind never;", "  expire never;", "  option dhcp-lease-time 4294967295;", "  option subnet-mask 255.255.255.0;"} {
		if !strings.Contains(r.text(t), line+"\n") {
			t.Errorf("no %q in %s", line, r.text(t))
		}
	}
	if got := r.load(t); !got.IsInfinite() {
		t.Errorf("valid for %v", got.Valid)
	}
}

func TestLoad_ReturnsWhatWasSaved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l")
	r := newRig(t, path, "eth0")
	if got := r.load(t); got != nil {
		t.Errorf("a lease out of no file: %+v", got)
	}
	l := sample("10.0.0.5")
	l.Start = l.Start.Add(123 * time.Millisecond)
	l.Options[119] = []byte("\x01a\x00")
	r.save(t, l)
	want := l.Clone()
	delete(want.Options, 80)
	got := r.load(t)
	maps.DeleteFunc(got.Options, func(_ uint8, v []byte) bool { return len(v) == 0 })
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestLoad_Clocks: in the same boot CLOCK_BOOTTIME decides, else the wall clock.
func TestLoad_Clocks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l")
	newRig(t, path, "eth0").save(t, sample("10.0.0.5"))

	r := newRig(t, path, "eth0") // ten minutes later, and the clock was set back
	r.sinceBoot = func() time.Duration { return time.Hour + 10*time.Minute }
	r.now = func() time.Time { return wallTime.Add(-24 * time.Hour) }
	if got, want := r.load(t).Start, r.now().Add(-10*time.Minute-10*time.Second); !got.Equal(want) {
		t.Errorf("start %v, want %v", got, want)
	}
	r.bootID = func() string { return "another" }
	if got, want := r.load(t).Start, wallTime.Add(-10*time.Second); !got.Equal(want) {
		t.Errorf("start %v after a boot, want %v", got, want)
	}
}

// dhclients is a file as dhclient 4.4.3 wrote it, of two interfaces.
const dhclients = `default-duid "\000\001\000\001-\012;\"\\(\002\000\000\000\253\315";
lease {
  interface "eth0";
  fixed-address 10.9.0.10;
  option subnet-mask 255.255.255.0;
  option dhcp-lease-time 3600;
  option dhcp-server-identifier 10.9.0.1;
  renew 3 2026/11/25 10:30:00;
  rebind 3 2026/11/25 10:52:30;
  expire 3 2026/11/25 11:00:00;
}
lease {
  interface "eth1";
  fixed-address 10.8.0.10;
  option nonsense 1;
  expire never;
}
lease6 {
  interface "eth0";
  ia-na 00:00:00:01 { starts 1; iaaddr 2001:db8::1 { starts 1; } }
}
lease {
  interface "eth0";
  fixed-address 10.9.0.11;
  option subnet-mask 255.255.255.0;
  option dhcp-lease-time 3600;
  option fqdn.encoded true;
  option unknown-245 "a\"b\\;}\073c";
  option dhcp-server-identifier 10.9.0.1;
  renew 3 2026/11/25 12:30:00;
  rebind 3 2026/11/25 12:52:30;
  expire 3 2026/11/25 13:00:00;
}
`

func TestLoad_OfAFileThatDhclientWrote(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l")
	if err := os.WriteFile(path, []byte(dhclients), 0o644); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, path, "eth0")
	l := r.load(t)
	if l.Address != netip.MustParseAddr("10.9.0.11") || !l.Start.Equal(wallTime) || l.Valid != time.Hour ||
		l.T1 != 30*time.Minute || l.T2 != 52*time.Minute+30*time.Second || l.HardwareAddr != facts.Hardware {
		t.Errorf("%+v", l)
	}
	if got := string(l.Options[245]); got != `a"b\;};c` {
		t.Errorf("option 245 is %q", got)
	}
	if r.log.Len() == 0 {
		t.Error("nothing was said of the option nonsense")
	}
	if l := newRig(t, path, "eth1").load(t); !l.IsInfinite() {
		t.Errorf("eth1: %+v", l)
	}
	if l := newRig(t, path, "eth2").load(t); l != nil {
		t.Errorf("eth2: %+v", l)
	}
}

// TestBlock_Lease has times that do not fit together.
func TestBlock_Lease(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) string { return string(appendTime(nil, wallTime.Add(d))) }
	for _, c := range []struct {
		name, src            string
		start, valid, t1, t2 time.Duration
	}{
		{"no lease time: what is left", "expire " + at(time.Hour) + ";", 0, time.Hour, 30 * time.Minute, 52*time.Minute + 30*time.Second},
		{"expired without a lease time", "expire " + at(-time.Hour) + ";", -time.Hour - time.Second, time.Second, 500 * time.Millisecond, 875 * time.Millisecond},
		{"released: all times are now", "option dhcp-lease-time 60; renew " + at(0) + "; rebind " + at(0) + "; expire " + at(0) + ";", -time.Minute, time.Minute, 30 * time.Second, 52*time.Second + 500*time.Millisecond},
		{"renew after rebind", "option dhcp-lease-time 60; renew " + at(50*time.Second) + "; rebind " + at(40*time.Second) + "; expire " + at(time.Minute) + ";", 0, time.Minute, 30 * time.Second, 52*time.Second + 500*time.Millisecond},
		{"infinite by its time, not by expire", "option dhcp-lease-time 4294967295; expire " + at(time.Hour) + ";", 0, time.Hour, 30 * time.Minute, 52*time.Minute + 30*time.Second},
		{"by the clock of the host", fmt.Sprintf("expire epoch %d; # Wed\n", wallTime.Add(time.Hour).Unix()), 0, time.Hour, 30 * time.Minute, 52*time.Minute + 30*time.Second},
		{"with an offset", "expire " + at(0) + " 3600;", 0, time.Hour, 30 * time.Minute, 52*time.Minute + 30*time.Second},
		{"centuries away", "expire 0 9999/12/31 23:59:59;", 0, lease.Infinite - time.Second, (lease.Infinite - time.Second) / 2, (lease.Infinite - time.Second) / 8 * 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f, err := ParseLeases("l", []byte(`lease { interface "e"; fixed-address 10.0.0.1; `+c.src+" }"), &option.Table{})
			if err != nil || len(f.Blocks) != 1 || len(f.Warnings) != 0 {
				t.Fatal(f, err)
			}
			l, err := f.Blocks[0].Lease(wallTime, minimal)
			if err != nil {
				t.Fatal(err)
			}
			if got := []time.Duration{l.Start.Sub(wallTime), l.Valid, l.T1, l.T2}; !slices.Equal(got, []time.Duration{c.start, c.valid, c.t1, c.t2}) {
				t.Errorf("start, valid, T1, T2 %v, want %v", got, c)
			}
		})
	}
}

// TestSave_KeepsWhatOthersHave: the identifier, other interfaces, DHCPv6, and
// leases of ours for other addresses that last.
func TestSave_KeepsWhatOthersHave(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l")
	if err := os.WriteFile(path, []byte(dhclients), 0o644); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, path, "eth0")
	r.save(t, sample("10.9.0.12"))
	text := r.text(t)
	eth1 := dhclients[strings.Index(dhclients, "lease {\n  interface \"eth1\""):strings.Index(dhclients, "lease6")]
	six := dhclients[strings.Index(dhclients, "lease6"):strings.LastIndex(dhclients, "lease {")]
	last := dhclients[strings.LastIndex(dhclients, "lease {"):]
	for _, part := range []string{eth1, six, last} {
		if strings.Count(text, part) != 1 {
			t.Errorf("this is not there once:\n%s\nin:\n%s", part, text)
		}
	}
	if strings.Contains(text, "10.9.0.10;") || !strings.HasPrefix(text, "default-duid ") || !strings.Contains(text, "10.9.0.12;") {
		t.Errorf("file:\n%s", text)
	}
	duid, err := r.DUID(nil)
	if want := "\x00\x01\x00\x01-\n;\"\\(\x02\x00\x00\x00\xab\xcd"; err != nil || string(duid) != want {
		t.Errorf("DUID %q, %v", duid, err)
	}

	r.save(t, nil)
	text = r.text(t)
	for _, part := range []string{eth1, six, "default-duid "} {
		if !strings.Contains(text, part) {
			t.Errorf("after forgetting, this is gone:\n%s", part)
		}
	}
	if strings.Contains(text, "10.9.0.1") || r.load(t) != nil {
		t.Errorf("after forgetting:\n%s", text)
	}
}

// TestStore_APseudoInterfaceIsAnother: its leases are neither used nor dropped.
func TestStore_APseudoInterfaceIsAnother(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l")
	const pseudo = "lease {\n  interface \"eth0\";\n  name \"second\";\n  fixed-address 10.0.0.5;\n  expire epoch 1;\n}\n"
	if err := os.WriteFile(path, []byte(pseudo), 0o644); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, path, "eth0")
	if l := r.load(t); l != nil {
		t.Errorf("loaded %+v", l)
	}
	r.save(t, sample("10.0.0.5"))
	r.save(t, nil)
	if got := r.text(t); got != pseudo {
		t.Errorf("file:\n%s", got)
	}
}

// TestSave_DoesNotGrow: neither by renewals nor by new addresses.
func TestSave_DoesNotGrow(t *testing.T) {
	t.Parallel()
	r := newRig(t, filepath.Join(t.TempDir(), "l"), "eth0")
	for i := range 40 {
		r.save(t, sample(fmt.Sprintf("10.0.0.%d", 5+i)))
		r.save(t, sample(fmt.Sprintf("10.0.0.%d", 5+i)))
	}
	if n := strings.Count(r.text(t), "lease {"); n != maxOld+1 {
		t.Errorf("%d leases", n)
	}
	if got := r.load(t).Address.String(); got != "10.0.0.44" {
		t.Errorf("loaded %s", got)
	}
}

// TestSave_OfTwoInterfacesAtOnce: neither's lease is lost by the other's.
func TestSave_OfTwoInterfacesAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l")
	var wg sync.WaitGroup
	for _, iface := range []string{"eth0", "eth1"} {
		r := newRig(t, path, iface)
		wg.Go(func() {
			for i := range 25 {
				l := sample(fmt.Sprintf("10.0.0.%d", 5+i))
				if err := r.Save(context.Background(), l); err != nil {
					t.Error(err)
				}
				if got, err := r.Load(context.Background()); err != nil || got == nil || got.Address != l.Address {
					t.Errorf("%s: loaded %+v, %v", iface, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestSave_OfAFileThatWouldBeTooLargeToRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l")
	var b strings.Builder
	for i := 0; b.Len() < maxFile-1000; i++ {
		fmt.Fprintf(&b, "lease { interface \"x%d\"; fixed-address 10.0.0.1; filename \"%s\"; expire never; }\n", i, strings.Repeat("a", 200))
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, path, "eth0")
	r.save(t, sample("10.0.0.5"))
	if n := len(r.text(t)); n > maxComposed+1<<13 {
		t.Errorf("%d octets", n)
	}
	if r.load(t) == nil {
		t.Error("the lease is not there")
	}
}

// TestParseLeases_ACutFileLosesItsEndOnly cuts at every octet.
func TestParseLeases_ACutFileLosesItsEndOnly(t *testing.T) {
	t.Parallel()
	var ends []int
	for _, m := range regexp.MustCompile(`(?m)^lease \{[^}]*\}`).FindAllStringIndex(strings.ReplaceAll(dhclients, ";}", "  "), -1) {
		ends = append(ends, m[1])
	}
	for n := range len(dhclients) {
		f, err := ParseLeases("l", []byte(dhclients[:n]), &option.Table{})
		if err != nil {
			t.Fatal(err)
		}
		whole := 0
		for _, e := range ends {
			if e <= n {
				whole++
			}
		}
		if six := strings.Index(dhclients, "lease6"); len(f.other) > 0 && n < six+strings.Index(dhclients[six:], "\n}\n")+2 {
			t.Fatalf("cut at %d there is %q", n, f.other)
		}
		if len(f.Blocks) != whole {
			t.Fatalf("cut at %d there are %d leases, not %d:\n%s", n, len(f.Blocks), whole, dhclients[:n])
		}
	}
}

// hostileValues are what a server may send to break out of a file.
var hostileValues = []string{
	`"; } lease { interface "eth0"; fixed-address 6.6.6.6; expire never; } #`,
	"x\"\n}\nlease {\n  fixed-address 6.6.6.6;\n}\n", "a;fixed-address 6.6.6.6", "}\n", "\\", `\"`, "\\\\\"", "#", "# dhclient-go {}", "\x00", "$(reboot)`reboot`", "\xff\xfe\x80", "\r\n", "lease {", "'",
}

// cloudInit reads leases as cloud-init does (cloudinit/net/dhcp.py): by a regular
// expression, at semicolons, without regard to quotes.
func cloudInit(t *testing.T, text string) (leases []map[string]string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`(?s)lease {(.*?)}\n`).FindAllStringSubmatch(text, -1) {
		l := map[string]string{}
		for _, line := range strings.Split(m[1], ";") {
			line = strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(line), `"`, ""), "option ", "")
			if line == "" {
				continue
			}
			k, v, ok := strings.Cut(line, " ")
			if !ok {
				t.Errorf("cloud-init breaks at %q", line)
			}
			l[k] = v
		}
		leases = append(leases, l)
	}
	return leases
}

// TestSave_NothingOfTheNetworkEndsAStatement puts each value where a server can.
func TestSave_NothingOfTheNetworkEndsAStatement(t *testing.T) {
	t.Parallel()
	values := append([]string{strings.Repeat(`";}`, 300), strings.Repeat("x", 4000)}, hostileValues...)
	for _, v := range values {
		r := newRig(t, filepath.Join(t.TempDir(), "l"), "eth0")
		l := sample("10.0.0.5")
		l.BootFile, l.ServerName = "", ""
		// What wire leaves of these fields (lease.Lease).
		if printable := strings.IndexFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) < 0; printable && len(v) <= 64 {
			if u := "http://x/" + v; lease.ValidURL(u) {
				l.CaptivePortal = u
			}
			l.BootFile, l.ServerName = v, v
		}
		for code := 2; code < 255; code++ {
			// A message has no more than 64 KiB.
			if code < 50 || code > 59 && (len(v) < 200 || code > 240) {
				l.Options[uint8(code)] = []byte(v)
			}
		}
		r.save(t, l)
		text := r.text(t)
		f, err := ParseLeases("l", []byte(text), &option.Table{})
		if err != nil || len(f.Blocks) != 1 || len(f.Warnings) != 0 {
			t.Fatalf("%.80q: %d leases, %.500v, %v", v, len(f.Blocks), f.Warnings, err)
		}
		b := f.Blocks[0]
		if b.Address != l.Address || b.Filename != l.BootFile || !b.Expire.Equal(l.ExpireAt()) {
			t.Errorf("%.80q: %+v", v, b)
		}
		for code, got := range b.Options {
			if row, _ := (&option.Table{}).ByCode(code); row.Kind == option.Bool || row.Kind == option.Record {
				continue // any other octet than 0 is written as true, and read as 1
			}
			if want := l.Options[code]; !bytes.Equal(got, want) && !bytes.Equal(got, bytes.TrimRight(want, "\x00")) {
				t.Errorf("%q: option %d is %q", v, code, got)
			}
		}
		ci := cloudInit(t, text)
		if len(ci) != 1 || ci[0]["fixed-address"] != "10.0.0.5" || ci[0]["interface"] != "eth0" || ci[0]["unknown-245"] == "" && len(v) < 1000 {
			t.Errorf("%q: cloud-init reads %v", v, ci)
		}
		if got := r.load(t); got == nil || got.ServerName != l.ServerName || got.CaptivePortal != l.CaptivePortal || len(got.ClientID) == 0 {
			t.Errorf("%.80q: loaded %.200v", v, got)
		}
		for _, c := range text {
			if c != '\n' && (c < ' ' || c > '~') {
				t.Fatalf("%q: %q in the file", v, c)
			}
		}
	}
}

// TestCloudInit_ReadsIt has what Azure's and other data sources look for.
func TestCloudInit_ReadsIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, filepath.Join(t.TempDir(), "l"), "eth0")
	r.save(t, sample("10.0.0.4"))
	r.save(t, sample("10.0.0.5"))
	ls := cloudInit(t, r.text(t))
	if len(ls) != 2 {
		t.Fatalf("%d leases", len(ls))
	}
	for k, want := range map[string]string{
		"interface": "eth0", "fixed-address": "10.0.0.5", "subnet-mask": "255.255.255.0", "routers": "10.0.0.1",
		"dhcp-server-identifier": "10.0.0.1", "unknown-245": "a8:3f:81:10", "domain-name": "example.com",
		"expire": "3 2026/11/25 12:59:50",
	} {
		if ls[1][k] != want {
			t.Errorf("%s is %q, want %q", k, ls[1][k], want)
		}
	}
}

// TestLoad_ANoteOfAnotherLeaseIsNotBelieved: somebody has edited the statement.
func TestLoad_ANoteOfAnotherLeaseIsNotBelieved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l")
	r := newRig(t, path, "eth0")
	r.save(t, sample("10.0.0.5"))
	for _, edit := range [][2]string{
		{"fixed-address 10.0.0.5", "fixed-address 10.0.0.6"}, {"expire 3 2026/11/25 12:59:50", "expire 3 2026/11/25 12:58:50"},
		{`"version":1`, `"version":2`}, {"# dhclient-go {", "# dhclient-go "}, {`"address":"10.0.0.5/24"`, `"address":"0.0.0.0/0"`},
	} {
		text := r.text(t)
		if !strings.Contains(text, edit[0]) {
			t.Fatalf("no %q in %s", edit[0], text)
		}
		edited := newRig(t, path+"2", "eth0")
		if err := os.WriteFile(edited.path, []byte(strings.Replace(text, edit[0], edit[1], 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		if l := edited.load(t); l == nil || len(l.ClientID) != 0 {
			t.Errorf("%q: %+v", edit[1], l)
		}
	}
}

func TestStore_HostilePlaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, []byte(dhclients), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(victim, link); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, link, "eth0")
	if l, err := r.Load(context.Background()); l != nil || err == nil {
		t.Errorf("a link was followed: %+v, %v", l, err)
	}
	r.save(t, sample("10.0.0.5"))
	if b, err := os.ReadFile(victim); err != nil || string(b) != dhclients {
		t.Errorf("what the link led to is now %s, %v", b, err)
	}
	if r.load(t) == nil {
		t.Error("the lease was not saved in its place")
	}
	tmp := filepath.Join(dir, ".next.new")
	if err := os.Symlink(victim, tmp); err != nil {
		t.Fatal(err)
	}
	newRig(t, filepath.Join(dir, "next"), "eth0").save(t, sample("10.0.0.5"))
	if b, err := os.ReadFile(victim); err != nil || string(b) != dhclients {
		t.Errorf("what the link of the new file led to is now %s, %v", b, err)
	}

	for name, make := range map[string]func(string) error{
		"a directory": func(path string) error { return os.Mkdir(path, 0o755) },
		"a pipe":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
	} {
		path := filepath.Join(dir, name)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		r := newRig(t, path, "eth0")
		if _, err := r.Load(context.Background()); err == nil {
			t.Errorf("%s was read", name)
		}
		if err := r.Save(context.Background(), sample("10.0.0.5")); err == nil {
			t.Errorf("%s was written", name)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().IsRegular() {
			t.Errorf("%s is no more: %v", name, err)
		}
	}
}

// TestLoad_OfAFileOfAnotherUser: where all may write, it is no lease of ours.
func TestLoad_OfAFileOfAnotherUser(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l")
	r := newRig(t, path, "eth0")
	r.save(t, sample("10.0.0.5"))
	if err := os.Chown(path, 1, 1); err != nil {
		t.Skip("only root can give a file away")
	}
	if l, err := r.Load(context.Background()); l != nil || err == nil || !strings.Contains(err.Error(), "belongs to user 1") {
		t.Errorf("loaded %+v, %v", l, err)
	}
	r.save(t, sample("10.0.0.6"))
	if strings.Contains(r.text(t), "10.0.0.5") || r.load(t) == nil {
		t.Errorf("file:\n%s", r.text(t))
	}
}

// TestStore_Nowhere: /dev/null keeps nothing, and stays.
func TestStore_Nowhere(t *testing.T) {
	t.Parallel()
	r := newRig(t, "/dev/null", "eth0")
	r.save(t, sample("10.0.0.5"))
	if l := r.load(t); l != nil {
		t.Errorf("%+v", l)
	}
	if d, err := r.DUID([]byte{0, 3, 0, 1, 2}); err != nil || len(d) != 5 {
		t.Errorf("DUID %x, %v", d, err)
	}
	if info, err := os.Stat("/dev/null"); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		t.Errorf("/dev/null is %v, %v", info.Mode(), err)
	}
}

// TestWrite_WhereTheNameIsFixed appends, and begins anew when that was cut off
// or has become much.
func TestWrite_WhereTheNameIsFixed(t *testing.T) {
	t.Parallel()
	f := leaseFile{filepath.Join(t.TempDir(), "l")}
	content := func() string {
		b, err := os.ReadFile(f.path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	over := func(whole string, more []byte) {
		t.Helper()
		if err := f.over([]byte(whole), more); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(f.path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	over("whole }\n", []byte("a }\n"))
	over("whole }\n", []byte("b }\n"))
	if got := content(); got != "a }\nb }\n" {
		t.Errorf("file %q", got)
	}
	over("whole }\n", nil)
	if got := content(); got != "whole }\n" {
		t.Errorf("file %q", got)
	}
	for _, was := range []string{"lease {\n inter", strings.Repeat(" ", maxAppended) + "}\n"} {
		if err := os.WriteFile(f.path, []byte(was), 0o644); err != nil {
			t.Fatal(err)
		}
		over("whole }\n", []byte("c }\n"))
		if got := content(); got != "whole }\n" {
			t.Errorf("file %.40q", got)
		}
	}
}

func TestDUID_IsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l")
	r := newRig(t, path, "eth0")
	r.save(t, sample("10.0.0.5"))
	if d, err := r.DUID(nil); d != nil || err != nil {
		t.Errorf("DUID %x, %v", d, err)
	}
	first := NewDUIDLLT(facts.Hardware, wallTime)
	if want := []byte{0, 1, 0, 1, 0x32, 0x99, 0x8a, 0x40, 2, 0, 0, 0, 0xab, 0xcd}; !bytes.Equal(first, want) {
		t.Errorf("DUID-LLT %x, want %x", first, want)
	}
	for _, fresh := range [][]byte{first, NewDUIDLL(facts.Hardware), nil} {
		if d, err := r.DUID(fresh); !bytes.Equal(d, first) || err != nil {
			t.Errorf("DUID %x, %v", d, err)
		}
	}
	if r.load(t) == nil {
		t.Error("the lease is gone")
	}
	r.save(t, sample("10.0.0.6"))
	r.save(t, nil)
	if d, err := ReadDUID(path); !bytes.Equal(d, first) || err != nil {
		t.Errorf("DUID %x, %v", d, err)
	}
	if d, err := ReadDUID(path + "none"); d != nil || err != nil {
		t.Errorf("DUID %x, %v", d, err)
	}
	if got := ClientID(NewDUIDLL(facts.Hardware), facts.Hardware); !bytes.Equal(got, []byte{255, 0, 0, 0xab, 0xcd, 0, 3, 0, 1, 2, 0, 0, 0, 0xab, 0xcd}) {
		t.Errorf("client id %x", got)
	}
	for _, src := range []string{"default-duid 0:3:0:1:2:0;", `default-duid "\000\003\000\001\002\000";`} {
		f, err := ParseLeases("l", []byte(src), &option.Table{})
		if err != nil || !bytes.Equal(f.DUID, []byte{0, 3, 0, 1, 2, 0}) {
			t.Errorf("%s: %x, %v", src, f.DUID, err)
		}
	}
}

// FuzzParseLeases: what is read and written again is the same.
func FuzzParseLeases(f *testing.F) {
	f.Add(dhclients)
	f.Add("# dhclient-go {\"version\":1}\nlease {\n interface \"eth0\"; fixed-address 10.0.0.1; expire epoch 1; bootp; }")
	f.Add("default-duid 1:2:3; lease6 { { } ; }} ;lease")
	f.Fuzz(func(t *testing.T, src string) {
		leases, err := ParseLeases("l", []byte(src), &option.Table{})
		if err != nil {
			t.Skip()
		}
		for _, b := range leases.Blocks {
			again, err := ParseLeases("l", []byte(leases.text(b)), &option.Table{})
			if err != nil || len(again.Blocks) != 1 || again.Blocks[0].Interface != b.Interface || again.Blocks[0].Address != b.Address {
				t.Fatalf("%q: %q is not the same block: %v, %v", src, leases.text(b), again, err)
			}
			l, err := b.Lease(wallTime, minimal)
			if err != nil {
				t.Fatal(err)
			}
			if !l.IsInfinite() && (l.Valid <= 0 || l.T1 <= 0 || l.T1 >= l.T2 || l.T2 >= l.Valid) {
				t.Fatalf("%q: %v, %v, %v", src, l.T1, l.T2, l.Valid)
			}
		}
	})
}

// FuzzSave: whatever a server sends, the file has one lease, with its values.
func FuzzSave(f *testing.F) {
	for _, v := range hostileValues {
		f.Add([]byte(v), byte(12))
		f.Add([]byte(v), byte(245))
	}
	f.Fuzz(func(t *testing.T, v []byte, code byte) {
		l := sample("10.0.0.5")
		row, ok := (&option.Table{}).ByCode(code)
		// Some are filled in, and a truth is written as one.
		if !ok || row.Kind == option.Bool || slices.Contains([]byte{codeMask, codeServerID, codeLeaseTime}, code) {
			code = 200
		}
		l.Options[code] = v
		l.BootFile = string(v)
		b, err := appendLease(nil, "eth0", l, &option.Table{}, &note{Version: noteVersion, Lease: l})
		if err != nil {
			t.Skip()
		}
		got, err := ParseLeases("l", b, &option.Table{})
		if err != nil || len(got.Blocks) != 1 || len(got.Warnings) != 0 || got.Blocks[0].Address != l.Address || got.Blocks[0].Filename != string(v) {
			t.Fatalf("%s: %v, %v", b, got, err)
		}
		// The NULs at the end of a text are no part of it.
		if was, ok := got.Blocks[0].Options[code]; ok && !bytes.Equal(was, v) && !bytes.Equal(was, bytes.TrimRight(v, "\x00")) {
			t.Fatalf("%s: option %d is %q, not %q", b, code, was, v)
		}
		if ci := cloudInit(t, string(b)); len(ci) != 1 || ci[0]["fixed-address"] != "10.0.0.5" {
			t.Fatalf("%s: cloud-init reads %v", b, ci)
		}
	})
}
