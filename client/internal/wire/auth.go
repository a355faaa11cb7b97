package wire

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/internal/hmacmd5"
)

const (
	// authDelayed is the protocol of RFC 3118 5; its information is the id of the
	// secret and the digest.
	authDelayed = 1
	delayedIs   = authInfoAt + 4 + hmacmd5.Size
	// maxServers is how many servers' replay values are remembered: only who has
	// the secret gets there.
	maxServers = 64

	hopsAt   = 3
	giaddrAt = 24
)

// An Authenticator signs what a client sends, and tells what servers with the same
// secret have signed from the rest: delayed authentication (RFC 3118 5). It may be
// used by any goroutine.
type Authenticator struct {
	id  uint32
	key []byte
	now func() time.Time

	mu   sync.Mutex
	last uint64
	seen map[netip.Addr]uint64
}

// NewAuthenticator returns one for the secret of that id. now must not stand
// still for good: the replay values of this and of a later process are made of it.
func NewAuthenticator(id uint32, key []byte, now func() time.Time) *Authenticator {
	return &Authenticator{id: id, key: slices.Clone(key), now: now, seen: map[netip.Addr]uint64{}}
}

// replay is above each value before, in this process and, unless the clock was set
// back, in those before it.
func (a *Authenticator) replay() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = max(a.last+1, uint64(max(0, a.now().UnixNano())))
	return a.last
}

// option is option 90 of a message, unsigned: a DISCOVER only says that the client
// can do it (RFC 3118 5.5.1).
func (a *Authenticator) option(t fsm.MessageType) []byte {
	v := append([]byte{authDelayed, authHMACMD5, authMonotonic}, binary.BigEndian.AppendUint64(nil, a.replay())...)
	if t == fsm.Discover || t == fsm.InformType {
		return v
	}
	return append(binary.BigEndian.AppendUint32(v, a.id), make([]byte, hmacmd5.Size)...)
}

// sign fills in the digest, if the message is to have one.
func (a *Authenticator) sign(b []byte) {
	if at, end, ok := authentication(b); ok && end-at == delayedIs {
		digest := a.digest(b, end)
		copy(b[end-hmacmd5.Size:], digest[:])
	}
}

// digest is that of a message whose option 90 ends there: with zeros in its own
// place, and in what a relay may change (RFC 3118 2).
func (a *Authenticator) digest(b []byte, end int) [hmacmd5.Size]byte {
	plain := slices.Clone(b)
	plain[hopsAt] = 0
	clear(plain[giaddrAt : giaddrAt+4])
	clear(plain[end-hmacmd5.Size : end])
	return hmacmd5.Sum(a.key, plain)
}

// check says whether a server that has the secret has signed b just now. s is what
// its options look like, and r what they are.
func (a *Authenticator) check(b []byte, s *scan, r *reply, kind dhcpv4.MessageType) error {
	at, end, ok := authentication(b)
	if !ok || s.count[optAuthentication] != 1 || end-at != delayedIs {
		return bare(NotAuthenticated)
	}
	v := b[at:end]
	signed := v[0] == authDelayed && v[1] == authHMACMD5 && v[2] == authMonotonic && binary.BigEndian.Uint32(v[authInfoAt:]) == a.id &&
		hmacmd5.Equal(a.digest(b, end), [hmacmd5.Size]byte(v[authInfoAt+4:]))
	if !signed {
		return bare(NotAuthenticated)
	}
	server, err := r.serverID(kind)
	if err != nil {
		return err
	}
	replay := binary.BigEndian.Uint64(v[3:])
	a.mu.Lock()
	defer a.mu.Unlock()
	if replay <= a.seen[server] {
		return bare(Replayed)
	}
	if len(a.seen) >= maxServers {
		clear(a.seen)
	}
	a.seen[server] = replay
	return nil
}

// authentication is where the value of option 90 begins and ends, in a message
// whose options are whole as far as they go.
func authentication(b []byte) (at, end int, ok bool) {
	for i := headerLen; i+1 < len(b) && b[i] != optEnd; {
		switch {
		case b[i] == optPad:
			i++
			continue
		case i+2+int(b[i+1]) > len(b):
			return 0, 0, false
		case b[i] == optAuthentication:
			return i + 2, i + 2 + int(b[i+1]), true
		}
		i += 2 + int(b[i+1])
	}
	return 0, 0, false
}
