package hook

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A Document is what programs of the dialect JSON read on their standard input.
type Document struct {
	// Time is when it happened.
	Time time.Time `json:"time"`
	// Interface is the name of the link.
	Interface string `json:"interface"`
	// Event is a client.Reason: preinit, bound, renew, rebind, reboot, stored,
	// refresh, expire, nak, conflict, lost, fail, release or stop.
	Event string `json:"event"`
	// Lease is the lease in use from now on, and OldLease the one before.
	Lease    *lease.Lease `json:"lease,omitempty"`
	OldLease *lease.Lease `json:"old_lease,omitempty"`
	// Message is the server's own, with nak.
	Message string `json:"message,omitempty"`
}

func (s *Script) jsonCall(n news, event string) (*call, error) {
	text, err := json.Marshal(Document{lease.Now(), s.cfg.Interface, event, n.next, n.old, n.message})
	if err != nil {
		return nil, fmt.Errorf("encode the lease: %w", err)
	}
	e := s.environment()
	e.set("DHCLIENT_GO_EVENT", event)
	e.set("DHCLIENT_GO_INTERFACE", s.cfg.Interface)
	return &call{event: event, env: e.list, input: append(text, '\n')}, nil
}
