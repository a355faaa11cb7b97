package wire

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
)

var testSecret = []byte("a secret of both")

// delayed is option 90 of RFC 3118, without its digest.
func delayed(id uint32, replay uint64) []byte {
	v := append([]byte{1, 1, 0}, binary.BigEndian.AppendUint64(nil, replay)...)
	return opt(90, append(binary.BigEndian.AppendUint32(v, id), make([]byte, 16)...)...)
}

// signed is b with a digest in its option 90, as the standard library makes it.
func signed(b, secret []byte) []byte {
	b = slices.Clone(b)
	at := bytes.Index(b, []byte{90, 31}) + 2 + 15
	plain := slices.Clone(b)
	plain[3] = 0
	clear(plain[24:28])
	clear(plain[at : at+16])
	h := hmac.New(md5.New, secret)
	h.Write(plain)
	copy(b[at:], h.Sum(nil))
	return b
}

func authIdentity(now *time.Time) *Identity {
	id := testIdentity()
	id.Auth = NewAuthenticator(7, testSecret, func() time.Time { return *now })
	return id
}

// What is sent is signed, but for a DISCOVER, which says that it could be; replay
// values grow, whatever the clock does (RFC 3118 2, 5).
func TestAuth_Signs_RFC3118_5(t *testing.T) {
	now := time.Unix(1_000_000_000, 5)
	id := authIdentity(&now)
	id.Relay = netip.MustParseAddr("10.99.0.9") // giaddr does not count
	if err := id.Validate(); err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for _, typ := range []fsm.MessageType{fsm.Discover, fsm.Request, fsm.Decline, fsm.ReleaseType} {
		b := id.Marshal(everything(typ))
		v := strictly(t, b)[90]
		if len(v) < 11 || !bytes.Equal(v[:3], []byte{1, 1, 0}) {
			t.Fatalf("%v: % x", typ, v)
		}
		if replay := binary.BigEndian.Uint64(v[3:]); replay <= last {
			t.Errorf("%v: %d after %d", typ, replay, last)
		} else {
			last = replay
		}
		now = now.Add(-time.Hour)
		if typ == fsm.Discover {
			if len(v) != 11 {
				t.Errorf("a DISCOVER has % x", v)
			}
			continue
		}
		if binary.BigEndian.Uint32(v[11:]) != 7 || !bytes.Equal(b, signed(b, testSecret)) || bytes.Equal(b, signed(b, []byte("another"))) {
			t.Errorf("%v: % x is not the digest", typ, v)
		}
		if len(b) > maxMessage {
			t.Errorf("%v: %d octets", typ, len(b))
		}
	}
}

// An answer counts that a server with the secret has signed, once (RFC 3118 5.4;
// conformance AUTH-01).
func TestAuth_Checks_RFC3118_5_4(t *testing.T) {
	now := time.Unix(1_000_000_000, 0)
	id := authIdentity(&now)
	relayed := at(signed(offer(delayed(7, 3)), testSecret), 24, 10, 0, 0, 1)
	relayed[3] = 2
	for _, row := range []struct {
		name string
		b    []byte
		want Reason // NumReasons: none
	}{
		{"signed", signed(offer(delayed(7, 2)), testSecret), NumReasons},
		{"the same again", signed(offer(delayed(7, 2)), testSecret), Replayed},
		{"an older one", signed(ack(delayed(7, 1)), testSecret), Replayed},
		{"relayed", relayed, NumReasons},
		{"an ACK", signed(ack(delayed(7, 1<<63)), testSecret), NumReasons},
		{"a NAK of another server", signed(nak(delayed(7, 1), optAddrs(54, "10.99.0.2")), testSecret), NumReasons},
		{"another secret", signed(offer(delayed(7, 1<<63+1)), []byte("another one of them")), NotAuthenticated},
		{"another id", signed(offer(delayed(8, 1<<63+1)), testSecret), NotAuthenticated},
		{"changed", at(signed(offer(delayed(7, 1<<63+1)), testSecret), 16, 10, 99, 0, 51), NotAuthenticated},
		{"unsigned", offer(), NotAuthenticated},
		{"twice", signed(offer(delayed(7, 1<<63+1), delayed(7, 1<<63+2)), testSecret), NotAuthenticated},
		{"cut short", offer(delayed(7, 1<<63)[:20]), BadOptions},
		{"short", offer(opt(90, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 9)), NotAuthenticated},
		{"another protocol", signed(offer(at(delayed(7, 1<<63+1), 2, 0)), testSecret), NotAuthenticated},
		{"a bad server", signed(offer(delayed(7, 1), optAddrs(54, "127.0.0.1")), testSecret), BadServerID},
	} {
		_, err := Parse(row.b, id)
		r, ok := err.(*Reject)
		if row.want == NumReasons && err != nil || row.want != NumReasons && (!ok || r.Reason != row.want) {
			t.Errorf("%s: %v, want %v", row.name, err, row.want)
		}
	}
	if _, err := Parse(signed(offer(delayed(7, 2)), testSecret), testIdentity()); err != nil {
		t.Errorf("without a secret: %v", err) // AUTH-02
	}
	for i := range 3 * maxServers {
		b := signed(offer(delayed(7, 5), optAddrs(54, netip.AddrFrom4([4]byte{10, 1, byte(i), 1}).String())), testSecret)
		if _, err := Parse(b, id); err != nil || len(id.Auth.seen) > maxServers {
			t.Fatalf("server %d: %v, %d remembered", i, err, len(id.Auth.seen))
		}
	}
}

func FuzzAuthentication(f *testing.F) {
	f.Add(signed(offer(delayed(7, 2)), testSecret))
	f.Add(append(header(), 0, 0, 90, 200, 1))
	f.Add(append(header(), 90))
	now := time.Unix(1_000_000_000, 0)
	f.Fuzz(func(t *testing.T, b []byte) {
		if at, end, ok := authentication(b); ok && (at > end || end > len(b) || at < headerLen) {
			t.Errorf("from %d to %d of %d", at, end, len(b))
		}
		_, _ = Parse(b, authIdentity(&now))
	})
}
