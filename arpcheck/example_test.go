package arpcheck_test

import (
	"fmt"
	"log"
	"net"
	"net/netip"

	"github.com/dhclient-go/dhclient-go/arpcheck"
)

// Probe an address that a server gave, and defend it while it is used.
func Example() {
	link, err := net.InterfaceByName("eth0")
	if err != nil {
		log.Fatal(err)
	}
	d, err := arpcheck.Open(link.Index, link.HardwareAddr, arpcheck.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer d.Close()

	addr := netip.MustParseAddr("192.0.2.50")
	used := make(chan net.HardwareAddr)
	d.Probe(addr, func(by net.HardwareAddr, err error) { used <- by })
	if by := <-used; by != nil {
		fmt.Println(addr, "is used by", by)
		return
	}
	// Put it on the link here.
	d.Defend(addr, func(by net.HardwareAddr) { used <- by })
	fmt.Println(addr, "was lost to", <-used)
}
