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
	// For is what it is needed for, as in "to open the packet socket", without
	// "to"; empty if that is not known.
	For string
	// Err is what the kernel said.
	Err error
}

func (e *CapabilityError) Error() string {
	if e.For == "" {
		return fmt.Sprintf("needs %s: %v", e.Cap, e.Err)
	}
	return fmt.Sprintf("needs %s to %s: %v", e.Cap, e.For, e.Err)
}

// Unwrap returns what the kernel said.
func (e *CapabilityError) Unwrap() error { return e.Err }

// needs names the capability behind a refusal, and what it is needed for; other
// errors are of that too.
func needs(capability, purpose string, err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return &CapabilityError{Cap: capability, For: purpose, Err: err}
	}
	return fmt.Errorf("%s: %w", purpose, err)
}
