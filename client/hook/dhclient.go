package hook

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

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

// dhclientEvents are the reasons for n. A lease that is over is followed by what
// begins another: a script may have set the link down (send_request and dhcpnak of
// dhclient).
func (s *Script) dhclientEvents(n news) []string {
	reason := dhclientReasons[n.why]
	switch {
	case n.told && n.why == client.ReasonNak:
		return nil // without a lease it is of no interest
	case reason == "EXPIRE" && s.cfg.Configures:
		return []string{reason, "PREINIT"}
	}
	return []string{reason}
}

// dhclientCall is what dhclient(8) gives its script: nothing but this
// environment.
func (s *Script) dhclientCall(n news, reason string) *call {
	e := s.environment()
	e.set("reason", reason)
	e.set("interface", s.cfg.Interface)
	e.set("pid", strconv.Itoa(s.cfg.Pid))
	if reason == "PREINIT" || reason == "FAIL" {
		return &call{event: reason, env: e.list}
	}
	for _, code := range s.cfg.Requested {
		if r, ok := s.cfg.Options.ByCode(code); ok {
			e.set("requested_"+r.DhclientName(), "1")
		}
	}
	if n.next != nil {
		s.dhclientLease(e, "new_", n.next)
	}
	// At REBOOT, and at TIMEOUT, nothing of an older lease is said: it may be
	// the same that is still there (bind_lease and state_panic of dhclient).
	if n.old != nil && !slices.Contains([]client.Reason{client.ReasonReboot, client.ReasonRefresh, client.ReasonStored}, n.why) {
		s.dhclientLease(e, "old_", n.old)
	}
	return &call{event: reason, env: e.list}
}

// dhclientLease sets what a lease is, with a prefix before each name.
func (s *Script) dhclientLease(e *environment, prefix string, l *lease.Lease) {
	e.size = 0
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
	known[optBroadcast] = cmp.Or(known[optBroadcast], lastAddr(l))
	if len(l.Search) > 0 {
		known[optSearch] = strings.Join(l.Search, ". ") + "." // with the dot of the root
	}
	for _, code := range codes(l, known) {
		r, ok := s.cfg.Options.ByCode(code)
		if !ok {
			continue
		}
		value, err := known[code], error(nil)
		if _, mine := known[code]; !mine {
			value, err = checked(l, code, r.Dhclient)
		}
		e.setOption(prefix+r.DhclientName(), value, err)
	}
}
