// Package roomy spares goroutines the growing of their stack.
//
// A stack begins with 2 KiB and doubles when it is full, which copies it and
// walks its frames each time. A goroutine that goes deep does that three times,
// in a process that has just begun at some 30 µs each: it is the tables of the
// frames that have to be read from the file.
package roomy

import (
	"runtime"
	"sync/atomic"
)

// first is how many calls of Grow do something: a client makes 14 until it has its
// address and has announced it, and the command some more.
const first = 24

var calls atomic.Int32

// Grow gives the stack of the calling goroutine 16 KiB, in one step and while
// there is next to nothing on it. That is for those that the first address waits
// for, and of which there are few: later it does nothing. The goroutines of a
// thousand clients that act at once would have 16 MiB.
func Grow() {
	if calls.Add(1) <= first {
		grow()
	}
}

//go:noinline
func grow() {
	var room [12 << 10]byte
	runtime.KeepAlive(&room)
}
