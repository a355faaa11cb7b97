package client

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
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
