// Package roomy spares goroutines the growing of their stack.
//
// A stack begins with 2 KiB and doubles when it is full, which copies it and
// walks its frames each time. A goroutine that goes deep does that three times,
// in a process that has just begun at some 30 µs each: it is the tables of the
// frames that have to be read from the file.
package roomy

import "runtime"

// Grow gives the stack of the calling goroutine 16 KiB, in one step and while
// there is next to nothing on it. That is for those that the first address waits
// for, and of which there are few.
//
//go:noinline
func Grow() {
	var room [12 << 10]byte
	runtime.KeepAlive(&room)
}
