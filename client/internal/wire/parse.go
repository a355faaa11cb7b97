// Package wire turns bytes from the network into the events of package fsm, and
// its messages into bytes. Every check of what a server says stands here, and
// only here: what comes out is a lease whose fields hold what they claim to, or
// a Reject with the reason.
//
// The codec is dhcpv4 of insomniacslk/dhcp. What it does not do is done around
// it: a missing End, the fields of option 52, repeated options, and every
// option's value.
//
// The rules for options (RFC 2131 4.1, RFC 3396):
//   - Instances of one option are concatenated, first those in the options
//     field, then those in file, then in sname.
//   - Of an option that has one length, the first instance counts, and only if
//     it has that length; options of any wrong length are as if absent.
//   - A bad element of a list of addresses or names is left out, the others
//     stay. In a list of routes nothing is used from where it cannot be told
//     what is a route.
//   - An option of more than 8192 octets is as if absent.
package wire

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

const (
	cookie     = 0x63825363 // RFC 2131 3
	bootReply  = 2
	forceRenew = 9 // RFC 3203 4; the codec does not name it
)

// Parse reads a server's message to the client id: an fsm.Offer, Ack or Nak,
// else a *Reject. The xid is carried, not checked: package fsm knows which
// exchange is under way. The event shares no memory with b, and its lease has
// no Start.
func Parse(b []byte, id *Identity) (fsm.Event, error) { return ParseAwaited(b, id, nil) }

// An Awaited is the exchange under way.
type Awaited struct {
	XID uint32
	// Offer says that an OFFER is awaited, else it is an ACK or NAK. Commit says
	// that an ACK with option 80 may come in its place (RFC 4039).
	Offer, Commit bool
	// Nonce is that of the lease in use: with it a FORCERENEW is all that is
	// awaited, and XID does not count (RFC 6704).
	Nonce fsm.Nonce
}

// allows says that a message of this kind is awaited, as it looks in s.
func (a *Awaited) allows(kind dhcpv4.MessageType, s *scan) bool {
	return a.Offer == (kind == dhcpv4.MessageTypeOffer) ||
		a.Commit && kind == dhcpv4.MessageTypeAck && s.count[optRapidCommit] > 0
}

// ParseAwaited is Parse of a message that is awaited; any other is rejected
// before it is taken apart, since there may be a flood of them. Nil is anything.
func ParseAwaited(b []byte, id *Identity, awaited *Awaited) (fsm.Event, error) {
	if err := checkHeader(b, id); err != nil {
		return nil, err
	}
	if awaited != nil && awaited.Nonce != (fsm.Nonce{}) {
		return parseForced(b, awaited.Nonce)
	}
	if awaited != nil && binary.BigEndian.Uint32(b[xidAt:]) != awaited.XID {
		return nil, bare(OtherExchange)
	}
	var s scan
	ended, err := s.note(optionsField, b[headerLen:])
	if err != nil {
		return nil, err
	}
	if s.count[optOverload] == 0 { // else the type may stand elsewhere
		kind, err := s.messageType()
		if err != nil {
			return nil, err
		}
		if kind == dhcpv4.MessageTypeOffer && s.count[optServerID] == 0 {
			return nil, bare(NoServerID)
		}
		if awaited != nil && !awaited.allows(kind, &s) {
			return nil, bare(NotAwaited)
		}
	}
	r, err := decode(b, s, ended)
	if err != nil {
		return nil, err
	}
	kind, err := r.messageType()
	if err != nil {
		return nil, err
	}
	if id.Auth != nil {
		if err := id.Auth.check(b, &s, r, kind); err != nil {
			return nil, err
		}
	}
	// RFC 6842 3: absent is fine, different is somebody else's.
	if v, ok := r.options[optClientID]; ok && !slices.Equal(v, id.ClientID) {
		return nil, reject(OtherClientID, "%d octets", len(v))
	}
	server, err := r.serverID(kind)
	if err != nil {
		return nil, err
	}
	if kind == dhcpv4.MessageTypeNak {
		return fsm.Nak{XID: r.xid, Server: server, Message: textOf(r.options[optMessage])}, nil
	}
	var nonce fsm.Nonce
	var replay uint64
	if id.ForceRenew {
		nonce, replay = r.nonce()
	}
	if id.Informs.IsValid() {
		r.informed(id.Informs)
	}
	l, err := r.filtered(kind, server, id)
	if err != nil {
		return nil, err
	}
	if kind == dhcpv4.MessageTypeOffer {
		return fsm.Offer{XID: r.xid, Lease: l}, nil
	}
	_, rapid := r.options[optRapidCommit]
	return fsm.Ack{XID: r.xid, Lease: l, Rapid: rapid, Nonce: nonce, Replay: replay}, nil
}

// IsNotAwaited says that err is of a message that is of the exchange under way,
// and of a type that is not awaited.
func IsNotAwaited(err error) bool { return err == bare(NotAwaited) }

// OfferedBy returns the server of a message that Parse would take for an OFFER,
// without taking it apart; not ok for any other.
func OfferedBy(b []byte) (server netip.Addr, ok bool) {
	if len(b) < headerLen {
		return server, false
	}
	offer := false
	for field := b[headerLen:]; len(field) > 0 && field[0] != optEnd; {
		if field[0] == optPad {
			field = field[1:]
			continue
		}
		if len(field) < 2 || len(field) < 2+int(field[1]) {
			return server, false
		}
		v := field[2 : 2+int(field[1])]
		switch {
		case field[0] == optMessageType:
			offer = len(v) == 1 && dhcpv4.MessageType(v[0]) == dhcpv4.MessageTypeOffer
		case field[0] == optServerID && len(v) == 4:
			server = addr(v)
		}
		field = field[2+len(v):]
	}
	return server, offer && lease.UsableAddr(server)
}

// checkHeader says whether b is a DHCP message from a server to us. It looks at
// the bytes and not at a decoded message, since most of what it rejects is for
// others, and there may be a flood of it.
func checkHeader(b []byte, id *Identity) error {
	switch {
	case len(b) < headerLen || len(b) > math.MaxUint16:
		return bare(BadLength)
	case b[0] != bootReply:
		return bare(NotReply)
	case b[1] != ethernet || int(b[2]) != len(id.HardwareAddr):
		return bare(OtherLink)
	case lease.HardwareAddr(b[chaddrAt:]) != id.HardwareAddr:
		return bare(OtherClient)
	case binary.BigEndian.Uint32(b[cookieAt:]) != cookie:
		return bare(NoCookie)
	}
	return nil
}

// messageType returns what the message is: OFFER, ACK or NAK.
func (s *scan) messageType() (dhcpv4.MessageType, error) {
	switch {
	case s.count[optMessageType] == 0:
		return 0, bare(NoType)
	case s.count[optMessageType] > 1 || s.first[optMessageType] != 1:
		return 0, bare(BadType)
	}
	switch s.kind {
	case dhcpv4.MessageTypeOffer, dhcpv4.MessageTypeAck, dhcpv4.MessageTypeNak:
		return s.kind, nil
	case forceRenew:
		return 0, bare(ForceRenew)
	}
	return 0, bare(BadType)
}

// serverID returns option 54. An ACK or NAK may lack it: then the server is the
// one that was asked, which package fsm knows, and the zero Addr is returned.
func (r *reply) serverID(kind dhcpv4.MessageType) (netip.Addr, error) {
	if _, ok := r.options[optServerID]; !ok {
		if kind == dhcpv4.MessageTypeOffer {
			return netip.Addr{}, bare(NoServerID)
		}
		return netip.Addr{}, nil
	}
	v, ok := r.fixed(optServerID, 4)
	if !ok {
		return netip.Addr{}, reject(BadServerID, "%d octets", r.first[optServerID])
	}
	if a := addr(v); lease.UsableAddr(a) {
		return a, nil
	}
	return netip.Addr{}, reject(BadServerID, "%v", addr(v))
}

// lease makes a lease of an OFFER or an ACK. The terms without which there is
// none are checked one by one; the rest are rows of the table of options.
func (r *reply) lease(kind dhcpv4.MessageType, server netip.Addr, id *Identity) (*lease.Lease, error) {
	l := &lease.Lease{
		Address:      r.yiaddr,
		Server:       server,
		Options:      r.options,
		HardwareAddr: id.HardwareAddr,
		ClientID:     slices.Clone(id.ClientID),
	}
	if v, ok := r.fixed(optSubnetMask, 4); ok {
		bits, ok := maskBits(v)
		// An ACK leaves out what the client knows from the offer or the lease
		// it holds; a mask that is none is left out too.
		if !ok && kind == dhcpv4.MessageTypeOffer {
			return nil, reject(BadMask, "%v", addr(v))
		}
		l.Bits = bits
	}
	if !lease.UsableAddr(l.Address) || !isHostOf(l.Address, l.Address, l.Bits) {
		return nil, reject(BadAddress, "%v/%d", l.Address, l.Bits)
	}
	var err error
	if l.Valid, err = r.leaseTime(); err != nil {
		return nil, err
	}
	r.fill(l)
	l.Routes = r.routes(l)
	if lease.UsableAddr(r.siaddr) {
		l.NextServer = r.siaddr
	}
	l.ServerName = headerText(r.sname, lease.MaxServerName)
	l.BootFile = headerText(r.file, lease.MaxBootFile)
	return l, nil
}

// leaseTime returns option 51; 0 if there is none.
func (r *reply) leaseTime() (time.Duration, error) {
	v, ok := r.fixed(optLeaseTime, 4)
	if !ok {
		return 0, nil
	}
	if d := seconds(v); d > 0 {
		return d, nil
	}
	return 0, bare(NoTime)
}

// headerText reads a text that NUL ends (RFC 2131 2); empty for one that is
// none.
func headerText(field []byte, limit int) string {
	text, _, _ := bytes.Cut(field, []byte{0})
	if s := string(text); lease.ValidHeaderText(s, limit) {
		return s
	}
	return ""
}
