package main

import "testing"

// A pattern may not put one fallback on two links.
func TestInit_FallbackForOneLink(t *testing.T) {
	s := newStage(t, silent)
	s.link(t, silent)
	p := s.init(t, "eth*", "--timeout", "1", "--on-failure", "fallback=192.0.2.7/24", "--", s.program(t, "exit 0"))
	p.exit(t, exitUsage)
	p.stderr.contains(t, "a fallback is for one interface, not for eth0, eth1")
}
