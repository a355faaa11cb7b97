package wire

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// through is the lease of a message whose options went through f.
func through(t *testing.T, b []byte, f func(map[uint8][]byte) map[uint8][]byte) (*lease.Lease, error) {
	t.Helper()
	id := testIdentity()
	id.Filter = f
	ev, err := Parse(b, id)
	if err != nil {
		return nil, err
	}
	return ev.(fsm.Ack).Lease, nil
}

// set is a filter that sets options; nil removes one.
func set(options map[uint8][]byte) func(map[uint8][]byte) map[uint8][]byte {
	return func(got map[uint8][]byte) map[uint8][]byte {
		maps.Copy(got, options)
		maps.DeleteFunc(got, func(_ uint8, v []byte) bool { return v == nil })
		return got
	}
}

// What an administrator sets is in the lease, and what is none is left out by the
// same rules as a server's words.
func TestFilter(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  map[uint8][]byte
		ok   func(*lease.Lease) bool
	}{
		{"nothing", nil, func(l *lease.Lease) bool { return l.Domain == "example.org" && l.Bits == 24 && l.Valid == time.Hour }},
		{"a default", map[uint8][]byte{26: {5, 0}}, func(l *lease.Lease) bool { return l.MTU == 1280 }},
		{"a name in place of another", map[uint8][]byte{15: []byte("corp.example")}, func(l *lease.Lease) bool {
			return l.Domain == "corp.example" && string(l.Options[15]) == "corp.example"
		}},
		{"servers, one on this host", map[uint8][]byte{6: {127, 0, 0, 1, 10, 0, 0, 9, 0, 0, 0, 0}}, func(l *lease.Lease) bool {
			return slices.Equal(l.DNS, addrs("127.0.0.1", "10.0.0.9"))
		}},
		{"a shorter lease", map[uint8][]byte{51: {0, 0, 0, 60}}, func(l *lease.Lease) bool { return l.Valid == time.Minute }},
		{"no longer lease than the server's", map[uint8][]byte{51: {0xff, 0xff, 0xff, 0xff}}, func(l *lease.Lease) bool { return l.Valid == time.Hour }},
		{"a lease time cannot be taken away", map[uint8][]byte{51: nil}, func(l *lease.Lease) bool { return l.Valid == time.Hour }},
		{"no domain", map[uint8][]byte{15: nil}, func(l *lease.Lease) bool { return l.Domain == "" && l.Options[15] == nil }},
		{"another mask", map[uint8][]byte{1: {255, 255, 0, 0}}, func(l *lease.Lease) bool { return l.Bits == 16 }},
		{"a mask of wrong length", map[uint8][]byte{1: {255, 255, 0}}, func(l *lease.Lease) bool { return l.Bits == 0 }},
		{"a name with a newline", map[uint8][]byte{15: []byte("a\nnameserver 6.6.6.6")}, func(l *lease.Lease) bool { return l.Domain == "" }},
		{"another server", map[uint8][]byte{54: {10, 9, 9, 9}}, func(l *lease.Lease) bool {
			return l.Server == testServer && bytes.Equal(l.Options[54], testServer.AsSlice())
		}},
		{"another message", map[uint8][]byte{53: {6}}, func(l *lease.Lease) bool { return bytes.Equal(l.Options[53], []byte{5}) }},
		{"another client", map[uint8][]byte{61: {1, 2}}, func(l *lease.Lease) bool { return l.Options[61] == nil }},
		{"no option", map[uint8][]byte{0: {1}, 255: {1}}, func(l *lease.Lease) bool { return l.Options[0] == nil && l.Options[255] == nil }},
		{"more than can be held", map[uint8][]byte{224: make([]byte, 8193)}, func(l *lease.Lease) bool { return l.Options[224] == nil }},
		{"a long one", map[uint8][]byte{224: make([]byte, 8192)}, func(l *lease.Lease) bool { return len(l.Options[224]) == 8192 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := through(t, ack(opts(15, "example.org")), set(tt.set))
			if err != nil || !tt.ok(l) {
				t.Errorf("lease %+v, %v", l, err)
			}
		})
	}
}

// What makes a message none is said of what the filter returns too.
func TestFilter_IsCheckedLikeTheServer(t *testing.T) {
	for _, tt := range []struct {
		set  map[uint8][]byte
		want Reason
	}{
		{map[uint8][]byte{51: {0, 0, 0, 0}}, NoTime},
		{map[uint8][]byte{1: {255, 255, 255, 240}}, BadAddress}, // 10.99.0.48/28, and ours must be 10.99.0.48
	} {
		b := ack()
		if tt.want == BadAddress {
			b = yiaddr(b, "10.99.0.48")
		}
		_, err := through(t, b, set(tt.set))
		if r := (*Reject)(nil); !errors.As(err, &r) || r.Reason != tt.want {
			t.Errorf("%v: %v, want %v", tt.set, err, tt.want)
		}
	}
	if _, err := through(t, ack(opt32(51, 0)), set(map[uint8][]byte{51: {0, 0, 1, 0}})); err == nil {
		t.Error("a lease of no time became one of some")
	}
	if l, err := through(t, ack(without(51)), set(map[uint8][]byte{51: {0, 0, 1, 0}})); err != nil || l.Valid != 256*time.Second {
		t.Errorf("a default lease time: %+v, %v", l, err)
	}
	if l, err := through(t, ack(), func(map[uint8][]byte) map[uint8][]byte { return nil }); err != nil || l.Bits != 0 || len(l.Options) != 2 {
		t.Errorf("nothing returned: %+v, %v", l, err)
	}
}

// A filter may keep and change what it is given and what it returns: neither is
// the lease's.
func TestFilter_SharesNoMemory(t *testing.T) {
	ours := []byte("corp.example")
	var given map[uint8][]byte
	l, err := through(t, ack(opts(15, "example.org")), func(got map[uint8][]byte) map[uint8][]byte {
		given = got
		got[54][0] = 9
		return map[uint8][]byte{1: got[1], 15: ours}
	})
	if err != nil {
		t.Fatal(err)
	}
	ours[0], given[1][0] = 'X', 0
	if string(l.Options[15]) != "corp.example" || l.Options[1][0] != 255 || l.Server != testServer || l.Options[54][0] != 10 {
		t.Errorf("options %v", l.Options)
	}
}

// A NAK is no lease: nothing is filtered.
func TestFilter_NotOfNAK(t *testing.T) {
	id := testIdentity()
	id.Filter = func(map[uint8][]byte) map[uint8][]byte { t.Error("called"); return nil }
	if _, err := Parse(nak(), id); err != nil {
		t.Error(err)
	}
}

// A server cannot say that the resolver is on this host, whatever else is
// changed.
func TestFilter_LoopbackOfTheNetwork(t *testing.T) {
	b := ack(opts(15, "example.org"), optAddrs(6, "127.0.0.1", "10.0.0.9"))
	l, err := through(t, b, func(o map[uint8][]byte) map[uint8][]byte {
		o[6] = append(o[6], 127, 0, 0, 53)
		return o
	})
	if err != nil || !slices.Equal(l.DNS, addrs("10.0.0.9", "127.0.0.53")) {
		t.Errorf("lease %+v, %v", l, err)
	}
}
