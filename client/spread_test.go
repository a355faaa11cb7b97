package client

import (
	"testing"
	"time"
)

// A thousand clients that got a lease of an hour in one moment, as after a power
// cut, do not all renew it in one moment (RFC 2131 4.4.5: "fuzz").
func TestRenewals_AreSpread_RFC2131_4_4_5(t *testing.T) {
	const clients = 1000
	first, last, in := time.Duration(1<<62), time.Duration(0), map[int]int{}
	for range clients {
		w := newBench(t)
		w.start(t, t.Context())
		if err := w.client.Alive(t.Context()); err != nil { // the step that has bound it is over
			t.Fatal(err)
		}
		at := time.Unix(0, w.alarm.Load()).Sub(time.Unix(1e9, 0))
		first, last = min(first, at), max(last, at)
		in[int(at/time.Second)]++
	}
	most := 0
	for _, n := range in {
		most = max(most, n)
	}
	// 5 % of 1800 s before or after: 180 s, 5.6 clients in each second of them.
	if first < 28*time.Minute || last > 32*time.Minute || last-first < 150*time.Second || most > 25 {
		t.Errorf("T1 from %v to %v, %d in one second", first, last, most)
	}
}
