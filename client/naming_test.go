package client

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// What a client says of itself stands as its RFC has it (conformance FQ-01,
// UC-01, VI-01).
func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  Config
		code uint8
		want string // hex
	}{
		{"whole name", Config{FQDN: "box.example.org"}, 81, "050000 03626f78 076578616d706c65 036f7267 00"},
		{"whole name with its dot", Config{FQDN: "box."}, 81, "050000 03626f78 00"},
		{"a part of a name", Config{FQDN: "box"}, 81, "050000 03626f78"},
		{"updated by the client", Config{FQDN: "box", DNSUpdate: UpdateByClient}, 81, "040000 03626f78"},
		{"not updated", Config{FQDN: "box", DNSUpdate: NoUpdate}, 81, "0c0000 03626f78"},
		{"user classes", Config{UserClass: []string{"a", "bcd"}}, 77, "0161 03626364"},
		{"user class as it is", Config{UserClass: []string{"lab"}, BareUserClass: true}, 77, "6c6162"},
		{"vendor classes", Config{VendorClasses: []VendorClass{{3561, []string{"a", ""}}, {9, []string{"b"}}}}, 124,
			"00000de9 03 0161 00 00000009 02 0162"},
		{"vendor options", Config{VendorOptions: []VendorOptions{{3561, map[uint8][]byte{4: {1}, 1: {2, 3}}}, {9, nil}}}, 125,
			"00000de9 07 01020203 040101 00000009 00"},
		{"MUD URL", Config{MUDURL: "https://x/y"}, 161, hex.EncodeToString([]byte("https://x/y"))},
	} {
		got, err := tt.cfg.Options()
		if want, _ := hex.DecodeString(strings.ReplaceAll(tt.want, " ", "")); err != nil || len(got) != 1 || !bytes.Equal(got[tt.code], want) {
			t.Errorf("%s: %x, %v, want %d: %x", tt.name, got, err, tt.code, want)
		}
	}
}

// What cannot be said is an error that names the field.
func TestOptions_ErrorsNameTheField(t *testing.T) {
	long := strings.Repeat("x", 256)
	other := map[uint8][]byte{77: {1}}
	for want, cfg := range map[string]Config{
		`FQDN: "a b" is not a host name`:                   {FQDN: "a b"},
		"FQDN: it takes the place of Hostname":             {FQDN: "a", Hostname: "b"},
		"FQDN: DNSUpdate is of no name":                    {DNSUpdate: NoUpdate},
		"UserClass: a class of 0 octets":                   {UserClass: []string{""}},
		"UserClass: a class of 256 octets":                 {UserClass: []string{long}},
		"UserClass: 2 classes, where the bare form":        {UserClass: []string{"a", "b"}, BareUserClass: true},
		"UserClass: SendOptions has option 77 too":         {UserClass: []string{"a"}, SendOptions: other},
		"VendorClasses: enterprise 9 is named twice":       {VendorClasses: []VendorClass{{9, nil}, {9, nil}}},
		"VendorClasses: a class of 256 octets":             {VendorClasses: []VendorClass{{9, []string{long}}}},
		"VendorClasses: 256 octets of enterprise 9":        {VendorClasses: []VendorClass{{9, []string{long[:255]}}}},
		"VendorOptions: option 1 of 256 octets":            {VendorOptions: []VendorOptions{{9, map[uint8][]byte{1: []byte(long)}}}},
		"VendorOptions: enterprise 9 is named twice":       {VendorOptions: []VendorOptions{{9, nil}, {9, nil}}},
		`MUDURL: "http://x/y" is not an https URL`:         {MUDURL: "http://x/y"},
		`MUDURL: "https://" is not an https URL`:           {MUDURL: "https://"},
		`MUDURL: "https://x/\n" is not an https URL`:       {MUDURL: "https://x/\n"},
		`MUDURL: "https://u@x/" is not an https URL`:       {MUDURL: "https://u@x/"},
		"MUDURL: \"https://x/" + long[:10]:                 {MUDURL: "https://x/" + long},
		"MachineID makes a client id, and ClientID is set": {MachineID: MachineID{1}, ClientID: []byte{1, 2}},
		"MachineID makes a client id, and ClientID":        {MachineID: MachineID{1}, SendOptions: map[uint8][]byte{61: {1, 2}}},
	} {
		cfg.Interface = "eth0"
		if err := cfg.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// SipHash-2-4 of the authors' own test vector: the key 00 to 0f, the message 00
// to 0e.
func TestSiphash(t *testing.T) {
	msg := make([]byte, 15)
	for i := range msg {
		msg[i] = byte(i)
	}
	if got := siphash([2]uint64{0x0706050403020100, 0x0f0e0d0c0b0a0908}, msg); got != 0xa129ca6149be45e5 {
		t.Errorf("got %x", got)
	}
}

// The client id of a machine is 255, an IAID and a DUID-EN: always the same, of
// the same machine with another link another IAID and the same DUID (RFC 4361
// 6.1; conformance CID-02, CID-03).
func TestMachineID_RFC4361_6_1(t *testing.T) {
	m, err := ParseMachineID("0123456789abcdef0123456789abcdef\n")
	if err != nil {
		t.Fatal(err)
	}
	a, b := m.clientID(myMAC), m.clientID(lease.HardwareAddr{2, 0, 0, 0, 0, 7})
	if len(a) != 19 || a[0] != 255 || hex.EncodeToString(a[5:11]) != "00020000ab11" {
		t.Errorf("% x", a)
	}
	if !bytes.Equal(a, m.clientID(myMAC)) || bytes.Equal(a[1:5], b[1:5]) || !bytes.Equal(a[5:], b[5:]) {
		t.Errorf("% x and % x", a, b)
	}
	if c := (MachineID{1}).clientID(myMAC); bytes.Equal(a[5:], c[5:]) || !bytes.Equal(a[:5], c[:5]) {
		t.Errorf("of another machine % x and % x", a, c)
	}
	if bytes.Contains(a, m[:4]) {
		t.Error("it tells the machine id")
	}
	for _, bad := range []string{"", "\n", "uninitialized\n", "0123", strings.Repeat("0", 32), strings.Repeat("g", 32), strings.Repeat("a", 33)} {
		if id, err := ParseMachineID(bad); err == nil || id != (MachineID{}) {
			t.Errorf("%q: %v", bad, id)
		}
	}
}

// It is sent, and follows the link's address as the default one does. With a
// whole name there is no host name of its own (RFC 4702 3.1).
func TestNamesAreSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.MachineID, r.cfg.FQDN = MachineID{7}, "box.example.org"
		r.run()
		r.pass(time.Second)
		for _, m := range r.sent {
			if id := m.Options.Get(dhcpv4.OptionClientIdentifier); !bytes.Equal(id, r.cfg.MachineID.clientID(myMAC)) {
				t.Errorf("%v: client id % x", m.MessageType(), id)
			}
			if m.Options.Has(dhcpv4.OptionHostName) || len(m.Options.Get(dhcpv4.OptionFQDN)) != 20 {
				t.Errorf("%v: options 12 and 81: %v", m.MessageType(), m.Options)
			}
		}
		r.forget()
		r.setLink(func(s *LinkState) { s.HardwareAddr = lease.HardwareAddr{2, 0, 0, 0, 0, 7} })
		r.pass(2 * time.Second)
		if id := r.last().Options.Get(dhcpv4.OptionClientIdentifier); !bytes.Equal(id, r.cfg.MachineID.clientID(lease.HardwareAddr{2, 0, 0, 0, 0, 7})) {
			t.Errorf("with another address % x", id)
		}
	})
}
