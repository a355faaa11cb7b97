package servers

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A database that is just being written is read as far as it is whole.
func TestTornDatabases(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.50")
	for _, c := range []struct {
		kind            Kind
		file, good, bad string
	}{
		{Dnsmasq, "dnsmasq.leases", "9999999999 02:00:00:00:00:01 192.0.2.50 * *\n", "9999999999 02:00:00:00 192.0.2.5 x *\nduid 00:01\n99"},
		{ISC, "dhcpd.leases", "x\nlease 192.0.2.50 {\n  ends epoch 9999999999;\n  binding state active;\n}\n", "lease 192.0.2.50 {\n  binding state free;\n"},
		{Kea, keaDB, "address,hwaddr\n192.0.2.50,02:00:00:00:00:01,,60,9999999999,1,0,0,,0,\n", "192.0.2.50,02:00\n192.0.2.50,\"0"},
		{Udhcpd, udhcpdDB, "\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x05\xc0\x00\x02\x32\x02\x00\x00\x00\x00\x01" + strings.Repeat("\x00", 22), "\x00\x01"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.good+c.bad), 0o600); err != nil {
			t.Fatal(err)
		}
		leases, err := drivers[c.kind].leases(dir)
		if err != nil || len(leases) != 1 || !leases[addr].Active {
			t.Errorf("%s: %+v, %v", c.kind, leases, err)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, udhcpdDB), []byte{1, 2}, 0o600); err != nil {
		t.Fatal(err)
	}
	if leases, err := udhcpdLeases(dir); err != nil || len(leases) != 0 {
		t.Errorf("%v, %v", leases, err)
	}
}

func TestISCString(t *testing.T) {
	for in, want := range map[string]string{
		`"plain"`: "plain", `"\001\377a"`: "\x01\xffa", `"a\"b\\c"`: `a"b\c`, `"\`: "", `""`: "",
	} {
		if got := string(iscString(in)); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
	if !epoch("never").IsZero() {
		t.Error("never has a time")
	}
}

func TestCheck(t *testing.T) {
	ok := Options{
		NS: &nettest.NS{Name: "x"}, Interface: "eth0", ServerAddr: netip.MustParsePrefix("192.0.2.1/24"),
		PoolFirst: netip.MustParseAddr("192.0.2.50"), PoolLast: netip.MustParseAddr("192.0.2.59"), Lease: time.Hour,
	}
	if err := ok.check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Options){
		"no namespace":    func(o *Options) { o.NS = nil },
		"no link":         func(o *Options) { o.Interface = "" },
		"no address":      func(o *Options) { o.ServerAddr = netip.Prefix{} },
		"backwards":       func(o *Options) { o.PoolFirst, o.PoolLast = o.PoolLast, o.PoolFirst },
		"other network":   func(o *Options) { o.PoolLast = netip.MustParseAddr("192.0.3.1") },
		"half a second":   func(o *Options) { o.Lease = 1500 * time.Millisecond },
		"negative":        func(o *Options) { o.T1 = -time.Second },
		"more than fits":  func(o *Options) { o.T2 = 1 << 33 * time.Second },
		"no pool at all":  func(o *Options) { o.PoolFirst = netip.Addr{} },
		"no end of  pool": func(o *Options) { o.PoolLast = netip.Addr{} },
	} {
		o := ok
		spoil(&o)
		if err := o.check(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestConfigureFails(t *testing.T) {
	o := Options{ServerAddr: netip.MustParsePrefix("192.0.2.1/24")}
	for _, k := range Kinds() {
		if _, err := drivers[k].configure("/no/such/dir", o); err == nil {
			t.Errorf("%s is configured in a directory that does not exist", k)
		}
	}
	o.Extra = []string{"not JSON"}
	if _, err := keaConfigure(t.TempDir(), o); err == nil || !strings.Contains(err.Error(), "not a JSON member") {
		t.Errorf("%v", err)
	}
}

// A copy runs as the original does: the name is kept, busybox goes by it.
func TestUnconfined(t *testing.T) {
	path, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for range 2 {
		to, err := unconfined(path, dir)
		if err != nil || to != filepath.Join(dir, "true") || exec.Command(to).Run() != nil {
			t.Errorf("%s, %v", to, err)
		}
	}
	if _, err := unconfined("/no/such/file", dir); err == nil {
		t.Error("copied a file that does not exist")
	}
	if _, err := unconfined(path, "/no/such/dir"); err == nil {
		t.Error("copied to a directory that does not exist")
	}
}

func TestLogIsBounded(t *testing.T) {
	l := &logBuffer{}
	for range logLimit/(1<<20) + 3 {
		if n, err := l.Write(make([]byte, 1<<20)); n != 1<<20 || err != nil {
			t.Fatal(n, err)
		}
	}
	if len(l.String()) != logLimit {
		t.Errorf("%d octets kept", len(l.String()))
	}
}
