package main

import (
	"fmt"
	"net"
	"path"
	"slices"
	"strings"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// A selector is an argument that may mean several links, or none: a pattern of
// names, as en*, a hardware address, as mac:52:54:00:12:34:56, or a pattern of
// drivers, as driver:virtio_net. Patterns are those of path.Match.
type selector struct {
	text string
	// One of these is set.
	names, drivers string
	mac            lease.HardwareAddr
}

const (
	macPrefix    = "mac:"
	driverPrefix = "driver:"
	// maxPattern is more than any name of a link or a driver has.
	maxPattern = 64
)

// selectorOf reads a selector; nil for the name of a link.
func selectorOf(text string) (*selector, error) {
	s := &selector{text: text}
	if after, ok := strings.CutPrefix(text, macPrefix); ok {
		mac, err := net.ParseMAC(after)
		if err != nil || len(mac) != len(s.mac) {
			return nil, fmt.Errorf("%q is not a hardware address like mac:52:54:00:12:34:56", text)
		}
		copy(s.mac[:], mac)
		return s, nil
	}
	pattern, isDriver := strings.CutPrefix(text, driverPrefix)
	switch {
	case isDriver:
		s.drivers = pattern
	case strings.ContainsAny(text, "*?["):
		s.names = pattern
	default:
		return nil, nil
	}
	bad := func(r rune) bool { return r <= ' ' || r == 0x7f || r == '/' }
	if _, err := path.Match(pattern, ""); err != nil || pattern == "" || len(pattern) > maxPattern || strings.ContainsFunc(pattern, bad) {
		return nil, fmt.Errorf("%q is not a pattern like en*, eth[0-3] or driver:virtio*", text)
	}
	return s, nil
}

// addLink takes an argument of the client: the name of an interface or a selector.
func addLink(o *options, text string) error {
	s, err := selectorOf(text)
	switch {
	case err != nil:
		return err
	case s == nil:
		return addInterface(o, text)
	case slices.Contains(o.links, text):
		return fmt.Errorf("%s is named twice", text)
	}
	o.links = append(o.links, text)
	o.selectors = append(o.selectors, s)
	return nil
}

// matches says that s means c, whose driver is asked for where that counts. A
// port of a bridge or a bond is not meant by a pattern: the address belongs to
// the bridge or the bond. A VRF has no ports in that sense.
func (s *selector) matches(c *netcfg.Candidate, driver func(name string) (string, error)) (bool, error) {
	if c.Port != "" && c.Port != "vrf" && s.mac.IsZero() {
		return false, nil
	}
	switch {
	case s.names != "":
		return path.Match(s.names, c.Name)
	case s.drivers == "":
		return s.mac == c.HardwareAddr || s.mac == c.Permanent, nil
	}
	name, err := driver(c.Name)
	if err != nil || name == "" {
		return false, err
	}
	return path.Match(s.drivers, name)
}
