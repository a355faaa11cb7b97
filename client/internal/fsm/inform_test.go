package fsm

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// informs starts an Inform of B, and returns when it has sent what until it gives
// up, and what it said last.
func informs(cfg Config) (i Inform, at []time.Duration, sent []Message, last Notice) {
	i = NewInform(cfg, [2]uint64{1, 2}, addrB)
	now := newWorld(Config{}).now
	start, actions := now, i.Step(now, Start{LinkUp: true})
	for range 20 {
		for _, m := range sends(actions) {
			at, sent = append(at, now.Sub(start)), append(sent, m)
		}
		for _, a := range actions {
			if n, ok := a.(Notify); ok {
				last = n.Notice
			}
		}
		if i.Deadline().IsZero() {
			break
		}
		i.Step(i.Deadline().Add(-time.Millisecond), Tick{})
		now = i.Deadline()
		actions = i.Step(now, Tick{})
	}
	return i, at, sent, last
}

// INFORMs have the address and one xid, and are sent again by the schedule until
// it is said that nobody has answered (RFC 2131 4.4.3; INF-01, INF-03).
func TestInform_RFC2131_4_4_3(t *testing.T) {
	i, at, sent, last := informs(Config{Broadcast: true})
	if len(sent) != informTries || last.Kind != NoServer || !i.Deadline().IsZero() {
		t.Fatalf("%d messages, at the end %+v", len(sent), last)
	}
	for k, m := range sent {
		want := Message{Type: InformType, XID: i.XID(), CIAddr: addrB, Dst: broadcast, Broadcast: true, Secs: uint16(at[k] / time.Second)}
		if m != want || m.XID == 0 {
			t.Errorf("%d: %+v, want %+v", k, m, want)
		}
	}
	if at[4] < 13*time.Second || at[4] > 17*time.Second {
		t.Errorf("sent at %v", at)
	}
	if _, at, sent, _ := informs(Config{Retransmit: RFC2131}); len(sent) != 4 || at[3] < 25*time.Second || at[3] > 31*time.Second {
		t.Errorf("by the schedule of RFC 2131 sent at %v", at)
	}
	if more := i.Step(newWorld(Config{}).now.Add(time.Hour), Ack{XID: i.XID(), Lease: granted(addrA, server1, time.Hour)}); len(sends(more)) > 0 || more[0].(Notify).Notice.Kind != Ignored {
		t.Errorf("afterwards: %v", more)
	}
}

// What the answer says of an address and a time does not count, and a NAK means
// nothing (INF-02, INF-04).
func TestInform_RFC2131_4_3_5(t *testing.T) {
	i := NewInform(Config{}, [2]uint64{1, 2}, addrB)
	now := newWorld(Config{}).now
	i.Step(now, Start{LinkUp: true})
	given := granted(addrA, server1, time.Minute)
	given.T1, given.T2, given.DNS = 5*time.Second, 6*time.Second, []netip.Addr{server2}
	for _, ev := range []Event{Nak{XID: i.XID(), Server: server1}, Offer{i.XID(), given}, Ack{XID: i.XID() + 1, Lease: given}} {
		if actions := i.Step(now, ev); len(actions) != 1 || actions[0].(Notify).Notice.Kind != Ignored || i.Deadline().IsZero() {
			t.Errorf("%T: %v", ev, actions)
		}
	}
	actions := i.Step(now, Ack{XID: i.XID(), Lease: given})
	n := actions[0].(Notify).Notice
	if l := n.Lease; n.Kind != Informed || l.Address != addrB || l.Valid != lease.Infinite || l.T1 != 0 || l.T2 != 0 ||
		!slices.Equal(l.DNS, given.DNS) || l.Router() != gateway || n.Server != server1 {
		t.Errorf("%+v, %+v", n, n.Lease)
	}
	if !i.Deadline().IsZero() || given.Address != addrA {
		t.Error("it goes on, or has changed what is shared")
	}
	if len(i.Step(now.Add(time.Hour), Tick{})) != 0 {
		t.Error("a Tick at the end has an effect")
	}
}
