package dhcptest_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// A server that offers what it later refuses, and pads its answers.
func Example() {
	server, err := dhcptest.NewServer(dhcptest.Config{
		ServerID: netip.MustParseAddr("192.0.2.1"), Network: netip.MustParsePrefix("192.0.2.0/24"),
		First: netip.MustParseAddr("192.0.2.50"), Last: netip.MustParseAddr("192.0.2.99"),
		NakRequests: true,
		Rewrite:     func(b []byte) []byte { return append(b, 0) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mac := dhcpv4.WithHwAddr([]byte{2, 0, 0, 0, 0, 1})
	for _, typ := range []dhcpv4.MessageType{dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest} {
		m, err := dhcpv4.New(mac, dhcpv4.WithMessageType(typ))
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, r := range server.Handle(time.Now(), m.ToBytes()) {
			reply, _ := dhcpv4.FromBytes(r.Payload)
			fmt.Println(reply.MessageType(), reply.YourIPAddr, "to", r.Dst, r.MAC)
		}
	}
	// Output:
	// OFFER 192.0.2.50 to 192.0.2.50:68 02:00:00:00:00:01
	// NAK 0.0.0.0 to 255.255.255.255:68 ff:ff:ff:ff:ff:ff
}
