package client

import (
	"maps"
	"sync"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
)

// Stats are counters since New, by the names that RFC 2131 table 2 and package
// client give to what is counted.
type Stats struct {
	// Sent counts messages by type; SendErrors those that the kernel refused.
	Sent       map[string]uint64
	SendErrors uint64
	// Received counts the messages that were understood, by type.
	Received map[string]uint64
	// Rejected counts what was received and not used, by the reason in words:
	// frames that are no datagram to us (the reasons begin with "frame: "),
	// datagrams that are no message of a server to us, and messages that have
	// no meaning in the client's state. What the kernel's filter drops is in no
	// count: nobody looks at it.
	Rejected map[string]uint64
}

// counters are the live Stats.
type counters struct {
	mu sync.Mutex
	s  Stats
}

// Stats returns a copy of the counters.
func (c *Client) Stats() Stats {
	s := c.stats.copy()
	if t, ok := c.transport.(RejectCounter); ok {
		for reason, n := range t.Rejected() {
			if s.Rejected == nil {
				s.Rejected = map[string]uint64{}
			}
			s.Rejected[reason] += n
		}
	}
	return s
}

func (c *counters) copy() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.s
	s.Sent, s.Received, s.Rejected = maps.Clone(s.Sent), maps.Clone(s.Received), maps.Clone(s.Rejected)
	return s
}

func (c *counters) add(m *map[string]uint64, key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *m == nil {
		*m = map[string]uint64{}
	}
	(*m)[key]++
}

func (c *counters) send(t fsm.MessageType, err error) {
	if err != nil {
		c.mu.Lock()
		c.s.SendErrors++
		c.mu.Unlock()
		return
	}
	c.add(&c.s.Sent, t.String())
}

func (c *counters) receive(ev fsm.Event) {
	switch ev.(type) {
	case fsm.Offer:
		c.add(&c.s.Received, "OFFER")
	case fsm.Ack:
		c.add(&c.s.Received, "ACK")
	case fsm.Nak:
		c.add(&c.s.Received, "NAK")
	}
}

func (c *counters) reject(reason string) { c.add(&c.s.Rejected, reason) }
