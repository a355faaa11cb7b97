package main

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

const (
	// grace is how long what must not be may be there, in every look: a client
	// needs time to act, on a machine that others share.
	grace = 1500 * time.Millisecond
	// looks is in how many looks in a row, at least: a machine that stands
	// still makes none.
	looks = 8
	// slack is what a kernel adds to a lifetime that it counts in seconds.
	slack = 1500 * time.Millisecond
	// settle is how long the news of an address wait for the frames that
	// explain it.
	settle = time.Second
	// crossing is how long after the end of a right the client may set an
	// address: it had begun to.
	crossing = 500 * time.Millisecond
)

// An address is one of the client's link.
type address struct {
	prefix netip.Prefix
	// valid is what is left of it in seconds; 0xffffffff is for ever.
	valid uint32
}

// A route is one of the client's link in the main table.
type route struct {
	dst     netip.Prefix
	gateway netip.Addr
	source  netip.Addr
	metric  int
	// dhcp says that a DHCP client set it (proto dhcp).
	dhcp bool
}

func (r route) String() string {
	return fmt.Sprintf("%v via %v src %v metric %d dhcp=%v", r.dst, r.gateway, r.source, r.metric, r.dhcp)
}

// A look is what there is at one moment.
type look struct {
	at        time.Time
	addresses []address
	routes    []route
	// resolver is the resolver file, "" if there is none.
	resolver string
	// store is why the lease file cannot be read; stored is what is in it.
	store  error
	stored *lease.Lease
}

// A life is the time in which a process of the client runs.
type life struct{ from, to time.Time }

// A judge knows what has happened to a link, and says what must not have. Time
// is an argument everywhere.
type judge struct {
	// resolver judges the resolver file.
	resolver resolverRule

	mu     sync.Mutex
	rights *rights
	lives  []life
	// admins are what the administrator has put there, and nobody may remove.
	adminAddrs  map[netip.Prefix]bool
	adminRoutes map[string]route
	// orphans are addresses of a process that was killed and whose lease file
	// was lost: the kernel removes them when they end.
	orphans map[netip.Addr]bool
	// mac is the hardware address of the link.
	mac lease.HardwareAddr
	// spoilt is when the harness spoilt the lease file, zero once it was
	// readable since.
	spoilt time.Time
	// used says that the process has set an address, after an ACK for it.
	used    bool
	bad     map[string]*offence
	pending []news
	diary   diary
	verdict []string
	last    look
	// looks counts all of them, leased those with an address.
	looks, leased int
}

// An offence is what must not be, as long as it is seen.
type offence struct {
	since time.Time
	looks int
}

// news are of an address or a route that was set.
type news struct {
	at    time.Time
	addr  netip.Addr
	valid uint32
	what  string
	// late is how long the right to it may have been over.
	late time.Duration
}

func newJudge(original string) *judge {
	return &judge{
		resolver: resolverRule{original: original}, rights: newRights(),
		adminAddrs: map[netip.Prefix]bool{}, adminRoutes: map[string]route{}, orphans: map[netip.Addr]bool{}, bad: map[string]*offence{},
	}
}

// violations are what was found so far.
func (j *judge) violations() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.verdict...)
}

// accuse notes a violation; mu is held.
func (j *judge) accuse(at time.Time, format string, args ...any) {
	text := clock(at) + " " + fmt.Sprintf(format, args...)
	j.diary.note(at, "VIOLATION %s", text)
	if len(j.verdict) < 20 {
		j.verdict = append(j.verdict, text)
	}
}

// report is accuse for what the harness itself has seen.
func (j *judge) report(at time.Time, format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.accuse(at, format, args...)
}

// note writes a line into the diary.
func (j *judge) note(at time.Time, format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.diary.note(at, format, args...)
}

// ours are the addresses of a look that a client must have put there.
func (j *judge) ours(l look) (list []address) {
	for _, a := range l.addresses {
		if !j.adminAddrs[a.prefix] {
			list = append(list, a)
		}
	}
	return list
}

// life is the number of the process that runs, from 1; 0 for none.
func (j *judge) life() int {
	if n := len(j.lives); n > 0 && j.lives[n-1].to.IsZero() {
		return n
	}
	return 0
}

// alive says whether the process of a life runs at t.
func (j *judge) alive(life int, t time.Time) bool {
	l := j.lives[life-1]
	return l.to.IsZero() || t.Before(l.to)
}

// heeds says which processes have to act at a time on what happens to addr: the
// one that runs then, unless it knows nothing of the address.
func (j *judge) heeds(addr netip.Addr, at time.Time) func(life int) bool {
	return func(life int) bool { return !j.orphans[addr] && j.alive(life, at) }
}
