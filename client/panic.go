package client

import (
	"fmt"
	"runtime/debug"
)

// A PanicError ends a Client whose code, or one of whose callbacks, has panicked.
// Its sockets are closed, and the lease stays on the link, as after a crash: it
// is stored, so that the next Client goes on from it.
type PanicError struct {
	Interface string
	// Value is what was given to panic, and Stack that of the goroutine.
	Value any
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("%s: the client has panicked: %v", e.Interface, e.Value)
}

// Panicked ends the client with a *PanicError: for the callers of what belongs to
// it and runs elsewhere, such as a ConflictDetector.
func (c *Client) Panicked(value any, stack []byte) {
	err := &PanicError{c.cfg.Interface, value, stack}
	c.inbox.put(job{do: func() { c.crash(err) }})
}

// contain is deferred wherever code of the client, or of its callbacks, is called
// from a goroutine that serves others too.
func (c *Client) contain() {
	if v := recover(); v != nil {
		c.Panicked(v, debug.Stack())
	}
}

// harmless calls f, which may belong to the caller of the package, when all is over
// because of a panic: another one changes nothing.
func harmless(f func()) {
	defer func() { _ = recover() }()
	f()
}
