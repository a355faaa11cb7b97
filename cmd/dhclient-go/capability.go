package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client"
)

// checkCapabilities says which capabilities are missing, before anything is
// touched. A user namespace can have both and still be refused: then the
// kernel's own errors say so later.
func checkCapabilities(o *options) error {
	has, err := effective()
	if err != nil {
		return nil // the kernel has the last word
	}
	var missing []error
	if !has(unix.CAP_NET_RAW) {
		missing = append(missing, needs("CAP_NET_RAW", "open the packet socket", unix.EPERM))
	}
	if !has(unix.CAP_NET_ADMIN) && !o.dryRun {
		missing = append(missing, needs("CAP_NET_ADMIN", "set addresses and routes", unix.EPERM))
	}
	return errors.Join(missing...)
}

// effective reads the capabilities of this thread.
func effective() (has func(capability int) bool, err error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return nil, fmt.Errorf("read the capabilities: %w", err)
	}
	return func(c int) bool { return data[c/32].Effective&(1<<(c%32)) != 0 }, nil
}

func needs(capability, purpose string, err error) error {
	return &client.CapabilityError{Cap: capability, For: purpose, Err: err}
}

// refused names the capability behind the kernel's refusal, unless err does, and
// what it is needed for.
func refused(capability, purpose string, err error) error {
	var named *client.CapabilityError
	if errors.Is(err, unix.EPERM) && !errors.As(err, &named) {
		return needs(capability, purpose, err)
	}
	return err
}
