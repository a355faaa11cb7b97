package inherit

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// conf is what klibc's ipconfig writes for a lease.
const conf = `DEVICE='eth0'
PROTO='dhcp'
IPV4ADDR='192.0.2.89'
IPV4BROADCAST='192.0.2.255'
IPV4NETMASK='255.255.255.0'
IPV4GATEWAY='192.0.2.1'
IPV4DNS0='192.0.2.1'
IPV4DNS1='0.0.0.0'
HOSTNAME='it'\''s'\!''
DNSDOMAIN=''
NISDOMAIN=''
ROOTSERVER='192.0.2.1'
ROOTPATH=''
filename=''
UPTIME='21'
DHCPLEASETIME='3600'
DOMAINSEARCH='example.com'
`

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestKlibc(t *testing.T) {
	is := func(from, to string) string {
		if !strings.Contains(conf, from) {
			t.Fatalf("no %q", from)
		}
		return strings.Replace(conf, from, to, 1)
	}
	whole := Record{addr("192.0.2.89"), 24, addr("192.0.2.1"), time.Hour, 20 * time.Second}
	timeless := whole
	timeless.Valid, timeless.Began = 0, 0
	forever := whole
	forever.Valid = lease.Infinite
	for _, c := range []struct {
		name, text string
		want       Record
		err        string
	}{
		{name: "as it is written", text: conf, want: whole},
		{name: "without apostrophes", text: strings.ReplaceAll(is(`'it'\''s'\!''`, ""), "'", ""), want: whole},
		{name: "no mask and router", text: "DEVICE=eth0\nPROTO=dhcp\nIPV4ADDR=10.0.0.5", want: Record{Address: addr("10.0.0.5")}},
		{name: "the zero mask and router", text: strings.NewReplacer("255.255.255.0", "0.0.0.0", "192.0.2.1'", "0.0.0.0'").Replace(conf), want: Record{Address: addr("192.0.2.89"), Valid: time.Hour, Began: 20 * time.Second}},
		{name: "no lease time", text: is("'3600'", "'0'"), want: timeless},
		{name: "no uptime", text: is("UPTIME='21'\n", ""), want: timeless},
		{name: "without an end", text: is("'3600'", "'4294967295'"), want: forever},
		{name: "a lease time that is none", text: is("'3600'", "'-1'"), err: `DHCPLEASETIME is "-1", which is no number of seconds`},
		{name: "a lease time beyond", text: is("'3600'", "'4294967296'"), err: "which is no number of seconds"},
		{name: "an uptime that is none", text: is("'21'", "'x'"), err: `UPTIME is "x", which is no number of seconds`},
		{name: "another boot", text: is("'21'", "'4294967295'"), err: "it is of another boot"},
		{name: "twice the same", text: conf + "HOSTNAME='it'\\''s'\\!''\n", want: whole},
		{name: "static", text: is("'dhcp'", "'none'"), err: ErrNotDHCP.Error()},
		{name: "BOOTP", text: is("'dhcp'", "'bootp'"), err: ErrBOOTP.Error()},
		{name: "empty", err: `DEVICE is "", not "eth0"`},
		{name: "another link", text: is("'eth0'", "'eth1'"), err: `DEVICE is "eth1", not "eth0"`},
		{name: "no address", text: is("192.0.2.89", "0.0.0.0"), err: "IPV4ADDR is missing"},
		{name: "a group's address", text: is("192.0.2.89", "224.0.0.1"), err: `IPV4ADDR is "224.0.0.1", which no station can have`},
		{name: "IPv6", text: is("192.0.2.89", "2001:db8::1"), err: "which no station can have"},
		{name: "no mask", text: is("255.255.255.0", "255.0.255.0"), err: `IPV4NETMASK is "255.0.255.0", which is no mask`},
		{name: "a word for a router", text: is("IPV4GATEWAY='192.0.2.1'", "IPV4GATEWAY='gw'"), err: `IPV4GATEWAY is "gw", which no station can have`},
		{name: "a command", text: is("'192.0.2.89'", "$(id)"), err: `line 3: IPV4ADDR: '$' is outside of apostrophes`},
		{name: "a second command", text: is("'dhcp'", "dhcp;id"), err: `line 2: PROTO: ';' is outside of apostrophes`},
		{name: "a command alone", text: conf + "id\n", err: "line 18: it does not begin with a name and ="},
		{name: "a name that is none", text: "A-B=1\n", err: "line 1: it does not"},
		{name: "not closed", text: "A='1\n", err: "line 1: A: an apostrophe is not closed"},
		{name: "two values", text: conf + "IPV4ADDR=192.0.2.90\n", err: "line 18: IPV4ADDR has another value before"},
		{name: "long", text: conf + strings.Repeat("\n", MaxFile), err: "longer than 16384 octets"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Klibc([]byte(c.text), "eth0")
			switch {
			case c.err == "" && (err != nil || got != c.want):
				t.Errorf("%+v, %v", got, err)
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("error %v, not %s", err, c.err)
			}
		})
	}
	if _, err := Klibc([]byte(is("'dhcp'", "'none'")), "eth0"); !errors.Is(err, ErrNotDHCP) {
		t.Errorf("error %v", err)
	}
}

func TestKernelDHCP(t *testing.T) {
	for text, want := range map[string]bool{
		"#PROTO: DHCP\ndomain example.org\nnameserver 192.0.2.1\nbootserver 192.0.2.1\n": true,
		"#PROTO: DHCP":            true,
		"#MANUAL\n":               false,
		"#PROTO: BOOTP\n":         false,
		"#PROTO: DHCPX\n":         false,
		"#MANUAL\n#PROTO: DHCP\n": false,
		"":                        false,
	} {
		if got := KernelDHCP([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// What a record becomes can be handed over, and is older than any other lease.
func TestRecord_Lease(t *testing.T) {
	mac := lease.HardwareAddr{2, 0, 0, 0, 0, 1}
	l := Record{Address: addr("192.0.2.89"), Bits: 24, Router: addr("192.0.2.1")}.Lease(mac)
	if !l.IsInfinite() || l.Server.IsValid() || l.ClientID != nil || l.HardwareAddr != mac || l.Router() != addr("192.0.2.1") {
		t.Errorf("lease %+v", l)
	}
	if !l.Start.Before(lease.Now()) {
		t.Errorf("it begins at %v", l.Start)
	}
	b, err := lease.Encode(l)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := lease.Decode(b); err != nil || got.Prefix() != l.Prefix() || !got.IsInfinite() {
		t.Errorf("decoded %+v, %v", got, err)
	}
}

// A record of a known time ends with it, counted from when it was granted; one that
// is over is asked for still.
func TestRecord_LeaseEnds(t *testing.T) {
	up := lease.SinceBoot()
	if up < 3*time.Second {
		t.Skipf("the machine is up for %v", up)
	}
	for _, c := range []struct {
		valid, age, left time.Duration
	}{
		{time.Hour, up / 2, time.Hour - up/2},
		{time.Second, 2 * time.Second, lastChance},
		{lease.Infinite, up / 2, 0},
	} {
		if c.left < lastChance && c.left != 0 {
			c.left = lastChance
		}
		l := Record{Address: addr("192.0.2.89"), Valid: c.valid, Began: up - c.age}.Lease(lease.HardwareAddr{2})
		if l.IsInfinite() != (c.left == 0) {
			t.Errorf("%v of %v: %+v", c.age, c.valid, l)
			continue
		}
		if left := l.Remaining(lease.Now()); c.left != 0 && (left > c.left+time.Second || left < c.left-20*time.Second) {
			t.Errorf("%v of %v: %v are left, not %v", c.age, c.valid, left, c.left)
		}
		b, err := lease.Encode(l)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := lease.Decode(b); err != nil || got.Valid != l.Valid {
			t.Errorf("decoded %+v, %v", got, err)
		}
	}
}

// Whatever a file holds, what is made of it is an address that a host can have,
// and no file that a shell would take for more than text is read.
func FuzzKlibc(f *testing.F) {
	f.Add([]byte(conf))
	f.Add([]byte("DEVICE=eth0\nPROTO=dhcp\nIPV4ADDR=10.0.0.5\nX='a'\\''b'\n"))
	f.Add([]byte("DEVICE=eth0\nPROTO=dhcp\nIPV4ADDR='10.0.0.5'`id`\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		KernelDHCP(text)
		r, err := Klibc(text, "eth0")
		if err != nil {
			if (r != Record{}) {
				t.Errorf("%+v with %v", r, err)
			}
			return
		}
		if r.Valid < 0 || r.Began < 0 || r.Valid == 0 && r.Began != 0 {
			t.Errorf("times %+v", r)
		}
		if !lease.UsableAddr(r.Address) || r.Bits != 0 && (r.Bits < 8 || r.Bits > 32) || r.Router.IsValid() && !lease.UsableAddr(r.Router) {
			t.Errorf("%+v", r)
		}
		for line := range strings.Lines(string(text)) {
			plain := 0 // outside of apostrophes
			for i, part := range strings.Split(line, "'") {
				if i%2 == 0 && strings.ContainsAny(part, "$`;&|<>()\"* \t") && !strings.Contains(line, `\`) {
					plain++
				}
			}
			if plain > 0 {
				t.Errorf("line %q was read", line)
			}
		}
	})
}
