package rawudp

import (
	"fmt"
	"sync/atomic"
)

// A Reason says why a datagram that passed the kernel's filter was dropped.
type Reason uint8

// The reasons, in the order in which they are looked for.
const (
	accepted       Reason = iota
	Truncated             // shorter than an IPv4 header
	Version               // not IPv4
	HeaderLength          // IHL below 5, or past the end
	HeaderChecksum        // wrong (RFC 1122 3.2.1.2)
	TotalLength           // below the header's length, or past the end
	Fragment              // one of several (RFC 791): a packet socket cannot reassemble
	Protocol              // not UDP
	Source                // an address that cannot send (RFC 1122 3.2.1.3)
	UDPLength             // below 8, or past the end of the IP datagram (RFC 768)
	Port                  // not to the client's port (RFC 2131 4.1)
	UDPChecksum           // wrong (RFC 1122 4.1.3.4)
	Station               // one that is not to be heard (Config.Stations)
	reasons
)

func (r Reason) String() string {
	if r >= reasons {
		return fmt.Sprintf("reason %d", uint8(r))
	}
	return [...]string{"accepted", "truncated", "version", "header length", "header checksum", "total length",
		"fragment", "protocol", "source", "UDP length", "port", "UDP checksum", "station"}[r]
}

// Stats counts what a Conn did since it was opened.
type Stats struct {
	// Received counts the datagrams that were delivered.
	Received uint64
	// Dropped counts those that passed the filter and were not, by reason; a
	// reason that never was is not in it.
	Dropped map[Reason]uint64
	// Overrun counts those that the kernel dropped because the socket's queue
	// was full.
	Overrun uint64
	// ReadErrors counts failed reads: one for each time that the link went
	// down.
	ReadErrors uint64
	// Sent and SendErrors count the calls of Send by their result.
	Sent, SendErrors uint64
}

// Rejected counts what came and was not delivered, by the reason in words.
func (c *Conn) Rejected() map[string]uint64 {
	s := c.Stats()
	words := map[string]uint64{}
	for why, n := range s.Dropped {
		words["frame: "+why.String()] = n
	}
	if s.Overrun > 0 {
		words["frame: no room in the queue"] = s.Overrun
	}
	return words
}

// counters are the living Stats.
type counters struct {
	received, overrun, readErrors, sent, sendErrors atomic.Uint64
	dropped                                         [reasons]atomic.Uint64
}

func (c *counters) stats() Stats {
	s := Stats{
		Received:   c.received.Load(),
		Overrun:    c.overrun.Load(),
		ReadErrors: c.readErrors.Load(),
		Sent:       c.sent.Load(),
		SendErrors: c.sendErrors.Load(),
		Dropped:    map[Reason]uint64{},
	}
	for r := range c.dropped {
		if n := c.dropped[r].Load(); n > 0 {
			s.Dropped[Reason(r)] = n
		}
	}
	return s
}
