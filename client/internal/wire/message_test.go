package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

const testXID = 0xfeedf00d

var (
	testMAC    = lease.HardwareAddr{2, 0, 0, 0, 0xcf, 1}
	testServer = netip.MustParseAddr("10.99.0.1")
	testAddr   = netip.MustParseAddr("10.99.0.50")
)

func testIdentity() *Identity {
	return &Identity{
		HardwareAddr: testMAC,
		ClientID:     []byte{1, 2, 0, 0, 0, 0xcf, 1},
		Hostname:     "h1",
		VendorClass:  "acme-1",
		Params:       DefaultParams(),
		MaxSize:      1472,
	}
}

// opt is an option as it stands on the wire.
func opt(code uint8, v ...byte) []byte { return append([]byte{code, byte(len(v))}, v...) }

func opts(code uint8, s string) []byte { return opt(code, []byte(s)...) }

func opt32(code uint8, v uint32) []byte { return opt(code, binary.BigEndian.AppendUint32(nil, v)...) }

// optAddrs is an option that lists addresses.
func optAddrs(code uint8, list ...string) []byte {
	var v []byte
	for _, s := range list {
		v = append(v, netip.MustParseAddr(s).AsSlice()...)
	}
	return opt(code, v...)
}

// without marks an option that message would add, and shall not.
func without(code uint8) []byte { return []byte{code} }

// header is a reply to testIdentity, up to and with the cookie.
func header() []byte {
	b := make([]byte, headerLen)
	b[0], b[1], b[2] = 2, 1, 6
	binary.BigEndian.PutUint32(b[4:], testXID)
	copy(b[16:], testAddr.AsSlice())
	copy(b[28:], testMAC[:])
	copy(b[236:], []byte{99, 130, 83, 99})
	return b
}

// message is a server's message: those of options 53, 54, 51 and 1 that are
// not among opts, then opts, then End.
func message(kind byte, opts ...[]byte) []byte {
	b := header()
	for _, o := range [][]byte{
		opt(53, kind), optAddrs(54, "10.99.0.1"), opt32(51, 3600), optAddrs(1, "255.255.255.0"),
	} {
		if !slices.ContainsFunc(opts, func(p []byte) bool { return len(p) > 0 && p[0] == o[0] }) {
			b = append(b, o...)
		}
	}
	for _, o := range opts {
		if len(o) != 1 || o[0] == optEnd || o[0] == optPad {
			b = append(b, o...)
		}
	}
	return append(b, optEnd)
}

func offer(opts ...[]byte) []byte { return message(2, opts...) }
func ack(opts ...[]byte) []byte   { return message(5, opts...) }
func nak(opts ...[]byte) []byte {
	return message(6, append([][]byte{without(51), without(1)}, opts...)...)
}

// at returns b with the bytes at offset i replaced.
func at(b []byte, i int, v ...byte) []byte {
	b = slices.Clone(b)
	copy(b[i:], v)
	return b
}

// yiaddr returns b with another leased address.
func yiaddr(b []byte, a string) []byte { return at(b, 16, netip.MustParseAddr(a).AsSlice()...) }

// overload puts options into the file and sname fields.
func overload(b, file, sname []byte) []byte { return at(at(b, 108, file...), 44, sname...) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// parsed is the lease of an OFFER or ACK.
func parsed(t testing.TB, b []byte) *lease.Lease {
	t.Helper()
	ev, err := Parse(b, testIdentity())
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	switch ev := ev.(type) {
	case fsm.Offer:
		return ev.Lease
	case fsm.Ack:
		return ev.Lease
	}
	t.Fatalf("Parse returned %T, want a lease", ev)
	return nil
}

// rejected is the reason why b is; it fails the test if it is not.
func rejected(t testing.TB, b []byte) Reason {
	t.Helper()
	ev, err := Parse(b, testIdentity())
	var r *Reject
	if !errors.As(err, &r) {
		t.Fatalf("Parse returned %+v, %v; want a Reject", ev, err)
	}
	if ev != nil {
		t.Fatalf("Parse returned event %+v beside %v", ev, err)
	}
	return r.Reason
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func via(dst, gateway string) lease.Route {
	r := lease.Route{Dst: prefix(dst)}
	if gateway != "" {
		r.Gateway = netip.MustParseAddr(gateway)
	}
	return r
}

func addrs(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}
