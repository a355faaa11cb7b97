package netcfg

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// loopbackIndex is that of the loopback link in every namespace
// (linux/net.h, LOOPBACK_IFINDEX), whatever it is called.
const loopbackIndex = 1

// LoopbackUp brings the loopback link up, unless it is: in a namespace that has
// just been made it is down, and the kernel gives it 127.0.0.1 with that. It
// needs CAP_NET_ADMIN only where there is something to do.
func (ns *Namespace) LoopbackUp() error {
	info, found, err := ns.linkByIndex(loopbackIndex)
	switch {
	case err != nil:
	case !found || info.flags&unix.IFF_LOOPBACK == 0:
		err = errors.New("there is none")
	case !info.up():
		err = ns.setUp(loopbackIndex)
	}
	if err != nil {
		return fmt.Errorf("bring the loopback link up: %w", err)
	}
	return nil
}
