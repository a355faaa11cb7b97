package wire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
)

// strictly reads the options of a message as the narrowest server does, and not
// as a codec does that is kind to all: each option once and whole, End, and
// after it nothing but Pad (RFC 2131 4.1).
func strictly(t *testing.T, b []byte) map[uint8][]byte {
	t.Helper()
	if len(b) < headerLen || !bytes.Equal(b[headerLen-4:headerLen], []byte{99, 130, 83, 99}) {
		t.Fatalf("no cookie in %d octets", len(b))
	}
	found := map[uint8][]byte{}
	rest := b[headerLen:]
	for len(rest) > 0 && rest[0] != optEnd {
		if len(rest) < 2 || len(rest) < 2+int(rest[1]) {
			t.Fatalf("option %d runs past the end of the message", rest[0])
		}
		code, n := rest[0], int(rest[1])
		if _, twice := found[code]; twice || code == optPad || n == 0 && code != optRapidCommit {
			t.Errorf("option %d: twice, a pad between options, or empty", code)
		}
		found[code] = rest[2 : 2+n]
		rest = rest[2+n:]
	}
	if len(rest) == 0 || len(bytes.Trim(rest[1:], "\x00")) != 0 {
		t.Errorf("no End, or more than Pad after it: % x", rest)
	}
	return found
}

// TestMarshal_StrictReader_MSG_02_03_18_23: what is sent can be read by whoever
// forgives nothing, and has no option in sname and file.
func TestMarshal_StrictReader_MSG_02_03_18_23(t *testing.T) {
	long := testIdentity()
	long.ClientID, long.Hostname = bytes.Repeat([]byte{7}, 100), strings.Repeat("h", 63)
	for name, id := range map[string]*Identity{"usual": testIdentity(), "bare": {HardwareAddr: testMAC}, "long": long} {
		for _, typ := range []fsm.MessageType{fsm.Discover, fsm.Request, fsm.Decline, fsm.ReleaseType, fsm.InformType} {
			b := id.Marshal(everything(typ))
			found := strictly(t, b)
			if !bytes.Equal(found[53], []byte{byte(typ)}) {
				t.Errorf("%s %v: option 53 is % x", name, typ, found[53])
			}
			if found[52] != nil || len(bytes.Trim(b[44:236], "\x00")) != 0 {
				t.Errorf("%s %v: sname and file are used", name, typ)
			}
			if found[51] != nil {
				t.Errorf("%s %v: a lease time is asked for", name, typ) // MSG-13
			}
		}
	}
}
