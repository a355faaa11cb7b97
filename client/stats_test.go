package client

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// observed is how many times to an address were counted, and their sum.
func observed(h Histogram) (n uint64, sum time.Duration) {
	for _, c := range h.Counts {
		n += c
	}
	return n, h.Sum
}

// arriveOnce says that one more time to an address was counted, of about d.
func arriveOnce(t *testing.T, c *Client, before *Histogram, d time.Duration) {
	t.Helper()
	now := c.Stats().TimeToAddress
	n, sum := observed(now)
	n0, sum0 := observed(*before)
	if took := sum - sum0; n-n0 != 1 || took < d || took > d+2*time.Second {
		t.Errorf("%d more times, %v together; want one of about %v", n-n0, took, d)
	}
	*before = now
}

func TestStats_TimeToAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.link.Carrier = false
		c := r.run()
		r.pass(time.Hour) // without a link nobody waits for a server
		r.setLink(func(s *LinkState) { s.Carrier = true })
		var seen Histogram
		r.pass(2 * time.Second)
		arriveOnce(t, c, &seen, 0)

		r.setLink(func(s *LinkState) { s.Carrier, s.CarrierChanges = false, 1 })
		r.pass(time.Minute)
		serve, silent := r.answer, true
		r.mu.Lock()
		r.answer = func(m sentMessage) []*dhcpv4.DHCPv4 {
			if silent {
				silent = false
				return nil
			}
			return serve(m)
		}
		r.mu.Unlock()
		r.setLink(func(s *LinkState) { s.Carrier, s.CarrierChanges = true, 2 })
		r.pass(3 * time.Second)
		arriveOnce(t, c, &seen, 900*time.Millisecond) // the lease is verified by the second REQUEST

		r.pass(45 * time.Minute)
		if n, _ := observed(c.Stats().TimeToAddress); n != 2 {
			t.Errorf("a renewal was counted as a way to an address: %d times", n)
		}

		r.mu.Lock()
		r.answer = func(sentMessage) []*dhcpv4.DHCPv4 { return nil }
		r.mu.Unlock()
		for c.Lease() != nil {
			r.pass(time.Second)
		}
		r.pass(20 * time.Minute)
		r.mu.Lock()
		r.answer = serve
		r.mu.Unlock()
		r.pass(90 * time.Second) // the next DISCOVER
		now := c.Stats()
		n, _ := observed(now.TimeToAddress)
		if took := now.TimeToAddress.Sum - seen.Sum; n != 3 || took < 20*time.Minute || took > 22*time.Minute {
			t.Errorf("after the end of the lease: %d times, the last %v", n, took)
		}
		if last := now.TimeToAddress.Counts[len(TimeToAddressBounds)]; last != 1 {
			t.Errorf("%d are longer than all bounds: %v", last, now.TimeToAddress.Counts)
		}
		if now.Bound != 3 || now.Renewed != 1 || now.Expired != 1 {
			t.Errorf("bound %d times, renewed %d, expired %d", now.Bound, now.Renewed, now.Expired)
		}
		r.stop()
	})
}

func TestStats_TheTimeOfAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.StartDelay = time.Minute // is no wait for a server
		serve, silent := r.answer, 2
		r.answer = func(m sentMessage) []*dhcpv4.DHCPv4 {
			if silent--; silent >= 0 {
				return nil
			}
			return serve(m)
		}
		c := r.run()
		r.pass(70 * time.Second)
		var seen Histogram
		arriveOnce(t, c, &seen, 2500*time.Millisecond)
		s := c.Stats()
		if s.Sent["DISCOVER"] != 3 || s.Retransmitted != 2 {
			t.Errorf("%v, of those %d again", s.Sent, s.Retransmitted)
		}
		r.stop()
	})
}

func TestStats_Retransmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.run()
		r.pass(20 * time.Minute)
		if s := c.Stats(); s.Retransmitted != 0 || s.Sent["REQUEST"] != 1 {
			t.Fatalf("%v, of those %d again", s.Sent, s.Retransmitted)
		}
		r.mu.Lock()
		r.answer = func(sentMessage) []*dhcpv4.DHCPv4 { return nil }
		r.mu.Unlock()
		r.pass(39 * time.Minute) // T1 and T2 of an hour are over
		s := c.Stats()
		// The first of RENEWING and the first of REBINDING say something new.
		if want := s.Sent["REQUEST"] - 3; want < 2 || s.Retransmitted != want {
			t.Errorf("%v, of those %d again, not %d", s.Sent, s.Retransmitted, want)
		}
		r.stop()
	})
}

func TestStats_RefusedAndDeclined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.squatters[offered] = otherMAC
		c := r.run()
		r.pass(5 * time.Second)
		r.mu.Lock()
		clear(r.squatters)
		r.mu.Unlock()
		r.pass(8 * time.Minute) // it is not asked for for a while
		serve := r.answer
		r.mu.Lock()
		r.answer = func(m sentMessage) []*dhcpv4.DHCPv4 {
			replies := serve(m)
			if m.MessageType() == dhcpv4.MessageTypeRequest {
				replies[0].UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeNak))
				replies[0].YourIPAddr = nil
			}
			return replies
		}
		r.mu.Unlock()
		c.Renew()
		r.pass(time.Second)
		r.mu.Lock()
		r.answer = serve
		r.mu.Unlock()
		r.pass(10 * time.Second)
		s := c.Stats()
		if s.Declined != 1 || s.Refused == 0 || s.Refused != s.Received["NAK"] || s.Bound != 2 || s.Renewed != 0 || s.Expired != 0 {
			t.Errorf("%+v", s)
		}
		r.stop()
	})
}

func TestStats_TheTimeOfAnIdleClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		serve := r.answer
		r.answer = func(sentMessage) []*dhcpv4.DHCPv4 { return nil }
		c := r.run()
		r.pass(10 * time.Second)
		c.Release()
		r.pass(time.Hour)
		r.mu.Lock()
		r.answer = serve
		r.mu.Unlock()
		c.Renew()
		r.pass(2 * time.Second)
		var seen Histogram
		arriveOnce(t, c, &seen, 0)
		r.stop()
	})
}
