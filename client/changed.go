package client

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A Change is what of a network is not any more as it was.
type Change string

// The changes that are told. Each may be an administrator's work, or that of
// somebody who has come to stand in the way.
const (
	// ChangedServer is another server that has renewed the lease.
	ChangedServer Change = "server"
	// ChangedRouter is another address of the default router.
	ChangedRouter Change = "router"
	// ChangedStation is another station that answers for the address of the
	// default router, which its own station does not any more.
	ChangedStation Change = "router's station"
	// ChangedDNS is other name servers, or another order of them.
	ChangedDNS Change = "DNS"
)

// changes are what a renewal has changed.
func changes(old, l *lease.Lease) (list []Changed) {
	note := func(what Change, was, is string) {
		if was != is {
			list = append(list, Changed{Lease: l, What: what, Was: was, Is: is})
		}
	}
	note(ChangedServer, addrText(old.Server), addrText(l.Server))
	note(ChangedRouter, addrText(old.Router()), addrText(l.Router()))
	if !slices.Equal(old.DNS, l.DNS) {
		note(ChangedDNS, addrTexts(old.DNS), addrTexts(l.DNS))
	}
	return list
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return "none"
	}
	return a.String()
}

func addrTexts(list []netip.Addr) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Trim(fmt.Sprint(list), "[]")
}

// stationText is the station that the router of l had.
func stationText(l *lease.Lease) string {
	if l == nil || l.RouterMAC.IsZero() {
		return "none"
	}
	return l.RouterMAC.String()
}
