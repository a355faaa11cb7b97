package netcfg

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A Candidate is a link that DHCP can run on, and what it can be chosen by.
type Candidate struct {
	Name  string
	Index int
	// HardwareAddr is the address that it has now, and Permanent the one that
	// the device came with: zero if the kernel does not say it, as of virtual
	// links, and before Linux 5.6.
	HardwareAddr, Permanent lease.HardwareAddr
	// Kind is what made it, as `ip -d link` has it: veth, bridge, vlan; empty
	// for hardware.
	Kind string
	// Port is the Kind of the link that has this one as a port, as bridge or
	// bond; empty for none. It is the other link that has addresses then, but
	// not where Port is vrf.
	Port string
}

// Candidates lists the links that DHCP can run on, in no order: Ethernet, with an
// address of their own, and no loopback.
func (ns *Namespace) Candidates() ([]Candidate, error) {
	all, err := ns.links()
	if err != nil {
		return nil, err
	}
	var out []Candidate
	for _, l := range all {
		if usable(l) != nil {
			continue
		}
		out = append(out, candidate(l))
	}
	return out, nil
}

func candidate(l linkInfo) Candidate {
	c := Candidate{Name: l.name, Index: l.index, Kind: l.kind, Port: l.port}
	copy(c.HardwareAddr[:], l.hwAddr)
	if len(l.permanent) == len(c.Permanent) {
		copy(c.Permanent[:], l.permanent)
	}
	return c
}

// Driver is the name of the driver of a link, as `ethtool -i` has it; empty if it
// has none, or is gone. It asks on a socket that there is (ETHTOOL_GDRVINFO of
// linux/ethtool.h): /sys may show another namespace, or not be mounted.
func (ns *Namespace) Driver(name string) (driver string, err error) {
	err = ns.do(func() error {
		info, err := unix.IoctlGetEthtoolDrvinfo(ns.query.fd, name)
		if err == nil {
			driver = unix.ByteSliceToString(info.Driver[:])
		}
		return err
	})
	switch {
	case err == nil:
		return strings.ToValidUTF8(driver, "?"), nil
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENODEV):
		return "", nil
	}
	return "", fmt.Errorf("driver of %s: %w", name, err)
}
