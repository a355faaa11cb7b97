package main

import (
	"strings"
	"testing"
)

// A link whose driver comes later is found in the sandbox.
func TestSandbox_DriverComesLater(t *testing.T) {
	s := newStage(t, nil)
	s.IP(t, "link", "set", "eth0", "netns", s.far[0].Name, "name", "away")
	p := s.start(t, "driver:vet?", "--wait-link")
	waitFor(t, "a handler", func() bool { return takes(p.cmd.Process.Pid, 15) })
	s.far[0].IP(t, "link", "set", "away", "netns", s.NS.Name, "name", "eth0")
	waitFor(t, "the address", func() bool { return strings.Contains(s.addresses(t, "eth0"), "192.0.0.5/24") })
}

// A pattern may not put one fallback on two links.
func TestInit_FallbackForOneLink(t *testing.T) {
	s := newStage(t, silent)
	s.link(t, silent)
	p := s.init(t, "eth*", "--timeout", "1", "--on-failure", "fallback=192.0.2.7/24", "--", s.program(t, "exit 0"))
	p.exit(t, exitUsage)
	p.stderr.contains(t, "a fallback is for one interface, not for eth0, eth1")
}
