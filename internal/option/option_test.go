package option

import (
	"bytes"
	"strings"
	"testing"
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

// Whatever a server sends, a script is given no octet that could be more than
// text, and a lease file none that could end its statement.
func FuzzForms(f *testing.F) {
	f.Add(uint8(12), []byte("a;b"))
	f.Add(uint8(119), []byte("\x01a\xc0\x00"))
	f.Add(uint8(121), []byte{24, 10, 1, 2, 192, 0, 2, 1})
	f.Add(uint8(245), []byte("\"$(id)\n\x00"))
	f.Fuzz(func(t *testing.T, code uint8, value []byte) {
		r, ok := (*Table)(nil).ByCode(code)
		if !ok {
			return
		}
		for _, form := range []func([]byte) (string, error){r.Dhclient, r.UdhcpcValue} {
			s, err := form(value)
			if err != nil || s == "" {
				continue
			}
			for field := range strings.SplitSeq(s, " ") {
				if n := r.Kind == S32; !IsSafe(strings.TrimPrefix(field, map[bool]string{true: "-"}[n])) {
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
		if r.Kind == Names || r.Kind == Bool {
			return // made canonical
		}
		if !bytes.Equal(bytes.TrimRight(again, "\x00"), bytes.TrimRight(value, "\x00")) {
			t.Errorf("option %d, %q, is %s in a file, which is %q", code, value, text, again)
		}
	})
}
