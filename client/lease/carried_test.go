package lease

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// carrying is a lease with these options.
func carrying(options map[uint8]string) *Lease {
	l := &Lease{Address: addr("10.0.0.5"), Start: t0, Valid: Infinite, Options: map[uint8][]byte{}}
	for code, v := range options {
		l.Options[code] = []byte(v)
	}
	return l
}

// members are those of the JSON form of l that are of what it carries.
func members(t *testing.T, l *Lease) map[string]string {
	t.Helper()
	b, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	some := map[string]string{}
	for _, c := range carried {
		if v, ok := all[c.name]; ok {
			some[c.name] = string(v)
		}
	}
	return some
}

// Each option that is carried is in the JSON form, comes back from it, and is
// none at all where it is malformed: then the octets are all that there is.
func TestCarried(t *testing.T) {
	seen := map[uint8]bool{}
	for _, tt := range carriedRows {
		seen[tt.code] = true
		l := carrying(map[uint8]string{tt.code: tt.value})
		want := map[string]string{}
		if tt.want != "" {
			row := slices.IndexFunc(carried, func(c carriedOption) bool { return c.code == tt.code })
			want[carried[row].name] = tt.want
		}
		if got := members(t, l); !maps.Equal(got, want) {
			t.Errorf("option %d, %q: %v, want %v", tt.code, tt.value, got, want)
		}
		if got := l.Malformed(tt.code); got != (tt.want == "" && tt.code != 43) {
			t.Errorf("option %d, %q is malformed: %v", tt.code, tt.value, got)
		}
		b, err := Encode(l)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(b)
		if err != nil {
			t.Errorf("option %d, %q is stored, and not read: %v", tt.code, tt.value, err)
			continue
		}
		if !reflect.DeepEqual(back.Options, l.Options) {
			t.Errorf("option %d, %q comes back as %q", tt.code, tt.value, back.Options)
		}
	}
	for _, code := range Carried() {
		if !seen[code] {
			t.Errorf("option %d has no row here", code)
		}
	}
}

// carriedRows are values of options and the JSON that comes of them; empty for
// none.
var carriedRows = []struct {
	code        uint8
	value, want string
}{
	{66, "tftp.example\x00", `"tftp.example"`},
	{66, "https://192.0.2.1/p", `"https://192.0.2.1/p"`},
	{66, "a\nb", ""},
	{66, "\x1b[2J", ""},
	{66, "\x00", ""},
	{66, strings.Repeat("a", 255), `"` + strings.Repeat("a", 255) + `"`},
	{66, strings.Repeat("a", 256), ""},
	{66, strings.Repeat("\x00", 8192), ""},
	{67, "/pxe/$(id)", `"/pxe/$(id)"`},
	{67, "a\x00b", ""},
	{67, "\xc3\xa9", ""},
	{150, "\x0a\x00\x00\x01\x0a\x00\x00\x02\x0a\x00\x00\x01", `["10.0.0.1","10.0.0.2"]`},
	{150, "\x00\x00\x00\x00\x7f\x00\x00\x01\xe0\x00\x00\x01\x0a\x00\x00\x02", `["10.0.0.2"]`},
	{150, "\x7f\x00\x00\x01", ""},
	{150, "\x0a\x00\x00\x01\x0a", ""},
	{120, "\x01\x0a\x00\x00\x01\x0a\x00\x00\x02", `["10.0.0.1","10.0.0.2"]`},
	{120, "\x00\x03sip\x07example\x00\x01b\xc0\x04", `["sip.example","b.example"]`},
	{120, "\x00\x01a\xc0\x00", ""},
	{120, "\x01\x0a\x00\x00", ""},
	{120, "\x01", ""},
	{120, "\x00", ""},
	{120, "\x02\x0a\x00\x00\x01", ""},
	{43, "\x01\x02ab\x00\x80\x00\xff\x01", `[{"code":1,"value":"6162"},{"code":128}]`},
	{43, "\x01\xffA", ""},
	{43, "\x01", ""},
	{43, "\x01\x01a\x02", ""},
	{43, "\xff", ""},
	{43, strings.Repeat("\x01\x00", 257), ""},
	{125, "\x00\x00\x0d\xe9\x04\x01\x02ab\x00\x00\x11\x8b\x00", `[{"enterprise":3561,"data":"01026162"},{"enterprise":4491}]`},
	{125, "\x00\x00\x0d\xe9\x01a\x00\x00\x11\x8b\x01b\x00\x00\x0d\xe9\x01c", `[{"enterprise":3561,"data":"6163"},{"enterprise":4491,"data":"62"}]`},
	{125, "\x00\x00\x0d\xe9\x05\x01\x02ab", ""},
	{125, "\x00\x00\x0d\xe9", ""},
	{125, "\x00\x00\x0d\xe9\x01a\x00", ""},
	{162, dnr(1, dnsExample, with(dot+"\x00\x03\x00\x02\x20\xfb", "192.0.2.1")...),
		`[{"priority":1,"name":"dns.example","addresses":["192.0.2.1"],"alpn":["dot"],"port":8443}]`},
	{162, dnr(1, dnsExample, with("\x00\x01\x00\x03\x02h2\x00\x07\x00\x02/q", "192.0.2.1")...),
		`[{"priority":1,"name":"dns.example","addresses":["192.0.2.1"],"alpn":["h2"],"doh_path":"/q"}]`},
	{162, dnr(1, dnsExample), `[{"priority":1,"name":"dns.example"}]`},
	{162, dnr(0, dnsExample), ""},
	{162, "\x00", ""},
	{252, "http://wpad.example/wpad.dat\n\x00", `"http://wpad.example/wpad.dat"`},
	{252, "\n", ""},
	{252, "javascript:alert(1)", ""},
	{252, "http://wpad/\nx", ""},
	{252, "http://w/" + strings.Repeat("x", 247), ""},
	{252, strings.Repeat("\n", 8192), ""},
	{101, "Europe/Berlin", `"Europe/Berlin"`},
	{101, "America/Argentina/Buenos_Aires\x00", `"America/Argentina/Buenos_Aires"`},
	{101, "Etc/GMT+8", `"Etc/GMT+8"`},
	{101, "UTC", `"UTC"`},
	{101, "../../etc/passwd", ""},
	{101, "Europe/../../x", ""},
	{101, "/etc/passwd", ""},
	{101, "Europe//Berlin", ""},
	{101, "Europe/", ""},
	{101, "a b", ""},
	{101, "a;id", ""},
	{101, "-a", ""},
	{100, "CET-1CEST,M3.5.0,M10.5.0/3", `"CET-1CEST,M3.5.0,M10.5.0/3"`},
	{100, "EST5EDT4,M3.2.0/02:00,M11.1.0/02:00\x00", `"EST5EDT4,M3.2.0/02:00,M11.1.0/02:00"`},
	{100, "<+0330>-3:30", `"\u003c+0330\u003e-3:30"`},
	{100, "NZST-12NZDT,J60,300/-1:00:00", `"NZST-12NZDT,J60,300/-1:00:00"`},
	{100, "IST-2IDT,M3.4.4/26,M10.5.0", `"IST-2IDT,M3.4.4/26,M10.5.0"`},
	{100, "EST5EDT", `"EST5EDT"`},
	{100, "UTC0", `"UTC0"`},
	{100, "UTC", ""},
	{100, "AB5", ""},
	{100, ":/etc/passwd", ""},
	{100, "EST25", ""},
	{100, "EST5EDT,M3.2.0", ""},
	{100, "EST5EDT,M13.2.0,M11.1.0", ""},
	{100, "EST5EDT,M3.6.0,M11.1.0", ""},
	{100, "EST5EDT,M3.2.7,M11.1.0", ""},
	{100, "EST5EDT,J0,J365", ""},
	{100, "EST5EDT,366,1", ""},
	{100, "EST5:60", ""},
	{100, "<+03", ""},
	{100, "<+0>3", ""},
	{100, "EST5 EDT", ""},
	{100, "EST5EDT,M3.2.0,M11.1.0,", ""},
	{2, "\x00\x00\x0e\x10", "3600"},
	{2, "\xff\xff\xf1\xf0", "-3600"},
	{2, "\x00\x00\x00\x00", "0"},
	{2, "\x00\x01\x51\x80", ""},
	{2, "\x80\x00\x00\x00", ""},
	{2, "\x00\x0e\x10", ""},
	{2, "\x00\x00\x0e\x10\x00", ""},
}

// What a renewal left out stays, in a map of its own.
func TestKeepCarried(t *testing.T) {
	base := carrying(map[uint8]string{3: "routers", 66: "old", 67: "image"})
	l := carrying(map[uint8]string{6: "dns.", 66: "new"})
	was := l.Options
	l.KeepCarried(base)
	if want := (map[uint8][]byte{6: []byte("dns."), 66: []byte("new"), 67: []byte("image")}); !reflect.DeepEqual(l.Options, want) {
		t.Errorf("options %q, want %q", l.Options, want)
	}
	if len(was) != 2 {
		t.Error("the map was written to, which others may read")
	}
	l.Options[67][0] = 'X'
	if string(base.Options[67]) != "image" {
		t.Error("the value is shared")
	}
	none := &Lease{}
	if none.KeepCarried(carrying(map[uint8]string{3: "routers"})); none.Options != nil {
		t.Errorf("options %q of nothing", none.Options)
	}
	if none.KeepCarried(base); string(none.Options[66]) != "old" {
		t.Errorf("options %q, want those of the base", none.Options)
	}
}

// Whatever the octets of an option are, what is decoded of them can be written and
// stored, and is of bounded length.
func FuzzCarried(f *testing.F) {
	for _, tt := range carriedRows {
		f.Add(tt.code, []byte(tt.value))
	}
	f.Fuzz(func(t *testing.T, code uint8, v []byte) {
		if !slices.Contains(Carried(), code) || len(v) > 8192 {
			return
		}
		l := carrying(map[uint8]string{code: string(v)})
		b, err := l.MarshalJSON()
		if err != nil || !json.Valid(b) {
			t.Fatalf("option %d, %q: %s, %v", code, v, b, err)
		}
		if len(b) > 2*len(v)+maxCarriedJSON {
			t.Errorf("option %d of %d octets makes %d of JSON", code, len(v), len(b))
		}
		for _, text := range members(t, l) {
			for _, c := range text {
				if c < ' ' || c > '~' {
					t.Errorf("option %d, %q: %q is not printable", code, v, text)
				}
			}
		}
	})
}

// maxCarriedJSON is how much one option may add to the JSON form beyond its
// octets in hexadecimal.
const maxCarriedJSON = 20 << 10
