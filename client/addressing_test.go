package client

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
)

// An error of the configuration names its field, and there is no Client.
func TestConfigErrorsNameTheField(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no link", func(c *Config) { c.Interface = "" }, "no interface named"},
		{"port 1", func(c *Config) { c.ClientPort, c.OpenTransport = 1, nil }, "ClientPort 1: the server's port would be 0"},
		{"port of another transport", func(c *Config) { c.ClientPort = 6800 }, "ClientPort: OpenTransport"},
		{"server of another transport", func(c *Config) { c.ServerAddr = server1 }, "ServerAddr: OpenTransport"},
		{"server that is a group", func(c *Config) { c.ServerAddr, c.OpenTransport = netip.MustParseAddr("224.0.0.1"), nil }, "ServerAddr 224.0.0.1"},
		{"stations of another transport", func(c *Config) { c.RejectStations = []net.HardwareAddr{otherMAC} }, "RejectStations, AllowStations: OpenTransport"},
		{"station that is none", func(c *Config) { c.AllowStations, c.OpenTransport = []net.HardwareAddr{{1}}, nil }, "AllowStations: 01 is not an Ethernet address"},
		{"a preference that comes too late", func(c *Config) { c.Prefer = PreferLongest }, "Prefer needs a SelectTimeout"},
		{"IPv6 server", func(c *Config) { c.ServerAddr, c.OpenTransport = netip.MustParseAddr("2001:db8::1"), nil }, "ServerAddr 2001:db8::1"},
		{"relay on the loopback", func(c *Config) { c.RelayAddr = netip.MustParseAddr("127.0.0.1") }, "RelayAddr 127.0.0.1"},
		{"message type", func(c *Config) { c.SendOptions = map[uint8][]byte{53: {1}} }, "SendOptions: option 53: it is what the message is"},
		{"host name twice", func(c *Config) { c.Hostname, c.SendOptions = "box", map[uint8][]byte{12: []byte("x")} }, "SendOptions: option 12: the field Hostname is set too"},
		{"client id of one octet", func(c *Config) { c.SendOptions = map[uint8][]byte{61: {1}} }, "client id of 1 octets"},
		{"more than a datagram", func(c *Config) { c.SendOptions = map[uint8][]byte{77: make([]byte, 400)} }, "requested and sent options"},
		{"requested 0", func(c *Config) { c.RequestOnly, c.RequestOptions = true, []uint8{0} }, "requested option 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				tt.change(&r.cfg)
				c, err := newClient(r.cfg, r.now, func(func(), func(time.Duration)) (alarm, error) {
					return &testAlarm{now: r.now}, nil
				})
				if err == nil || c != nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("New: %v, want %q", err, tt.want)
				}
			})
		})
	}
}

func TestPortsOfConfig(t *testing.T) {
	relay := netip.MustParseAddr("10.99.0.9")
	for _, tt := range []struct {
		cfg            Config
		client, server uint16
	}{
		{Config{}, 68, 67},
		{Config{ClientPort: 6800}, 6800, 6799},
		{Config{ClientPort: 2}, 2, 1},
		{Config{RelayAddr: relay}, 67, 67},
		{Config{RelayAddr: relay, ClientPort: 6800}, 6800, 6800},
	} {
		if c, s := tt.cfg.ports(); c != tt.client || s != tt.server {
			t.Errorf("port %d, relay %v: ports %d and %d, want %d and %d", tt.cfg.ClientPort, tt.cfg.RelayAddr, c, s, tt.client, tt.server)
		}
	}
}

// What is configured to be sent and asked for is in each message that asks, and
// a client id among it is the client's.
func TestSendOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.SendOptions = map[uint8][]byte{77: []byte("class"), 61: {0, 'm', 'e'}, 51: {0, 0, 0, 60}}
		r.cfg.RequestOnly, r.cfg.RequestOptions = true, []uint8{3, 1, 3, 224}
		r.cfg.OnExit = Release
		r.run()
		r.pass(40 * time.Minute)
		r.stop()
		kinds := map[dhcpv4.MessageType]int{}
		for _, m := range r.sent {
			kinds[m.MessageType()]++
			want := map[uint8][]byte{61: {0, 'm', 'e'}, 77: []byte("class"), 51: {0, 0, 0, 60}, 55: {3, 1, 224}}
			if m.MessageType() == dhcpv4.MessageTypeRelease {
				want = map[uint8][]byte{61: want[61]}
			}
			for _, code := range []uint8{51, 55, 61, 77} {
				if got := m.Options[code]; !bytes.Equal(got, want[code]) {
					t.Errorf("%v: option %d is % x, want % x", m.MessageType(), code, got, want[code])
				}
			}
		}
		if kinds[dhcpv4.MessageTypeDiscover] != 1 || kinds[dhcpv4.MessageTypeRequest] != 2 || kinds[dhcpv4.MessageTypeRelease] != 1 {
			t.Errorf("sent %v: the test shows less than it says", kinds)
		}
	})
}

func TestRequestOnlyNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.RequestOnly = true
		r.run()
		r.pass(time.Second)
		r.stop()
		for _, m := range r.sent {
			if m.Options.Has(dhcpv4.OptionParameterRequestList) {
				t.Errorf("%v has option 55", m.MessageType())
			}
		}
		if len(r.sent) != 2 {
			t.Errorf("%d messages", len(r.sent))
		}
	})
}

// The lease, and its renewals, are of what the filter returns.
func TestOptionFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.OptionFilter = func(o map[uint8][]byte) map[uint8][]byte {
			o[15], o[51] = []byte("corp.example"), []byte{0, 0, 7, 8}
			return o
		}
		c := r.run()
		r.pass(20 * time.Minute)
		l := c.Lease()
		if l == nil || l.Domain != "corp.example" || l.Valid != 30*time.Minute || c.State() != fsm.BoundState {
			t.Fatalf("lease %+v in %v", l, c.State())
		}
		if n := len(r.sent); n != 3 {
			t.Errorf("%d messages in 20 minutes of leases of 30, want 3", n)
		}
		r.stop()
	})
}
