package hostile

import (
	"github.com/insomniacslk/dhcp/dhcpv4"
)

// A Check is something that must be seen in a record.
type Check struct {
	// Says is what must be seen.
	Says string
	// see returns whether it is, and what is, in a few words.
	see func(*Record) (ok bool, saw string)
}

// The types of messages, by the names that RFC 2131 has for them.
const (
	discover = dhcpv4.MessageTypeDiscover
	offer    = dhcpv4.MessageTypeOffer
	request  = dhcpv4.MessageTypeRequest
	decline  = dhcpv4.MessageTypeDecline
	ack      = dhcpv4.MessageTypeAck
	nak      = dhcpv4.MessageTypeNak
)
