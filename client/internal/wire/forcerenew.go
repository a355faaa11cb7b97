package wire

import (
	"encoding/binary"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/internal/hmacmd5"
)

// The authentication option (RFC 3118 2): protocol, algorithm, replay detection
// method, the value for that, and what the protocol needs.
const (
	authInfoAt = 11

	authReconfigure = 3 // the protocol of RFC 6704 3.1.1
	authHMACMD5     = 1 // the algorithm
	authMonotonic   = 0 // the replay detection method
	// The information of authReconfigure is a type and 16 octets: a nonce, or the
	// digest that is made with it.
	authNonce     = 1
	authDigest    = 2
	reconfigureIs = authInfoAt + 1 + hmacmd5.Size
)

// nonceCapable is option 145: that we know HMAC-MD5 (RFC 6704 3.1.1).
var nonceCapable = []byte{authHMACMD5}

// reconfigure reads option 90 of that protocol and type; not ok for another.
func reconfigure(v []byte, typ byte) (replay uint64, value [hmacmd5.Size]byte, ok bool) {
	if len(v) != reconfigureIs || v[0] != authReconfigure || v[1] != authHMACMD5 || v[2] != authMonotonic || v[authInfoAt] != typ {
		return 0, value, false
	}
	return binary.BigEndian.Uint64(v[3:]), [hmacmd5.Size]byte(v[authInfoAt+1:]), true
}

// nonce takes the nonce out of the options: it is a secret, and no part of a lease
// that others get to see.
func (r *reply) nonce() (nonce fsm.Nonce, replay uint64) {
	replay, value, ok := reconfigure(r.options[optAuthentication], authNonce)
	delete(r.options, optAuthentication)
	if !ok || r.count[optAuthentication] != 1 {
		return fsm.Nonce{}, 0
	}
	return value, replay
}

// parseForced reads a FORCERENEW that was made with the nonce: nothing else is
// awaited. The digest is that of the whole message, with zeros in its own place (RFC
// 6704 3.1.3).
func parseForced(b []byte, nonce fsm.Nonce) (fsm.Event, error) {
	var s scan
	if _, err := s.note(optionsField, b[headerLen:]); err != nil {
		return nil, err
	}
	switch {
	case s.count[optMessageType] != 1 || s.first[optMessageType] != 1 || s.kind != dhcpv4.MessageType(forceRenew):
		return nil, bare(NotAwaited)
	case s.count[optAuthentication] != 1 || s.count[optOverload] != 0:
		return nil, bare(ForceRenew)
	}
	at, end, _ := authentication(b) // note has seen that it is there, and whole
	replay, digest, ok := reconfigure(b[at:end], authDigest)
	if !ok {
		return nil, bare(ForceRenew)
	}
	plain := slices.Clone(b)
	clear(plain[end-hmacmd5.Size : end])
	if !hmacmd5.Equal(hmacmd5.Sum(nonce[:], plain), digest) {
		return nil, bare(ForceRenew)
	}
	return fsm.ForceRenew{Replay: replay}, nil
}
