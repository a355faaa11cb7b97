package wire

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
)

// sending is testIdentity with options to send, and without those of its own.
func sending(t *testing.T, options map[uint8][]byte) *Identity {
	t.Helper()
	id := testIdentity()
	id.Hostname, id.VendorClass, id.ClientID = "", "", nil
	if err := id.SendOptions(options); err != nil {
		t.Fatal(err)
	}
	return id
}

// What a configuration sends goes out with DISCOVER and REQUEST; in a DECLINE
// and a RELEASE table 5 allows none of it but the client id.
func TestSendOptions_RFC2131_Table5(t *testing.T) {
	options := map[uint8][]byte{
		12: []byte("not_a_name"), 51: {0, 0, 14, 16}, 60: []byte("vendor"), 61: {0, 'c', 'i', 'd'}, 77: {3, 'u', 's', 'r'},
		82: {1, 1, 7}, 90: {0}, 93: {0, 7}, 94: {1, 3, 16}, 97: make([]byte, 17), 116: {1}, 118: {192, 0, 2, 0},
		124: {0, 0, 0, 9, 1, 0}, 125: {0, 0, 0, 9, 0}, 145: {1}, 161: []byte("https://m.example/"), 224: {0}, 254: {255, 0},
	}
	id := sending(t, options)
	if err := id.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, typ := range []fsm.MessageType{fsm.Discover, fsm.Request, fsm.Decline, fsm.ReleaseType} {
		p, err := dhcpv4.FromBytes(id.Marshal(everything(typ)))
		if err != nil {
			t.Fatal(err)
		}
		for code, want := range options {
			if (typ == fsm.Decline || typ == fsm.ReleaseType) && code != 61 {
				want = nil
			}
			if got := p.Options[code]; !bytes.Equal(got, want) {
				t.Errorf("%v: option %d is % x, want % x", typ, code, got, want)
			}
		}
	}
}

// The order is that of the codes, whatever that of the map, after what the
// client itself says.
func TestSendOptions_InOrder(t *testing.T) {
	options := map[uint8][]byte{}
	for code := uint8(224); code <= 240; code++ {
		options[code] = []byte{code}
	}
	b := sending(t, options).Marshal(fsm.Message{Type: fsm.Discover})
	var codes []byte
	for at := headerLen; b[at] != optEnd; at += 2 + int(b[at+1]) {
		codes = append(codes, b[at])
	}
	if want := []byte{53, 57, 55, 224}; !bytes.Equal(codes[:4], want) || !slices.IsSorted(codes[3:]) || len(codes) != 20 {
		t.Errorf("options %d, want %d and on", codes, want)
	}
}

func TestSendOptions_LongValue_RFC3396_5(t *testing.T) {
	long := bytes.Repeat([]byte{0xab}, 256)
	id := sending(t, map[uint8][]byte{77: long[:255], 61: {1, 2}})
	id.Params = nil
	b := id.Marshal(fsm.Message{Type: fsm.Discover})
	if !bytes.Contains(b, append([]byte{77, 255}, long[:255]...)) {
		t.Error("255 octets are not one instance")
	}
	id = sending(t, map[uint8][]byte{77: long})
	id.Params = nil
	if err := id.Validate(); err != nil {
		t.Fatal(err)
	}
	b = id.Marshal(fsm.Message{Type: fsm.Discover})
	if want := append(append([]byte{77, 255}, long[:255]...), 77, 1, 0xab, 255); !bytes.Contains(b, want) {
		t.Error("256 octets are not one instance of 255 octets and one of 1 right behind it")
	}
}

func TestSendOptions_Refused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Identity)
		code   uint8
		value  []byte
		want   string
	}{
		{"Pad", nil, 0, []byte{1}, "option 0: it is no option"},
		{"End", nil, 255, []byte{1}, "option 255: it is no option"},
		{"requested address", nil, 50, []byte{10, 0, 0, 1}, "option 50: RequestIP"},
		{"overload", nil, 52, []byte{3}, "option 52: no message"},
		{"message type", nil, 53, []byte{7}, "option 53: it is what"},
		{"server id", nil, 54, []byte{10, 0, 0, 1}, "option 54: it names the server"},
		{"parameter request list", nil, 55, []byte{1}, "option 55: RequestOptions"},
		{"message", nil, 56, []byte("x"), "option 56: it is for"},
		{"rapid commit", nil, 80, []byte{1}, "option 80: RapidCommit"},
		{"no value", nil, 77, nil, "option 77: it has no value"},
		{"host name twice", func(id *Identity) { id.Hostname = "h" }, 12, []byte("x"), "option 12: the field Hostname is set too"},
		{"vendor class twice", func(id *Identity) { id.VendorClass = "v" }, 60, []byte("x"), "option 60: the field VendorClass is set too"},
		{"client id twice", func(id *Identity) { id.ClientID = []byte{} }, 61, []byte("xx"), "option 61: the field ClientID is set too"},
		{"size of one octet", nil, 57, []byte{9}, "option 57: 1 octets"},
		{"size too small", nil, 57, []byte{2, 0x3f}, "option 57: maximum message size 575"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id := &Identity{HardwareAddr: testMAC}
			if tt.change != nil {
				tt.change(id)
			}
			err := id.SendOptions(map[uint8][]byte{tt.code: tt.value, 224: {1}})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("SendOptions: %v, want %q", err, tt.want)
			}
		})
	}
	err := (&Identity{}).SendOptions(map[uint8][]byte{255: {1}, 53: {1}, 0: {1}})
	if want := "option 0: "; err == nil || !strings.HasPrefix(err.Error(), want) || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("three errors: %v", err)
	}
}

// What cannot be a datagram that everybody takes is refused, not sent (MSG-09).
func TestSendOptions_TooMuch_RFC2131_2(t *testing.T) {
	for code := 1; code <= 254; code++ {
		if _, bad := unsendable[uint8(code)]; bad || code == 57 {
			continue
		}
		id := sending(t, map[uint8][]byte{uint8(code): make([]byte, 600)})
		if err := id.Validate(); err == nil {
			t.Errorf("600 octets of option %d are valid", code)
		}
	}
}

func TestSendOptions_FQDNInPlaceOfHostName_RFC4702_3_1(t *testing.T) {
	fqdn := []byte{4, 0, 0, 1, 'h', 0}
	named := testIdentity()
	if err := named.SendOptions(map[uint8][]byte{81: fqdn}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []*Identity{named, sending(t, map[uint8][]byte{12: []byte("raw"), 81: fqdn})} {
		p, err := dhcpv4.FromBytes(id.Marshal(fsm.Message{Type: fsm.Request}))
		if err != nil {
			t.Fatal(err)
		}
		if p.Options[12] != nil || !bytes.Equal(p.Options[81], fqdn) {
			t.Errorf("option 12 is %q, option 81 % x", p.Options[12], p.Options[81])
		}
	}
}

func TestSendOptions_MaxSizeIsNeverMoreThanTheLink_RFC2132_9_10(t *testing.T) {
	for _, tt := range []struct{ link, said, want uint16 }{{1472, 1000, 1000}, {1472, 576, 576}, {1472, 9000, 1472}, {0, 1500, 1500}} {
		id := testIdentity()
		id.MaxSize = tt.link
		if err := id.SendOptions(map[uint8][]byte{57: {byte(tt.said >> 8), byte(tt.said)}}); err != nil {
			t.Fatal(err)
		}
		p, err := dhcpv4.FromBytes(id.Marshal(fsm.Message{Type: fsm.Discover}))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Options[57]; !bytes.Equal(got, []byte{byte(tt.want >> 8), byte(tt.want)}) {
			t.Errorf("%d on a link of %d: option 57 is % x, want %d", tt.said, tt.link, got, tt.want)
		}
	}
}

// giaddr is what a relay would set: not in the REQUEST of a held lease, which
// goes from its client to the server (as ISC's client with -g).
func TestRelay(t *testing.T) {
	id := testIdentity()
	id.Relay = netip.MustParseAddr("10.99.0.9")
	if err := id.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		m    fsm.Message
		want string
	}{
		{"DISCOVER", fsm.Message{Type: fsm.Discover}, "10.99.0.9"},
		{"REQUEST", fsm.Message{Type: fsm.Request, RequestedIP: testAddr}, "10.99.0.9"},
		{"REQUEST of a held lease", fsm.Message{Type: fsm.Request, CIAddr: testAddr}, "0.0.0.0"},
		{"DECLINE", fsm.Message{Type: fsm.Decline, RequestedIP: testAddr}, "10.99.0.9"},
		{"RELEASE", fsm.Message{Type: fsm.ReleaseType, CIAddr: testAddr}, "10.99.0.9"},
	} {
		p, err := dhcpv4.FromBytes(id.Marshal(tt.m))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.GatewayIPAddr.String(); got != tt.want {
			t.Errorf("%s: giaddr %s, want %s", tt.name, got, tt.want)
		}
	}
	for _, bad := range []string{"127.0.0.1", "0.0.0.0", "255.255.255.255", "2001:db8::1"} {
		id.Relay = netip.MustParseAddr(bad)
		if err := id.Validate(); err == nil || !strings.Contains(err.Error(), "relay address "+bad) {
			t.Errorf("relay %s: %v", bad, err)
		}
	}
}
