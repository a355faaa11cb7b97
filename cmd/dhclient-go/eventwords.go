package main

import (
	"fmt"
	"time"
)

// words is an event as a person says it. Where the lease was left out, there is
// only its address.
func (ev *eventLine) words() string {
	address := ev.Address
	if ev.Lease != nil {
		address = prefix(ev.Lease)
	}
	switch ev.Event {
	case "transition":
		return ev.From + " to " + ev.To + colon(ev.Reason)
	case "bound":
		if ev.Lease != nil {
			return describe(ev.Lease)
		}
		return "bound to " + address
	case "renewed":
		if ev.Lease != nil {
			return describe(ev.Lease) + ", renewed"
		}
		return address + " renewed"
	case "expired":
		return "the lease of " + address + " is over"
	case "refused":
		return "refused by " + ev.Server + " (NAK)" + quoted(ev.Reason)
	case "declined":
		if ev.Station == "" {
			return address + " declined: it cannot be used here"
		}
		return fmt.Sprintf("%s declined: station %s has it", address, ev.Station)
	case "lost":
		return address + " given up" + colon(ev.Reason)
	case "released":
		return address + " released"
	case "unanswered":
		return ev.Server + " made an offer and does not acknowledge"
	case "using_stored":
		if ev.Reason != "" {
			return fmt.Sprintf("no server answers; the %s %s is used", ev.Reason, address)
		}
		return "no server answers; the stored lease of " + address + " is used"
	case "router_changed":
		return fmt.Sprintf("station %s answers for the router %s: another network", ev.Station, ev.Router)
	case "changed":
		return fmt.Sprintf("the %s was %s, and is %s", ev.What, ev.Was, ev.Is)
	case "other_server":
		return ev.Server + " makes offers too, and not only " + ev.Was
	case "verified":
		if ev.Station != "" {
			return address + " verified by its router"
		}
		return address + " verified by " + ev.Server
	}
	return ev.troubleWords(address)
}

// troubleWords are those of what goes wrong on our side, and of the end.
func (ev *eventLine) troubleWords(address string) string {
	switch ev.Event {
	case "apply_failed":
		return "cannot configure the link" + colon(ev.Reason)
	case "probe_failed":
		return address + " cannot be probed" + colon(ev.Reason)
	case "ipv6_only":
		return "no address: the network is IPv6-only"
	case "no_server":
		return "no server has answered; next try in " + roughly(time.Duration(ev.Wait*float64(time.Second)))
	case "took_over":
		return tookOver(ev.PID, ev.Name, ev.Lease, address)
	case "handed_over":
		return "handed over to " + processWords(ev.PID, ev.Name)
	case "stopped":
		if address != "" {
			return "stopped; " + address + " stays"
		}
		return "stopped"
	case "dropped":
		return several(ev.Count, "event") + " left out: they came faster than they were read"
	}
	return ev.Event
}

// colon puts a reason behind a text, if there is one.
func colon(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
