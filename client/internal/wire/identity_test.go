package wire

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

func TestParams_RFC3442_RFC2132_9_8(t *testing.T) {
	want := []byte{1, 121, 249, 3, 33, 6, 15, 119, 12, 26, 28, 42, 51, 54, 58, 59, 114}
	if got := DefaultParams(); !bytes.Equal(got, want) {
		t.Errorf("default: %d, want %d", got, want)
	}
	if got := Params(nil); !bytes.Equal(got, want) {
		t.Errorf("nothing more: %d, want %d", got, want)
	}
	// OPT-01, MSG-32.
	got := Params([]uint8{3, 66, 67, 66, 43, 121, 255})
	if want := append(slices.Clone(want), 66, 67, 43, 255); !bytes.Equal(got, want) {
		t.Errorf("more: %d, want %d", got, want)
	}
	Params(nil)[0] = 9
	if DefaultParams()[0] != 1 {
		t.Error("the default list is shared")
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Identity)
		want   []string // words of the error, none for no error
	}{
		{"as it is", func(*Identity) {}, nil},
		{"the least", func(id *Identity) { *id = Identity{HardwareAddr: testMAC} }, nil},
		{"largest client id", func(id *Identity) { id.ClientID = make([]byte, 255) }, nil},
		{"smallest maximum size", func(id *Identity) { id.MaxSize = 576 }, nil},
		{"longest host name", func(id *Identity) { id.Hostname = strings.Repeat("a", 63) }, nil},
		{"qualified host name", func(id *Identity) { id.Hostname = "h1.example.org" }, nil},
		{"vendor class of any octets", func(id *Identity) { id.VendorClass = "a\x00\xff" }, nil},
		{"no hardware address", func(id *Identity) { id.HardwareAddr = lease.HardwareAddr{} }, []string{"hardware address 00:00:00:00:00:00"}},
		{"multicast hardware address", func(id *Identity) { id.HardwareAddr[0] = 3 }, []string{"hardware address 03:00"}},
		{"CID-01 client id of 1 octet", func(id *Identity) { id.ClientID = []byte{1} }, []string{"client id of 1 octets"}},
		{"client id of 256 octets", func(id *Identity) { id.ClientID = make([]byte, 256) }, []string{"client id of 256"}},
		{"host name of 64 octets", func(id *Identity) { id.Hostname = strings.Repeat("a.", 31) + "bb" }, []string{"host name"}},
		{"host name with a blank", func(id *Identity) { id.Hostname = "a b" }, []string{`host name "a b"`}},
		{"host name with a NUL", func(id *Identity) { id.Hostname = "a\x00" }, []string{`host name "a\x00"`}},
		{"host name that is an address", func(id *Identity) { id.Hostname = "10.0.0.1" }, []string{"host name"}},
		{"vendor class of 256 octets", func(id *Identity) { id.VendorClass = strings.Repeat("v", 256) }, []string{"vendor class of 256"}},
		{"maximum size 575", func(id *Identity) { id.MaxSize = 575 }, []string{"maximum message size 575"}},
		{"MSG-32 requested 0", func(id *Identity) { id.Params = Params([]uint8{0}) }, []string{"requested option 0"}},
		{"MSG-32 requested 255", func(id *Identity) { id.Params = Params([]uint8{255}) }, []string{"requested option 255"}},
		{"MSG-32 requested twice", func(id *Identity) { id.Params = []byte{1, 3, 1} }, []string{"requested option 1: named twice"}},
		{"two things", func(id *Identity) { id.ClientID, id.MaxSize = []byte{1}, 1 }, []string{"client id", "maximum message size"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id := testIdentity()
			tt.change(id)
			err := id.Validate()
			if (err == nil) != (tt.want == nil) {
				t.Fatalf("Validate: %v", err)
			}
			for _, words := range tt.want {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("error %q does not say %q", err, words)
				}
			}
		})
	}
}

// MSG-09: a datagram of 576 octets is what everybody takes.
func TestValidate_MessagesFitInto576_RFC2131_2(t *testing.T) {
	id := testIdentity()
	id.Hostname = strings.Repeat("h", 63)
	id.Params = make([]byte, 0, 254)
	id.ClientID = make([]byte, 7)
	id.VendorClass = ""
	for code := byte(1); id.Validate() == nil; code++ {
		id.Params = append(id.Params, code)
		if n := len(id.Marshal(largest)); code == 254 || n > 549 {
			t.Fatalf("%d parameters are valid in %d octets", len(id.Params), n)
		}
	}
	if n := len(id.Marshal(largest)); n != 549 {
		t.Errorf("refused at %d octets, want 549", n)
	}
	id.Params = id.Params[:len(id.Params)-1]
	if err := id.Validate(); err != nil {
		t.Fatalf("548 octets: %v", err)
	}
	for _, typ := range []fsm.MessageType{fsm.Discover, fsm.Request, fsm.Decline, fsm.ReleaseType} {
		m := everything(typ)
		m.Text = strings.Repeat("x", 255)
		if n := len(id.Marshal(m)); n > 548 {
			t.Errorf("%v of %d octets", typ, n)
		}
	}
}
