package wire

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

func TestBootFields_RFC2131_2(t *testing.T) {
	sname := func(b []byte, s string) []byte { return at(b, snameAt, []byte(s)...) }
	file := func(b []byte, s string) []byte { return at(b, fileAt, []byte(s)...) }
	siaddr := func(b []byte, s string) []byte { return at(b, siaddrAt, netip.MustParseAddr(s).AsSlice()...) }
	// An option that could be taken for a text: code 97, 32 octets.
	printable := []byte("a " + strings.Repeat("x", 32))
	full64, full128 := string(bytes.Repeat([]byte{'s'}, 64)), string(bytes.Repeat([]byte{'f'}, 128))
	for _, tt := range []struct {
		name        string
		b           []byte
		next        string
		sname, file string
	}{
		{"none", ack(), "", "", ""},
		{"all", siaddr(sname(file(ack(), "/pxelinux.0"), "boot.example"), "10.99.0.3"), "10.99.0.3", "boot.example", "/pxelinux.0"},
		{"full, without NUL", sname(file(ack(), full128), full64), "", full64, full128},
		{"what follows NUL is none", file(ack(), "a\x00b\n"), "", "", "a"},
		{"no text", sname(file(ack(), "a\nb"), "b\x1b[2J"), "", "", ""},
		{"no ASCII", file(ack(), "\xff\xfe"), "", "", ""},
		{"no host", siaddr(ack(), "224.0.0.1"), "", "", ""},
		{"options in file", overload(ack(opt(52, 1)), printable, []byte("boot")), "", "boot", ""},
		{"options in sname", overload(ack(opt(52, 2)), []byte("image"), printable), "", "", "image"},
		{"options in both", overload(ack(opt(52, 3)), opts(15, "example.org"), opts(12, "h")), "", "", ""},
		{"overload of nothing", overload(ack(opt(52, 4)), []byte("image"), []byte("boot")), "", "boot", "image"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := parsed(t, tt.b)
			next := ""
			if l.NextServer.IsValid() {
				next = l.NextServer.String()
			}
			if next != tt.next || l.ServerName != tt.sname || l.BootFile != tt.file {
				t.Errorf("next server %q, name %q, file %q", next, l.ServerName, l.BootFile)
			}
		})
	}
}
