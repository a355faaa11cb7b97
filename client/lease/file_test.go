package lease

import (
	"bytes"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

// What one process encodes another reads: the same lease, which began at the same
// moment, in one line.
func TestEncode_Decode(t *testing.T) {
	l := &Lease{Address: netip.MustParseAddr("10.0.0.5"), Bits: 24, Start: Now().Add(-time.Minute).Truncate(time.Second),
		Valid: time.Hour, T1: 30 * time.Minute, T2: 50 * time.Minute, Server: netip.MustParseAddr("10.0.0.1"),
		HardwareAddr: HardwareAddr{2, 0, 0, 0, 0, 1}, ClientID: []byte{0, 'a'}}
	b, err := Encode(l)
	if err != nil || bytes.ContainsRune(b, '\n') {
		t.Fatalf("%q, %v", b, err)
	}
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := got.Start.Sub(l.Start).Abs(); d > time.Second {
		t.Errorf("it began %v apart", d)
	}
	got.Start = l.Start
	if !reflect.DeepEqual(got, l) {
		t.Errorf("%+v\nwant %+v", got, l)
	}
}

func TestDecode_Refuses(t *testing.T) {
	for text, want := range map[string]string{
		"":              "unexpected end",
		`{"version":2}`: "version 2",
		`{"version":1}`: "no lease",
		`{"version":1,"lease":{"address":"224.0.0.1","start":"2026-01-01T00:00:00Z","lease_seconds":9}}`: "cannot be leased",
		strings.Repeat(" ", MaxEncoded+1): "longer than",
	} {
		if l, err := Decode([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, %v, want %q", text, l, err, want)
		}
	}
}
