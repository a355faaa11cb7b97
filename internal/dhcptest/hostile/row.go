package hostile

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// A Form is how much time a row takes. The misbehaviour and what is asked for
// are the same.
type Form uint8

const (
	// Full is for virtual time, and for clients whose timers are RFC 2131's:
	// leases of 45 s, and a minute to look at them.
	Full Form = iota
	// Brief is for a test on a real link: leases of 6 s.
	Brief
)

// of chooses one of two.
func of[T any](f Form, brief, full T) T {
	if f == Brief {
		return brief
	}
	return full
}

// A Row is a misbehaviour.
type Row struct {
	// Name is a few words, About one sentence.
	Name, About string
	// IDs are the rows of the conformance matrix that it shows.
	IDs []string
	// Cast are the servers, each an honest one with a lie; none is one honest
	// server.
	Cast []Lie
	// Want must be seen of any client.
	Want []Check
	// Ours is what dhclient-go promises where the RFCs leave a choice.
	Ours []Check
	// Brief and Full are how long to look; 0 is 3 s and 60 s.
	Brief, Full time.Duration
}

// A Group is rows that have something in common.
type Group struct {
	Title string
	Rows  []Row
}

// Table returns all rows.
func Table() []Group {
	return []Group{silence, crowd, naks, renewals, times, acks, headers, addresses, options, others}
}

// Window is how long to look at the client in this form.
func (r Row) Window(f Form) time.Duration {
	if w := of(f, r.Brief, r.Full); w != 0 {
		return w
	}
	return of(f, 3*time.Second, time.Minute)
}

// Network is the network of the scene.
var Network = netip.MustParsePrefix("10.99.0.0/24")

// host is an address of the network.
func host(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 99, 0, byte(n)}) }

// Servers makes the servers of the row.
func (r Row) Servers(f Form) ([]*dhcptest.Server, error) {
	cast := r.Cast
	if len(cast) == 0 {
		cast = []Lie{honest}
	}
	list := make([]*dhcptest.Server, len(cast))
	for i, lie := range cast {
		first := 50 + 10*i
		c := dhcptest.Config{
			ServerID: host(i + 1), Network: Network, First: host(first), Last: host(first + 7),
			Routers: []netip.Addr{host(1)}, DNS: []netip.Addr{host(3)}, Lease: time.Hour,
		}
		lie(f, &c)
		var err error
		if list[i], err = dhcptest.NewServer(c); err != nil {
			return nil, fmt.Errorf("row %q: %w", r.Name, err)
		}
	}
	return list, nil
}

// A Finding is what became of a Check.
type Finding struct {
	Check
	OK bool
	// Saw is what was seen, in a few words; it may be empty.
	Saw string
}

func (f Finding) String() string { return fmt.Sprintf("%s: saw %s", f.Says, f.Saw) }

// Judge returns what the record shows; ours adds what dhclient-go promises.
func (r Row) Judge(rec *Record, ours bool) []Finding {
	checks := r.Want
	if ours {
		checks = append(checks[:len(checks):len(checks)], r.Ours...)
	}
	list := make([]Finding, len(checks))
	for i, c := range checks {
		list[i].Check = c
		list[i].OK, list[i].Saw = c.see(rec)
	}
	return list
}
