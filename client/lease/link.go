package lease

import "net/netip"

// A LinkState is what the kernel says of a link at one moment.
type LinkState struct {
	// Index is the kernel's number of the link; 0 if it does not exist.
	Index int
	// Name is the link's name now.
	Name string
	// HardwareAddr is its Ethernet address.
	HardwareAddr HardwareAddr
	// MTU is its MTU in octets.
	MTU int
	// Carrier says that the link is up and operational (IFF_UP, IFF_RUNNING).
	// Between carrier and that the kernel drops what is sent, unseen.
	Carrier bool
	// CarrierChanges counts carrier losses and returns: two reports with
	// carrier but different counts had a loss between them that was too
	// short to be reported (IFLA_CARRIER_CHANGES).
	CarrierChanges uint32
	// Addresses are the IPv4 addresses on the link with their prefixes.
	Addresses []netip.Prefix
}
