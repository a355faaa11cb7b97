package option

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

func row(t testing.TB, name string) Row {
	t.Helper()
	r, ok := (*Table)(nil).ByName(name)
	if !ok {
		t.Fatalf("there is no option %s", name)
	}
	return r
}

// What each kind of value is in a lease file, for dhclient's script, and for
// udhcpc's; an empty form is an error.
func TestForms(t *testing.T) {
	search := []byte("\x03lab\x07example\x03org\x00\xc0\x04")
	for _, tt := range []struct {
		name                  string
		value                 []byte
		text, dhclient, udhcp string
	}{
		{"subnet-mask", []byte{255, 255, 255, 0}, "255.255.255.0", "255.255.255.0", "255.255.255.0"},
		{"subnet-mask", []byte{255, 255, 255}, "", "", ""},
		{"subnet-mask", []byte{255, 255, 255, 0, 255, 255, 255, 0}, "", "", ""},
		{"dns", []byte{192, 0, 2, 1, 192, 0, 2, 2}, "192.0.2.1,192.0.2.2", "192.0.2.1 192.0.2.2", "192.0.2.1 192.0.2.2"},
		{"dns", nil, "", "", ""},
		{"static-routes", []byte{10, 0, 0, 0, 192, 0, 2, 1}, "10.0.0.0 192.0.2.1", "10.0.0.0 192.0.2.1", "10.0.0.0/192.0.2.1"},
		{"time-offset", []byte{0xff, 0xff, 0xf1, 0xf0}, "-3600", "-3600", "-3600"},
		{"dhcp-lease-time", []byte{0xff, 0xff, 0xff, 0xff}, "4294967295", "4294967295", "4294967295"},
		{"interface-mtu", []byte{5, 0xdc}, "1500", "1500", "1500"},
		{"ip-forwarding", []byte{1}, "true", "true", "01"},
		{"dhcp-parameter-request-list", []byte{1, 3, 6}, "1,3,6", "1 3 6", "010306"},
		{"host-name", []byte("box\x00"), `"box"`, "box", "box"},
		{"host-name", []byte("a;reboot"), `"a;reboot"`, "", ""},
		{"host-name", []byte("`id`"), "\"\\`id\\`\"", "", ""},
		{"domain-name", []byte("example.org"), `"example.org"`, "example.org", "example.org"},
		{"domain-name", []byte("a.example b.example"), `"a.example b.example"`, "a.example b.example", "a.example b.example"},
		{"domain-name", []byte("a.example  b"), `"a.example  b"`, "", ""},
		{"domain-name", []byte("x\"; option y \"z\n"), `"x\"; option y \"z\012"`, "", ""},
		{"root-path", []byte("192.0.2.1:/srv/root,v3"), `"192.0.2.1:/srv/root,v3"`, "192.0.2.1:/srv/root,v3", "192.0.2.1:/srv/root,v3"},
		{"root-path", []byte("$(id)"), `"\$(id)"`, "", ""},
		{"root-path", []byte("-x"), `"-x"`, "", ""},
		{"root-path", nil, `""`, "", ""},
		{"domain-search", search, `"lab.example.org.", "example.org."`, "lab.example.org. example.org.", "lab.example.org example.org"},
		{"domain-search", []byte{0xc0, 0}, "", "", ""},
		{"staticroutes", []byte{24, 10, 1, 2, 192, 0, 2, 1, 0, 192, 0, 2, 2}, "24,10,1,2,192,0,2,1,0,192,0,2,2", "24 10 1 2 192 0 2 1 0 192 0 2 2",
			"10.1.2.0/24 192.0.2.1 0.0.0.0/0 192.0.2.2"},
		{"staticroutes", []byte{33, 1, 2, 3, 4, 5, 1, 1, 1, 1}, "33,1,2,3,4,5,1,1,1,1", "33 1 2 3 4 5 1 1 1 1", ""},
		{"msstaticroutes", []byte{8, 10, 192, 0, 2, 1}, "8:a:c0:0:2:1", "8:a:c0:0:2:1", "10.0.0.0/8 192.0.2.1"},
		{"vendor-class-identifier", []byte("MSFT 5.0"), `"MSFT 5.0"`, "4d:53:46:54:20:35:2e:30", "4d53465420352e30"},
		{"vendor-class-identifier", []byte("udhcp"), `"udhcp"`, "udhcp", "udhcp"},
		{"unknown-245", []byte{168, 63, 129, 16}, "a8:3f:81:10", "a8:3f:81:10", "a83f8110"},
		{"245", []byte(`te"xt`), `"te\"xt"`, "74:65:22:78:74", "7465227874"},
		{"245", nil, "", "", ""},
		{"wpad", []byte("http://192.0.2.1/wpad.dat"), `"http://192.0.2.1/wpad.dat"`, "http://192.0.2.1/wpad.dat", "http://192.0.2.1/wpad.dat"},
		{"wpad", []byte("a&b"), `"a&b"`, "61:26:62", ""},
		{"rapid-commit", nil, "", "1", ""},
		{"time-servers", []byte{192, 0, 2, 1}, "192.0.2.1", "192.0.2.1", "c0000201"},
		{"slp-directory-agent", []byte{1, 10, 0, 0, 1, 10, 0, 0, 2}, "true 10.0.0.1,10.0.0.2", "true 10.0.0.1 10.0.0.2", "010a0000010a000002"},
		{"slp-directory-agent", []byte{1, 10, 0, 0}, "", "", "010a0000"},
		{"v4-portparams", []byte{1, 2, 3, 4}, "1 2 772", "1 2 772", "01020304"},
		{"v4-portparams", []byte{1, 2, 3, 4, 5}, "", "", "0102030405"},
		{"option-6rd", append([]byte{4, 32, 0x20, 1, 0xd, 0xb8, 15: 0, 16: 0, 17: 0}, 10, 9, 0, 1), "4 32 2001:db8:: 10.9.0.1", "4 32 2001:db8:: 10.9.0.1",
			"4 32 2001:0db8:0000:0000:0000:0000:0000:0000 10.9.0.1"},
		{"option-6rd", append([]byte{33, 32, 17: 0}, 10, 9, 0, 1), "33 32 :: 10.9.0.1", "33 32 :: 10.9.0.1", ""},
		{"sipsrv", []byte{1, 10, 9, 0, 1}, "1:a:9:0:1", "1:a:9:0:1", "10.9.0.1"},
		{"sipsrv", []byte("\x00\x03sip\x07example\x00"), "0:3:73:69:70:7:65:78:61:6d:70:6c:65:0", "0:3:73:69:70:7:65:78:61:6d:70:6c:65:0", "sip.example"},
		{"sipsrv", []byte{1, 10}, "1:a", "1:a", ""},
		{"sipsrv", []byte{2}, "2", "2", ""},
		{"sipsrv", []byte{1}, "1", "1", ""},
	} {
		r := row(t, tt.name)
		text, _ := r.Text(tt.value)
		dhclient, _ := r.Dhclient(tt.value)
		udhcp, _ := r.UdhcpcValue(tt.value)
		if text != tt.text || dhclient != tt.dhclient || udhcp != tt.udhcp {
			t.Errorf("%s %q:\n got %q, %q, %q\nwant %q, %q, %q", tt.name, tt.value, text, dhclient, udhcp, tt.text, tt.dhclient, tt.udhcp)
		}
	}
}

// What dhclient.conf and the flag -x of udhcpc have for values.
func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       string // "!" is an error
		udhcpc     bool
	}{
		{"routers", "192.0.2.1, 192.0.2.2", "\xc0\x00\x02\x01\xc0\x00\x02\x02", false},
		{"routers", "192.0.2", "!", false},
		{"routers", "::1", "!", false},
		{"subnet-mask", "255.0.0.0, 255.0.0.0", "!", false},
		{"static-routes", "10.0.0.0 192.0.2.1, 10.1.0.0 192.0.2.2", "\x0a\x00\x00\x00\xc0\x00\x02\x01\x0a\x01\x00\x00\xc0\x00\x02\x02", false},
		{"host-name", `"box"`, "box", false},
		{"host-name", `"a\"\134\x41\101b"`, `a"\AAb`, false},
		{"host-name", `"a`, "!", false},
		{"host-name", `"a"b"`, "!", false},
		{"dhcp-client-identifier", "01:2:0a", "\x01\x02\x0a", false},
		{"dhcp-client-identifier", "01:zz", "!", false},
		{"interface-mtu", "70000", "!", false},
		{"interface-mtu", "1500", "\x05\xdc", false},
		{"time-offset", "-3600", "\xff\xff\xf1\xf0", false},
		{"ip-forwarding", "true", "\x01", false},
		{"ip-forwarding", "maybe", "!", false},
		{"domain-search", `"a.example", "b.example."`, "\x01a\x07example\x00\x01b\x07example\x00", false},
		{"domain-search", `"a b"`, "!", false},
		{"rapid-commit", "", "", false},
		{"slp-directory-agent", "false 10.0.0.1, 10.0.0.2", "\x00\x0a\x00\x00\x01\x0a\x00\x00\x02", false},
		{"slp-directory-agent", "false", "!", false},
		{"slp-directory-agent", "false 10.0.0.1, true 10.0.0.2", "!", false},
		{"v4-portparams", "1 2 65536", "!", false},
		{"v4-portparams", "1 2 3, 1 2 3", "!", false},
		{"rapid-commit", "1", "!", false},
		{"hostname", "bbox", "bbox", true},
		{"lease", "3600", "\x00\x00\x0e\x10", true},
		{"dns", "192.0.2.1 192.0.2.2,192.0.2.3", "\xc0\x00\x02\x01\xc0\x00\x02\x02\xc0\x00\x02\x03", true},
		{"routes", "10.0.0.0/192.0.2.1", "\x0a\x00\x00\x00\xc0\x00\x02\x01", true},
		{"routes", "10.0.0.0 192.0.2.1,10.1.0.0-192.0.2.1", "\x0a\x00\x00\x00\xc0\x00\x02\x01\x0a\x01\x00\x00\xc0\x00\x02\x01", true},
		{"routes", "10.0.0.0", "!", true},
		{"routes", "10.0.0.0 ::1", "!", true},
		{"staticroutes", "10.0.0.0/8 192.0.2.1,0.0.0.0/0 192.0.2.2", "\x08\x0a\xc0\x00\x02\x01\x00\xc0\x00\x02\x02", true},
		{"msstaticroutes", "10.1.2.3/17 192.0.2.1", "\x11\x0a\x01\x02\xc0\x00\x02\x01", true},
		{"staticroutes", "10.0.0.0/33 192.0.2.1", "!", true},
		{"staticroutes", "10.0.0.0/8", "!", true},
		{"staticroutes", "::/8 192.0.2.1", "!", true},
		{"staticroutes", "", "!", true},
		{"61", "0100BEEFC0FFEE", "\x01\x00\xbe\xef\xc0\xff\xee", true},
		{"61", "01:00:be", "\x01\x00\xbe", true},
		{"14", "'dumpfile'", "dumpfile", true},
		{"224", `"x"`, "x", true},
		{"224", "xyz", "!", true},
		{"search", "a.example,b.example", "\x01a\x07example\x00\x01b\x07example\x00", true},
		{"hostname", "", "!", true},
	} {
		r := row(t, tt.name)
		parse := r.Parse
		if tt.udhcpc {
			parse = r.ParseUdhcpc
		}
		got, err := parse(tt.text)
		switch {
		case tt.want == "!" && err == nil:
			t.Errorf("%s %s gives %q, want an error", tt.name, tt.text, got)
		case tt.want != "!" && (err != nil || string(got) != tt.want):
			t.Errorf("%s %s gives %q, %v, want %q", tt.name, tt.text, got, err, tt.want)
		}
	}
}

// What a lease carries for others has a name here, by which it is asked for.
func TestCarriedOptionsHaveNames(t *testing.T) {
	for _, code := range lease.Carried() {
		if r, ok := (*Table)(nil).ByCode(code); !ok || r.Udhcpc == "" && strings.HasPrefix(r.Name, "unknown-") {
			t.Errorf("option %d has no name", code)
		}
	}
}

// A name has one option, and each option the names that it should.
func TestNames(t *testing.T) {
	seen := map[string]uint8{}
	for code := range standard {
		for _, name := range []string{standard[code].Name, standard[code].Udhcpc} {
			if name == "" {
				continue
			}
			if was, ok := seen[name]; ok {
				t.Errorf("%s is %d and %d", name, was, code)
			}
			seen[name] = uint8(code)
			if r := row(t, name); int(r.Code) != code {
				t.Errorf("%s is %d, want %d", name, r.Code, code)
			}
		}
	}
	var table Table
	if err := table.Define(Row{Code: 224, Name: "site-id", Kind: U32}); err != nil {
		t.Fatal(err)
	}
	if r, ok := table.ByName("site-id"); !ok || r.Code != 224 || r.DhclientName() != "site_id" || r.UdhcpcName() != "opt224" {
		t.Errorf("the defined option is %+v", r)
	}
	for _, bad := range []Row{{Code: 0, Name: "x"}, {Code: 255, Name: "x"}, {Code: 1, Name: ""}, {Code: 1, Name: "a b"}, {Code: 1, Name: "a\"; x"}, {Code: 1, Name: "-x"}} {
		if table.Define(bad) == nil {
			t.Errorf("%+v can be defined", bad)
		}
	}
	for _, name := range []string{"", "0", "255", "256", "unknown-0", "x", "-1"} {
		if r, ok := table.ByName(name); ok {
			t.Errorf("%q is %+v", name, r)
		}
	}
}

// The names that --request-option has always known, by the numbers that they have.
func TestNames_AreKept(t *testing.T) {
	for name, code := range map[string]uint8{
		"subnet": 1, "timezone": 2, "router": 3, "time-servers": 4, "timesrv": 4, "dns": 6, "log-servers": 7, "logsrv": 7, "lprsrv": 9,
		"hostname": 12, "bootsize": 13, "domain": 15, "swapsrv": 16, "rootpath": 17, "mtu": 26, "broadcast": 28, "routes": 33, "nisdomain": 40,
		"nissrv": 41, "ntpsrv": 42, "vendor-encapsulated-options": 43, "wins": 44, "netbios-scope": 47, "server-name": 66, "tftp": 66,
		"bootfile": 67, "smtp-server": 69, "pcode": 100, "posix-timezone": 100, "tzstr": 100, "tcode": 101, "tzdb-timezone": 101,
		"tzdbstr": 101, "captive-portal": 114, "search": 119, "sip-servers": 120, "sipsrv": 120, "classless-static-routes": 121,
		"rfc3442-classless-static-routes": 121, "staticroutes": 121, "tftp-server-address": 150, "6rd": 212, "ip6rd": 212,
		"msstaticroutes": 249, "wpad": 252, "245": 245, "unknown-245": 245,
	} {
		if r := row(t, name); r.Code != code {
			t.Errorf("%s is %d, want %d", name, r.Code, code)
		}
	}
}

// The types of dhcp-options(5).
func TestParseRecord(t *testing.T) {
	for typ, want := range map[string]string{
		"array of integer 16":                          "sA",
		"array of boolean":                             "fA",
		"signed integer 8":                             "b",
		"ip6-address":                                  "6",
		"{ boolean, ip-address }":                      "fI",
		"{integer 8,unsigned integer 32 }":             "bL",
		"array of { ip-address , unsigned integer 8 }": "IBA",
		"{ boolean , array of ip-address }":            "fIa",
		"{ array of ip-address , boolean }":            "",
		"array of { boolean , array of ip-address }":   "",
		"array of array of boolean":                    "",
		"{ boolean":                                    "",
		"boolean , boolean":                            "",
		"{ }":                                          "",
		"text":                                         "",
		"{ text , boolean }":                           "",
		"{ " + strings.Repeat("boolean, ", 40) + "boolean }": "",
	} {
		got, ok := ParseRecord(typ)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%s is %q, %v, want %q", typ, got, ok, want)
		}
		if err := new(Table).Define(Row{Code: 224, Name: "x", Kind: Record, Fields: want}); (err == nil) != ok {
			t.Errorf("%s cannot be defined: %v", typ, err)
		}
	}
	for _, fields := range []string{"", "a", "A", "faA", "faf", "x", strings.Repeat("f", 33)} {
		if new(Table).Define(Row{Code: 224, Name: "x", Kind: Record, Fields: fields}) == nil {
			t.Errorf("%q can be defined", fields)
		}
	}
}

// Whatever a server sends, a script is given no octet that could be more than
// text, and a lease file none that could end its statement.
func FuzzForms(f *testing.F) {
	f.Add(uint8(12), []byte("a;b"))
	f.Add(uint8(119), []byte("\x01a\xc0\x00"))
	f.Add(uint8(121), []byte{24, 10, 1, 2, 192, 0, 2, 1})
	f.Add(uint8(245), []byte("\"$(id)\n\x00"))
	f.Add(uint8(78), []byte{1, 10, 0, 0, 1})
	f.Add(uint8(120), []byte("\x00\x01a\x00"))
	f.Add(uint8(212), append([]byte{4, 32, 17: 0}, 10, 9, 0, 1))
	f.Add(uint8(224), []byte{0x80, 1, 2, 3, 4})
	f.Add(uint8(252), []byte{0x80, 1, 2, 3, 4})
	var defined Table
	for code, fields := range map[uint8]string{224: "bsa", 225: "lf6A", 252: "sA"} {
		if err := defined.Define(Row{Code: code, Name: fmt.Sprint("x", code), Kind: Record, Fields: fields}); err != nil {
			f.Fatal(err)
		}
	}
	number := regexp.MustCompile(`^-?[0-9]+$`)
	f.Fuzz(func(t *testing.T, code uint8, value []byte) {
		r, ok := defined.ByCode(code)
		if !ok {
			return
		}
		for _, form := range []func([]byte) (string, error){r.Dhclient, r.UdhcpcValue} {
			s, err := form(value)
			if err != nil || s == "" {
				continue
			}
			for field := range strings.SplitSeq(s, " ") {
				if signed := r.Kind == S32 || r.Kind == Record; !IsSafe(field) && !(signed && number.MatchString(field)) {
					t.Errorf("option %d, %q, is %q for a script", code, value, s)
				}
			}
		}
		text, err := r.Text(value)
		if err != nil {
			return
		}
		for i, quoted := 0, false; i < len(text); i++ {
			switch c := text[i]; {
			case c == '\\' && quoted:
				i++
			case c == '"':
				quoted = !quoted
			case c < ' ' || c > '~', !quoted && strings.IndexByte(";{}#", c) >= 0:
				t.Fatalf("option %d, %q, is %s in a file", code, value, text)
			}
		}
		again, err := r.Parse(text)
		if err != nil {
			t.Fatalf("option %d: %s does not parse: %v", code, text, err)
		}
		if r.Kind == Names || r.Kind == Bool || r.Kind == Record { // made canonical
			if twice, err := r.Text(again); err != nil || twice != text {
				t.Errorf("option %d, %q, is %s in a file, and then %s, %v", code, value, text, twice, err)
			}
			return
		}
		if !bytes.Equal(bytes.TrimRight(again, "\x00"), bytes.TrimRight(value, "\x00")) {
			t.Errorf("option %d, %q, is %s in a file, which is %q", code, value, text, again)
		}
	})
}
