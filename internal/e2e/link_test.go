package e2e_test

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// An address is one of a link, as the kernel has it.
type address struct {
	Local     netip.Addr `json:"local"`
	Bits      int        `json:"prefixlen"`
	Broadcast netip.Addr `json:"broadcast"`
	// Valid and Preferred are what is left of it, in seconds.
	Valid     uint32 `json:"valid_life_time"`
	Preferred uint32 `json:"preferred_life_time"`
}

// addresses returns those of eth0.
func (s *station) addresses(t *testing.T) []address {
	t.Helper()
	var links []struct {
		Addresses []address `json:"addr_info"`
	}
	out := s.IP(t, "-4", "-json", "address", "show", "dev", "eth0")
	if err := json.Unmarshal([]byte(out), &links); err != nil {
		t.Fatalf("ip address: %v: %s", err, out)
	}
	var all []address
	for _, l := range links {
		all = append(all, l.Addresses...)
	}
	return all
}

// one is the only address of eth0.
func (s *station) one(t *testing.T) address {
	t.Helper()
	all := s.addresses(t)
	if len(all) != 1 {
		t.Fatalf("addresses %+v, want one", all)
	}
	return all[0]
}

// routes returns the main table, a line each, sorted.
func (s *station) routes(t *testing.T) []string {
	t.Helper()
	var all []string
	for line := range strings.Lines(s.IP(t, "-4", "route", "show")) {
		all = append(all, strings.Join(strings.Fields(line), " "))
	}
	slices.Sort(all)
	return all
}

// bare fails the test unless eth0 has neither addresses nor routes.
func (s *station) bare(t *testing.T) {
	t.Helper()
	if a, r := s.addresses(t), s.routes(t); len(a)+len(r) != 0 {
		t.Errorf("addresses %+v and routes %q, want none", a, r)
	}
}

// eventually waits until ok says so: for what nothing reports.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in %v: %s", patience, what)
		}
	}
}
