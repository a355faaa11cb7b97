package wire

import (
	"bytes"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// searchList reads option 119 here as parsed messages are read.
var searchList = lease.SearchList

func TestHostNames_RFC1123_2_1_SEC02(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	name253 := strings.Join([]string{label63, label63, label63, label63[:61]}, ".")
	for _, tt := range []struct{ in, want string }{
		{"example.org", "example.org"},
		{"example.org\x00", "example.org"}, // OPT-11
		{"example.org\x00\x00\x00", "example.org"},
		{"example.org.", "example.org"},
		{"example.org.\x00", "example.org"},
		{"EXAMPLE.Org", "EXAMPLE.Org"},
		{"1.example", "1.example"},
		{"42", "42"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example"},
		{label63 + ".org", label63 + ".org"},
		{label63 + "a.org", ""},
		{name253, name253},
		{"", ""},
		{"\x00", ""},
		{".", ""},
		{"..", ""},
		{"example..org", ""},
		{".example.org", ""},
		{"example.org..", ""},
		{"a b", ""}, // several names in option 15
		{"a.org b.org", ""},
		{"-x", ""},
		{"x-", ""},
		{"a.-b.c", ""},
		{"a_b", ""},
		{"bücher", ""},
		{"a\x00b", ""},
		{"10.0.0.1", ""}, // RFC 1123 2.1: an address is no name
		{"10.0.0.1.", ""},
		{"$(touch x)", ""}, // SEC-01
		{";id", ""},
		{"`id`", ""},
		{"a'b", ""},
		{"a\nnameserver 6.6.6.6", ""},
		{"a\x1b[2J", ""},
	} {
		l := parsed(t, ack(opts(12, tt.in), opts(15, tt.in)))
		if l.Hostname != tt.want || l.Domain != tt.want {
			t.Errorf("%q: host name %q, domain %q; want %q", tt.in, l.Hostname, l.Domain, tt.want)
		}
	}
	long := "b." + name253[:252] // 254 octets
	l := parsed(t, ack(opts(15, long[:200]), opts(15, long[200:])))
	if l.Domain != "" {
		t.Errorf("%d octets: domain %q, want none", len(long), l.Domain)
	}
}

// wireName is a name as RFC 1035 3.1 writes it.
func wireName(s string) (b []byte) {
	for label := range strings.SplitSeq(s, ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0)
}

func TestSearch_Example_RFC3397_2(t *testing.T) {
	// OPT-12: in three parts.
	l := parsed(t, ack(
		opt(119, 3, 'e', 'n', 'g', 5, 'a', 'p', 'p', 'l'),
		opt(119, 'e', 3, 'c', 'o', 'm', 0, 9, 'm', 'a'),
		opt(119, 'r', 'k', 'e', 't', 'i', 'n', 'g', 0xc0, 0x04)))
	if want := []string{"eng.apple.com", "marketing.apple.com"}; !reflect.DeepEqual(l.Search, want) {
		t.Errorf("got %q, want %q", l.Search, want)
	}
}

func TestSearch_HostileLists_OPT13(t *testing.T) {
	good := wireName("ok.example") // 12 octets
	label63 := strings.Repeat("a", 63)
	name253 := strings.Join([]string{label63, label63, label63, label63[:61]}, ".")
	for _, tt := range []struct {
		name string
		in   []byte
		want []string
	}{
		{"plain", join(good, wireName("b.org")), []string{"ok.example", "b.org"}},
		{"pointer alone", join(good, []byte{0xc0, 3}), []string{"ok.example", "example"}},
		{"pointer to a pointer", join(good, []byte{1, 'b', 0xc0, 3, 1, 'c', 0xc0, 12}), []string{"ok.example", "b.example", "c.b.example"}},
		{"pointer to itself", join(good, []byte{0xc0, 12}, wireName("b.org")), []string{"ok.example", "b.org"}},
		{"loop through a label", join(good, []byte{1, 'b', 0xc0, 12}, wireName("b.org")), []string{"ok.example", "b.org"}},
		{"loop of two", join(good, []byte{0xc0, 14, 0xc0, 12}, wireName("b.org")), []string{"ok.example", "b.org"}},
		{"back and then forward", join(good, []byte{0xc0, 16}, wireName("b.org"), []byte{0xc0, 12}), []string{"ok.example", "b.org"}},
		{"forward pointer", join(good, []byte{1, 'b', 0xc0, 16}, wireName("b.org")), []string{"ok.example", "b.org"}},
		{"pointer past the end", join(good, []byte{1, 'b', 0xff, 0xff}, wireName("b.org")), []string{"ok.example", "b.org"}},
		{"pointer at the start", join([]byte{0xc0, 0}, good), []string{"ok.example"}},
		{"half a pointer", join(good, []byte{1, 'b', 0xc0}), []string{"ok.example"}},
		{"truncated label", join(good, []byte{5, 'b'}), []string{"ok.example"}},
		{"no end", join(good, []byte{1, 'b'}), []string{"ok.example"}},
		{"pointer into a truncated name", join(good, []byte{0xc0, 1}, wireName("b.org")), []string{"ok.example", "b.org"}},
		{"label of 64", join(good, []byte{64}, bytes.Repeat([]byte{'a'}, 64), []byte{0}, wireName("b.org")), []string{"ok.example"}},
		{"label of kind 10", join(good, []byte{0x80, 1}, wireName("b.org")), []string{"ok.example"}},
		{"253 octets", join(good, wireName(name253)), []string{"ok.example", name253}},
		{"254 octets", join(good, wireName(name253+"a"), wireName("b.org")), []string{"ok.example", "b.org"}},
		{"name of 256 by a pointer", join(good, wireName(name253), []byte{2, 'b', 'b', 0xc0, 12}, wireName("b.org")), []string{"ok.example", name253, "b.org"}},
		{"the root", join(good, []byte{0}, wireName("b.org")), []string{"ok.example", "b.org"}},
		{"dot in a label", join(good, []byte{3, 'a', '.', 'b', 0}, wireName("b.org")), []string{"ok.example", "b.org"}},
		{"NUL in a label", join(good, []byte{3, 'a', 0, 'b', 0}, wireName("b.org")), []string{"ok.example", "b.org"}},
		{"blank in a label", join(good, wireName("a b"), wireName("b.org")), []string{"ok.example", "b.org"}},
		{"command in a label", join(good, wireName("a$(id)b.com"), wireName("b.org")), []string{"ok.example", "b.org"}},
		{"address", join(good, wireName("10.0.0.1"), wireName("b.org")), []string{"ok.example", "b.org"}},
		{"twice", join(good, wireName("OK.Example"), wireName("b.org")), []string{"ok.example", "b.org"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := searchList(tt.in); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestSearch_IsBounded_OPT13(t *testing.T) {
	var many []byte
	for i := range 40 {
		many = append(many, wireName("n"+string(rune('a'+i/10))+string(rune('a'+i%10)))...)
	}
	if got := searchList(many); len(got) != 32 || got[31] != "ndb" {
		t.Errorf("of 40 names %d are kept: %q", len(got), got)
	}
	// A chain of pointers, each to the one before.
	chain := wireName("b.org")
	for range 40 {
		to := len(chain) - 2
		if len(chain) == 7 {
			to = 0
		}
		chain = append(chain, 0xc0|byte(to>>8), byte(to))
	}
	if got := searchList(chain); !reflect.DeepEqual(got, []string{"b.org"}) {
		t.Errorf("chain: %q", got)
	}
}

// D8: the codec's own decoder makes 306 MiB of a list of 64 KiB.
func TestSearch_DoesNotExpandQuadratically(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first []byte // what all the pointers behind it lead to
		want  int
	}{
		{"a long name", wireName(strings.Repeat("a.", 100) + "b"), 1},
		{"a name without end", wireName(strings.Repeat("a.", 2000) + "b"), 0},
	} {
		bomb := tt.first
		for len(bomb) < maxOption-2 {
			bomb = append(bomb, 0xc0, 0)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		names := searchList(bomb)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
			t.Errorf("%s: %d octets made %d of memory", tt.name, len(bomb), n)
		}
		if len(names) != tt.want {
			t.Errorf("%s: %d names, want %d", tt.name, len(names), tt.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{"plain ~text!", 255, "plain ~text!"},
		{"tab\tnl\ndel\x7f", 255, "tab?nl?del?"},
		{"ü", 255, "??"},
		{"cut here", 3, "cut"},
		{"cut", 0, ""},
		{"\x00\x00", 255, ""},
	} {
		if got := printable(tt.in, tt.n); got != tt.want {
			t.Errorf("printable(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}
