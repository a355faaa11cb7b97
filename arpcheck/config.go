package arpcheck

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"
)

// The constants of RFC 5227 1.1.
const (
	probeWait         = 1 * time.Second // the first probe leaves after 0 to that
	probeNum          = 3
	probeMin          = 1 * time.Second // between two probes, at least
	probeMax          = 2 * time.Second // and at most
	announceWait      = 2 * time.Second // after the last probe
	announceNum       = 2
	announceInterval  = 2 * time.Second
	maxConflicts      = 10 // more make probes rare
	rateLimitInterval = 60 * time.Second
	defendInterval    = 10 * time.Second
)

const (
	// DefaultDuration is how long a probe takes unless Config says otherwise.
	DefaultDuration = 200 * time.Millisecond

	// RFC5227, as Config.Duration, keeps the times of RFC 5227 1.1: a random
	// wait of up to 1 s (PROBE_WAIT), three probes with 1 to 2 s between them
	// (PROBE_MIN, PROBE_MAX), and 2 s of silence (ANNOUNCE_WAIT). That is 4 to
	// 7 s in all.
	RFC5227 time.Duration = -1
)

// Config says how a Detector works. The zero value is fine.
type Config struct {
	// Duration is how long a probe takes, from its first packet to the answer
	// that nobody has the address: above 0, or RFC5227. 0 is DefaultDuration.
	// Three packets are sent in it, the first at once.
	Duration time.Duration
	// Logger gets what no callback tells: that an address was defended, that
	// the filter cannot be set, and at debug level each packet that is sent
	// ("ARP sent"), each that answers or conflicts ("ARP received") and each
	// that passed the filter and means nothing. Nil logs nothing.
	Logger *slog.Logger
	// Turns are those of all Detectors of a process with many; nil has no broadcast
	// wait for those of other links.
	Turns *Turns
	// IsOurs says that a station is another link of this host, whose packets are no
	// conflict; it must not block for long, and must not call the Detector. Nil, and
	// without it, that is known of links with an IPv4 address.
	IsOurs func(station net.HardwareAddr) bool
	// OnPanic gets what a callback, the Logger or the Detector itself has panicked
	// with, in a goroutine that no caller of it has, and the stack of that; from
	// any goroutine. The Detector does nothing any more then, but can be closed.
	// Nil lets the panic end the process.
	OnPanic func(value any, stack []byte)
}

// withDefaults fills in what was left out.
func (c Config) withDefaults() (Config, error) {
	if c.Duration < 0 && c.Duration != RFC5227 {
		return c, fmt.Errorf("a probe cannot take %v", c.Duration)
	}
	if c.Duration == 0 {
		c.Duration = DefaultDuration
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// probeWaits returns what is waited before each probe, and after the last one.
func probeWaits(total time.Duration) []time.Duration {
	if total == RFC5227 {
		return []time.Duration{
			between(0, probeWait), between(probeMin, probeMax), between(probeMin, probeMax), announceWait,
		}
	}
	// The same shape, but that nothing delays the first: hosts that start
	// together ask for different addresses here, which a server gave them.
	first := between(total*30/100, total*35/100)
	second := between(total*31/100, total*35/100)
	return []time.Duration{0, first, second, total - first - second}
}

// between returns a random duration, low at least and high at most.
func between(low, high time.Duration) time.Duration {
	return low + rand.N(high-low+1)
}
