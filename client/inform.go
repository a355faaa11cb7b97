package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/internal/rawudp"
	"github.com/dhclient-go/dhclient-go/client/internal/wire"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// ErrNoServer is in the chain of Inform's error when nobody has answered.
var ErrNoServer = errors.New("no server has answered")

// Inform asks servers what they tell a host that has its address from elsewhere,
// as name servers (DHCPINFORM, RFC 2131 4.4.3), and returns the answer of the
// first. address is on the link of cfg.Interface, with the length of its subnet;
// what is returned has that address, no end, and all else that was said. Nothing
// is configured, stored or checked for conflicts: of cfg what is sent, asked for
// and retransmitted counts, and the ways to the network and the log.
//
// It must be called in the link's network namespace, and needs CAP_NET_RAW. It
// fails after half a minute without an answer (a minute with Retransmit RFC2131),
// when ctx ends, and with a *HeldError while a Client serves the link.
func Inform(ctx context.Context, cfg Config, address netip.Prefix) (*lease.Lease, error) {
	return inform(ctx, cfg, address, lease.Now)
}

func inform(ctx context.Context, cfg Config, address netip.Prefix, now func() time.Time) (*lease.Lease, error) {
	if !lease.UsableAddr(address.Addr()) || !address.IsValid() || address.Bits() < 1 {
		return nil, fmt.Errorf("client: inform: %v is not an address that a host can have", address)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	link, err := linkOf(&cfg)
	if err != nil {
		return nil, err
	}
	i, err := openInform(cfg, link, address, now)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.Interface, err)
	}
	defer func() { _ = i.c.transport.Close() }() // there is nothing to lose
	l, err := i.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: inform: %w", cfg.Interface, err)
	}
	return l, nil
}

// An informing runs an fsm.Inform on the sockets of a Client that does not run.
type informing struct {
	c *Client
	m fsm.Inform
	// events has what was answered: there is no need for more than one.
	events chan fsm.Event
	result *lease.Lease
	failed bool
}

func openInform(cfg Config, link LinkState, address netip.Prefix, now func() time.Time) (*informing, error) {
	c := &Client{cfg: &cfg, auth: cfg.authenticator(), log: cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)).With("if", cfg.Interface), now: now, link: link}
	id, err := c.identify(link)
	if err != nil {
		return nil, err
	}
	id.Informs = address
	c.identity.Store(id)
	i := &informing{c: c, events: make(chan fsm.Event, 1),
		m: fsm.NewInform(c.protocol(id), [2]uint64{rand.Uint64(), rand.Uint64()}, address.Addr())}
	open := cfg.OpenTransport
	if open == nil {
		open = func(link LinkState, receive func([]byte, netip.Addr)) (Transport, error) {
			raw := rawudp.Config{Link: link, Logger: c.log, Everybody: cfg.ServerAddr}
			raw.ClientPort, raw.ServerPort = cfg.ports()
			return rawudp.Open(raw, receive)
		}
	}
	c.transport, err = open(link, i.receive)
	return i, err
}

// receive is called by the transport for each datagram.
func (i *informing) receive(payload []byte, _ netip.Addr) {
	ev, err := wire.ParseAwaited(payload, i.c.identity.Load(), i.c.awaited.Load())
	if err != nil {
		i.c.reject(err)
		return
	}
	select {
	case i.events <- ev:
	default: // one is there already
	}
}

func (i *informing) run(ctx context.Context) (*lease.Lease, error) {
	i.step(fsm.Start{LinkUp: true})
	for i.result == nil && !i.failed {
		wait := time.NewTimer(i.m.Deadline().Sub(i.c.now()))
		select {
		case ev := <-i.events:
			i.step(ev)
		case <-wait.C:
			i.step(fsm.Tick{})
		case <-ctx.Done():
			wait.Stop()
			return nil, context.Cause(ctx)
		}
		wait.Stop()
	}
	if i.failed {
		return nil, ErrNoServer
	}
	return i.result, nil
}

func (i *informing) step(ev fsm.Event) {
	actions := i.m.Step(i.c.now(), ev)
	if _, ok := ev.(fsm.Start); ok {
		// Before the first message leaves, since an answer may come at once.
		i.c.awaited.Store(&wire.Awaited{XID: i.m.XID()})
		if err := i.c.transport.Receive(true); err != nil {
			i.c.log.Warn("cannot change the packet filter", "receive", true, "err", err)
		}
	}
	for _, a := range actions {
		switch a := a.(type) {
		case fsm.Send:
			i.c.send(a.Message)
		case fsm.Notify:
			switch a.Notice.Kind {
			case fsm.Informed:
				i.result = a.Notice.Lease
			case fsm.NoServer:
				i.failed = true
			default:
			}
		default:
		}
	}
}
