package netcfg

import "fmt"

// loopbackIndex is the index of the loopback link of every namespace, whatever
// its name (LOOPBACK_IFINDEX of the kernel).
const loopbackIndex = 1

// LoopbackUp brings the loopback link of the namespace up, which a new namespace
// has down. It is no error to lack CAP_NET_ADMIN where it is up already.
func (ns *Namespace) LoopbackUp() error {
	err := ns.do(func() error { return ns.handle.LinkSetUp(device(loopbackIndex)) })
	if err == nil {
		return nil
	}
	if info, found, e := ns.linkByIndex(loopbackIndex); e == nil && found && info.up() {
		return nil
	}
	return fmt.Errorf("bring the loopback link up: %w", err)
}
