package isc

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

var facts = Facts{Hostname: "hostess", Hardware: lease.HardwareAddr{2, 0, 0, 0, 0xab, 0xcd}}

// read parses a file that must be readable.
func read(t *testing.T, src string) *Config {
	t.Helper()
	c, err := Parse("test.conf", []byte(src), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// silent fails if there were warnings.
func silent(t *testing.T, c *Config) {
	t.Helper()
	for _, w := range c.Warnings {
		t.Errorf("warning: %v", w)
	}
}

func TestParse_NothingGivesTheDefaults(t *testing.T) {
	t.Parallel()
	c := read(t, "# nothing\n")
	silent(t, c)
	want := &Interface{
		Name: "eth0", Timeout: time.Minute, Retry: 5 * time.Minute, Reboot: 10 * time.Second,
		InitialInterval: 3 * time.Second, BackoffCutoff: 15 * time.Second,
		Request: []uint8{1, 28, 2, 3, 15, 6, 12},
	}
	if got := c.ForInterface("eth0"); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if len(c.ForInterface("eth0").SendOptions(facts)) != 0 || c.ForInterface("eth0").Modify(facts) != nil {
		t.Error("options out of nothing")
	}
}

// TestParse_StockFiles reads what distributions install: not one warning.
func TestParse_StockFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		src     string
		send    map[uint8][]byte
		request []uint8
	}{
		"Debian and Ubuntu": {`
			option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;
			send host-name = gethostname();
			request subnet-mask, broadcast-address, time-offset, routers,
				domain-name, domain-name-servers, domain-search, host-name,
				dhcp6.name-servers, dhcp6.domain-search, dhcp6.fqdn, dhcp6.sntp-servers,
				netbios-name-servers, netbios-scope, interface-mtu,
				rfc3442-classless-static-routes, ntp-servers;
			#send dhcp-lease-time 3600;`,
			map[uint8][]byte{12: []byte("hostess")}, []uint8{1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42}},
		"Debian's cloud images, and Azure": {`
			option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;
			send host-name = gethostname();
			also request rfc3442-classless-static-routes;
			timeout 300; retry 60;`,
			map[uint8][]byte{12: []byte("hostess")}, []uint8{1, 28, 2, 3, 15, 6, 12, 121}},
		"dracut": {`
			send dhcp-client-identifier = hardware;
			request subnet-mask, broadcast-address, time-offset, routers, domain-name,
			  domain-name-servers, domain-search, host-name, interface-mtu, ntp-servers;
			send vendor-class-identifier "anaconda-Linux";`,
			map[uint8][]byte{61: {1, 2, 0, 0, 0, 0xab, 0xcd}, 60: []byte("anaconda-Linux")},
			[]uint8{1, 28, 2, 3, 15, 6, 119, 12, 26, 42}},
		"NetworkManager": {`
			send fqdn.fqdn "hostess.example.com";
			send fqdn.encoded on;
			send fqdn.no-client-update on;
			send fqdn.server-update on;
			send dhcp-client-identifier 1:2:0:0:0:ab:cd;
			option wpad code 252 = string;
			option ms-classless-static-routes code 249 = array of unsigned integer 8;
			also request ms-classless-static-routes; also request wpad;`,
			map[uint8][]byte{61: {1, 2, 0, 0, 0, 0xab, 0xcd}, 81: []byte("\x0d\x00\x00\x07hostess\x07example\x03com")},
			[]uint8{1, 28, 2, 3, 15, 6, 12, 249, 252}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf := read(t, c.src)
			silent(t, conf)
			i := conf.ForInterface("eth0")
			if got := i.SendOptions(facts); !reflect.DeepEqual(got, c.send) {
				t.Errorf("sends %q, want %q", got, c.send)
			}
			if !slices.Equal(i.Request, c.request) {
				t.Errorf("requests %v, want %v", i.Request, c.request)
			}
		})
	}
}

// TestParse_InstalledFile reads what isc-dhcp-client has put on this machine.
func TestParse_InstalledFile(t *testing.T) {
	t.Parallel()
	const path = "/etc/dhcp/dhclient.conf"
	if _, err := os.Stat(path); err != nil {
		t.Skip("isc-dhcp-client is not installed")
	}
	c, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	silent(t, c)
}

func TestParse_TimesAndLists(t *testing.T) {
	t.Parallel()
	c := read(t, `
		TIMEOUT 61; retry 62; reboot 0; select-timeout 5; initial-interval 2;
		backoff-cutoff 9; initial-delay 4; bootp-broadcast-always;
		script "/etc/my script";
		request;
		require subnet-mask, domain-name-servers; also require 121, unknown-43;
		also request dhcp.routers, unknown-245;
		reject 192.33.137.209, 10.1.2.3/8; reject 192.0.2.1/32;`)
	silent(t, c)
	i := c.ForInterface("eth0")
	want := &Interface{
		Name: "eth0", Timeout: 61 * time.Second, Retry: 62 * time.Second, Reboot: 0, SelectTimeout: 5 * time.Second,
		InitialInterval: 2 * time.Second, BackoffCutoff: 9 * time.Second, InitialDelay: 4 * time.Second,
		Script: "/etc/my script", Broadcast: true, Request: []uint8{3, 245}, Require: []uint8{1, 6, 121, 43},
		Reject: []netip.Prefix{netip.MustParsePrefix("192.33.137.209/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32")},
	}
	if !reflect.DeepEqual(i, want) {
		t.Errorf("got  %+v\nwant %+v", i, want)
	}
	if got := read(t, "request;").ForInterface("x").Request; len(got) != 0 {
		t.Errorf("an empty request asks for %v", got)
	}
}

// TestForInterface_InheritsAsDhclientDoes: a block begins with the settings
// above it; statements about options of the outer scope hold wherever they
// stand, and the block's come after them.
func TestForInterface_InheritsAsDhclientDoes(t *testing.T) {
	t.Parallel()
	c := read(t, `
		timeout 10; send host-name "outer"; require routers;
		interface "eth0" {
			retry 20; also require domain-name; send host-name "inner"; reject 10.0.0.1;
		}
		timeout 30; send vendor-class-identifier "late"; require ntp-servers;
		interface "eth0" { reboot 3; };
		interface "eth1" { request routers; script "/x"; }
		lease { interface "eth0"; fixed-address 10.0.0.1; expire never; }
		lease { interface "eth0"; fixed-address 10.0.0.2; expire never; }
		lease { interface "eth0"; fixed-address 10.0.0.1; filename "newer"; expire never; }`)
	silent(t, c)
	zero, one, two := c.ForInterface("eth0"), c.ForInterface("eth1"), c.ForInterface("eth2")
	if zero.Timeout != 10*time.Second || zero.Retry != 20*time.Second || zero.Reboot != 3*time.Second || !slices.Equal(zero.Require, []uint8{3, 15}) || len(zero.Reject) != 1 {
		t.Errorf("eth0: %+v", zero)
	}
	if one.Timeout != 30*time.Second || one.Retry != 5*time.Minute || !slices.Equal(one.Require, []uint8{42}) || !slices.Equal(one.Request, []uint8{3}) || one.Script != "/x" {
		t.Errorf("eth1: %+v", one)
	}
	if two.Timeout != 30*time.Second || two.Script != "" || len(two.Fallbacks) != 0 {
		t.Errorf("eth2: %+v", two)
	}
	// The last comes first, and one for each address.
	if f := zero.Fallbacks; len(f) != 2 || f[0].Filename != "newer" || f[1].Address != netip.MustParseAddr("10.0.0.2") {
		t.Errorf("fallbacks of eth0: %+v", f)
	}
	if got := fmt.Sprintf("%q", zero.SendOptions(facts)); got != `map['\f':"inner" '<':"late"]` {
		t.Errorf("eth0 sends %s", got)
	}
	if got := fmt.Sprintf("%q", two.SendOptions(facts)); got != `map['\f':"outer" '<':"late"]` {
		t.Errorf("eth2 sends %s", got)
	}
	if got := c.Interfaces(); !slices.Equal(got, []string{"eth0", "eth1"}) {
		t.Errorf("interfaces %v", got)
	}
}

func TestParse_StringsNumbersAndExpressions(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`"plain"`:                         "plain",
		`"a\"b\\c\tn\n\x41\102\0z"`:       "a\"b\\c\tn\nAB\x00z",
		`"two` + "\n" + `lines"`:          "two\nlines",
		`"a;b}c{d#e"`:                     "a;b}c{d#e",
		`1:2:0a:FF`:                       "\x01\x02\x0a\xff",
		`41:42`:                           "AB",
		`= hardware`:                      "\x01\x02\x00\x00\x00\xab\xcd",
		`= "x"`:                           "x",
		`= 0:1:a0`:                        "\x00\x01\xa0",
		`= concat("x-", gethostname())`:   "x-hostess",
		`= concat(ff, hardware)`:          "\xff\x01\x02\x00\x00\x00\xab\xcd",
		`= pick-first-value("", "b","c")`: "b",
		`= substring(hardware, 1, 2)`:     "\x02\x00",
		`= substring("abc", 2, 9)`:        "c",
		`= substring("abc", 7, 9)`:        "",
		`= suffix(hardware, 2)`:           "\xab\xcd",
		`= ucase(gethostname())`:          "HOSTESS",
		`= lcase("ABC")`:                  "abc",
		`= concat("node-", binary-to-ascii(16, 8, ":", suffix(hardware, 2)))`: "node-ab:cd",
		`= binary-to-ascii(10, 16, "", 01:00)`:                                "256",
	} {
		c := read(t, "send vendor-class-identifier "+value+";\ntimeout 7;")
		silent(t, c)
		i := c.ForInterface("eth0")
		if got := string(i.SendOptions(facts)[60]); got != want || i.Timeout != 7*time.Second {
			t.Errorf("%s: %q, want %q; timeout %v", value, got, want, i.Timeout)
		}
	}
	nobody := read(t, `send host-name "x"; send host-name = gethostname(); send dhcp-client-identifier = concat("x", hardware);`).ForInterface("eth0")
	if got := nobody.SendOptions(Facts{}); len(got) != 0 {
		t.Errorf("a host without a name sends %q", got)
	}
}

// Records, and arrays of what is not in the table otherwise.
func TestParse_DefinedRecords(t *testing.T) {
	t.Parallel()
	for typ, c := range map[string]struct{ value, want string }{
		"array of { ip-address, integer 8 }":        {"10.0.0.1 -1, 10.0.0.2 2", "\x0a\x00\x00\x01\xff\x0a\x00\x00\x02\x02"},
		"{ boolean, array of ip-address }":          {"true 10.0.0.1, 10.0.0.2", "\x01\x0a\x00\x00\x01\x0a\x00\x00\x02"},
		"array of signed integer 16":                {"-2, 3", "\xff\xfe\x00\x03"},
		"{ unsigned integer 8, ip6-address }":       {"64 2001:db8::1", "\x40\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01"},
		"{ unsigned integer 32, signed integer 32}": {"1 -1", "\x00\x00\x00\x01\xff\xff\xff\xff"},
	} {
		conf := read(t, "option x code 200 = "+typ+";\nsend x "+c.value+";")
		silent(t, conf)
		if got := string(conf.ForInterface("eth0").SendOptions(facts)[200]); got != c.want {
			t.Errorf("%s: %s is %q, want %q", typ, c.value, got, c.want)
		}
	}
}

// TestParse_SkipsByGrammar has a statement that is not taken, between two that
// are. Each is named with its line.
func TestParse_SkipsByGrammar(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ src, problem string }{
		{`media "media 10baseT/UTP", "media 10base2/BNC";`, "media: not supported"},
		{`alias { interface "ep0"; fixed-address 192.5.5.213; option subnet-mask 255.255.255.255; }`, "alias: not supported"},
		{`pseudo "secondary" "ep0" { send dhcp-client-identifier "x"; script "/y"; timeout 99; }`, "pseudo: not supported"},
		{`key k { algorithm hmac-md5; secret "a;b}"; };`, "key: not supported"},
		{`zone example.com. { primary 127.0.0.1; key k; }`, "zone: not supported"},
		{`vendor option space "x";`, "vendor: not supported"},
		{`hardware ethernet 00:a0:24:ab:fb:9c;`, "hardware: not supported"},
		{`anycast-mac ethernet 00:a0:24:ab:fb:9c;`, "anycast-mac: not supported"},
		{`omapi port 7911;`, "omapi: not supported"},
		{`do-forward-updates false;`, "do-forward-updates: not supported"},
		{`db-time-format local;`, "db-time-format: not supported"},
		{`lease-id-format hex;`, "lease-id-format: not supported"},
		{`dont authentication;`, "dont: not supported"},
		{`require authentication;`, "require: authentication is not supported"},
		{`use-host-decl-names on;`, "use-host-decl-names: not supported"},
		{`if known { send host-name "a"; timeout 98; } elsif x { timeout 97; } else { timeout 96; }`, "if: conditions are not supported"},
		{`on commit { execute("/bin/sh", "-c", "}"); }`, "on: not supported"},
		{`else { timeout 95; }`, "else: without an if"},
		{`option space acme code width 2;`, "option spaces are not supported"},
		{`option acme.x code 1 = text;`, "option space acme is not supported"},
		{`option x code 300 = text;`, "not the number of an option"},
		{`option x code 200 = array of { ip-address, text }; `, "its values are octets"},
		{`option domain-name "x";`, "not code"},
		{`send acme.x "y";`, "option space acme is not supported"},
		{`send no-such-option 1;`, "there is no option no-such-option"},
		{`send dhcp6.client-id "x";`, "option space dhcp6 is not supported"},
		{`send dhcp-message-type 1;`, "is what the message makes it"},
		{`supersede dhcp-server-identifier 255.255.255.255;`, "is the server's own"},
		{`supersede dhcp-client-identifier "x";`, "is the client's own"},
		{`send dhcp-parameter-request-list 1,2;`, "is what the request statement says"},
		{`send host-name = option domain-name;`, "not supported in an expression"},
		{`send host-name = reverse(1, "x");`, "reverse() is not supported"},
		{`send host-name = concat("x" "y");`, "in an expression"},
		{`send host-name = concat(;`, "ends too early"},
		{`send host-name = ` + strings.Repeat("concat(", 20) + `"x"` + strings.Repeat(")", 20) + `;`, "too deep"},
		{`send host-name a b;`, "wants one text"},
		{`send host-name a.b;`, "wants one text"},
		{`send fqdn.rcode1 1;`, "fqdn.rcode1 is not sent"},
		{`send fqdn.encoded maybe;`, "not true or false"},
		{`prepend domain-name-servers not-an-address;`, "domain-name-servers"},
		{`timeout soon;`, "not a number of seconds"},
		{`timeout 1 2;`, "not a number of seconds"},
		{`timeout -5;`, "not a number of seconds"},
		{`reject example.com;`, "not the address of a server"},
		{`reject 10.0.0.0/0;`, "not the address of a server"},
		{`script /etc/x;`, "not a file name in quotes"},
		{`script "";`, "not a file name in quotes"},
		{`include "/none";`, "include: not supported here"},
		{`also send host-name "x";`, "not request or require"},
		{`nonsense 1 2 { 3; { 4 } };`, "nonsense: not a statement of dhclient.conf"},
		{`"string" 1;`, "where a statement should begin"},
		{`} `, "a brace that closes nothing"},
		{`interface eth0 { timeout 94; }`, "is not a name in quotes"},
		{`interface "x" { interface "y" { timeout 93; } }`, "a block in a block"},
		{`interface "x" { initial-delay 3; }`, "only outside of interface blocks"},
		{`interface "x" { media "no semicolon" }`, "media: not supported"},
		{`interface "x" { timeout 5 }`, "no semicolon"},
		{`lease { fixed-address 10.0.0.1; expire never; }`, "names no interface"},
		{`lease { interface "x"; expire never; }`, "no fixed-address"},
		{`lease { interface "x"; fixed-address 10.0.0.1; }`, "no expire"},
		{`lease { interface "x"; fixed-address 10.0.0.1; medium "y"; expire never; }`, "medium: not supported"},
		{`lease { interface "x"; fixed-address 0.0.0.0; expire never; }`, "not the address of a host"},
		{`lease { interface "x"; fixed-address 10.0.0.1; expire tomorrow; }`, "not a time like"},
		{`lease { interface "x"; fixed-address 10.0.0.1; expire 0 0001/1/1 00:00:00; }`, "not a time like"},
		{`lease { interface "x"; fixed-address 10.0.0.1; option nothing 1; expire never; }`, "there is no option nothing"},
	} {
		conf := read(t, "select-timeout 1;\n"+c.src+"\nretry 2;")
		i := conf.ForInterface("eth0")
		if i.SelectTimeout != time.Second || i.Retry != 2*time.Second || i.Timeout != time.Minute {
			t.Errorf("%s: the statements around it were not read: %+v", c.src, i)
		}
		if len(conf.Warnings) == 0 {
			t.Errorf("%s: skipped silently", c.src)
			continue
		}
		if w := conf.Warnings[0].String(); !strings.HasPrefix(w, "test.conf:2: ") || !strings.Contains(w, c.problem) {
			t.Errorf("%s: warning %q, want one of %q", c.src, w, c.problem)
		}
	}
}

// TestParse_UnknownNameCostsOnlyItself: dhclient drops the whole list.
func TestParse_UnknownNameCostsOnlyItself(t *testing.T) {
	t.Parallel()
	c := read(t, "request routers,\n no-such, domain-name;")
	if got := c.ForInterface("x").Request; !slices.Equal(got, []uint8{3, 15}) {
		t.Errorf("requests %v", got)
	}
	if len(c.Warnings) != 1 || c.Warnings[0].Line != 2 || !strings.Contains(c.Warnings[0].Text, "no-such") {
		t.Errorf("warnings %v", c.Warnings)
	}
}

func TestParse_ErrorsNameFileAndLine(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("{", 100000)
	for src, want := range map[string]string{
		"timeout 1;\nscript \"abc;\n\n":                      "test.conf:2: a string that begins here has no end",
		"timeout 1;\n\ninterface \"x\" {\ntimeout 2;":        "test.conf:3: a block that begins here has no end",
		"lease {\n interface \"x\";":                         "test.conf:1: a block that begins here has no end",
		"\nalias {\n option x { y;":                          "test.conf:2: a block that begins here has no end",
		"zone x " + deep:                                     "test.conf:1: a block that begins here has no end",
		strings.Repeat("timeout 1;\n", maxStatements) + "x;": fmt.Sprintf("test.conf:%d: more than %d statements", maxStatements+1, maxStatements),
		strings.Repeat("\n", maxFile+1):                      "test.conf:1: with what it includes larger than",
	} {
		_, err := Parse("test.conf", []byte(src), nil)
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Error(), want) {
			t.Errorf("%.40q: %v, want %s", src, err, want)
		}
	}
}

func TestReadFile_IncludesOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(path(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("a", fmt.Sprintf("timeout 1;\ninclude %q;\ninterface \"eth0\" { include %q; }\nreboot 5;\ninclude %q;\n", path("b"), path("c"), path("none")))
	put("b", "retry 2;\nnonsense;\n")
	put("c", "send host-name \"c\";")
	c, err := ReadFile(path("a"))
	if err != nil {
		t.Fatal(err)
	}
	i := c.ForInterface("eth0")
	if i.Timeout != time.Second || i.Retry != 2*time.Second || string(i.SendOptions(facts)[12]) != "c" {
		t.Errorf("%+v", i)
	}
	if len(c.Warnings) != 2 || c.Warnings[0].File != path("b") || c.Warnings[0].Line != 2 || c.Warnings[1].Line != 5 {
		t.Errorf("warnings %v", c.Warnings)
	}
	put("loop", fmt.Sprintf("include %q;", path("loop")))
	if _, err := ReadFile(path("loop")); err == nil || !strings.Contains(err.Error(), "files deep") {
		t.Errorf("a file that includes itself: %v", err)
	}
	put("big", strings.Repeat(" ", maxFile+1))
	if _, err := ReadFile(path("big")); err == nil {
		t.Error("a file of more than a megabyte was read")
	}
	if _, err := ReadFile(path("none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if c, err := ReadFile("/dev/null"); err != nil || len(c.Warnings) != 0 {
		t.Errorf("/dev/null: %v", err)
	}
	if _, err := ReadFile("/dev/zero"); err == nil {
		t.Error("/dev/zero was read")
	}
}

func TestModify(t *testing.T) {
	t.Parallel()
	addrs := func(list ...string) (v []byte) {
		for _, a := range list {
			v = append(v, netip.MustParseAddr(a).AsSlice()...)
		}
		return v
	}
	for _, c := range []struct {
		name, conf string
		code       uint8
		was, want  []byte
	}{
		{"default of nothing", `default domain-name "a";`, 15, nil, []byte("a")},
		{"default of something", `default domain-name "a";`, 15, []byte("b"), []byte("b")},
		{"supersede of nothing", `supersede domain-name "a";`, 15, nil, []byte("a")},
		{"supersede of something", `supersede domain-name "a";`, 15, []byte("b"), []byte("a")},
		{"an empty supersede takes it away", `supersede domain-name "";`, 15, []byte("b"), nil},
		{"one without a value does too", `supersede domain-name;`, 15, []byte("b"), nil},
		{"prepend to a list", `prepend domain-name-servers 127.0.0.1, 10.0.0.2;`, 6, addrs("192.0.2.1"), addrs("127.0.0.1", "10.0.0.2", "192.0.2.1")},
		{"prepend to nothing", `prepend domain-name-servers 127.0.0.1;`, 6, nil, addrs("127.0.0.1")},
		{"append to a list", `append domain-name-servers 127.0.0.1;`, 6, addrs("192.0.2.1"), addrs("192.0.2.1", "127.0.0.1")},
		{"prepend and append to a text", `prepend domain-name "a."; append domain-name ".c";`, 15, []byte("b"), []byte("a.b.c")},
		{"prepend to one value", `prepend subnet-mask 255.0.0.0;`, 1, addrs("255.255.0.0"), addrs("255.0.0.0")},
		{"append to one value", `append subnet-mask 255.0.0.0;`, 1, addrs("255.255.0.0"), addrs("255.255.0.0")},
		{"in the order of the file", `supersede domain-name "a"; append domain-name "b"; default domain-name "c";`, 15, []byte("z"), []byte("ab")},
		{"lease time", `supersede dhcp-lease-time 60;`, 51, []byte{0, 0, 14, 16}, []byte{0, 0, 0, 60}},
		// RFC 1035 4.1.4: c2.x is written as "c2" and a pointer to x, which
		// prepending moves.
		{"names that point", `prepend domain-search "a";`, 119, []byte("\x02c1\x01x\x00\x02c2\xc0\x03"), []byte("\x01a\x00\x02c1\x01x\x00\x02c2\x01x\x00")},
		{"names behind names that point", `append domain-search "a";`, 119, []byte("\x01x\x00\x01y\xc0\x00"), []byte("\x01x\x00\x01y\x01x\x00\x01a\x00")},
		{"names that point at themselves", `append domain-search "a";`, 119, []byte("\x01x\x00\xc0\x03"), []byte("\x01x\x00\x01a\x00")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conf := read(t, c.conf)
			silent(t, conf)
			given := map[uint8][]byte{200: []byte("other")}
			if c.was != nil {
				given[c.code] = slices.Clone(c.was)
			}
			got := conf.ForInterface("eth0").Modify(facts)(given)
			if string(got[c.code]) != string(c.want) || string(got[200]) != "other" {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if _, ok := got[c.code]; ok != (c.want != nil) {
				t.Errorf("there is an option: %v", ok)
			}
			if string(given[c.code]) != string(c.was) {
				t.Error("what was given has changed")
			}
		})
	}
}

// TestModify_IsBounded: names that point at each other expand.
func TestModify_IsBounded(t *testing.T) {
	t.Parallel()
	label := "\x3f" + strings.Repeat("a", 63)
	was := []byte(label + label + label + "\x00")
	for range 4000 {
		was = append(was, 0xc0, 0)
	}
	got := read(t, `prepend domain-search "a";`).ForInterface("x").Modify(facts)(map[uint8][]byte{119: was})
	if n := len(got[119]); n > len(was) {
		t.Errorf("%d octets have become %d", len(was), n)
	}
}

func TestRequestIP(t *testing.T) {
	t.Parallel()
	c := read(t, "send dhcp-requested-address 10.0.0.7; send dhcp-lease-time 3600;")
	silent(t, c)
	i := c.ForInterface("x")
	if got := i.RequestIP(facts); got != netip.MustParseAddr("10.0.0.7") {
		t.Errorf("requests %v", got)
	}
	if got := i.SendOptions(facts); len(got) != 1 || got[51] == nil {
		t.Errorf("sends %v", got)
	}
	if got := read(t, "").ForInterface("x").RequestIP(facts); got.IsValid() {
		t.Errorf("requests %v", got)
	}
}

// FuzzParse: whatever the file, an answer or an error with its line.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "timeout 1; interface \"x\" { also request routers; }",
		`option a code 121 = array of unsigned integer 8; prepend domain-search "a", "b";`,
		`lease { interface "x"; fixed-address 10.0.0.1; option routers 10.0.0.2; renew 2 2000/1/12 00:00:01; expire never; }`,
		`send host-name = concat("a", binary-to-ascii(16, 8, ":", substring(hardware, 1, 6)));`,
		`if a { b; } else { c "\x41\101"; } reject 10.0.0.0/8;`, "include \"x\";", "send fqdn.fqdn \"a.b.\"; send fqdn.encoded on;",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		// Each include is of the file itself.
		c, err := Parse("f", []byte(src), func(string) ([]byte, error) { return []byte(src), nil })
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Line < 1 {
				t.Fatal(err)
			}
			return
		}
		i := c.ForInterface("x")
		i.RequestIP(facts)
		for code, v := range i.SendOptions(facts) {
			if len(v) == 0 || code == 0 || code == 255 {
				t.Fatalf("option %d: %q", code, v)
			}
		}
		if m := i.Modify(facts); m != nil {
			for code, v := range m(map[uint8][]byte{6: {1, 2, 3, 4}, 119: []byte("\x01a\x00\xc0\x00")}) {
				if len(v) == 0 || code == codeType || code == codeServerID {
					t.Fatalf("option %d: %q", code, v)
				}
			}
		}
	})
}
