package lease

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

var t0 = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// full is a lease with every field set.
func full() *Lease {
	return &Lease{
		Address: addr("10.99.0.50"), Bits: 24, Broadcast: addr("10.99.0.255"), Server: addr("10.99.0.1"),
		Start: t0, Valid: time.Hour, T1: 30 * time.Minute, T2: 52*time.Minute + 30*time.Second,
		Routes: []Route{
			{netip.MustParsePrefix("192.168.5.0/24"), addr("10.99.0.9")},
			{netip.MustParsePrefix("0.0.0.0/0"), addr("10.99.0.1")},
		},
		DNS: []netip.Addr{addr("10.99.0.2"), addr("10.99.0.3")}, Domain: "example.org",
		Search: []string{"a.example", "b.example"}, Hostname: "host-1", MTU: 1400,
		NTP: []netip.Addr{addr("10.99.0.4")}, CaptivePortal: "https://portal.example/",
		NextServer: addr("10.99.0.9"), ServerName: "boot server", BootFile: "/pxe/$(id) <x>",
		Options:      map[uint8][]byte{51: {0, 0, 14, 16}, 224: {0xff, 0}},
		HardwareAddr: HardwareAddr{2, 0, 0, 0, 0, 1}, ClientID: []byte{1, 2, 0, 0, 0, 0, 1},
		RouterMAC: HardwareAddr{2, 0, 0, 0, 0, 9},
	}
}

func TestTimes_RFC2131_4_4_5(t *testing.T) {
	l := full()
	if got := l.ExpireAt(); !got.Equal(t0.Add(time.Hour)) {
		t.Errorf("ExpireAt = %v", got)
	}
	if got := l.RenewAt(); !got.Equal(t0.Add(30 * time.Minute)) {
		t.Errorf("RenewAt = %v", got)
	}
	if got := l.RebindAt(); !got.Equal(t0.Add(52*time.Minute + 30*time.Second)) {
		t.Errorf("RebindAt = %v", got)
	}
	for _, c := range []struct {
		at        time.Duration
		expired   bool
		remaining time.Duration
	}{
		{0, false, time.Hour},
		{time.Hour - 1, false, 1},
		{time.Hour, true, 0},
		{48 * time.Hour, true, 0},
	} {
		if got := l.Expired(t0.Add(c.at)); got != c.expired {
			t.Errorf("Expired after %v = %v", c.at, got)
		}
		if got := l.Remaining(t0.Add(c.at)); got != c.remaining {
			t.Errorf("Remaining after %v = %v", c.at, got)
		}
	}
}

func TestInfinite_RFC2131_3_3(t *testing.T) {
	l := &Lease{Valid: Infinite, Start: t0}
	if !l.IsInfinite() || !l.ExpireAt().IsZero() || !l.RenewAt().IsZero() || !l.RebindAt().IsZero() {
		t.Errorf("an infinite lease has times: %v %v %v", l.RenewAt(), l.RebindAt(), l.ExpireAt())
	}
	if later := t0.AddDate(500, 0, 0); l.Expired(later) || l.Remaining(later) != Infinite {
		t.Error("an infinite lease ended")
	}
}

func TestRouter(t *testing.T) {
	l := full()
	if got := l.Router(); got != addr("10.99.0.1") {
		t.Errorf("Router = %v", got)
	}
	l.Routes = []Route{{netip.MustParsePrefix("0.0.0.0/0"), addr("0.0.0.0")}, {netip.MustParsePrefix("10.0.0.0/8"), addr("10.99.0.1")}}
	if got := l.Router(); got.IsValid() {
		t.Errorf("Router without a gateway = %v", got)
	}
}

func TestClone(t *testing.T) {
	l := full()
	c := l.Clone()
	if !reflect.DeepEqual(l, c) {
		t.Fatalf("the clone differs: %+v", c)
	}
	c.Routes[0].Gateway, c.DNS[0], c.Search[0], c.NTP[0] = addr("1.1.1.1"), addr("1.1.1.1"), "x", addr("1.1.1.1")
	c.ClientID[0], c.Options[224][0] = 9, 9
	c.Options[1] = nil
	if !reflect.DeepEqual(l, full()) {
		t.Error("a change to the clone reached the original")
	}
}

func TestJSON(t *testing.T) {
	for name, l := range map[string]*Lease{
		"full":     full(),
		"least":    {Address: addr("10.0.0.5"), Start: t0, Valid: 10 * time.Second, T1: 5 * time.Second, T2: 8750 * time.Millisecond},
		"infinite": {Address: addr("10.0.0.5"), Bits: 32, Start: t0, Valid: Infinite, Server: addr("10.0.0.1")},
		"on link":  {Address: addr("10.0.0.5"), Bits: 32, Start: t0, Valid: Infinite, Routes: []Route{{Dst: netip.MustParsePrefix("0.0.0.0/0")}}},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := json.Marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			var got Lease
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatalf("%v\n%s", err, b)
			}
			if !reflect.DeepEqual(&got, l) {
				t.Errorf("came back as %+v\nwas %+v\n%s", &got, l, b)
			}
		})
	}
}

// The JSON form is what programs parse: its names are a promise.
func TestJSONForm(t *testing.T) {
	b, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"address":"10.99.0.50/24"`, `"server":"10.99.0.1"`, `"lease_seconds":3600`, `"renew_seconds":1800`,
		`"rebind_seconds":3150`, `"start":"2026-11-25T12:00:00Z"`, `"expires_at":"2026-11-25T13:00:00Z"`,
		`{"dst":"0.0.0.0/0","gateway":"10.99.0.1"}`, `"dns":["10.99.0.2","10.99.0.3"]`, `"domain":"example.org"`,
		`"mtu":1400`, `"hardware_addr":"02:00:00:00:00:01"`, `"client_id":"01020000000001"`, `"224":"ff00"`,
		`"captive_portal":"https://portal.example/"`, `"next_server":"10.99.0.9"`, `"server_name":"boot server"`, `"boot_file":"/pxe/$(id)`, `"ntp":["`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
}

// What is read is hostile until it is checked.
func TestJSONRefuses(t *testing.T) {
	good, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, says string }{
		{`"address":"10.99.0.50/24"`, `"address":"127.0.0.1/8"`, "cannot be leased"},
		{`"address":"10.99.0.50/24"`, `"address":"::1/64"`, "cannot be leased"},
		{`"address":"10.99.0.50/24"`, `"address":"x"`, "address"},
		{`"server":"10.99.0.1"`, `"server":"255.255.255.255"`, "cannot be a server"},
		{`"server":"10.99.0.1"`, `"server":"fe80::1"`, "not an IPv4"},
		{`"broadcast":"10.99.0.255"`, `"broadcast":"no"`, "broadcast"},
		{`"next_server":"10.99.0.9"`, `"next_server":"0.0.0.0"`, "next_server"},
		{`"next_server":"10.99.0.9"`, `"next_server":"x"`, "next_server"},
		{`"server_name":"boot server"`, `"server_name":"a\nb"`, "server_name"},
		{`"server_name":"boot server"`, `"server_name":"` + strings.Repeat("s", 65) + `"`, "server_name"},
		{`"boot_file":"/pxe/`, `"boot_file":"\u00e9`, "boot_file"},
		{`"boot_file":"/pxe/`, `"boot_file":"` + strings.Repeat("f", 128), "boot_file"},
		{`"lease_seconds":3600`, `"lease_seconds":0`, "no time"},
		{`"lease_seconds":3600`, `"lease_seconds":-1`, "lease_seconds"},
		{`"lease_seconds":3600`, `"lease_seconds":4294967295`, "never ends"},
		{`"renew_seconds":1800`, `"renew_seconds":-5`, "out of range"},
		{`"renew_seconds":1800`, `"renew_seconds":3200`, "renew_seconds"},
		{`"rebind_seconds":3150`, `"rebind_seconds":1e300`, "out of range"},
		{`"dst":"192.168.5.0/24"`, `"dst":"192.168.5.1/24"`, "destination"},
		{`"gateway":"10.99.0.9"`, `"gateway":"224.0.0.1"`, "gateway"},
		{`"gateway":"10.99.0.9"`, `"gateway":"nowhere"`, "gateway"},
		{`"dns":["10.99.0.2"`, `"dns":["224.0.0.1"`, "cannot be a server"},
		{`"domain":"example.org"`, `"domain":"a b"`, "not a host name"},
		{`"a.example"`, `"a\nnameserver 6.6.6.6"`, "not a host name"},
		{`"hostname":"host-1"`, `"hostname":"$(id)"`, "not a host name"},
		{`"captive_portal":"https:`, `"captive_portal":"javascript:`, "captive_portal"},
		{`"captive_portal":"https://portal.example/`, `"captive_portal":"https://portal.example/\n`, "captive_portal"},
		{`"mtu":1400`, `"mtu":67`, "mtu"},
		{`"hardware_addr":"02:00:00:00:00:01"`, `"hardware_addr":"02:00:00:00:00"`, "Ethernet"},
		{`"hardware_addr":"02:00:00:00:00:01"`, `"hardware_addr":"02-00-00-00-00-01"`, "Ethernet"},
		{`"client_id":"01020000000001"`, `"client_id":"0"`, "client_id"},
		{`"client_id":"01020000000001"`, `"client_id":"` + strings.Repeat("00", 256) + `"`, "client_id"},
		{`"224":"ff00"`, `"224":"zz"`, "option 224"},
		{`"224":"ff00"`, `"256":"ff00"`, "option code"},
	} {
		if !strings.Contains(string(good), c.old) {
			t.Fatalf("the example has no %s", c.old)
		}
		bad := strings.Replace(string(good), c.old, c.new, 1)
		var l Lease
		if err := json.Unmarshal([]byte(bad), &l); err == nil {
			t.Errorf("%s was accepted", c.new)
		} else if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: the error %q does not say %q", c.new, err, c.says)
		}
		if !reflect.DeepEqual(l, Lease{}) {
			t.Errorf("%s: a refused lease was filled in", c.new)
		}
	}
}

func TestValidName_RFC1123_2_1(t *testing.T) {
	long := strings.Repeat("a", 63)
	for name, want := range map[string]bool{
		"a": true, "example.org": true, "3com.com": true, "a-b.c-d": true, "XN--x": true, long: true,
		strings.Join([]string{long, long, long, long[:61]}, "."): true,
		strings.Join([]string{long, long, long, long[:62]}, "."): false,
		"": false, ".": false, "a.": false, ".a": false, "a..b": false, "-a": false, "a-": false, "a-.b": false,
		"a b": false, "a_b": false, "a\x00": false, "a\nb": false, "$(id)": false, "é": false, long + "a": false,
		"10.0.0.1": false, "10.0.0.256": true, "10.0.1": true, "a;b": false, "[": false, "@": false, "`": false, "{": false,
	} {
		if got := ValidName(name); got != want {
			t.Errorf("ValidName(%q) = %v", name, got)
		}
	}
}

func TestUsableAddr_RFC1122_3_2_1_3(t *testing.T) {
	for a, want := range map[string]bool{
		"10.0.0.1": true, "1.0.0.0": true, "223.255.255.255": true, "169.254.1.1": true,
		"0.0.0.0": false, "0.1.2.3": false, "127.0.0.1": false, "224.0.0.1": false, "240.0.0.1": false,
		"255.255.255.255": false, "::1": false, "::ffff:10.0.0.1": false,
	} {
		if got := UsableAddr(addr(a)); got != want {
			t.Errorf("UsableAddr(%s) = %v", a, got)
		}
	}
	if UsableAddr(netip.Addr{}) {
		t.Error("the zero Addr is usable")
	}
}

func TestHardwareAddr(t *testing.T) {
	if s := (HardwareAddr{2, 0xab, 0, 0, 0, 0xf}).String(); s != "02:ab:00:00:00:0f" {
		t.Errorf("String = %s", s)
	}
	if !(HardwareAddr{}).IsZero() || (HardwareAddr{1}).IsZero() {
		t.Error("IsZero")
	}
}

// Now follows CLOCK_BOOTTIME and has no monotonic reading of Go's own.
func TestNow(t *testing.T) {
	b0, n0 := SinceBoot(), Now()
	n1, b1 := Now(), SinceBoot()
	if d := n1.Sub(n0); d < 0 || d > b1-b0 {
		t.Errorf("Now advanced by %v while CLOCK_BOOTTIME advanced by %v", d, b1-b0)
	}
	if strings.Contains(n0.String(), "m=") {
		t.Errorf("Now has a monotonic reading: %v", n0)
	}
	if d := time.Since(n0).Abs(); d > time.Minute {
		t.Errorf("Now is %v off the wall clock", d)
	}
}
