package rawudp

import "runtime/debug"

// contain is deferred where a goroutine runs that serves other Conns too, or nobody
// waits for. No lock is held. What comes after it is read and left away: nobody
// knows what state things are in, and the filter may let it pass.
func (c *Conn) contain() {
	if c.onPanic == nil {
		return
	}
	if v := recover(); v != nil {
		stack := debug.Stack()
		c.broken.Store(true)
		c.onPanic(v, stack)
	}
}
