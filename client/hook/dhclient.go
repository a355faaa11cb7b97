package hook

import (
	"os"
	"slices"
	"strconv"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// dhclientReasons are the words of dhclient-script(8).
var dhclientReasons = map[client.Reason]string{
	client.ReasonPreinit:  "PREINIT",
	client.ReasonBound:    "BOUND",
	client.ReasonRenew:    "RENEW",
	client.ReasonRebind:   "REBIND",
	client.ReasonReboot:   "REBOOT",
	client.ReasonStored:   "TIMEOUT",
	client.ReasonRefresh:  "REBOOT",
	client.ReasonExpire:   "EXPIRE",
	client.ReasonNak:      "EXPIRE",
	client.ReasonConflict: "EXPIRE",
	client.ReasonLost:     "EXPIRE",
	client.ReasonFail:     "FAIL",
	client.ReasonRelease:  "RELEASE",
	client.ReasonStop:     "STOP",
}

// dhclientCall is what dhclient(8) gives its script: nothing but this
// environment.
func (s *Script) dhclientCall(n news, reason string) *call {
	e := s.environment()
	e.set("reason", reason)
	e.set("interface", s.cfg.Interface)
	e.set("pid", strconv.Itoa(os.Getpid()))
	for _, code := range s.cfg.Requested {
		if r, ok := s.cfg.Options.ByCode(code); ok {
			e.set("requested_"+r.DhclientName(), "1")
		}
	}
	// At BOUND after a start, and at REBOOT, nothing of an older lease is said:
	// it may be the same that is still there (bind_lease of dhclient).
	if n.old != nil && !slices.Contains([]client.Reason{client.ReasonReboot, client.ReasonRefresh, client.ReasonStored}, n.why) {
		s.dhclientLease(e, "old_", n.old)
	}
	if n.next != nil {
		s.dhclientLease(e, "new_", n.next)
	}
	return &call{event: reason, env: e.list}
}

// dhclientLease sets what a lease is, with a prefix before each name.
func (s *Script) dhclientLease(e *environment, prefix string, l *lease.Lease) {
	e.set(prefix+"ip_address", l.Address.String())
	e.set(prefix+"network_number", network(l))
	e.set(prefix+"next_server", addr(l.NextServer))
	e.setText(prefix+"filename", l.BootFile)
	e.setText(prefix+"server_name", l.ServerName)
	if l.IsInfinite() {
		e.set(prefix+"expiry", "4294967295")
	} else {
		e.set(prefix+"expiry", strconv.FormatInt(l.ExpireAt().Unix(), 10))
	}
	known := fields(l)
	for _, code := range codes(l, known) {
		r, ok := s.cfg.Options.ByCode(code)
		if !ok {
			continue
		}
		value, mine := known[code]
		if mine {
			if code == optSearch && value != "" {
				value = dotted(l.Search)
			}
			e.setOption(prefix+r.DhclientName(), value, nil)
			continue
		}
		value, err := r.Dhclient(l.Options[code])
		e.setOption(prefix+r.DhclientName(), value, err)
	}
}

// dotted are names as dhclient prints a search list: with the dot of the root.
func dotted(names []string) (s string) {
	for i, name := range names {
		if i > 0 {
			s += " "
		}
		s += name + "."
	}
	return s
}
