package wire

import (
	"encoding/binary"
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
)

const (
	ethernet = 1 // htype (RFC 1700)
	// headerLen is the fixed part of a message with the cookie (RFC 2131 2).
	headerLen     = 240
	flagBroadcast = 0x8000
)

// A form says what a message of some type carries beside its type and the
// client id (RFC 2131 tables 4 and 5). What a message must not carry is left
// out, whatever the caller set.
type form struct {
	// asks is a message that wants parameters: it has secs, the B flag,
	// options 55, 57, 60 and 12, and those of the configuration.
	asks bool
	// The fields of fsm.Message by these names.
	ciaddr, requestedIP, serverID, rapidCommit, text bool
}

func formOf(t fsm.MessageType) form {
	switch t {
	case fsm.Discover:
		return form{asks: true, requestedIP: true, rapidCommit: true}
	case fsm.Request:
		return form{asks: true, ciaddr: true, requestedIP: true, serverID: true}
	case fsm.InformType:
		return form{asks: true, ciaddr: true}
	case fsm.Decline:
		return form{requestedIP: true, serverID: true, text: true}
	case fsm.ReleaseType:
		return form{ciaddr: true, serverID: true, text: true}
	}
	return form{}
}

// Marshal returns m as the client's message, 300 octets long at least. It takes
// any Message: an Addr that is not IPv4 counts as none. If Validate accepts id,
// the message has no more than 548 octets.
func (id *Identity) Marshal(m fsm.Message) []byte {
	f := formOf(m.Type)
	// The library sorts options by code; option 53 first is what servers and
	// filters that look no further expect, so the options are ours.
	b := id.header(m, f)
	b = put(b, optMessageType, []byte{byte(m.Type)})
	b = put(b, optClientID, id.ClientID)
	if f.requestedIP {
		b = putAddr(b, optRequestedIP, m.RequestedIP)
	}
	if f.serverID {
		b = putAddr(b, optServerID, m.ServerID)
	}
	if f.rapidCommit && m.RapidCommit {
		b = append(b, optRapidCommit, 0)
	}
	if f.asks {
		if id.MaxSize != 0 {
			b = put(b, optMaxSize, binary.BigEndian.AppendUint16(nil, id.MaxSize))
		}
		b = put(b, optParams, id.Params)
		b = put(b, optVendorClass, []byte(id.VendorClass))
		b = put(b, optHostname, []byte(id.Hostname))
		if id.ForceRenew && m.Type != fsm.InformType {
			b = put(b, optNonceCapable, nonceCapable)
		}
		for _, o := range id.Options {
			if o.Code == optLeaseTime && m.Type == fsm.InformType {
				continue // RFC 2131 table 5
			}
			b = put(b, o.Code, o.Value)
		}
	}
	if id.Auth != nil {
		b = put(b, optAuthentication, id.Auth.option(m.Type))
	}
	if f.text && !id.Anonymous {
		const around = 2 + 1 // code and length before, End after
		room := max(0, maxMessage-around-len(b))
		b = put(b, optMessage, []byte(printable(m.Text, min(room, maxValue))))
	}
	b = append(b, optEnd)
	if n := minMessage - len(b); n > 0 {
		b = append(b, make([]byte, n)...)
	}
	if id.Auth != nil {
		id.Auth.sign(b)
	}
	return b
}

// header returns the fixed part of a message, with the cookie.
func (id *Identity) header(m fsm.Message, f form) []byte {
	d := dhcpv4.DHCPv4{
		OpCode:       dhcpv4.OpcodeBootRequest,
		HWType:       ethernet,
		ClientHWAddr: id.HardwareAddr[:],
	}
	binary.BigEndian.PutUint32(d.TransactionID[:], m.XID)
	if f.asks {
		d.NumSeconds = m.Secs
		if m.Broadcast {
			d.Flags = flagBroadcast
		}
	}
	a, held := as4(m.CIAddr)
	if held && f.ciaddr {
		d.ClientIPAddr = net.IP(a[:])
	}
	if g, ok := as4(id.Relay); ok && !(held && f.asks) {
		// A held lease is renewed by its client, at its own address.
		d.GatewayIPAddr = net.IP(g[:])
	}
	return d.ToBytes()[:headerLen]
}

// put appends an option; without a value, nothing. A value that is too long for
// one instance goes on in the next (RFC 3396 5).
func put(b []byte, code uint8, v []byte) []byte {
	for len(v) > 0 {
		n := min(len(v), maxValue)
		b = append(b, code, byte(n))
		b = append(b, v[:n]...)
		v = v[n:]
	}
	return b
}

func putAddr(b []byte, code uint8, a netip.Addr) []byte {
	if v, ok := as4(a); ok {
		return put(b, code, v[:])
	}
	return b
}

// as4 returns the four octets of an address; not ok is none to be sent.
func as4(a netip.Addr) (v [4]byte, ok bool) {
	if a = a.Unmap(); !a.Is4() || a.IsUnspecified() {
		return v, false
	}
	return a.As4(), true
}
