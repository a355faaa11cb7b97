package client

import "fmt"

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
