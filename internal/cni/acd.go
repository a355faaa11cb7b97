package cni

import "time"

// An ACD is a way to probe an address for other users, as the flag --acd has it:
// off, optimistic, rfc5227, or the time that a probe may take, as 200ms; empty is
// as the agent has it.
type ACD string

// The ways that are no time.
const (
	ACDOff        ACD = "off"
	ACDOptimistic ACD = "optimistic"
	ACDRFC5227    ACD = "rfc5227"
)

// maxProbe is the longest probe: none of those that RFC 5227 has takes as long.
const maxProbe = 10 * time.Second

// Duration is how long a probe may take; 0 where it is not said.
func (a ACD) Duration() time.Duration {
	d, err := time.ParseDuration(string(a))
	if err != nil || d <= 0 || d > maxProbe {
		return 0
	}
	return d
}

func (a ACD) check() error {
	switch a {
	case "", ACDOff, ACDOptimistic, ACDRFC5227:
		return nil
	}
	if a.Duration() == 0 {
		return Errorf(BadConfig, "acd: %.40q is neither off, optimistic, rfc5227 nor a time of %v at most, like 200ms", string(a), maxProbe)
	}
	return nil
}
