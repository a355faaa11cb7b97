package hook

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// What a lease carries for others is told in each dialect, by the names that its
// scripts know, unless it is malformed.
func TestCarried(t *testing.T) {
	t.Parallel()
	good := map[uint8][]byte{
		2: {0, 0, 14, 16}, 43: {1, 2, 'a', 'b'}, 66: []byte("tftp.example"), 67: []byte("image"), 100: []byte("CET-1CEST"), 101: []byte("Europe/Berlin"),
		114: []byte("https://portal.example/x"), 120: {1, 10, 9, 0, 8}, 125: {0, 0, 13, 233, 1, 7}, 150: {10, 9, 0, 9},
		162: []byte("\x00\x07\x00\x01\x04\x02ns\x00"), 252: []byte("http://wpad.example/x"),
	}
	bad := maps.Clone(good)
	maps.Copy(bad, map[uint8][]byte{
		2: {1}, 43: {1, 255}, 66: []byte("a b"), 67: []byte("$(id)"), 100: []byte(":/etc/passwd"), 101: []byte("../../etc/passwd"),
		114: []byte("x"), 120: {7}, 125: {0}, 150: {127, 0, 0, 1}, 162: {9}, 252: []byte("file:/etc/passwd"),
	})
	for _, tt := range []struct {
		dialect   Dialect
		good, bad map[string]string
	}{
		{Dhclient, map[string]string{
			"new_time_offset": "3600", "new_vendor_encapsulated_options": "1:2:61:62", "new_tftp_server_name": "tftp.example",
			"new_bootfile_name": "image", "new_pcode": "CET-1CEST", "new_tcode": "Europe/Berlin", "new_default_url": "https://portal.example/x",
			"new_unknown_120": "1:a:9:0:8", "new_vivso": "0:0:d:e9:1:7", "new_tftp_server_address": "10.9.0.9",
			"new_v4_dnr": "0:7:0:1:4:2:6e:73:0", "new_unknown_252": "http://wpad.example/x",
		}, map[string]string{"new_vendor_encapsulated_options": "1:ff", "new_default_url": "x"}},
		{Udhcpc, map[string]string{
			"timezone": "3600", "opt43": "01026162", "tftp": "tftp.example", "bootfile": "image", "tzstr": "CET-1CEST", "tzdbstr": "Europe/Berlin",
			"opt114": "68747470733a2f2f706f7274616c2e6578616d706c652f78", "sipsrv": "10.9.0.8", "opt125": "00000de90107", "opt150": "0a090009",
			"opt162": "0007000104026e7300", "wpad": "http://wpad.example/x",
		}, map[string]string{"opt43": "01ff", "opt114": "78"}},
	} {
		s, _ := newScript(t, Config{Programs: []string{"/bin/true"}, Dialect: tt.dialect})
		env := func(options map[uint8][]byte) map[string]string {
			n := news{why: client.ReasonBound, next: with(t, sample(t, 5), options)}
			if tt.dialect == Dhclient {
				return envOf(s.dhclientCall(n, "BOUND").env)
			}
			return envOf(s.udhcpcCall(n, "bound").env)
		}
		got, hostile := env(good), env(bad)
		for name, want := range tt.good {
			if got[name] != want {
				t.Errorf("%v: %s is %q, want %q", tt.dialect, name, got[name], want)
			}
			if hostile[name] != tt.bad[name] {
				t.Errorf("%v: %s is %q of a malformed option, want %q", tt.dialect, name, hostile[name], tt.bad[name])
			}
		}
	}
	s, _ := newScript(t, Config{Programs: []string{"/bin/true"}})
	c, err := s.jsonCall(news{why: client.ReasonBound, next: with(t, sample(t, 5), good)}, "bound")
	if err != nil {
		t.Fatal(err)
	}
	var d struct{ Lease map[string]json.RawMessage }
	if err := json.Unmarshal(c.input, &d); err != nil {
		t.Fatal(err)
	}
	if string(d.Lease["time_zone"]) != `"Europe/Berlin"` || len(d.Lease["encrypted_dns"]) == 0 {
		t.Errorf("JSON: %s", c.input)
	}
	for _, code := range lease.Carried() {
		if _, ok := good[code]; !ok {
			t.Errorf("option %d has no value here", code)
		}
	}
}
