package wire

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

const (
	// maxMessage is the DHCP message that every server and relay takes: an IP
	// datagram of 576 octets less the IP and UDP headers (RFC 2131 2).
	maxMessage = 576 - 20 - 8
	// minMessage is BOOTP's (RFC 951 3): some servers drop a shorter one.
	minMessage = 300
	// maxHostname is what option 12 may have of the 255 octets of its kind:
	// the limit of one label, and Linux's host name is one of 64.
	maxHostname = 63
	maxValue    = math.MaxUint8
)

// An Identity is what all messages of a client have in common. It is not
// changed while a client uses it: another one takes its place.
type Identity struct {
	// HardwareAddr is chaddr, the Ethernet address of the link.
	HardwareAddr lease.HardwareAddr
	// ClientID is option 61, 2 to 255 octets (RFC 2132 9.14); empty sends none.
	ClientID []byte
	// Hostname is option 12, a valid host name of 63 octets at most; empty
	// sends none.
	Hostname string
	// VendorClass is option 60, 255 octets at most; empty sends none.
	VendorClass string
	// Params is option 55, sent in exactly this order; see Params.
	Params []byte
	// MaxSize is option 57, the largest DHCP message that is received, in
	// octets: the link's MTU less 28. RFC 2132 9.10 has 576 as the least; 0
	// sends none.
	MaxSize uint16
	// Options are sent too, with each DISCOVER and REQUEST, in the order of
	// their codes; see SendOptions for what they may be.
	Options []Option
	// Relay is giaddr, in all messages but the REQUEST of a held lease; the
	// zero Addr is none.
	Relay netip.Addr
	// ForceRenew says that a FORCERENEW is heard that is made with a nonce, and
	// asks for one (option 145, RFC 6704).
	ForceRenew bool
	// Auth signs each message, and answers count only if it finds them signed; nil
	// does neither (RFC 3118).
	Auth *Authenticator
	// Anonymous leaves out of a DECLINE what it is for (RFC 7844 3.1).
	Anonymous bool
	// Informs is the address that the host has from elsewhere, and asks with
	// (RFC 2131 4.4.3): an ACK is one to an INFORM. The zero Prefix is none.
	Informs netip.Prefix
	// Filter is given the options of an OFFER or ACK, and returns those to
	// make a lease of; nil changes nothing. It is called by whoever calls
	// Parse.
	Filter func(options map[uint8][]byte) map[uint8][]byte
}

// DefaultParams returns the options that are asked for by default, in the order
// in which they are preferred: 121 stands before 33 and 3, as RFC 3442 wants.
func DefaultParams() []byte {
	return []byte{
		optSubnetMask, optClasslessRoutes, optClasslessRoutesMS, optRouter, optStaticRoutes,
		optDNS, optDomain, optDomainSearch, optHostname, optMTU, optBroadcast, optNTP,
		optLeaseTime, optServerID, optRenewTime, optRebindTime, optCaptivePortal,
	}
}

// Params returns DefaultParams followed by those of extra that are not among
// them, each once (RFC 2132 9.8). Codes that are no options stay: Validate names
// them.
func Params(extra []uint8) []byte { return Distinct(append(DefaultParams(), extra...)) }

// V6Only asks for option 108 beside params (RFC 8925 3.2).
func V6Only(params []uint8) []byte { return Distinct(append(slices.Clone(params), optV6Only)) }

// Distinct returns codes in their order, each once.
func Distinct(codes []uint8) (params []byte) {
	var has [256]bool
	for _, code := range codes {
		if !has[code] {
			has[code] = true
			params = append(params, code)
		}
	}
	return params
}

// Validate says what of the identity cannot be sent: every error is one of the
// configuration, and all are returned, joined.
func (id *Identity) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if id.HardwareAddr.IsZero() || id.HardwareAddr[0]&1 != 0 {
		bad("hardware address %v: not the address of an Ethernet station", id.HardwareAddr)
	}
	if n := len(id.ClientID); n == 1 || n > maxValue {
		bad("client id of %d octets: 2 to %d are allowed (RFC 2132 9.14)", n, maxValue)
	}
	if id.Hostname != "" && (len(id.Hostname) > maxHostname || !lease.ValidName(id.Hostname)) {
		bad("host name %q: not a host name of %d octets at most (RFC 1123 2.1)", id.Hostname, maxHostname)
	}
	if n := len(id.VendorClass); n > maxValue {
		bad("vendor class of %d octets: %d are allowed (RFC 2132 9.13)", n, maxValue)
	}
	if n := id.MaxSize; n != 0 && n < 576 {
		bad("maximum message size %d: 576 is the least (RFC 2132 9.10)", n)
	}
	if err := validParams(id.Params); err != nil {
		errs = append(errs, err)
	}
	if a := id.Relay; a.IsValid() && !lease.UsableAddr(a) {
		bad("relay address %v: not the address of a relay", a)
	}
	if n := len(id.Marshal(largest)); n > maxMessage {
		bad("messages of %d octets: client id, host name, vendor class, requested and sent options "+
			"together exceed the %d that fit into a datagram of 576 (RFC 2131 2)", n, maxMessage)
	}
	return errors.Join(errs...)
}

// largest is a message with every option that any message has. A DECLINE is no
// larger: its text takes what is left.
var largest = fsm.Message{
	Type:        fsm.Request,
	RequestedIP: netip.AddrFrom4([4]byte{192, 0, 2, 1}),
	ServerID:    netip.AddrFrom4([4]byte{192, 0, 2, 2}),
}

func validParams(params []byte) error {
	var has [256]bool
	for _, code := range params {
		switch {
		case code == optPad || code == optEnd:
			return fmt.Errorf("requested option %d: options are 1 to 254 (RFC 2132 9.8)", code)
		case has[code]:
			return fmt.Errorf("requested option %d: named twice (RFC 2132 9.8)", code)
		}
		has[code] = true
	}
	return nil
}
