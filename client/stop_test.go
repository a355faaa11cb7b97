package client

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
)

// What was asked before the end is done before the end: SIGUSR2 and then
// SIGTERM give the lease back, however close they come.
func TestReleaseBeforeStop_RFC2131_4_4_6(t *testing.T) {
	for range 16 { // which of two ready channels a select takes is random
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			c := r.run()
			r.pass(time.Second)
			// While the loop is busy, both come.
			busy := make(chan struct{})
			c.inbox.put(job{do: func() { <-busy }})
			synctest.Wait()
			c.Release()
			r.cancel()
			close(busy)
			r.stop()
			if !slices.Contains(r.types(), "RELEASE") {
				t.Fatal("no RELEASE was sent")
			}
			if r.onTheLink() != nil {
				t.Fatal("the address is still on the link")
			}
		})
	}
}

// A script has put the address on the link and goes on: who stops or asks for a
// release then gives the lease back all the same. Without the address there is
// nothing to send from.
func TestReleaseWhileItIsApplied_RFC2131_4_4_6(t *testing.T) {
	for name, leave := range map[string]func(*rig){
		"release": func(r *rig) { r.client.Release() },
		"stop":    func(r *rig) { r.cancel() },
	} {
		for _, there := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s there=%v", name, there), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t)
					r.cfg.OnExit, r.applyTime = Release, 3*time.Second
					c := r.run()
					r.pass(time.Second)
					if c.State() != fsm.Applying {
						t.Fatalf("it is %v", c.State())
					}
					if there {
						r.setLink(func(s *LinkState) { s.Addresses = []netip.Prefix{netip.PrefixFrom(offered, 24)} })
					}
					leave(r)
					r.pass(10 * time.Second)
					if got := slices.Contains(r.types(), "RELEASE"); got != there {
						t.Errorf("RELEASE: %v, in %v", got, r.types())
					}
					if r.onTheLink() != nil {
						t.Error("the address is still on the link")
					}
					r.stop()
				})
			})
		}
	}
}
