package client

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/internal/rawudp"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A successor is a heir that notes what it hears.
type successor struct {
	r       *rig
	asks    bool
	allowed bool
	refused string
	given   []byte
	got     bool
}

func (s *successor) IsQuestion() bool { return s.asks }

func (s *successor) Allow() { s.allowed = true }

func (s *successor) Refuse(why string) { s.refused = why }

func (s *successor) Give(what []byte) error {
	s.r.note("give")
	s.given, s.got = what, true
	return nil
}

func (s *successor) Close() { s.r.note("free") }

// ask has the heir ask the client.
func (r *rig) ask(pid int) *successor {
	r.t.Helper()
	s := &successor{r: r}
	r.client.asked(pid, "next", s)
	synctest.Wait()
	return s
}

// A client that hands over leaves everything, whatever it is to do at its end, and
// gives its lease when all is done; Run ends. What OnHandover does not like is
// refused, and nothing else happens.
func TestHandover_LeavesTheLease(t *testing.T) {
	for exit, name := range map[OnExit]string{Keep: "keep", Remove: "remove", Release: "release"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.cfg.OnExit = exit
				allowed := errors.New("not yet")
				r.cfg.OnHandover = func(pid int, name string) error {
					if pid != 77 || name != "next" {
						t.Errorf("asked by %d, %q", pid, name)
					}
					return allowed
				}
				c := r.run()
				r.pass(time.Second)
				if s := r.ask(77); s.refused != "not yet" || s.got || c.State() != fsm.BoundState {
					t.Fatalf("refused with %q, given %v, state %v", s.refused, s.got, c.State())
				}
				allowed = nil
				r.forget()
				asks := &successor{r: r, asks: true}
				c.asked(77, "next", asks)
				synctest.Wait()
				if !asks.allowed || asks.got || c.State() != fsm.BoundState {
					t.Fatalf("a question: %+v, state %v", asks, c.State())
				}
				s := r.ask(77)
				if err := <-r.done; err != nil {
					t.Fatalf("Run: %v", err)
				}
				got, err := lease.Decode(s.given)
				if err != nil || got.Address != offered || got.Valid != time.Hour {
					t.Errorf("given %v, %v", got, err)
				}
				if l := r.onTheLink(); l == nil || l.Address != offered || r.stored == nil {
					t.Errorf("on the link %v, stored %v", l, r.stored)
				}
				if sent := r.types(); len(sent) > 0 {
					t.Errorf("sent %v", sent)
				}
				if order := strings.Join(r.journal[len(r.journal)-3:], " "); order != "give close free" {
					t.Errorf("the last things are %q", order)
				}
				r.handedOver(77, offered)
			})
		})
	}
}

// handedOver looks for the event, which Stopped follows.
func (r *rig) handedOver(pid int, a netip.Addr) {
	r.t.Helper()
	at := -1
	for i, ev := range r.events {
		switch ev := ev.(type) {
		case HandedOver:
			at = i
			if ev.PID != pid || heldAddress(ev.Lease).Addr() != a {
				r.t.Errorf("event %+v", ev)
			}
		case Stopped:
			if at < 0 {
				r.t.Error("Stopped without HandedOver before it")
			}
		default:
		}
	}
	if at < 0 {
		r.t.Error("no HandedOver")
	}
}

// A holder without a lease has nothing to give; one that nobody is asked for
// refuses, and so does one that gives the link to another already.
func TestHandover_WithoutLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.answer = func(sentMessage) []*dhcpv4.DHCPv4 { return nil }
		r.run()
		if s := r.ask(1); !strings.Contains(s.refused, "to nobody") {
			t.Errorf("refused with %q", s.refused)
		}
		r.client.cfg.OnHandover = func(int, string) error { return nil }
		first, second := &successor{r: r}, &successor{r: r}
		r.client.inbox.put(job{do: func() { // both before the loop looks
			r.client.consider(2, "first", first)
			r.client.consider(3, "second", second)
		}})
		<-r.done
		if !first.got || len(first.given) != 0 || !strings.Contains(second.refused, "another process") {
			t.Errorf("the first got %v %q, the second %q", first.got, first.given, second.refused)
		}
		if s := r.ask(4); s.refused == "" {
			t.Error("one that has ended does not refuse")
		}
		r.handedOver(2, netip.Addr{})
	})
}

// legacy is a transport that was taken over.
type legacy struct {
	transport
	in *rawudp.Inheritance
}

func (l legacy) Inherited() *rawudp.Inheritance { return l.in }

// takes has the client of r take over what, with a stored lease beside it.
func (r *rig) takes(what []byte) {
	r.cfg.Takeover = true
	r.cfg.OpenTransport = func(_ LinkState, receive func([]byte, netip.Addr)) (Transport, error) {
		r.receive = receive
		return legacy{transport{r}, &rawudp.Inheritance{PID: 77, Name: "before", Document: what}}, nil
	}
}

// held is a lease of address, of an hour that began age ago.
func held(address netip.Addr, age time.Duration, id []byte) *lease.Lease {
	return &lease.Lease{Address: address, Bits: 24, Server: server1, Start: lease.Now().Add(-age), Valid: time.Hour, T1: 30 * time.Minute,
		T2: 50 * time.Minute, HardwareAddr: myMAC, ClientID: id}
}

// A newcomer goes on from the lease that it was given, unless the stored one is
// newer, with the client id of that (RFC 2131 3.2, 4.2): the first message asks for
// its address, which stays on the link.
func TestTakeover_GoesOn(t *testing.T) {
	own := append([]byte{1}, myMAC[:]...)
	other := netip.MustParseAddr("10.99.0.77")
	for name, c := range map[string]struct {
		given, stored *lease.Lease
		id            []byte // Config.ClientID
		machine       MachineID
		asks          netip.Addr
		sends         []byte
	}{
		"given":                      {given: held(offered, time.Minute, own), asks: offered, sends: own},
		"given is newer":             {given: held(offered, time.Minute, own), stored: held(other, time.Hour/2, own), asks: offered, sends: own},
		"stored is newer":            {given: held(other, time.Hour/2, own), stored: held(offered, time.Minute, own), asks: offered, sends: own},
		"no lease":                   {sends: own},
		"no lease, but stored":       {stored: held(offered, time.Minute, own), asks: offered, sends: own},
		"without a client id":        {given: held(offered, time.Minute, nil), asks: offered},
		"another client id":          {given: held(offered, time.Minute, []byte("\x00id")), asks: offered, sends: []byte("\x00id")},
		"another than the machine's": {given: held(offered, time.Minute, []byte("\x00id")), machine: MachineID{7}, sends: MachineID{7}.clientID(myMAC)},
		"another that is refused":    {given: held(offered, time.Minute, []byte("\x00id")), id: own, sends: own},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.slept.Store(int64(time.Until(lease.Now()))) // one time line for both
				var doc []byte
				if c.given != nil {
					var err error
					if doc, err = lease.Encode(c.given); err != nil {
						t.Fatal(err)
					}
				}
				r.takes(doc)
				r.stored, r.cfg.ClientID, r.cfg.MachineID = c.stored, c.id, c.machine
				r.link.Addresses = []netip.Prefix{netip.PrefixFrom(c.asks, 24)}
				client := r.run()
				r.mu.Lock()
				first := r.sent[0]
				r.mu.Unlock()
				asks, _ := netip.AddrFromSlice(first.RequestedIPAddress())
				if want := c.asks.IsValid(); want != (first.MessageType() == dhcpv4.MessageTypeRequest) || asks.Unmap() != c.asks {
					t.Errorf("sent first: %v for %v, want %v", first.MessageType(), asks, c.asks)
				}
				if id := first.Options.Get(dhcpv4.OptionClientIdentifier); !bytes.Equal(id, c.sends) {
					t.Errorf("client id %x, want %x", id, c.sends)
				}
				if pid, ok := client.TakenFrom(); pid != 77 || !ok {
					t.Errorf("taken from %d, %v", pid, ok)
				}
				r.mu.Lock()
				told := r.events[0]
				r.mu.Unlock()
				if ev, ok := told.(TookOver); !ok || ev.PID != 77 || ev.From != "before" || (ev.Lease == nil) != (c.given == nil) {
					t.Errorf("the first event is %+v", told)
				}
				r.pass(time.Second)
				if _, err := client.Wait(context.Background()); err != nil {
					t.Fatal(err)
				}
				for i, l := range r.applied {
					if l == nil && c.id == nil && c.machine == (MachineID{}) {
						t.Errorf("apply %d took everything off", i)
					}
				}
			})
		})
	}
}

// A lease that was in use until it was handed over stays so where no server answers:
// who waits for one has it, and nothing is taken off (RFC 2131 3.2(3)). It is over
// when its time is.
func TestTakeover_NoServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.slept.Store(int64(time.Until(lease.Now())))
		doc, err := lease.Encode(held(offered, 10*time.Minute, append([]byte{1}, myMAC[:]...)))
		if err != nil {
			t.Fatal(err)
		}
		r.takes(doc)
		r.answer = func(sentMessage) []*dhcpv4.DHCPv4 { return nil }
		r.link.Addresses = []netip.Prefix{netip.PrefixFrom(offered, 24)}
		c := r.run()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if l, err := c.Wait(ctx); err != nil || l.Address != offered || l.Valid != time.Hour {
			t.Fatalf("within a second there is %v, %v", l, err)
		}
		r.pass(45 * time.Minute)
		if n := len(r.sent); n < 40 {
			t.Errorf("only %d messages have asked for it", n)
		}
		for i, l := range r.applied {
			if l == nil || l.Address != offered {
				t.Errorf("apply %d: %v", i, l)
			}
		}
		if l := c.Lease(); l == nil {
			t.Error("it is given up")
		}
		r.pass(5 * time.Minute)
		if l := r.onTheLink(); l != nil || c.Lease() != nil {
			t.Errorf("its time is over, and on the link is %v", l)
		}
	})
}

// What is no lease is not gone on from.
func TestTakeover_HostileDocument(t *testing.T) {
	for _, doc := range []string{"{", `{"version":1,"lease":{"address":"127.0.0.1","start":"2026-01-01T00:00:00Z","lease_seconds":1}}`} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.takes([]byte(doc))
			r.run()
			if kind := r.sent[0].MessageType(); kind != dhcpv4.MessageTypeDiscover {
				t.Errorf("sent first: %v", kind)
			}
		})
	}
}
