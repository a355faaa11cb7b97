package wire

import (
	"net/netip"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
)

// An answer to an INFORM needs no address, no time and no mask, and those that it
// has do not count (RFC 2131 4.3.5; INF-02).
func TestParse_AnswerToInform(t *testing.T) {
	id := testIdentity()
	id.Informs = netip.MustParsePrefix("10.99.0.9/25")
	for name, b := range map[string][]byte{
		"bare":             yiaddr(ack(without(51), without(1), optAddrs(6, "10.99.0.3"), optAddrs(3, "10.99.0.1")), "0.0.0.0"),
		"with a lease":     yiaddr(ack(opt32(58, 5), opt32(59, 6), optAddrs(6, "10.99.0.3"), optAddrs(3, "10.99.0.1")), "10.99.0.60"),
		"time of 0":        ack(opt32(51, 0), optAddrs(6, "10.99.0.3"), optAddrs(3, "10.99.0.1")),
		"address of none":  yiaddr(ack(optAddrs(6, "10.99.0.3"), optAddrs(3, "10.99.0.1")), "127.0.0.1"),
		"mask with a hole": ack(optAddrs(1, "255.0.255.0"), optAddrs(6, "10.99.0.3"), optAddrs(3, "10.99.0.1")),
	} {
		ev, err := Parse(b, id)
		a, ok := ev.(fsm.Ack)
		if !ok {
			t.Errorf("%s: %T, %v", name, ev, err)
			continue
		}
		if l := a.Lease; l.Prefix() != id.Informs || l.Valid != 0 || l.T1 != 0 || l.T2 != 0 || len(l.DNS) != 1 || !l.Router().IsValid() {
			t.Errorf("%s: %+v", name, l)
		}
	}
	if _, err := Parse(nak(), id); err != nil {
		t.Error(err)
	}
	if _, err := Parse(ack(opt(61, 1, 2, 3)), id); err == nil {
		t.Error("an answer to another client counts")
	}
}
