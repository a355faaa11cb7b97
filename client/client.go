package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	shared "github.com/dhclient-go/dhclient-go/client/internal/alarm"
	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/internal/rawudp"
	"github.com/dhclient-go/dhclient-go/client/internal/wire"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A Client keeps a lease on one link. Make one with New, in the link's network
// namespace; its methods may be called from any goroutine in any.
type Client struct {
	cfg *Config // our own
	log *slog.Logger

	// now and newAlarm are replaced in tests.
	now      func() time.Time
	newAlarm func(fire func(), resumed func(slept time.Duration)) (alarm, error)

	inbox     *inbox
	alarm     alarm
	transport Transport
	worker    *worker
	// auth is the same for every identity: it remembers what was signed.
	auth *wire.Authenticator
	// identity is read by the transport's goroutine.
	identity atomic.Pointer[wire.Identity]
	// awaited is what could matter: set by the loop before it sends, and read
	// by the transport's goroutine, which leaves a flood of the rest away.
	awaited atomic.Pointer[wire.Awaited]

	// The loop's own: machine, link, whether the link was seen to have the
	// leased address, and whether the transport delivers.
	machine   fsm.Machine
	link      LinkState
	seen      netip.Addr
	listening bool
	// taken is what the link was taken over with, nil if it was free; heir is
	// who gets it, nil for nobody yet.
	taken *TookOver
	heir  heir
	// servers are those that make offers here.
	servers knownServers
	// unanswered counts DISCOVERs in a row; explained is set when it was said
	// why there is no link.
	unanswered int
	explained  bool
	progress   progress

	// ended is told what Run returns, and over says that it is being told; unhook forgets
	// its context, and unwatch ends the reports of the link.
	started atomic.Bool
	ended   func(error)
	// stopping is why Run ends, empty for that it was asked to.
	stopping string
	over     bool
	unhook   func() bool
	unwatch  func()
	stats    counters
	state    published
	shutdown sync.Once
}

// ErrClosed is returned by Wait when the Client has ended.
var ErrClosed = errors.New("the client has ended")

// A CapabilityError says that the process lacks a capability (capabilities(7)).
type CapabilityError = rawudp.CapabilityError

// A HeldError says that another client of this package serves the link, and
// which process that is.
type HeldError = rawudp.HeldError

// New returns a Client for cfg.Interface, with every socket open: it must be
// called in the link's network namespace, and needs CAP_NET_RAW (missing, the
// error is a *CapabilityError). Run may then run anywhere. A link has one Client:
// if there is another, in whatever process, the error is a *HeldError, unless
// cfg.Takeover has that one leave.
func New(cfg Config) (*Client, error) {
	return newClient(cfg, shared.Now, newBootAlarm)
}

func newClient(cfg Config, now func() time.Time, newAlarm func(func(), func(time.Duration)) (alarm, error)) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	link, err := linkOf(&cfg)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: &cfg, auth: cfg.authenticator(), log: cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)).With("if", cfg.Interface),
		now: now, newAlarm: newAlarm, inbox: &inbox{}, unwatch: func() {}, link: link}
	id, err := c.identify(link)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.Interface, err)
	}
	c.identity.Store(id)
	c.machine = fsm.New(c.protocol(id), [2]uint64{rand.Uint64(), rand.Uint64()})
	c.worker = newWorker(c.cfg, c.log,
		func(seq uint64, err error) {
			c.post(fsm.Applied{Seq: seq, Err: err, Refused: errors.Is(err, ErrDecline)})
		},
		func() { c.inbox.put(job{do: c.publish}) }, c.Panicked)
	c.alarm, err = newAlarm(func() { c.post(fsm.Tick{}) },
		func(slept time.Duration) { c.inbox.put(job{do: func() { c.resumed(slept) }}) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.Interface, err)
	}
	open := cfg.OpenTransport
	if open == nil {
		open = c.openSockets
	}
	if c.transport, err = open(link, c.receive); err != nil {
		c.alarm.close()
		return nil, fmt.Errorf("%s: %w", cfg.Interface, err)
	}
	c.inherit()
	return c, nil
}

func (c *Client) openSockets(link LinkState, receive func([]byte, netip.Addr)) (Transport, error) {
	cfg := rawudp.Config{Link: link, Logger: c.log, Everybody: c.cfg.ServerAddr, Takeover: c.cfg.Takeover,
		OnPanic: c.Panicked,
		Asked:   func(a *rawudp.Ask) { c.asked(a.PID, a.Name, a) }}
	cfg.ClientPort, cfg.ServerPort = c.cfg.ports()
	cfg.Stations = c.cfg.stations()
	return rawudp.Open(cfg, receive)
}

// linkOf is the link as it is now: from the watcher, or in library mode from
// the namespace of the calling thread.
func linkOf(cfg *Config) (LinkState, error) {
	if cfg.LinkWatcher != nil {
		link, err := cfg.LinkWatcher.State()
		if err == nil && link.Index == 0 {
			err = fmt.Errorf("%s: there is no such link", cfg.Interface)
		}
		return link, err
	}
	ifi, err := net.InterfaceByName(cfg.Interface)
	if err != nil {
		return LinkState{}, fmt.Errorf("%s: %w", cfg.Interface, err)
	}
	mac := station(ifi.HardwareAddr)
	if mac.IsZero() || ifi.Flags&(net.FlagLoopback|net.FlagPointToPoint) != 0 {
		return LinkState{}, fmt.Errorf("%s is not an Ethernet link", cfg.Interface)
	}
	return LinkState{Index: ifi.Index, Name: ifi.Name, HardwareAddr: mac, MTU: ifi.MTU, Carrier: true}, nil
}

// identify is who the client is on link.
func (c *Client) identify(link LinkState) (*wire.Identity, error) {
	id := &wire.Identity{
		HardwareAddr: link.HardwareAddr,
		ClientID:     c.cfg.ClientID,
		Hostname:     c.cfg.Hostname,
		VendorClass:  c.cfg.VendorClass,
		Params:       c.cfg.params(),
		Relay:        c.cfg.RelayAddr,
		Filter:       c.cfg.OptionFilter,
		ForceRenew:   c.cfg.ForceRenew,
		Auth:         c.auth,
		// RFC 2132 9.10: the longest DHCP message, which the link takes
		// without fragments.
		MaxSize: uint16(min(max(link.MTU-28, 576), 65535)),
	}
	options, err := c.cfg.Options()
	if err != nil {
		return nil, err
	}
	if c.cfg.Anonymous {
		c.cfg.anonymize(id)
		if link.HardwareAddr[0]&2 == 0 {
			c.log.Warn("anonymous, but for the hardware address: it is the card's own", "address", link.HardwareAddr)
		}
	}
	if err := id.SendOptions(options); err != nil {
		return nil, fmt.Errorf("SendOptions: %w", err)
	}
	switch {
	case id.ClientID != nil:
	case c.cfg.MachineID != (MachineID{}):
		id.ClientID = c.cfg.MachineID.clientID(link.HardwareAddr)
	default:
		// RFC 2132 9.14: the hardware type and address.
		id.ClientID = append([]byte{1}, link.HardwareAddr[:]...)
	}
	return id, id.Validate()
}

// protocol is the part of the configuration that the machine knows.
func (c *Client) protocol(id *wire.Identity) fsm.Config {
	cfg := fsm.Config{
		HardwareAddr: id.HardwareAddr, ClientID: id.ClientID,
		RequestIP: c.cfg.RequestIP, StartDelay: c.cfg.StartDelay,
		Retransmit: c.cfg.Retransmit, Broadcast: c.cfg.Broadcast, RapidCommit: c.cfg.RapidCommit, V6Only: c.cfg.IPv6Only, Anonymous: c.cfg.Anonymous,
		Schedule: c.cfg.Schedule, SelectTimeout: c.cfg.SelectTimeout,
		RequireOptions: c.cfg.RequireOptions, RejectServers: c.cfg.RejectServers, AllowServers: c.cfg.AllowServers, Prefer: c.cfg.Prefer,
		Fallback: c.cfg.Fallback, LinkLocal: c.cfg.LinkLocal,
		ACD: c.cfg.ACD, OnExit: c.cfg.OnExit,
	}
	if c.cfg.ConflictDetector == nil {
		cfg.ACD = fsm.NoProbe
	}
	return cfg
}

// Renew asks to renew the lease now, before T1; a client that is idle after
// Release, or waits to try again, starts over at once.
func (c *Client) Renew() { c.post(fsm.Renew{}) }

// Rebind is Renew that asks every server, and not the one that gave the lease
// (RFC 2131 4.4.5).
func (c *Client) Rebind() { c.post(fsm.Renew{Rebind: true}) }

// Release gives the lease back (RFC 2131 4.4.6) and takes it off the link. The
// client is then idle until Renew, or until Run's context ends.
func (c *Client) Release() {
	c.inbox.put(job{do: func() { c.step(fsm.Release{There: c.arrived()}) }})
}

// Lease is the lease in use; nil for none.
func (c *Client) Lease() *lease.Lease {
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	return c.state.lease
}

// State is where the client is in RFC 2131 figure 5.
func (c *Client) State() State {
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	return c.state.state
}

// Wait returns the lease when it is in use, and everything that AfterApply does
// is done. It fails when ctx ends first, with a *ConflictError if there was an
// address but others had it, when the address cannot be put on the link (the
// client goes on trying), and with ErrClosed when the client ends.
func (c *Client) Wait(ctx context.Context) (*lease.Lease, error) {
	for {
		c.state.mu.Lock()
		s := c.state.view
		changed := c.state.change()
		c.state.mu.Unlock()
		switch {
		case s.lease != nil && s.settled:
			return s.lease, nil
		case s.failure != nil:
			return nil, fmt.Errorf("%s: %w", c.cfg.Interface, s.failure)
		case s.closed:
			return nil, fmt.Errorf("%s: %w", c.cfg.Interface, ErrClosed)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if s.conflict != nil {
				return nil, s.conflict
			}
			return nil, fmt.Errorf("%s: no lease: %w", c.cfg.Interface, context.Cause(ctx))
		}
	}
}

// Alive returns nil when the loop of Run has answered, which takes it no time
// unless it hangs; before Run it waits for that. The error is ErrClosed, or says
// that ctx ended first: then the client should be restarted. Give ctx a limit.
func (c *Client) Alive(ctx context.Context) error {
	answered := make(chan struct{})
	if !c.inbox.put(job{do: func() { close(answered) }}) {
		return fmt.Errorf("%s: %w", c.cfg.Interface, ErrClosed)
	}
	select {
	case <-answered:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: the client does not answer: %w", c.cfg.Interface, context.Cause(ctx))
	}
}

// A ConflictError says that every address that was offered is in use by another
// station.
type ConflictError struct {
	Interface string
	// Addr is the last address that was declined, and By who has it.
	Addr netip.Addr
	By   net.HardwareAddr
	// Times is how many addresses in a row were declined, and Same whether By
	// had all of them: equipment that answers every ARP request, then.
	Times int
	Same  bool
}

func (e *ConflictError) Error() string {
	if e.By == nil {
		return fmt.Sprintf("%s: no offered address can be used here: %v was refused", e.Interface, e.Addr)
	}
	if e.AnswersAll() {
		return fmt.Sprintf("%s: %v has each of the %d addresses that were offered, last %v: it may be equipment that answers every ARP request",
			e.Interface, e.By, e.Times, e.Addr)
	}
	return fmt.Sprintf("%s: no offered address is free: %v has %v", e.Interface, e.By, e.Addr)
}

// An IPv6OnlyError says that there is no address because the network prefers to
// be IPv6-only; after Wait one is asked for again.
type IPv6OnlyError struct{ Wait time.Duration }

func (e *IPv6OnlyError) Error() string {
	return fmt.Sprintf("no lease: the network is IPv6-only; one is asked for again in %v", e.Wait)
}

// AnswersAll says that one station was in the way of so many addresses that it
// is probably equipment that answers every ARP request.
func (e *ConflictError) AnswersAll() bool { return e.By != nil && e.Same && e.Times >= answersAll }

const answersAll = 3

// published is what other goroutines see of the loop.
type published struct {
	mu sync.Mutex
	view
	// changed is closed when the view changes; nil while nobody waits for that.
	changed chan struct{}
}

type view struct {
	state    State
	lease    *lease.Lease
	settled  bool
	failure  error
	conflict *ConflictError
	closed   bool
}

// update changes the view and wakes who waits for that.
func (p *published) update(f func(*view)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.view)
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// change is closed when the view changes; mu is held.
func (p *published) change() <-chan struct{} {
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	return p.changed
}

// post gives the machine an event, from any goroutine.
func (c *Client) post(ev fsm.Event) {
	c.inbox.put(job{do: func() { c.step(ev) }})
}

// receive is called by the transport for each datagram.
func (c *Client) receive(payload []byte, _ netip.Addr) {
	defer c.contain()
	ev, err := wire.ParseAwaited(payload, c.identity.Load(), c.awaited.Load())
	if err != nil {
		c.reject(err)
		c.overheard(payload, err)
		return
	}
	c.stats.receive(ev)
	// In the loop it is logged after the message that it answers, however fast the
	// server is.
	if !c.inbox.put(job{packet: true, do: func() { c.received(ev) }}) {
		c.reject(errCrowd)
	}
}

// received is what the loop does with a message from a server.
func (c *Client) received(ev fsm.Event) {
	c.logReceived(ev)
	if offer, ok := ev.(fsm.Offer); ok {
		c.meet(offer.Lease.Server)
	}
	c.step(ev)
}

var errCrowd = errors.New("too many at once")

// reject counts a message that is not used. There may be a flood of them: what
// is not logged costs nothing more.
func (c *Client) reject(err error) {
	if r, ok := err.(*wire.Reject); ok {
		c.stats.reject(r.Reason.String())
	} else {
		c.stats.reject(err.Error())
	}
	if ctx := context.Background(); c.log.Enabled(ctx, slog.LevelDebug) {
		c.log.Debug("message rejected", "err", err)
	}
}

// Close ends a Client that was not run, which cannot be run any more. One that runs
// ends as with the end of its context, and closes itself then: Close does not wait.
func (c *Client) Close() error {
	if !c.started.Load() || !c.inbox.put(job{do: c.finish}) {
		c.close()
	}
	return nil
}

func (c *Client) close() {
	c.shutdown.Do(func() {
		c.inbox.close()
		c.alarm.close()
		if err := c.transport.Close(); err != nil {
			c.log.Debug("close the sockets", "err", err)
		}
		c.state.update(func(v *view) { v.closed, v.lease, v.state = true, nil, fsm.Off })
	})
}

// LeaseFromOptions makes a lease of an address and the options that came with it,
// by their code: what other clients keep in files. They are checked as those of
// an ACK are. The lease has no Start, and nobody's identity; the error says what
// cannot be.
func LeaseFromOptions(address netip.Addr, options map[uint8][]byte) (*lease.Lease, error) {
	return wire.FromOptions(address, options)
}
