package wire

import (
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// The messages of real servers in FuzzParse's corpus, captured on a cable, are
// what their names say.
func TestParse_CapturedMessages_RFC2131_Table3(t *testing.T) {
	for _, server := range []string{"dnsmasq", "isc-dhcpd", "kea", "udhcpd"} {
		for kind, want := range map[string]fsm.Event{"offer": fsm.Offer{}, "ack": fsm.Ack{}, "nak": fsm.Nak{}} {
			t.Run(server+"-"+kind, func(t *testing.T) {
				ev, err := Parse(captured(t, server+"-"+kind), testIdentity())
				if err != nil || reflect.TypeOf(ev) != reflect.TypeOf(want) {
					t.Fatalf("got %+v, %v", ev, err)
				}
				switch ev := ev.(type) {
				case fsm.Offer:
					wantCaptured(t, ev.Lease)
				case fsm.Ack:
					wantCaptured(t, ev.Lease)
				case fsm.Nak:
					if ev.Server.String() != "198.51.100.1" {
						t.Errorf("NAK of %v", ev.Server)
					}
				}
			})
		}
	}
}

// wantCaptured compares what each of the servers was told to say.
func wantCaptured(t *testing.T, l *lease.Lease) {
	t.Helper()
	if a := l.Address.As4(); !prefix("192.0.2.0/24").Contains(l.Address) || a[3] < 10 || a[3] > 19 || l.Bits != 24 || l.Server.String() != "192.0.2.1" ||
		l.Valid != 12*time.Second || l.Domain != "example.org" || l.MTU != 1400 {
		t.Errorf("lease %+v", l)
	}
	if !reflect.DeepEqual(l.DNS, addrs("192.0.2.3")) || !reflect.DeepEqual(l.NTP, addrs("192.0.2.4")) ||
		!reflect.DeepEqual(l.Search, []string{"eng.example.org", "example.org"}) || len(l.Routes) == 0 {
		t.Errorf("DNS %v, NTP %v, search list %v, routes %v", l.DNS, l.NTP, l.Search, l.Routes)
	}
}

// captured is a message of the corpus.
func captured(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "fuzz", "FuzzParse", name))
	if err != nil {
		t.Fatal(err)
	}
	_, value, _ := strings.Cut(string(b), "[]byte(")
	s, err := strconv.Unquote(strings.TrimSuffix(value, ")\n"))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return []byte(s)
}
