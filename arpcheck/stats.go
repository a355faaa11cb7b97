package arpcheck

import "sync/atomic"

// A Reason says why a frame that passed the kernel's filter was dropped.
type Reason uint8

// The reasons, in the order in which they are looked for.
const (
	accepted  Reason = iota
	Truncated        // shorter than an ARP packet in an Ethernet frame
	VLAN             // of a VLAN, not of this link
	EtherType        // not ARP
	Hardware         // not about Ethernet addresses (htype, hlen)
	Protocol         // not about IPv4 addresses (ptype, plen)
	Operation        // neither request nor reply
	Sender           // from the hardware address of no station: zeros or ones
	Own              // from this link, or another of its namespace
	Unrelated        // about nothing that is asked now
	Poll             // for our address from 0.0.0.0, and yet no probe (RFC 5227 1.1)
	reasons
)

func (r Reason) String() string {
	return [...]string{"accepted", "truncated", "VLAN", "EtherType", "hardware", "protocol",
		"operation", "sender", "own", "unrelated", "poll"}[r]
}

// Stats counts what a Detector did since it was opened.
type Stats struct {
	// Probes, Announcements and RouterRequests count the packets sent. A
	// defence is an announcement.
	Probes, Announcements, RouterRequests uint64
	// Defences counts the conflicts that were answered, Conflicts all.
	Defences, Conflicts uint64
	// Dropped counts the frames that passed the filter and meant nothing, by
	// reason; a reason that never was is not in it.
	Dropped map[Reason]uint64
	// Overrun counts those that the kernel dropped because the socket's queue
	// was full.
	Overrun uint64
	// ReadErrors counts failed reads: one for each time that the link went
	// down. SendErrors counts packets that could not be sent.
	ReadErrors, SendErrors uint64
}

// counters are the living Stats.
type counters struct {
	probes, announcements, routerRequests atomic.Uint64
	defences, conflicts                   atomic.Uint64
	overrun, readErrors, sendErrors       atomic.Uint64
	dropped                               [reasons]atomic.Uint64
}

func (c *counters) stats() Stats {
	s := Stats{
		Probes:         c.probes.Load(),
		Announcements:  c.announcements.Load(),
		RouterRequests: c.routerRequests.Load(),
		Defences:       c.defences.Load(),
		Conflicts:      c.conflicts.Load(),
		Overrun:        c.overrun.Load(),
		ReadErrors:     c.readErrors.Load(),
		SendErrors:     c.sendErrors.Load(),
		Dropped:        map[Reason]uint64{},
	}
	for r := range c.dropped {
		if n := c.dropped[r].Load(); n > 0 {
			s.Dropped[Reason(r)] = n
		}
	}
	return s
}
