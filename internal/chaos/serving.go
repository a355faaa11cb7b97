package main

import (
	"fmt"
	"time"
)

// terms draws what a server grants from now on: short leases, so that T1, T2 and
// the end come often, but longer than the 4 to 7 s of --acd=rfc5227, in which
// they would end.
func (p plan) terms() func(s *server) {
	whole := time.Duration(9+p.IntN(11)) * time.Second
	own := p.chance(50)
	return func(s *server) {
		s.opts.Lease, s.opts.T1, s.opts.T2 = whole, 0, 0
		if own {
			s.opts.T1, s.opts.T2 = whole/3/time.Second*time.Second, whole*2/3/time.Second*time.Second
		}
	}
}

// pick draws a server; the lab that does the step has it.
func (p plan) pick() func(l *lab) *server {
	n := p.IntN(5)
	return func(l *lab) *server {
		if n == 4 {
			return l.away
		}
		return l.home[n%2]
	}
}

func stopServerStep(p plan) planned {
	pick := p.pick()
	return planned{name: "stop a server", do: func(l *lab) string {
		s := pick(l)
		s.stop()
		return s.name()
	}}
}

func startServerStep(p plan) planned {
	pick, terms := p.pick(), p.terms()
	return planned{name: "start a server", do: func(l *lab) string {
		s := pick(l)
		if s.on {
			return s.name() + " runs"
		}
		terms(s)
		s.start()
		return s.granting()
	}}
}

// restartServerStep starts a server anew, in two of three times without what it
// knew.
func restartServerStep(p plan) planned {
	pick, terms, lost := p.pick(), p.terms(), p.chance(67)
	return planned{name: fmt.Sprintf("restart a server, database lost %v", lost), do: func(l *lab) string {
		s := pick(l)
		s.stop()
		if lost {
			s.forget()
		}
		terms(s)
		s.start()
		return s.granting()
	}}
}

// switchServersStep puts one server in the place of the other, which does not
// know the leases.
func switchServersStep(p plan) planned {
	terms := p.terms()
	return planned{name: "switch of servers", do: func(l *lab) string {
		old, next := l.home[0], l.home[1]
		if next.on && !old.on {
			old, next = next, old
		}
		old.stop()
		if !next.on {
			terms(next)
			next.start()
		}
		return "now " + next.granting()
	}}
}

func (s *server) granting() string {
	return fmt.Sprintf("%s, lease %v %v %v", s.name(), s.opts.T1, s.opts.T2, s.opts.Lease)
}
