// Command skeleton has the imports of dhclient-go, opens the kinds of sockets
// that it holds, and waits: what any such program costs.
package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/mdlayher/arp"
	"github.com/mdlayher/packet"
	"github.com/urfave/cli/v2"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func main() {
	app := &cli.App{Name: "skeleton", Usage: "open sockets and wait", Action: wait}
	if err := app.Run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func wait(c *cli.Context) error {
	ifi, err := net.InterfaceByName(c.Args().First())
	if err != nil {
		return err
	}
	for _, proto := range []int{unix.ETH_P_IP, unix.ETH_P_ARP} {
		conn, err := packet.Listen(ifi, packet.Datagram, proto, nil)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
	}
	updates := make(chan netlink.LinkUpdate)
	done := make(chan struct{})
	defer close(done)
	if err := netlink.LinkSubscribe(updates, done); err != nil {
		return err
	}
	if _, err := dhcpv4.NewDiscovery(ifi.HardwareAddr); err != nil {
		return err
	}
	probe, err := arp.NewPacket(arp.OperationRequest, ifi.HardwareAddr, netip.IPv4Unspecified(), make(net.HardwareAddr, 6), netip.IPv4Unspecified())
	if err != nil {
		return err
	}
	if _, err := probe.MarshalBinary(); err != nil {
		return err
	}
	fmt.Println("ready")
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	<-stop
	return nil
}
