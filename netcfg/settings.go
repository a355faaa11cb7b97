package netcfg

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

const (
	// maxServers is what resolv.conf(5) reads (MAXNS).
	maxServers = 3
	// maxSearch is the length of a search list that every C library reads.
	maxSearch = 256
	// maxLeased bounds what one lease contributes.
	maxLeased = 32
)

// settings are the resolver's part of a lease, valid once they went through
// check.
type settings struct {
	// Servers are IPv4 addresses of stations.
	Servers []netip.Addr `json:"servers"`
	// Search is the search list: option 119 or else the domain of option 15.
	Search []string `json:"search,omitempty"`
	// until is when the lease ends, 0 for never.
	until time.Duration
}

func (s settings) empty() bool { return len(s.Servers) == 0 }

// settings are those of a lease; empty for one without name servers, because
// a search list alone would replace the host's servers by none.
func (r *Resolver) settings(l *lease.Lease) settings {
	if l == nil || l.Expired(lease.Now()) {
		return settings{}
	}
	s := settings{Servers: l.DNS, Search: l.Search}
	if len(s.Search) == 0 && l.Domain != "" {
		s.Search = []string{l.Domain}
	}
	if !l.IsInfinite() {
		s.until = lease.SinceBoot() + l.Remaining(lease.Now())
	}
	return s.check()
}

// check drops what is not an address of a station or not a host name, whatever
// looked at it before, and what is there twice.
func (s settings) check() settings {
	out := settings{until: s.until}
	for _, a := range s.Servers {
		if notStation(a) == "" && !slices.Contains(out.Servers, a) && len(out.Servers) < maxLeased {
			out.Servers = append(out.Servers, a)
		}
	}
	for _, name := range s.Search {
		name = strings.TrimSuffix(name, ".")
		if lease.ValidName(name) && !slices.Contains(out.Search, name) && len(out.Search) < maxLeased {
			out.Search = append(out.Search, name)
		}
	}
	if len(out.Servers) == 0 {
		return settings{}
	}
	return out
}

// lines are the settings as resolv.conf has them, cut to what is read, with a
// comment on how much is not.
func (s settings) lines() string {
	var b strings.Builder
	servers := s.Servers[:min(len(s.Servers), maxServers)]
	for _, a := range servers {
		b.WriteString("nameserver " + a.String() + "\n")
	}
	if left := len(s.Servers) - len(servers); left > 0 {
		fmt.Fprintf(&b, "# %d more left out: only the first %d are read\n", left, maxServers)
	}
	list, names := "", 0
	for _, name := range s.Search {
		if len(list)+1+len(name) > maxSearch {
			break
		}
		list += " " + name
		names++
	}
	if names > 0 {
		b.WriteString("search" + list + "\n")
	}
	if left := len(s.Search) - names; left > 0 {
		fmt.Fprintf(&b, "# %d more left out: only %d octets are read\n", left, maxSearch)
	}
	return b.String()
}

// merge joins the settings of several links, the first of them first.
func merge(all []settings) (out settings) {
	for _, s := range all {
		for _, a := range s.Servers {
			if !slices.Contains(out.Servers, a) {
				out.Servers = append(out.Servers, a)
			}
		}
		for _, name := range s.Search {
			if !slices.Contains(out.Search, name) {
				out.Search = append(out.Search, name)
			}
		}
	}
	return out
}
