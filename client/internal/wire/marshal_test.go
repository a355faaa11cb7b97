package wire

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
)

// Pieces of the golden messages, as hex.
const (
	goldenXID    = "feedf00d"
	goldenZero   = "00000000"
	goldenAddr   = "0a630032" // 10.99.0.50
	goldenServer = "0a630001" // 10.99.0.1
)

// golden is a client message: the fields that vary, then the options.
func golden(t *testing.T, secs, flags, ciaddr, options string) []byte {
	t.Helper()
	fields := "01010600" + goldenXID + secs + flags + ciaddr + strings.Repeat(goldenZero, 3) +
		"02000000cf01" + strings.Repeat("00", 10) + strings.Repeat("00", 64+128) + "63825363"
	b, err := hex.DecodeString(fields + strings.ReplaceAll(options, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return append(b, make([]byte, max(0, 300-len(b)))...)
}

func TestMarshal_GoldenMessages_RFC2131_Tables4And5(t *testing.T) {
	// 57 = 1472, 55 with 121 before 3 (OPT-01), 60 = "acme-1", 12 = "h1".
	const (
		clientID = " 3d07 01020000 00cf01 "
		asked    = " 390205c0 3711 0179f90321060f770c1a1c2a33363a3b72 3c0661636d652d31 0c026831 ff"
	)
	server := testServer
	for _, tt := range []struct {
		name                         string
		m                            fsm.Message
		secs, flags, ciaddr, options string
	}{
		{"DISCOVER", fsm.Message{Type: fsm.Discover, XID: testXID, Secs: 3},
			"0003", "0000", goldenZero, "350101" + clientID + asked},
		{"DISCOVER with a hint, broadcast (MSG-31, MSG-25)", fsm.Message{Type: fsm.Discover, XID: testXID, Secs: 0xffff, Broadcast: true, RequestedIP: testAddr},
			"ffff", "8000", goldenZero, "350101" + clientID + "3204" + goldenAddr + asked},
		{"REQUEST, SELECTING", fsm.Message{Type: fsm.Request, XID: testXID, Secs: 3, RequestedIP: testAddr, ServerID: server},
			"0003", "0000", goldenZero, "350103" + clientID + "3204" + goldenAddr + "3604" + goldenServer + asked},
		{"REQUEST, INIT-REBOOT", fsm.Message{Type: fsm.Request, XID: testXID, RequestedIP: testAddr},
			"0000", "0000", goldenZero, "350103" + clientID + "3204" + goldenAddr + asked},
		{"REQUEST, RENEWING and REBINDING", fsm.Message{Type: fsm.Request, XID: testXID, CIAddr: testAddr, Dst: server},
			"0000", "0000", goldenAddr, "350103" + clientID + asked},
		{"DECLINE", fsm.Message{Type: fsm.Decline, XID: testXID, RequestedIP: testAddr, ServerID: server, Text: "in use"},
			"0000", "0000", goldenZero, "350104" + clientID + "3204" + goldenAddr + "3604" + goldenServer + "3806696e20757365 ff"},
		{"RELEASE", fsm.Message{Type: fsm.ReleaseType, XID: testXID, CIAddr: testAddr, ServerID: server, Dst: server},
			"0000", "0000", goldenAddr, "350107" + clientID + "3604" + goldenServer + "ff"},
		{"INFORM (INF-01)", fsm.Message{Type: fsm.InformType, XID: testXID, Secs: 3, CIAddr: testAddr},
			"0003", "0000", goldenAddr, "350108" + clientID + asked},
		{"INFORM with everything", everything(fsm.InformType),
			"0009", "8000", goldenAddr, "350108" + clientID + asked},
		// What tables 4 and 5 forbid is left out, whoever sets it.
		{"DISCOVER that asks for a Rapid Commit (RFC 4039 4)", fsm.Message{Type: fsm.Discover, XID: testXID, RapidCommit: true},
			"0000", "0000", goldenZero, "350101" + clientID + "5000" + asked},
		{"DISCOVER with everything", everything(fsm.Discover),
			"0009", "8000", goldenZero, "350101" + clientID + "3204" + goldenAddr + "5000" + asked},
		{"REQUEST with everything", everything(fsm.Request),
			"0009", "8000", goldenAddr, "350103" + clientID + "3204" + goldenAddr + "3604" + goldenServer + asked},
		{"DECLINE with everything (DEC-02)", everything(fsm.Decline),
			"0000", "0000", goldenZero, "350104" + clientID + "3204" + goldenAddr + "3604" + goldenServer + "380178 ff"},
		{"RELEASE with everything (REL-02, MSG-14)", everything(fsm.ReleaseType),
			"0000", "0000", goldenAddr, "350107" + clientID + "3604" + goldenServer + "380178 ff"},
		{"no message of a client", everything(99),
			"0000", "0000", goldenZero, "350163" + clientID + "ff"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := testIdentity().Marshal(tt.m)
			if want := golden(t, tt.secs, tt.flags, tt.ciaddr, tt.options); !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", hex.Dump(got), hex.Dump(want))
			}
		})
	}
}

func everything(t fsm.MessageType) fsm.Message {
	return fsm.Message{Type: t, XID: testXID, Secs: 9, Broadcast: true, CIAddr: testAddr,
		RequestedIP: testAddr, ServerID: testServer, Text: "x", Dst: testServer, RapidCommit: true}
}

// Who hears a FORCERENEW says so (RFC 6704 3.1.1), where it asks for a lease.
func TestMarshal_NonceCapable(t *testing.T) {
	id := testIdentity()
	id.ForceRenew = true
	for typ, want := range map[fsm.MessageType]int{fsm.Discover: 1, fsm.Request: 1, fsm.InformType: 0, fsm.Decline: 0, fsm.ReleaseType: 0} {
		if n := bytes.Count(id.Marshal(everything(typ)), []byte{145, 1, 1}); n != want {
			t.Errorf("%v: option 145 %d times", typ, n)
		}
	}
}

func TestMarshal_BareIdentity(t *testing.T) {
	id := &Identity{HardwareAddr: testMAC}
	if got, want := id.Marshal(fsm.Message{Type: fsm.Discover, XID: testXID}), golden(t, "0000", "0000", goldenZero, "350101ff"); !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", hex.Dump(got), hex.Dump(want))
	}
}

func TestMarshal_AddressesThatAreNone(t *testing.T) {
	for _, a := range []netip.Addr{{}, netip.IPv4Unspecified(), netip.IPv6Unspecified(), netip.MustParseAddr("2001:db8::1"),
		netip.MustParseAddr("fe80::1%eth0")} {
		m := fsm.Message{Type: fsm.Request, XID: testXID, CIAddr: a, RequestedIP: a, ServerID: a, Dst: a}
		p, err := dhcpv4.FromBytes(testIdentity().Marshal(m))
		if err != nil {
			t.Fatal(err)
		}
		if !p.ClientIPAddr.IsUnspecified() || p.Options[50] != nil || p.Options[54] != nil {
			t.Errorf("%v: ciaddr %v, option 50 %x, option 54 %x", a, p.ClientIPAddr, p.Options[50], p.Options[54])
		}
	}
	mapped := netip.MustParseAddr("::ffff:10.99.0.50")
	m := fsm.Message{Type: fsm.Request, XID: testXID, CIAddr: mapped}
	if got, want := testIdentity().Marshal(m), testIdentity().Marshal(fsm.Message{Type: fsm.Request, XID: testXID, CIAddr: testAddr}); !bytes.Equal(got, want) {
		t.Error("an address in its IPv6 form is another than in its IPv4 form")
	}
}

func TestMarshal_Text_RFC2132_9_9(t *testing.T) {
	longest := testIdentity()
	longest.ClientID = bytes.Repeat([]byte{7}, 255)
	for _, tt := range []struct {
		name     string
		id       *Identity
		in, want string
	}{
		{"printable only (MSG-19)", testIdentity(), "by\x1b[2J\n", "by?[2J?"},
		{"255 octets", testIdentity(), strings.Repeat("x", 300), strings.Repeat("x", 255)},
		{"no NUL at the end (MSG-24)", testIdentity(), "x\x00", "x"},
		{"what fits (MSG-09)", longest, strings.Repeat("x", 300), strings.Repeat("x", 33)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := tt.id.Marshal(fsm.Message{Type: fsm.Decline, RequestedIP: testAddr, ServerID: testServer, Text: tt.in})
			p, err := dhcpv4.FromBytes(b)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(p.Options[56]); got != tt.want {
				t.Errorf("option 56 is %q, want %q", got, tt.want)
			}
			if len(b) > 548 {
				t.Errorf("%d octets", len(b))
			}
		})
	}
}

func TestMarshal_UncheckedIdentity_RFC3396_5(t *testing.T) {
	// Validate refuses it, but Marshal must not fail: it splits.
	id := &Identity{HardwareAddr: testMAC, ClientID: bytes.Repeat([]byte{1}, 600), VendorClass: strings.Repeat("v", 256)}
	for _, typ := range []fsm.MessageType{fsm.Request, fsm.Decline} {
		p, err := dhcpv4.FromBytes(id.Marshal(fsm.Message{Type: typ, Text: "no room"}))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p.Options[61], id.ClientID) || typ == fsm.Request && string(p.Options[60]) != id.VendorClass || p.Options[56] != nil {
			t.Errorf("%v: options %v", typ, p.Options)
		}
	}
}
