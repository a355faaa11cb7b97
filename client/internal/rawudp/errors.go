package rawudp

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// A CapabilityError says that the process lacks a capability (capabilities(7)).
type CapabilityError struct {
	// Cap is its name, as CAP_NET_RAW.
	Cap string
	// Err is what the kernel said.
	Err error
}

func (e *CapabilityError) Error() string { return fmt.Sprintf("needs %s: %v", e.Cap, e.Err) }

// Unwrap returns what the kernel said.
func (e *CapabilityError) Unwrap() error { return e.Err }

// needs names the capability behind a refusal; other errors pass as they are.
func needs(capability string, err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return &CapabilityError{Cap: capability, Err: err}
	}
	return err
}
