package main

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// see judges a look, and the news that have settled since.
func (j *judge) see(l look) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last = l
	if j.looks++; len(j.ours(l)) > 0 {
		j.leased++
	}
	wrong := map[string]bool{}
	j.judgeAddresses(l, wrong)
	j.judgeRoutes(l, wrong)
	j.judgeAdmin(l, wrong)
	j.judgeFiles(l, wrong)
	for what := range j.bad {
		if !wrong[what] {
			delete(j.bad, what)
		}
	}
	for what := range wrong {
		j.persist(l.at, what)
	}
	j.judgeNews(l.at)
}

// persist makes an offence that goes on for too long a violation, once.
func (j *judge) persist(at time.Time, what string) {
	b := j.bad[what]
	if b == nil {
		b = &offence{since: at}
		j.bad[what] = b
	}
	b.looks++
	if over := at.Sub(b.since) >= grace && b.looks >= looks; over && b.looks > 0 {
		j.accuse(at, "%s, since %s", what, clock(b.since))
		b.looks = -1 << 30 // once
	}
}

// judgeAddresses: one address, and only with a right to it.
func (j *judge) judgeAddresses(l look, wrong map[string]bool) {
	var known []string
	for _, a := range j.ours(l) {
		addr := a.prefix.Addr()
		if why := j.rights.right(addr, l.at, 0, j.heeds(addr, l.at)); why != "" {
			wrong[fmt.Sprintf("%v is on the link, but %s", a.prefix, why)] = true
		}
		if !j.orphans[addr] {
			known = append(known, a.prefix.String())
		}
	}
	if len(known) > 1 {
		wrong["more than one address of ours: "+strings.Join(known, " ")] = true
	}
}

// confirmed says that the process that runs has had an ACK for addr.
func (j *judge) confirmed(addr netip.Addr, at time.Time) bool {
	g, ok := j.rights.held(addr, at)
	return ok && j.life() != 0 && g.acked.After(j.lives[len(j.lives)-1].from)
}

// judgeRoutes: one default route, and none without its address.
func (j *judge) judgeRoutes(l look, wrong map[string]bool) {
	there := map[netip.Addr]bool{}
	for _, a := range j.ours(l) {
		there[a.prefix.Addr()] = true
	}
	var defaults []string
	for _, r := range l.routes {
		if !r.dhcp {
			continue
		}
		if !there[r.source] {
			wrong[fmt.Sprintf("route %v without its address", r)] = true
		}
		if r.dst.Bits() == 0 && !j.orphans[r.source] {
			defaults = append(defaults, r.String())
		}
	}
	if len(defaults) > 1 {
		wrong["more than one default route of ours: "+strings.Join(defaults, "; ")] = true
	}
}

// judgeAdmin: what the administrator did stays.
func (j *judge) judgeAdmin(l look, wrong map[string]bool) {
	addrs, routes := map[netip.Prefix]bool{}, map[string]bool{}
	for _, a := range l.addresses {
		addrs[a.prefix] = a.valid == forever
	}
	for _, r := range l.routes {
		routes[r.String()] = true
	}
	for p := range j.adminAddrs {
		if permanent, there := addrs[p]; !there {
			wrong[fmt.Sprintf("the administrator's address %v is gone", p)] = true
		} else if !permanent {
			wrong[fmt.Sprintf("the administrator's address %v has a lifetime", p)] = true
		}
	}
	for name, r := range j.adminRoutes {
		if !routes[r.String()] {
			wrong[fmt.Sprintf("the administrator's route %s is gone", name)] = true
		}
	}
}

// judgeFiles: both files are whole, at every moment, and the resolver's is of
// the lease that there is.
func (j *judge) judgeFiles(l look, wrong map[string]bool) {
	switch {
	case l.store == nil && l.at.After(j.spoilt):
		j.spoilt = time.Time{}
	case l.store != nil && j.spoilt.IsZero():
		j.accuse(l.at, "the lease file cannot be read: %v", l.store)
		j.spoilt = l.at
	}
	if why := j.resolver.broken(l.resolver, j.rights.grants); why != "" {
		wrong["the resolver file is "+why+":\n"+l.resolver] = true
		if !j.resolver.told {
			j.accuse(l.at, "the resolver file is %s:\n%s", why, l.resolver)
			j.resolver.told = true
		}
	}
	if j.life() != 0 && j.used && len(j.ours(l)) == 0 && l.resolver != j.resolver.original {
		wrong["the resolver file is still a lease's, and no address is on the link"] = true
	}
}

// judgeNews: an address was set only with a right to it at that moment, however
// short, and not for longer than its lease.
func (j *judge) judgeNews(now time.Time) {
	var later []news
	for _, n := range j.pending {
		if now.Sub(n.at) < settle {
			later = append(later, n)
			continue
		}
		if why := j.rights.right(n.addr, n.at, n.late, j.heeds(n.addr, n.at)); why != "" {
			j.accuse(n.at, "%s, but %s", n.what, why)
			continue
		}
		end, ok := j.rights.longest(n.addr, n.at)
		if until := n.at.Add(time.Duration(n.valid) * time.Second); ok && until.After(end.Add(slack)) {
			j.accuse(n.at, "%s for %d s, but its lease ends at %s", n.what, n.valid, clock(end))
		}
	}
	j.pending = later
}
