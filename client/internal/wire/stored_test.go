package wire

import (
	"net/netip"
	"testing"
	"time"
)

// What a file keeps is held to the rules of an ACK.
func TestFromOptions(t *testing.T) {
	address := netip.MustParseAddr("192.0.2.9")
	l, err := FromOptions(address, map[uint8][]byte{
		1: {255, 255, 255, 0}, 3: {192, 0, 2, 1}, 6: {192, 0, 2, 3, 127, 0, 0}, 12: []byte("a;b"), 15: []byte("example.org"),
		51: {0, 0, 14, 16}, 54: {192, 0, 2, 1}, 224: []byte("x"), 0: {1}, 255: {1},
	})
	if err != nil {
		t.Fatal(err)
	}
	if l.Prefix().String() != "192.0.2.9/24" || l.Router().String() != "192.0.2.1" || l.Server.String() != "192.0.2.1" ||
		l.Valid != time.Hour || l.Domain != "example.org" || l.Hostname != "" || len(l.DNS) != 0 || string(l.Options[224]) != "x" {
		t.Errorf("the lease is %+v", l)
	}
	if _, ok := l.Options[255]; ok {
		t.Error("End is taken for an option")
	}
	for name, options := range map[string]map[uint8][]byte{
		"server id":  {54: {0, 0, 0, 0}},
		"lease time": {51: {0, 0, 0, 0}},
		"address":    {1: {255, 255, 255, 248}, 54: {192, 0, 2, 1}},
	} {
		a := address
		if name == "address" {
			a = netip.MustParseAddr("192.0.2.8") // the network's own
		}
		if l, err := FromOptions(a, options); err == nil {
			t.Errorf("a bad %s gives %+v", name, l)
		}
	}
}
