package client

import (
	"errors"
	"maps"
	"sync"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/internal/wire"
)

// Stats are counters since New, by the names that RFC 2131 table 2 and package
// client give to what is counted.
type Stats struct {
	// Sent counts messages by type; SendErrors those that the kernel refused.
	Sent       map[string]uint64
	SendErrors uint64
	// Received counts the messages that were understood, by type.
	Received map[string]uint64
	// Rejected counts the datagrams that were not, by reason, and the
	// messages that had no meaning in their state.
	Rejected map[string]uint64
}

// counters are the live Stats.
type counters struct {
	mu sync.Mutex
	s  Stats
}

// Stats returns a copy of the counters.
func (c *Client) Stats() Stats {
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	s := c.stats.s
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

func (c *counters) reject(err error) {
	reason := "malformed"
	if r := (*wire.Reject)(nil); errors.As(err, &r) {
		reason = r.Reason.String()
	}
	c.add(&c.s.Rejected, reason)
}

func (c *counters) ignore(reason string) { c.add(&c.s.Rejected, reason) }

func (c *counters) flood() { c.add(&c.s.Rejected, "too many at once") }
