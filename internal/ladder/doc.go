// Package ladder draws what a client exchanges with its servers as a ladder: the
// client stands on the left, the network on the right, time runs down, and each
// message is an arrow from who sent it.
//
//	0.000  Wed 2026-11-25 07:47:02 UTC
//	       eth0                                         server
//	0.000  ● INIT → SELECTING: started                       │
//	0.000  ├─ DISCOVER xid 9a3f0c11 ─────────────────────────►  all
//	0.002  ◄──────────────────── OFFER 192.0.2.50 for 1h ────┤  192.0.2.1
//
// It is made from the records that packages client and arpcheck log, by a
// slog.Handler, and from nothing else: one stream has all that happens in its
// order, whereas events say nothing of the messages that lead to them. The price
// is that the words of the log are an interface; the golden ladders of package
// client's tests show at once when one is changed.
//
// A row is written as soon as its record comes and never changed, so that a
// person can follow it. What the network says is shown as far as it is text:
// nothing moves the cursor or takes another number of columns than was counted.
package ladder
