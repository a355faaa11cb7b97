package client

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

func wantTypes(t *testing.T, r *rig, want ...string) {
	t.Helper()
	if got := r.types(); !slices.Equal(got, want) {
		t.Fatalf("messages sent: %v\nwant: %v", got, want)
	}
}

func TestAcquireAndRenew_RFC2131_3_1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.run()
		l, err := c.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(r.start); took < 200*time.Millisecond || took > 210*time.Millisecond {
			t.Errorf("bound after %v, want the 200 ms of the probe", took)
		}
		if l.Address != offered || l.Bits != 24 || l.Server != server1 || l.Valid != time.Hour {
			t.Errorf("lease: %+v", l)
		}
		if c.Lease() != l || c.State() != fsm.BoundState {
			t.Errorf("Lease = %v, State = %v", c.Lease(), c.State())
		}
		wantTypes(t, r, "DISCOVER", "REQUEST")
		if got := r.onTheLink(); got == nil || got.Address != offered {
			t.Errorf("on the link: %v", got)
		}
		r.pass(time.Second)
		r.mu.Lock()
		if r.listening {
			t.Error("the transport delivers while BOUND")
		}
		if r.stored == nil || r.stored.RouterMAC != station(routerMAC) {
			t.Errorf("stored: %+v", r.stored)
		}
		r.mu.Unlock()
		// T1 is half an hour, a little off.
		r.pass(35 * time.Minute)
		wantTypes(t, r, "DISCOVER", "REQUEST", "REQUEST")
		m := r.last()
		if m.dst != server1 || m.src != offered || !m.ClientIPAddr.Equal(offered.AsSlice()) {
			t.Errorf("renewal from %v to %v: %v", m.src, m.dst, m.DHCPv4)
		}
		if m.Options.Has(dhcpv4.OptionRequestedIPAddress) || m.Options.Has(dhcpv4.OptionServerIdentifier) {
			t.Error("the renewal has option 50 or 54")
		}
		if r.probes != 1 {
			t.Errorf("%d probes, want 1: a renewal is not probed (REN-23)", r.probes)
		}
		if took := r.stop(); took > time.Second {
			t.Errorf("stopping took %v", took)
		}
		if got := r.onTheLink(); got == nil {
			t.Error("the default is to keep, and the address was removed")
		}
		if _, err := c.Wait(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Wait after the end: %v", err)
		}
	})
}

// A silent server: unicast at T1, broadcast at T2, removal at the end, and a
// fresh start.
func TestServerDies_RFC2131_4_4_5(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.run()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.mu.Lock()
		r.answer = func(sentMessage) []*dhcpv4.DHCPv4 { return nil }
		r.mu.Unlock()
		r.pass(52 * time.Minute)
		if m := r.last(); m.dst != server1 || c.State() != fsm.Renewing {
			t.Errorf("at 52 min: %v to %v", c.State(), m.dst)
		}
		r.pass(2 * time.Minute)
		if m := r.last(); m.dst != everybody || m.src != offered || c.State() != fsm.Rebinding {
			t.Errorf("at 54 min: %v from %v to %v", c.State(), m.src, m.dst)
		}
		r.pass(time.Hour - 54*time.Minute - time.Second)
		if r.onTheLink() == nil {
			t.Error("the address was removed before the lease ended")
		}
		r.pass(time.Second)
		if r.onTheLink() != nil || c.Lease() != nil {
			t.Error("the address outlived the lease")
		}
		if m := r.last(); m.MessageType() != dhcpv4.MessageTypeDiscover {
			t.Errorf("after the end: %v", m.MessageType())
		}
		r.mu.Lock()
		r.answer = r.serve(time.Hour)
		r.mu.Unlock()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.stop()
	})
}

func TestConflict_RFC2131_3_1_5(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.squatters[offered] = otherMAC
		c := r.run()
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		_, err := c.Wait(ctx)
		var conflict *ConflictError
		if !errors.As(err, &conflict) || conflict.By.String() != otherMAC.String() || conflict.Addr != offered {
			t.Fatalf("Wait = %v", err)
		}
		if slices.ContainsFunc(r.applied, func(l *lease.Lease) bool { return l != nil }) {
			t.Error("an address in conflict was configured")
		}
		if r.stored != nil {
			t.Error("an address in conflict stays stored")
		}
		got := r.types()
		if !slices.Contains(got, "DECLINE") {
			t.Fatalf("sent %v", got)
		}
		// The address is not asked for again in five minutes: the server has
		// no other.
		if n := len(slices.DeleteFunc(got, func(s string) bool { return s != "DECLINE" })); n != 1 {
			t.Errorf("%d DECLINEs for one address", n)
		}
		r.stop()
	})
}

// Equipment that answers every ARP request is called by name.
func TestConflictAnswersAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		next := offered
		serve := r.answer
		r.answer = func(m sentMessage) []*dhcpv4.DHCPv4 {
			if m.MessageType() == dhcpv4.MessageTypeDecline {
				next = next.Next()
			}
			replies := serve(m)
			for _, p := range replies {
				p.YourIPAddr = next.AsSlice()
			}
			return replies
		}
		a := offered
		for range 10 {
			r.squatters[a] = otherMAC
			a = a.Next()
		}
		c := r.run()
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		_, err := c.Wait(ctx)
		var conflict *ConflictError
		if !errors.As(err, &conflict) || !conflict.AnswersAll() {
			t.Fatalf("Wait = %v", err)
		}
		if !strings.Contains(err.Error(), otherMAC.String()) {
			t.Errorf("the error does not name the station: %v", err)
		}
		r.stop()
	})
}

func TestWaitTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.answer = func(sentMessage) []*dhcpv4.DHCPv4 { return nil }
		c := r.run()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := c.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "eth0") {
			t.Errorf("Wait = %v", err)
		}
		r.stop()
	})
}

func TestApplyFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.applyErr = errors.New("the kernel said no")
		c := r.run()
		if _, err := c.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "the kernel said no") {
			t.Fatalf("Wait = %v", err)
		}
		// It goes on trying, with a back-off.
		r.mu.Lock()
		r.applyErr = nil
		r.mu.Unlock()
		r.pass(15 * time.Second)
		if l, err := c.Wait(t.Context()); err != nil || l.Address != offered {
			t.Errorf("Wait = %v, %v", l, err)
		}
		r.stop()
	})
}

func TestOnExit(t *testing.T) {
	for _, c := range []struct {
		mode    OnExit
		journal []string
		stored  bool
		onLink  bool
	}{
		{Keep, []string{"close"}, true, true},
		{Remove, []string{"remove", "close"}, true, false},
		{Release, []string{"send RELEASE", "flush", "remove", "close"}, false, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.cfg.OnExit = c.mode
			if _, err := r.run().Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.pass(time.Second)
			r.mu.Lock()
			r.journal = nil
			r.mu.Unlock()
			if took := r.stop(); took > time.Second {
				t.Errorf("stopping took %v", took)
			}
			// The address must not go before the RELEASE has left.
			if !slices.Equal(r.journal, c.journal) {
				t.Errorf("mode %d: %v, want %v", c.mode, r.journal, c.journal)
			}
			if (r.stored != nil) != c.stored || (r.onTheLink() != nil) != c.onLink {
				t.Errorf("mode %d: stored %v, on the link %v", c.mode, r.stored, r.onTheLink())
			}
			if stopped, ok := r.events[len(r.events)-2].(Stopped); !ok || (stopped.Lease != nil) != c.onLink {
				t.Errorf("mode %d: events end with %T %T", c.mode, r.events[len(r.events)-2], r.events[len(r.events)-1])
			}
		})
	}
}

// A Configurator that hangs does not keep the client from stopping.
func TestStopWhileApplyHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.applyTime = time.Hour
		r.run()
		r.pass(300 * time.Millisecond)
		if r.client.State() != fsm.Applying {
			t.Fatalf("State = %v", r.client.State())
		}
		if took := r.stop(); took > time.Second {
			t.Errorf("stopping took %v", took)
		}
	})
}

func TestReleaseAndRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.run()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Release()
		r.pass(time.Minute)
		r.mu.Lock()
		stored := r.stored
		r.mu.Unlock()
		if c.Lease() != nil || r.onTheLink() != nil || stored != nil {
			t.Error("something is left of a released lease")
		}
		m := r.last()
		if m.MessageType() != dhcpv4.MessageTypeRelease || m.src != offered || m.dst != server1 {
			t.Errorf("the last message is %v from %v to %v", m.MessageType(), m.src, m.dst)
		}
		c.Renew()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		n := len(r.types())
		c.Renew()
		r.pass(2 * time.Second)
		if m := r.last(); len(r.types()) != n+1 || m.dst != server1 {
			t.Errorf("Renew while BOUND sent %v", r.types()[n:])
		}
		r.stop()
	})
}

func TestRebootFromStore_RFC2131_4_4_2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		if _, err := r.run().Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.stop()
		r.forget()
		if _, err := r.run().Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantTypes(t, r, "REQUEST")
		if m := r.last(); !m.RequestedIPAddress().Equal(offered.AsSlice()) || m.dst != everybody ||
			m.Options.Has(dhcpv4.OptionServerIdentifier) || !m.ClientIPAddr.IsUnspecified() {
			t.Errorf("not an INIT-REBOOT: %v to %v", m.DHCPv4, m.dst)
		}
		r.stop()
	})
}

// A store that fails costs a warning, not the lease (LIF-08).
func TestStoreFails_LIF_08(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.saveErr = errors.New("read-only file system")
		if _, err := r.run().Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.stop()
	})
}

func TestCarrier_LIF_01(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.run()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.setLink(func(s *LinkState) { s.Addresses = []netip.Prefix{netip.PrefixFrom(offered, 24)} })
		r.pass(10 * time.Second)
		r.forget()
		r.setLink(func(s *LinkState) { s.Carrier, s.CarrierChanges = false, 1 })
		r.pass(10 * time.Second)
		if r.onTheLink() == nil || c.Lease() == nil {
			t.Error("the address went with the carrier")
		}
		r.setLink(func(s *LinkState) { s.Carrier, s.CarrierChanges = true, 2 })
		r.pass(300 * time.Millisecond)
		wantTypes(t, r, "REQUEST")
		if m := r.last(); !m.RequestedIPAddress().Equal(offered.AsSlice()) {
			t.Errorf("carrier return sent %v", m.DHCPv4)
		}
		// A flap too short to be seen but by its count.
		r.pass(10 * time.Second)
		r.setLink(func(s *LinkState) { s.CarrierChanges = 4 })
		r.pass(300 * time.Millisecond)
		wantTypes(t, r, "REQUEST", "REQUEST")
		if c.State() != fsm.BoundState {
			t.Errorf("State = %v", c.State())
		}
		r.stop()
	})
}

func TestLinkStartsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.link.Carrier = false
		c := r.run()
		r.pass(time.Hour)
		wantTypes(t, r)
		r.setLink(func(s *LinkState) { s.Carrier = true })
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.stop()
	})
}

// A link that is deleted and made anew is another link: nothing of the old
// lease stays, and the sockets follow.
func TestLinkReplaced_LIF_03(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.run()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.setLink(func(s *LinkState) { *s = LinkState{Name: "eth0"} })
		r.pass(5 * time.Second)
		newMAC := lease.HardwareAddr{2, 0, 0, 0, 0, 0x51}
		r.forget()
		r.setLink(func(s *LinkState) {
			*s = LinkState{Index: 9, Name: "eth0", HardwareAddr: newMAC, MTU: 1500, Carrier: true}
		})
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(r.follows, 9) {
			t.Errorf("the transport followed to %v", r.follows)
		}
		wantTypes(t, r, "DISCOVER", "REQUEST")
		if m := r.last(); m.ClientHWAddr.String() != newMAC.String() || m.Options.Get(dhcpv4.OptionClientIdentifier)[6] != 0x51 {
			t.Errorf("still the old identity: %v", m.DHCPv4)
		}
		r.stop()
	})
}

func TestHardwareAddrChanges_LIF_05(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.run()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.forget()
		r.setLink(func(s *LinkState) { s.HardwareAddr[5] = 0x77 })
		r.pass(2 * time.Second)
		wantTypes(t, r, "DISCOVER", "REQUEST")
		if m := r.last(); m.ClientHWAddr[5] != 0x77 || m.Options.Has(dhcpv4.OptionRequestedIPAddress) && m.MessageType() == dhcpv4.MessageTypeDiscover {
			t.Errorf("sent %v", m.DHCPv4)
		}
		if c.Lease() == nil {
			t.Error("no new lease")
		}
		r.stop()
	})
}

// Somebody takes the address off by hand: an event, not put back at once. The
// kernel reports an address before or after Apply returns.
func TestAddressRemovedByHand(t *testing.T) {
	for name, early := range map[string]bool{"reported while it is set": true, "reported later": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.applyTime = 100 * time.Millisecond
				c := r.run()
				there := func(s *LinkState) { s.Addresses = []netip.Prefix{netip.PrefixFrom(offered, 24)} }
				if early {
					r.pass(250 * time.Millisecond) // 200 of the probe
					r.setLink(there)
				}
				if _, err := c.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				if !early {
					r.setLink(there)
				}
				r.setLink(func(s *LinkState) { s.Addresses = nil })
				if c.Lease() != nil {
					t.Error("the lease is still in use")
				}
				r.forget()
				r.pass(9 * time.Second)
				wantTypes(t, r)
				r.pass(3 * time.Second)
				wantTypes(t, r, "DISCOVER", "REQUEST")
				r.stop()
			})
		})
	}
}

// So is one that a process before this one has left on the link, which is
// verified yet: without carrier, or while it is probed.
func TestAddressFoundRemovedByHand(t *testing.T) {
	for name, carrier := range map[string]bool{"without carrier": false, "while it is probed": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.stored = &lease.Lease{Address: offered, Bits: 24, Server: server1, Start: r.now().Add(-10 * time.Minute),
					Valid: time.Hour, T1: 30 * time.Minute, T2: 50 * time.Minute, HardwareAddr: myMAC, ClientID: append([]byte{1}, myMAC[:]...)}
				r.link.Addresses = []netip.Prefix{netip.PrefixFrom(offered, 24)}
				r.link.Carrier = carrier
				r.run()
				r.pass(50 * time.Millisecond)
				r.setLink(func(s *LinkState) { s.Addresses = nil })
				r.forget()
				r.pass(9 * time.Second)
				wantTypes(t, r)
				if len(r.applied) != 1 || r.applied[0] != nil {
					t.Errorf("applied %v, want the removal of what else the lease has left", r.applied)
				}
				r.setLink(func(s *LinkState) { s.Carrier = true })
				r.pass(3 * time.Second)
				wantTypes(t, r, "DISCOVER", "REQUEST")
				r.stop()
			})
		})
	}
}

// A report from before the address was set once more takes nothing away.
func TestAddressReportIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.run()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.setLink(func(s *LinkState) { s.Addresses = []netip.Prefix{netip.PrefixFrom(offered, 24)} })
		late := r.link
		late.Addresses = nil
		r.onLink(late)
		synctest.Wait()
		if c.Lease() == nil {
			t.Error("the lease was given up")
		}
		r.stop()
	})
}

// Another host takes the address: after the defence failed it is given up.
func TestAddressLost_RFC5227_2_4(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.run()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.mu.Lock()
		lost := r.lost
		r.mu.Unlock()
		if lost == nil {
			t.Fatal("the address is not defended")
		}
		r.forget()
		lost(otherMAC)
		r.pass(time.Second)
		wantTypes(t, r, "DECLINE")
		if r.onTheLink() != nil {
			t.Error("the address is still on the link")
		}
		r.stop()
	})
}

// A flood of messages that look right is bounded, and the real server wins.
func TestFlood_SEC_05(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		serve := r.answer
		r.answer = func(m sentMessage) (replies []*dhcpv4.DHCPv4) {
			for range 500 {
				forged := serve(m)[0]
				forged.TransactionID[0] ^= 1
				replies = append(replies, forged)
			}
			time.AfterFunc(time.Second, func() {
				for _, p := range serve(m) {
					r.deliver(p, 0)
				}
			})
			return replies
		}
		c := r.run()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := c.Stats()
		if s.Rejected["of another exchange"] == 0 {
			t.Errorf("rejects: %v", s.Rejected)
		}
		if s.Sent["DISCOVER"] > 2 || s.Sent["REQUEST"] > 3 {
			t.Errorf("sent: %v", s.Sent)
		}
		r.stop()
	})
}

func TestMalformedIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.run()
		r.receive([]byte("rubbish"), server1)
		s := c.Stats()
		if len(s.Rejected) != 1 || s.Sent["DISCOVER"] != 1 {
			t.Errorf("Stats = %+v", s)
		}
		r.stop()
	})
}

// RTX-07: what the kernel refuses to send is a lost packet, and no more.
func TestSendFails_RTX_07(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.sendErr = errors.New("operation not permitted")
		c := r.run()
		r.pass(20 * time.Second)
		if n := c.Stats().SendErrors; n < 4 || n > 6 {
			t.Errorf("%d tries in 20 s", n)
		}
		r.mu.Lock()
		r.sendErr = nil
		r.mu.Unlock()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.stop()
	})
}

// Carrier is news: what was not answered before is asked again at once, however
// long the client would have waited.
func TestLinkUpResetsBackoff_RTX_08(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.answer = func(sentMessage) []*dhcpv4.DHCPv4 { return nil }
		c := r.run()
		r.pass(132 * time.Second) // 1, 2, 4 ... 64 s: the eighth came at 127 s, give or take 4.5
		before := c.Stats().Sent["DISCOVER"]
		r.pass(50 * time.Second)
		if n := c.Stats().Sent["DISCOVER"]; before < 7 || n != before {
			t.Fatalf("%d DISCOVERs in 132 s and %d in 182 s: there is no back-off", before, n)
		}
		r.setLink(func(s *LinkState) { s.Carrier, s.CarrierChanges = false, 1 })
		r.pass(time.Second)
		r.forget()
		r.setLink(func(s *LinkState) { s.Carrier, s.CarrierChanges = true, 2 })
		r.pass(8 * time.Second)
		wantTypes(t, r, "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER") // at 0, 1, 3 and 7 s
		r.stop()
	})
}

// After a lease is applied the others get it, in order, and an error of theirs
// changes nothing. Wait waits for them.
func TestAfterApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var order []string
		step := func(name string, err error) Configurator {
			return configuratorFunc(func(*lease.Lease) error {
				time.Sleep(time.Second)
				order = append(order, name)
				return err
			})
		}
		r.cfg.AfterApply = []Configurator{step("a", errors.New("no")), step("b", nil)}
		c := r.run()
		r.pass(500 * time.Millisecond)
		if c.State() != fsm.BoundState {
			t.Errorf("%v: the resolver delays the lease", c.State())
		}
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(order, []string{"a", "b"}) {
			t.Errorf("after Wait, %v are done", order)
		}
		r.stop()
	})
}

type configuratorFunc func(*lease.Lease) error

func (f configuratorFunc) Apply(_ context.Context, next *lease.Lease, _ []*lease.Lease) error {
	return f(next)
}

// Library mode: nothing but a name.
func TestZeroConfig(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg = Config{Interface: "eth0", OpenTransport: r.cfg.OpenTransport, LinkWatcher: r.cfg.LinkWatcher}
		c := r.run()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r.probes != 0 || len(r.applied) != 0 {
			t.Error("library mode touched the link")
		}
		r.stop()
		if err := c.Run(t.Context()); err == nil {
			t.Error("a Client ran twice")
		}
	})
}

func TestNewFails(t *testing.T) {
	ok := func(LinkState, func([]byte, netip.Addr)) (Transport, error) { return transport{&rig{}}, nil }
	eth := watcher{&rig{link: LinkState{Index: 1, HardwareAddr: myMAC, MTU: 1500}}}
	for says, cfg := range map[string]Config{
		"no interface":                  {},
		"nosuchlink":                    {Interface: "nosuchlink"},
		"not an Ethernet":               {Interface: "lo"},
		"no such link":                  {Interface: "eth0", LinkWatcher: watcher{&rig{}}},
		"host name":                     {Interface: "eth0", LinkWatcher: eth, OpenTransport: ok, Hostname: "a b"},
		"LinkLocal and Fallback":        {Interface: "eth0", LinkLocal: true, Fallback: &lease.Lease{}},
		"LinkLocal needs a Schedule":    {Interface: "eth0", LinkLocal: true},
		"LinkLocal needs a ConflictDet": {Interface: "eth0", LinkLocal: true, Schedule: Schedule{Attempts: 1}, ConflictDetector: detector{}, ACD: NoProbe},
		"ForceRenew sends option 145":   {Interface: "eth0", ForceRenew: true, SendOptions: map[uint8][]byte{145: {1}}},
		"SelectTimeout":                 {Interface: "eth0", RapidCommit: true, SelectTimeout: time.Second},
		"no socket": {Interface: "eth0", LinkWatcher: eth,
			OpenTransport: func(LinkState, func([]byte, netip.Addr)) (Transport, error) { return nil, errors.New("no socket") }},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("New: %v, want %q", err, says)
		}
	}
	// A Client that is never run can be closed.
	c, err := New(Config{Interface: "eth0", LinkWatcher: eth, OpenTransport: ok})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// Every notice of the machine has a public type of its own.
func TestEventOf(t *testing.T) {
	l := &lease.Lease{Address: offered}
	seen := map[reflect.Type]fsm.Kind{}
	for k := fsm.Transition; k <= fsm.Verified; k++ {
		ev := eventOf(fsm.Notice{Kind: k, Lease: l, Addr: offered})
		typ := reflect.TypeOf(ev)
		if other, ok := seen[typ]; ok {
			t.Errorf("kinds %d and %d are both %v", k, other, typ)
		}
		seen[typ] = k
	}
}

func TestStation(t *testing.T) {
	if station(otherMAC).String() != otherMAC.String() || !station(net.HardwareAddr{1, 2}).IsZero() {
		t.Error("station")
	}
}
