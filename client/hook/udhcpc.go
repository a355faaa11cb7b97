package hook

import (
	"os"
	"strconv"
	"strings"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// udhcpcEvents are the arguments that udhcpc gives its script.
var udhcpcEvents = map[client.Reason][]string{
	client.ReasonPreinit:  {"deconfig"},
	client.ReasonBound:    {"bound"},
	client.ReasonRenew:    {"renew"},
	client.ReasonRebind:   {"renew"},
	client.ReasonReboot:   {"bound"},
	client.ReasonStored:   {"bound"},
	client.ReasonRefresh:  {"bound"},
	client.ReasonExpire:   {"deconfig"},
	client.ReasonNak:      {"nak", "deconfig"},
	client.ReasonConflict: {"deconfig"},
	client.ReasonLost:     {"deconfig"},
	client.ReasonFail:     {"leasefail"},
	client.ReasonRelease:  {"deconfig"},
	client.ReasonStop:     {"deconfig"},
}

// udhcpcCall is what udhcpc gives its script: the event as an argument, and its
// own environment with the lease in it.
func (s *Script) udhcpcCall(n news, event string) *call {
	e := s.environment(inherited()...)
	e.set("interface", s.cfg.Interface)
	if n.next != nil {
		s.udhcpcLease(e, n.next)
	}
	if event == "nak" {
		e.setText("message", strings.ReplaceAll(n.message, " ", "_"))
	}
	return &call{event: event, args: []string{event}, env: e.list}
}

// inherited is our environment, without what is between us and who started us.
func inherited() (list []string) {
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if name != "PATH" && name != "NOTIFY_SOCKET" && name != "WATCHDOG_USEC" && name != "WATCHDOG_PID" && !strings.HasPrefix(name, "DHCLIENT_GO_") {
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
	// T1 and T2 have no name in busybox: they come as opt58 and opt59.
	delete(known, optRenewTime)
	delete(known, optRebindTime)
	for _, code := range codes(l, known) {
		r, ok := s.cfg.Options.ByCode(code)
		if !ok {
			continue
		}
		if value, mine := known[code]; mine {
			if r.Udhcpc != "" {
				e.setOption(r.UdhcpcName(), value, nil)
			}
			continue
		}
		value, err := r.UdhcpcValue(l.Options[code])
		e.setOption(r.UdhcpcName(), value, err)
	}
}
