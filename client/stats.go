package client

import (
	"maps"
	"sync"
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
)

// Stats are counters since New, by the names that RFC 2131 table 2 and package
// client give to what is counted.
type Stats struct {
	// Sent counts messages by type, and Retransmitted those of them that say the
	// same as the one before, since no answer came; SendErrors counts those that
	// the kernel refused.
	Sent          map[string]uint64
	Retransmitted uint64
	SendErrors    uint64
	// Received counts the messages that were understood, by type.
	Received map[string]uint64
	// Rejected counts what was received and not used, by the reason in words:
	// frames that are no datagram to us (the reasons begin with "frame: "),
	// datagrams that are no message of a server to us, and messages that have
	// no meaning in the client's state. What the kernel's filter drops is in no
	// count: nobody looks at it.
	Rejected map[string]uint64
	// Bound, Renewed, Expired, Refused and Declined count the events of that name.
	Bound, Renewed, Expired, Refused, Declined uint64
	// TimeToAddress has the times to BOUND: since Run has begun with a link that
	// can send, since the carrier came, or since there was no lease any more.
	TimeToAddress Histogram
}

// counters are the live Stats.
type counters struct {
	mu sync.Mutex
	s  Stats // but Sent and Received
	// messages are those sent and received, by the value of option 53 (RFC 2132
	// 9.6): who sends a type receives none. A map would be half a KiB for each
	// link.
	messages [len(messageTypes)]uint32
}

// messageTypes are the names of the values.
var messageTypes = [...]string{1: "DISCOVER", 2: "OFFER", 3: "REQUEST", 4: "DECLINE", 5: "ACK", 6: "NAK", 7: "RELEASE", 8: "INFORM", 9: "FORCERENEW"}

// isReply says that a value is of what servers send.
func isReply(value int) bool { return value == 2 || value == 5 || value == 6 || value == 9 }

// Stats returns a copy of the counters.
func (c *Client) Stats() Stats {
	s := c.stats.copy()
	if t, ok := c.transport.(RejectCounter); ok {
		for reason, n := range t.Rejected() {
			count(&s.Rejected, reason, n)
		}
	}
	return s
}

func (c *counters) copy() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.s
	s.Rejected = maps.Clone(s.Rejected)
	for value, n := range c.messages {
		switch {
		case n == 0:
		case isReply(value):
			count(&s.Received, messageTypes[value], uint64(n))
		default:
			count(&s.Sent, messageTypes[value], uint64(n))
		}
	}
	return s
}

// count adds n to what m, which may be nil, has of key.
func count(m *map[string]uint64, key string, n uint64) {
	if *m == nil {
		*m = map[string]uint64{}
	}
	(*m)[key] += n
}

func (c *counters) send(t fsm.MessageType, again bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.messages[t]++
	}
	switch {
	case err != nil:
		c.s.SendErrors++
	case again:
		c.s.Retransmitted++
	}
}

// event counts what OnEvent hears of.
func (c *counters) event(ev Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch ev.(type) {
	case Bound:
		c.s.Bound++
	case Renewed:
		c.s.Renewed++
	case Expired:
		c.s.Expired++
	case Refused:
		c.s.Refused++
	case Declined:
		c.s.Declined++
	default:
	}
}

// arrived notes a time to BOUND.
func (c *counters) arrived(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.TimeToAddress.observe(d)
}

func (c *counters) receive(ev fsm.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch ev.(type) {
	case fsm.Offer:
		c.messages[2]++
	case fsm.Ack:
		c.messages[5]++
	case fsm.Nak:
		c.messages[6]++
	case fsm.ForceRenew:
		c.messages[9]++
	}
}

func (c *counters) reject(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	count(&c.s.Rejected, reason, 1)
}
