package agent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// A churn is a host, its links and its servers, in virtual time.
type churn struct {
	*testing.T
	rng    *rand.Rand // of the test's goroutine
	start  time.Time
	kernel *fakeKernel
	plans  []planned
	index  int
	events int
	most   int // messages that are to be expected, beside renewals

	mu      sync.Mutex
	luck    *rand.Rand // of the network
	slots   []*churnLink
	byIndex map[int]*churnLink
	servers []*churnServer
	stores  []*lease.Lease

	sent, bound, naks int
	second            time.Duration
	inSecond, burst   int
}

type planned struct {
	at time.Time
	do func()
}

// A churnServer has the links of every tenth slot.
type churnServer struct {
	number int
	up     bool
	since  time.Duration // up or down
	epoch  int           // after each loss of memory it gives other addresses
	known  map[lease.HardwareAddr]netip.Addr
}

// A churnLink is one link, from when it appears until it is gone.
type churnLink struct {
	d       *churn
	slot    int
	index   int
	mac     lease.HardwareAddr
	renames int
	server  *churnServer
	carrier bool
	changes uint32
	gone    bool
	since   time.Duration // it has carrier
	lease   *lease.Lease  // what is on the link
	bare    time.Duration // nothing is on the link, or was last
	told    map[*func(client.LinkState)]bool
	past    []string // the last of what has happened, for who looks for a fault
}

// note remembers something; d.mu is held.
func (l *churnLink) note(format string, args ...any) {
	l.past = append(l.past, fmt.Sprintf("%v ", l.d.now())+fmt.Sprintf(format, args...))
	if over := len(l.past) - 60; over > 0 {
		l.past = append(l.past[:0], l.past[over:]...)
	}
}

func newChurn(t *testing.T, links int, seed uint64) *churn {
	d := &churn{T: t, rng: rand.New(rand.NewPCG(seed, 1)), luck: rand.New(rand.NewPCG(seed, 2)), start: time.Now(),
		kernel: newKernel(), slots: make([]*churnLink, links), byIndex: map[int]*churnLink{}, stores: make([]*lease.Lease, links)}
	for n := range 10 {
		d.servers = append(d.servers, &churnServer{number: n, up: true, known: map[lease.HardwareAddr]netip.Addr{}})
	}
	for i := range links {
		l := d.create(i)
		d.kernel.links[l.index] = l.candidate()
	}
	return d
}

func (d *churn) now() time.Duration { return time.Since(d.start) }

// later has the test's goroutine do something in a while.
func (d *churn) later(wait time.Duration, do func()) {
	d.plans = append(d.plans, planned{time.Now().Add(wait), do})
}

// create makes a link that the agent does not know of yet.
func (d *churn) create(slot int) *churnLink {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.index++
	l := &churnLink{d: d, slot: slot, index: d.index, server: d.servers[slot%len(d.servers)], carrier: true, since: d.now(),
		told: map[*func(client.LinkState)]bool{}}
	l.mac = lease.HardwareAddr{2, byte(d.index % 3), 0, 0, byte(slot >> 8), byte(slot)} // a container has another, or the same
	d.slots[slot], d.byIndex[l.index] = l, l
	return l
}

func (d *churn) appear(slot int) {
	if d.slots[slot] == nil {
		d.kernel.make(d.create(slot).candidate())
	}
}

func (d *churn) remove(slot int) {
	l := d.slots[slot]
	d.mu.Lock()
	d.slots[slot] = nil
	l.gone, l.lease = true, nil
	d.mu.Unlock()
	l.tell()
	d.kernel.remove(l.index)
}

func (d *churn) setServer(s *churnServer, up bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s.up, s.since = up, d.now()
}

func (d *churn) setCarrier(l *churnLink, carrier bool) {
	d.mu.Lock()
	if l.gone || l.carrier == carrier {
		d.mu.Unlock()
		return
	}
	l.carrier, l.since = carrier, d.now()
	l.changes++
	l.note("carrier %v", carrier)
	d.mu.Unlock()
	l.tell()
}

func (l *churnLink) name() string {
	if l.renames > 0 {
		return fmt.Sprintf("a%d.%d", l.slot, l.renames)
	}
	return fmt.Sprintf("a%d", l.slot)
}

func (l *churnLink) candidate() netcfg.Candidate {
	return netcfg.Candidate{Name: l.name(), Index: l.index, Kind: "veth", HardwareAddr: l.mac}
}

// State is the client.LinkWatcher's.
func (l *churnLink) State() (client.LinkState, error) {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	if l.gone {
		return client.LinkState{}, nil
	}
	s := client.LinkState{Index: l.index, Name: "a", HardwareAddr: l.mac, MTU: 1500, Carrier: l.carrier, CarrierChanges: l.changes}
	if l.lease != nil {
		s.Addresses = []netip.Prefix{l.lease.Prefix()}
	}
	return s, nil
}

func (l *churnLink) Watch(context.Context, func(client.LinkState)) error {
	panic("it is subscribed to")
}

// Subscribe is the client.LinkSubscriber's.
func (l *churnLink) Subscribe(f func(client.LinkState)) (cancel func(), err error) {
	s, _ := l.State()
	f(s)
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	l.told[&f] = true
	return func() {
		l.d.mu.Lock()
		defer l.d.mu.Unlock()
		delete(l.told, &f)
	}, nil
}

// tell reports the link as it is.
func (l *churnLink) tell() {
	s, _ := l.State()
	l.d.mu.Lock()
	var all []func(client.LinkState)
	for f := range l.told {
		all = append(all, *f)
	}
	l.d.mu.Unlock()
	for _, f := range all {
		f(s)
	}
}

// Apply is the client.Configurator's. Nothing but the client takes an address off
// the link here, as the kernel would.
func (l *churnLink) Apply(_ context.Context, next *lease.Lease, _ []*lease.Lease) error {
	d := l.d
	d.mu.Lock()
	if l.gone {
		d.mu.Unlock()
		if next == nil {
			return nil
		}
		return errors.New("no such link")
	}
	if next != nil && next.Expired(time.Now()) {
		d.Errorf("%s is given %v, which was over at %v", l.name(), next.Address, next.ExpireAt())
	}
	l.lease = next
	if next == nil {
		l.bare = d.now()
		l.note("has no address now")
	} else {
		l.note("has %v until %v", next.Address, next.ExpireAt().Sub(d.start))
	}
	d.mu.Unlock()
	if next != nil {
		time.AfterFunc(time.Until(next.ExpireAt())+time.Millisecond, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			if l.lease != nil && l.lease.Expired(time.Now()) {
				d.Errorf("%s has %v, which was over at %v", l.name(), l.lease.Address, l.lease.ExpireAt())
			}
		})
	}
	l.tell()
	return nil
}

// A churnStore has the lease of a slot, as a file by the link's name.
type churnStore struct {
	d    *churn
	slot int
}

func (s churnStore) Load(context.Context) (*lease.Lease, error) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	return s.d.stores[s.slot], nil
}

func (s churnStore) Save(_ context.Context, l *lease.Lease) error {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	s.d.stores[s.slot] = l
	return nil
}

// A churnDetector answers after 200 ms that nobody has the address.
type churnDetector struct {
	mu    sync.Mutex
	timer *time.Timer
}

func (p *churnDetector) Probe(_ netip.Addr, done func(net.HardwareAddr, error)) {
	p.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(200*time.Millisecond, func() { done(nil, nil) })
}

func (p *churnDetector) Defend(netip.Addr, func(net.HardwareAddr)) { p.Stop() }

func (p *churnDetector) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
}

// A churnPlan serves a link by a real client.
type churnPlan struct{ d *churn }

func (p churnPlan) Same(Plan) bool { return true }

func (p churnPlan) Open(o *Opening) (*Served, error) {
	p.d.mu.Lock()
	l := p.d.byIndex[o.Link.Index]
	p.d.mu.Unlock()
	cfg := client.Config{Interface: o.Link.Name, Configurator: l, LinkWatcher: l, LeaseStore: churnStore{p.d, l.slot},
		OnEvent: func(ev client.Event) {
			p.d.count(l, ev)
			o.OnEvent(ev)
		},
		OpenTransport: func(_ client.LinkState, receive func([]byte, netip.Addr)) (client.Transport, error) {
			return &churnWire{link: l, receive: receive}, nil
		}}
	if l.slot%2 == 1 {
		cfg.ConflictDetector = &churnDetector{}
	}
	c, err := client.New(cfg)
	if err != nil {
		return nil, err
	}
	return &Served{Client: c}, nil
}

func (d *churn) count(l *churnLink, ev client.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l.note("%T %+v", ev, ev)
	switch ev.(type) {
	case client.Bound:
		d.bound++
	case client.Refused:
		d.naks++
	}
}
