package hook

import (
	"os"
	"strconv"
	"strings"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// udhcpcArguments are those that udhcpc gives its script.
var udhcpcArguments = map[client.Reason]string{
	client.ReasonPreinit:  "deconfig",
	client.ReasonBound:    "bound",
	client.ReasonRenew:    "renew",
	client.ReasonRebind:   "renew",
	client.ReasonReboot:   "bound",
	client.ReasonStored:   "bound",
	client.ReasonRefresh:  "bound",
	client.ReasonExpire:   "deconfig",
	client.ReasonNak:      "deconfig",
	client.ReasonConflict: "deconfig",
	client.ReasonLost:     "deconfig",
	client.ReasonFail:     "leasefail",
	client.ReasonRelease:  "deconfig",
	client.ReasonStop:     "deconfig",
}

// udhcpcEvents are the arguments for n.
func (s *Script) udhcpcEvents(n news) []string {
	switch {
	case n.why == client.ReasonNak && n.told:
		return []string{"nak"}
	case n.why == client.ReasonNak && !s.nakTold:
		return []string{"nak", "deconfig"}
	}
	return []string{udhcpcArguments[n.why]}
}

// udhcpcCall is what udhcpc gives its script: the event as an argument, and its
// own environment with the lease in it.
func (s *Script) udhcpcCall(n news, event string) *call {
	e := s.environment(inherited()...)
	e.set("interface", s.cfg.Interface)
	switch {
	case event == "nak":
		// One word: several are a command and its arguments for a script that
		// is careless with them.
		e.setText("message", strings.ReplaceAll(n.message, " ", "_"))
	case n.next != nil:
		s.udhcpcLease(e, n.next)
	}
	return &call{event: event, args: []string{event}, env: e.list}
}

// inherited is our environment, without what is between us and who started us.
// udhcpc's scripts have always had it: ifup of busybox and of others tell them
// there what the configuration says of the link (IF_METRIC, IF_PEER_DNS), and not
// every system has its programs where we would look.
func inherited() (list []string) {
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if name != "NOTIFY_SOCKET" && name != "WATCHDOG_USEC" && name != "WATCHDOG_PID" && !strings.HasPrefix(name, "DHCLIENT_GO_") {
			list = append(list, v)
		}
	}
	return list
}

func (s *Script) udhcpcLease(e *environment, l *lease.Lease) {
	e.set("ip", l.Address.String())
	if l.Bits > 0 {
		e.set("mask", strconv.Itoa(l.Bits))
	}
	e.set("siaddr", addr(l.NextServer))
	e.setText("boot_file", l.BootFile)
	e.setText("sname", l.ServerName)
	known := fields(l)
	for _, code := range codes(l, known) {
		r, ok := s.cfg.Options.ByCode(code)
		if !ok {
			continue
		}
		// What has no name comes as it came: opt58 is in hexadecimal.
		value, mine := known[code]
		var err error
		switch {
		case r.Udhcpc == "" && len(l.Options[code]) == 0:
			continue
		case r.Udhcpc == "" || !mine:
			value, err = checked(l, code, r.UdhcpcValue)
		}
		e.setOption(r.UdhcpcName(), value, err)
	}
}
