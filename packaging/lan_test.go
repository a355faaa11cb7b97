package packaging_test

import (
	"context"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A lan is a client's namespace with the link eth0, and a server at its other
// end that has 192.0.2.1 and serves .5 and what follows.
type lan struct {
	client *nettest.NS
	// etcDefault is a directory.
	etcDefault string
}

func newLAN(t *testing.T) *lan {
	t.Helper()
	l := &lan{client: nettest.NewNS(t, "client"), etcDefault: t.TempDir()}
	far := nettest.NewNS(t, "server")
	nettest.Veth(t, far, "eth0", l.client, "eth0")
	far.IP(t, "addr", "add", "192.0.2.1/24", "dev", "eth0")
	self := netip.MustParseAddr("192.0.2.1")
	server, err := dhcptest.NewServer(dhcptest.Config{
		ServerID: self, Network: netip.MustParsePrefix("192.0.2.0/24"), First: netip.MustParseAddr("192.0.2.5"),
		Last: netip.MustParseAddr("192.0.2.20"), Routers: []netip.Addr{self}, DNS: []netip.Addr{self}, Lease: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	var conn *dhcptest.Conn
	far.Do(t, func() { conn, err = dhcptest.Listen("eth0") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := conn.Serve(ctx, server); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); serving.Wait() })
	t.Cleanup(func() { _ = os.RemoveAll("/var/lib/dhclient-go/eth0.json") })
	return l
}

// patience is the limit of what takes as long as the machine needs.
const patience = 30 * time.Second

// address waits until eth0 has an address, or has none.
func (l *lan) address(t *testing.T, has bool) {
	t.Helper()
	for limit := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		out := l.client.IP(t, "-4", "-o", "addr", "show", "dev", "eth0")
		if strings.Contains(out, " inet 192.0.2.") == has {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("after %v, an address on eth0: %v, want %v\n%s", patience, !has, has, out)
		}
	}
}

// flag is a flag of ours in a script.
var flag = regexp.MustCompile(`\s--[a-z][a-z0-9-]+`)
