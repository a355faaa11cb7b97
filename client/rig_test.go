package client

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

var (
	myMAC     = lease.HardwareAddr{2, 0, 0, 0, 0, 0x50}
	otherMAC  = net.HardwareAddr{2, 0, 0, 0, 0, 0x66}
	routerMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	server1   = netip.MustParseAddr("10.99.0.1")
	offered   = netip.MustParseAddr("10.99.0.50")
	everybody = netip.MustParseAddr("255.255.255.255")
)

// A rig is a Client whose network, kernel and clock are under the test's
// control. It lives in a synctest bubble.
type rig struct {
	t      *testing.T
	cfg    Config
	client *Client
	start  time.Time
	cancel context.CancelFunc
	done   chan error

	mu      sync.Mutex
	sent    []sentMessage
	receive func([]byte, netip.Addr)
	// answer is the server: the replies to a message, nil for silence.
	answer    func(m sentMessage) []*dhcpv4.DHCPv4
	listening bool
	filters   []bool
	follows   []int
	// journal is what was done to the world, in order.
	journal []string

	applied   []*lease.Lease
	applyErr  error
	applyTime time.Duration

	squatters map[netip.Addr]net.HardwareAddr
	lost      func(net.HardwareAddr)
	probes    int
	router    net.HardwareAddr

	stored  *lease.Lease
	saveErr error

	link    LinkState
	onLink  func(LinkState)
	events  []Event
	sendErr error
	alarm   *testAlarm
	slept   atomic.Int64 // the time that Go's clock missed
	seed    *[2]uint64   // of what is random; nil for another in each run
}

type sentMessage struct {
	*dhcpv4.DHCPv4
	at       time.Duration
	src, dst netip.Addr
}

// newRig returns a rig with a server that gives offered for an hour. It is
// started by run.
func newRig(t *testing.T) *rig {
	r := &rig{t: t, start: time.Now(), squatters: map[netip.Addr]net.HardwareAddr{}, router: routerMAC,
		link: LinkState{Index: 7, Name: "eth0", HardwareAddr: myMAC, MTU: 1500, Carrier: true}}
	r.answer = r.serve(time.Hour)
	r.cfg = Config{
		Interface: "eth0", OnEvent: r.event, Logger: slog.New(slog.DiscardHandler),
		Configurator: r, ConflictDetector: detector{r}, RouterChecker: r, LeaseStore: r, LinkWatcher: watcher{r},
		OpenTransport: func(_ LinkState, receive func([]byte, netip.Addr)) (Transport, error) {
			r.receive = receive
			return transport{r}, nil
		},
	}
	return r
}

func (r *rig) now() time.Time { return time.Now().Add(time.Duration(r.slept.Load())).Round(0) }

// make makes the client.
func (r *rig) make() *Client {
	r.t.Helper()
	c, err := newClient(r.cfg, r.now, func(fire func(), resumed func(time.Duration)) (alarm, error) {
		r.alarm = &testAlarm{fire: fire, resumed: resumed, now: r.now}
		return r.alarm, nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if r.seed != nil {
		c.machine = fsm.New(c.protocol(c.identity.Load()), *r.seed)
	}
	r.client = c
	return c
}

// run starts the client and ends it with the test.
func (r *rig) run() *Client {
	r.t.Helper()
	c := r.make()
	ctx, cancel := context.WithCancel(r.t.Context())
	r.cancel, r.done = cancel, make(chan error, 1)
	go func() { r.done <- c.Run(ctx) }()
	r.t.Cleanup(cancel)
	synctest.Wait()
	return c
}

// stop ends Run and returns how long that took.
func (r *rig) stop() time.Duration {
	r.t.Helper()
	began := time.Now()
	r.cancel()
	if err := <-r.done; err != nil {
		r.t.Fatalf("Run: %v", err)
	}
	return time.Since(began)
}

// pass lets time pass.
func (r *rig) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// serve is a server that gives offered for a lease time.
func (r *rig) serve(valid time.Duration) func(sentMessage) []*dhcpv4.DHCPv4 {
	return func(m sentMessage) []*dhcpv4.DHCPv4 {
		kind := dhcpv4.MessageTypeAck
		switch m.MessageType() {
		case dhcpv4.MessageTypeDiscover:
			kind = dhcpv4.MessageTypeOffer
		case dhcpv4.MessageTypeRequest:
		default:
			return nil
		}
		return []*dhcpv4.DHCPv4{reply(m, kind, offered, dhcpv4.OptIPAddressLeaseTime(valid))}
	}
}

func reply(m sentMessage, kind dhcpv4.MessageType, yiaddr netip.Addr, opts ...dhcpv4.Option) *dhcpv4.DHCPv4 {
	p, err := dhcpv4.New(dhcpv4.WithReply(m.DHCPv4), dhcpv4.WithMessageType(kind), dhcpv4.WithYourIP(yiaddr.AsSlice()),
		dhcpv4.WithNetmask(net.CIDRMask(24, 32)), dhcpv4.WithRouter(server1.AsSlice()),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(server1.AsSlice())))
	if err != nil {
		panic(err)
	}
	for _, o := range opts {
		p.UpdateOption(o)
	}
	return p
}

func (r *rig) event(ev Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, ev)
}

// types are the messages sent so far, and their times in whole seconds.
func (r *rig) types() (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.sent {
		list = append(list, m.MessageType().String())
	}
	return list
}

// forget empties the list of messages sent.
func (r *rig) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = nil
}

func (r *rig) last() sentMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent[len(r.sent)-1]
}

func (r *rig) note(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.journal = append(r.journal, s)
}

// onTheLink is what was applied last, nil for nothing.
func (r *rig) onTheLink() *lease.Lease {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.applied) == 0 {
		return nil
	}
	return r.applied[len(r.applied)-1]
}

// setLink changes the link and tells the watcher.
func (r *rig) setLink(change func(*LinkState)) {
	r.mu.Lock()
	change(&r.link)
	f, s := r.onLink, r.link
	s.Addresses = slices.Clone(s.Addresses)
	r.mu.Unlock()
	f(s)
	synctest.Wait()
}

type transport struct{ r *rig }

func (t transport) Send(payload []byte, src, dst netip.Addr) error {
	r := t.r
	r.mu.Lock()
	if r.sendErr != nil {
		defer r.mu.Unlock()
		return r.sendErr
	}
	p, err := dhcpv4.FromBytes(payload)
	if err != nil {
		r.t.Errorf("sent what cannot be parsed: %v", err)
	}
	m := sentMessage{p, time.Since(r.start), src, dst}
	r.sent = append(r.sent, m)
	r.journal = append(r.journal, "send "+p.MessageType().String())
	answer := r.answer
	r.mu.Unlock()
	for i, p := range answer(m) {
		r.deliver(p, time.Millisecond+time.Duration(i)*time.Microsecond) // in their order
	}
	return nil
}

// deliver gives the client a message after a delay, if it listens.
func (r *rig) deliver(p *dhcpv4.DHCPv4, delay time.Duration) {
	b := p.ToBytes()
	time.AfterFunc(delay, func() {
		r.mu.Lock()
		listening := r.listening
		r.mu.Unlock()
		if listening {
			r.receive(b, server1)
		}
	})
}

func (t transport) Receive(on bool) error {
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	t.r.listening = on
	t.r.filters = append(t.r.filters, on)
	return nil
}

func (t transport) Flush(time.Duration) error { t.r.note("flush"); return nil }
func (t transport) Close() error              { t.r.note("close"); return nil }

func (t transport) Follow(index int, addr net.HardwareAddr) error {
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	t.r.follows = append(t.r.follows, index)
	return nil
}

// Apply is the Configurator.
func (r *rig) Apply(ctx context.Context, next *lease.Lease, _ []*lease.Lease) error {
	select {
	case <-time.After(r.applyTime):
	case <-ctx.Done():
		return ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if next != nil && r.applyErr != nil {
		return r.applyErr
	}
	r.applied = append(r.applied, next)
	r.journal = append(r.journal, map[bool]string{true: "remove", false: "apply"}[next == nil])
	return nil
}

// detector answers after 200 ms, as arpcheck does.
type detector struct{ r *rig }

func (d detector) Probe(addr netip.Addr, done func(net.HardwareAddr, error)) {
	d.r.mu.Lock()
	d.r.probes++
	by := d.r.squatters[addr]
	d.r.mu.Unlock()
	time.AfterFunc(200*time.Millisecond, func() { done(by, nil) })
}

func (d detector) Defend(_ netip.Addr, lost func(net.HardwareAddr)) {
	d.r.mu.Lock()
	defer d.r.mu.Unlock()
	d.r.lost = lost
}

func (d detector) Stop() {
	d.r.mu.Lock()
	defer d.r.mu.Unlock()
	d.r.lost = nil
}

// CheckRouter is the RouterChecker.
func (r *rig) CheckRouter(_, _ netip.Addr, _ net.HardwareAddr, found func(net.HardwareAddr)) {
	if r.router != nil {
		time.AfterFunc(time.Millisecond, func() { found(r.router) })
	}
}

// Load and Save are the LeaseStore.
func (r *rig) Load(context.Context) (*lease.Lease, error) {
	if r.saveErr != nil {
		return nil, errors.New("no such file")
	}
	return r.stored, nil
}

func (r *rig) Save(_ context.Context, l *lease.Lease) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.saveErr != nil {
		return r.saveErr
	}
	r.stored = l
	return nil
}

type watcher struct{ r *rig }

func (w watcher) State() (LinkState, error) {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	return w.r.link, nil
}

func (w watcher) Watch(ctx context.Context, f func(LinkState)) error {
	w.r.mu.Lock()
	w.r.onLink = f
	s := w.r.link
	w.r.mu.Unlock()
	f(s)
	<-ctx.Done()
	return nil
}

// suspend stops the machine for d: the time goes on, and nothing happens.
func (r *rig) suspend(d time.Duration) {
	r.slept.Add(int64(d))
	r.alarm.resume(d)
	synctest.Wait()
}

// testAlarm runs on the bubble's clock.
type testAlarm struct {
	fire    func()
	resumed func(time.Duration)
	now     func() time.Time

	mu    sync.Mutex
	at    time.Time
	timer *time.Timer
}

func (a *testAlarm) resume(slept time.Duration) {
	a.mu.Lock()
	at := a.at
	a.mu.Unlock()
	_ = a.set(a.now(), at)
	a.resumed(slept)
}

func (a *testAlarm) set(now, at time.Time) error {
	a.close()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = at
	if !at.IsZero() {
		a.timer = time.AfterFunc(at.Sub(now), a.fire)
	}
	return nil
}

func (a *testAlarm) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timer != nil {
		a.timer.Stop()
	}
}
