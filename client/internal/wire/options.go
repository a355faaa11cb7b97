package wire

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// The options that the client knows, by the names of their RFCs (RFC 2132 where
// none is said).
const (
	optPad               = 0
	optSubnetMask        = 1
	optRouter            = 3
	optDNS               = 6
	optHostname          = 12
	optDomain            = 15
	optMTU               = 26
	optBroadcast         = 28
	optStaticRoutes      = 33
	optNTP               = 42
	optRequestedIP       = 50
	optLeaseTime         = 51
	optOverload          = 52
	optMessageType       = 53
	optServerID          = 54
	optParams            = 55
	optMessage           = 56
	optMaxSize           = 57
	optRenewTime         = 58
	optRebindTime        = 59
	optVendorClass       = 60
	optClientID          = 61
	optRapidCommit       = 80  // RFC 4039
	optFQDN              = 81  // RFC 4702
	optAuthentication    = 90  // RFC 3118
	optV6Only            = 108 // RFC 8925
	optCaptivePortal     = 114 // RFC 8910
	optDomainSearch      = 119 // RFC 3397
	optClasslessRoutes   = 121 // RFC 3442
	optNonceCapable      = 145 // RFC 6704
	optClasslessRoutesMS = 249 // the same before it had a number
	optEnd               = 255
)

// An option is how an option's value becomes a field of a lease. A value that
// is not what the option's RFC says leaves the field as it is.
type option struct {
	code uint8
	// fixed is the length of an option that has one length.
	fixed int
	// each is the length of an element, where the option is a list.
	each int
	set  func(l *lease.Lease, v []byte)
}

// options are all but those that decide whether there is a lease at all, and
// the routes, which are four options together. They may rely on Address and
// Bits.
var options = []option{
	{code: optDNS, each: 4, set: func(l *lease.Lease, v []byte) { l.DNS = hosts(v) }},
	{code: optHostname, each: 1, set: func(l *lease.Lease, v []byte) { l.Hostname = hostName(v) }},
	{code: optDomain, each: 1, set: func(l *lease.Lease, v []byte) { l.Domain = hostName(v) }},
	{code: optMTU, fixed: 2, set: setMTU},
	{code: optBroadcast, fixed: 4, set: setBroadcast},
	{code: optNTP, each: 4, set: func(l *lease.Lease, v []byte) { l.NTP = hosts(v) }},
	{code: optRenewTime, fixed: 4, set: func(l *lease.Lease, v []byte) { l.T1 = seconds(v) }},
	{code: optRebindTime, fixed: 4, set: func(l *lease.Lease, v []byte) { l.T2 = seconds(v) }},
	{code: optV6Only, fixed: 4, set: func(l *lease.Lease, v []byte) { l.V6OnlyWait = max(seconds(v), minV6Only) }},
	{code: optCaptivePortal, each: 1, set: setCaptivePortal},
	{code: optDomainSearch, each: 1, set: func(l *lease.Lease, v []byte) { l.Search = lease.SearchList(v) }},
}

// fill sets the fields of l that the table of options names.
func (r *reply) fill(l *lease.Lease) {
	for _, o := range options {
		v, ok := r.list(o.code, max(o.each, 1))
		if o.fixed > 0 {
			v, ok = r.fixed(o.code, o.fixed)
		}
		if ok {
			o.set(l, v)
		}
	}
}

// seconds reads a time. All ones is for ever (RFC 2131 3.3).
func seconds(v []byte) time.Duration {
	return time.Duration(binary.BigEndian.Uint32(v)) * time.Second
}

// minV6Only is MIN_V6ONLY_WAIT (RFC 8925 3.4).
const minV6Only = 300 * time.Second

// minMTU is the least value of option 26 (RFC 2132 5.1).
const minMTU = 68

func setMTU(l *lease.Lease, v []byte) {
	if mtu := int(binary.BigEndian.Uint16(v)); mtu >= minMTU {
		l.MTU = mtu
	}
}

// setBroadcast takes an address that is the limited broadcast address or that
// of our subnet (RFC 2132 5.3). Any other would be taken from the host that has
// it: the kernel treats as broadcast what it is told.
func setBroadcast(l *lease.Lease, v []byte) {
	if a := addr(v); a == limited || isBroadcastOf(a, l.Address, l.Bits) {
		l.Broadcast = a
	}
}

// setCaptivePortal takes an http or https URL with a host; we never fetch it.
// The URN that says that there is no portal (RFC 8910 2) is none of those.
func setCaptivePortal(l *lease.Lease, v []byte) {
	if s := trimNUL(v); lease.ValidURL(s) {
		l.CaptivePortal = s
	}
}

// maxHosts is how many servers of a kind are kept: nobody asks more.
const maxHosts = 16

// hosts reads a list of servers: those that may be asked, in order, each once.
func hosts(v []byte) []netip.Addr { return pick(v, lease.UsableAddr) }

// pick reads a list of addresses: those that ok allows, each once.
func pick(v []byte, ok func(netip.Addr) bool) (list []netip.Addr) {
	for ; len(v) >= 4 && len(list) < maxHosts; v = v[4:] {
		if a := addr(v); ok(a) && !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}
