package attach

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// A place is an attachment's link as the client has it: client.Configurator and
// client.LinkWatcher. As long as the address is the one that the runtime was given
// the plugin that made the link sets it, and here it only ends with its lease;
// later addresses are set here.
type place struct {
	link on
	a    *attachment
	log  *slog.Logger
	// lease is that of the client, nil for none.
	lease func() *lease.Lease

	mu sync.Mutex
	// limited is the address that has been seen on the link and has an end, and
	// set the one that was put there by us.
	limited, set netip.Addr
	// checking is done by one goroutine, and again says that there is more.
	checking, again bool
	closed          bool
	running         sync.WaitGroup
}

// on is a *netcfg.Link.
type on interface {
	client.LinkWatcher
	client.Configurator
	Limit(*lease.Lease) (bool, error)
	Found() ([]netcfg.Found, error)
	Adopt(netcfg.Found)
	Wanted(*lease.Lease) ([]lease.Route, int, error)
}

// fit has the client see the link as a place, and brings it up.
func (p *place) fit(cfg *client.Config, link *netcfg.Link) error {
	p.link = link
	// The plugin that has made it may bring it up after us, or not at all.
	if err := link.Up(); err != nil {
		return err
	}
	now, err := link.State()
	if err != nil {
		return err
	}
	p.resume(now)
	cfg.Configurator, cfg.AfterApply, cfg.LinkWatcher = p, nil, p.watcher()
	return nil
}

// Apply makes the link match next, as far as that is ours to do.
func (p *place) Apply(ctx context.Context, next *lease.Lease, prev []*lease.Lease) error {
	r := p.a.now()
	switch {
	case !r.Granted.IsValid():
		return nil // nobody has been given an address
	case next != nil && !r.Ours && next.Address == r.Granted:
		found, err := p.link.Limit(next)
		p.note(next.Address, found && err == nil)
		if err != nil || found || r.Taken || !endedInKernel(r.Granted, prev) {
			return err
		}
	case r.Taken:
		p.log.Warn("no address is put on the link, since another program has taken off what the runtime was given", "had", r.Granted)
		return nil
	}
	if !r.Ours {
		p.adopt(r, prev)
		p.a.change(func(r *record) { r.Ours = true })
	}
	if next != nil && next.Address != r.Granted {
		p.log.Warn("the link gets another address than the runtime was given", "had", r.Granted, "address", next.Address)
	}
	p.mu.Lock()
	if p.set = (netip.Addr{}); next != nil {
		p.set = next.Address
	}
	p.mu.Unlock()
	return p.link.Apply(ctx, next, prev)
}

// endedInKernel says that the kernel may have ended the address with an earlier lease,
// just before this one came.
func endedInKernel(addr netip.Addr, prev []*lease.Lease) bool {
	return slices.ContainsFunc(prev, func(l *lease.Lease) bool {
		return l != nil && l.Address == addr && l.Remaining(lease.Now()) <= kernelRounding
	})
}

// adopt has the link know what the plugin has put there, which may have no end
// yet, and is no administrator's.
func (p *place) adopt(r record, prev []*lease.Lease) {
	for _, l := range prev {
		if l != nil && l.Address == r.Granted {
			if prefix, err := netcfg.Prefix(l); err == nil {
				p.link.Adopt(netcfg.Found{Address: prefix, Router: r.Gateway})
			}
		}
	}
}

// note remembers that the address has an end.
func (p *place) note(addr netip.Addr, limited bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if limited {
		p.limited = addr
	}
}

// State is how the link is, as the client is to see it.
func (p *place) State() (client.LinkState, error) {
	s, err := p.link.State()
	return p.shown(s), err
}

// shown is the link with the address that the runtime was given: the plugin sets
// it a moment after the client has it, and whoever takes it away, as what makes the
// link a virtual machine's, is not to lose the lease by that. CHECK says the truth.
func (p *place) shown(s client.LinkState) client.LinkState {
	r, l := p.a.now(), p.lease()
	if s.Index == 0 || r.Ours || !r.Granted.IsValid() || l != nil && l.Address != r.Granted {
		return s
	}
	if holds(s, r.Granted) {
		return s
	}
	s.Addresses = append(slices.Clone(s.Addresses), netip.PrefixFrom(r.Granted, r.Granted.BitLen()))
	return s
}

// Watch calls f with the state of the link after each change.
func (p *place) Watch(ctx context.Context, f func(client.LinkState)) error {
	return p.link.Watch(ctx, func(s client.LinkState) {
		p.saw(s)
		f(p.shown(s))
	})
}

// prepare puts the address on the link if nobody has, as where the plugin has failed
// after its ADD: a server believes a RELEASE from no other, and what is put on goes
// with it.
func (p *place) prepare(ctx context.Context, l *lease.Lease) {
	s, err := p.link.State()
	if r := p.a.now(); err != nil || s.Index == 0 || r.Ours || r.Taken || holds(s, l.Address) {
		return
	}
	p.a.change(func(r *record) { r.Granted, r.Ours = l.Address, true })
	p.mu.Lock()
	p.set = l.Address
	p.mu.Unlock()
	if err := p.link.Apply(ctx, l, nil); err != nil {
		p.log.Warn("the lease cannot be given back from its address", "address", l.Address, "err", err)
	}
}

// saw has a look at what the plugin has set, if there is news.
func (p *place) saw(s client.LinkState) {
	r, l := p.a.now(), p.lease()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !r.Granted.IsValid() || s.Index == 0 || p.closed {
		return
	}
	if there := holds(s, r.Granted); !there && p.limited != r.Granted || there && p.limited == r.Granted && !r.Ours {
		return // no news
	} else if !there {
		p.limited = netip.Addr{}
		if r.Ours || l == nil || l.Remaining(lease.Now()) < kernelRounding {
			return // by us, or by the kernel
		}
	}
	if p.again = p.checking; p.again {
		return
	}
	p.checking = true
	p.running.Go(p.check)
}

// kernelRounding is how much before the end of a lease the kernel may end its
// address.
const kernelRounding = 2 * time.Second

// look finds out whether the address is there. What was reported may be old.
func (p *place) look(r record) {
	s, err := p.link.State()
	if err != nil || s.Index == 0 || r.Ours {
		return
	}
	l := p.lease()
	switch there := holds(s, r.Granted); {
	case there && r.Taken:
		p.a.change(func(r *record) { r.Taken = false })
	case !there && !r.Taken && l != nil && l.Remaining(lease.Now()) > kernelRounding:
		p.take(r)
	}
}

// take notes that another program has taken the address away.
func (p *place) take(r record) {
	p.log.Warn("another program has taken the address off the link: it is not put back", "address", r.Granted)
	p.a.change(func(r *record) { r.Taken = true })
}

// check gives the address that the plugin has set its end. If there is no right to
// it any more by then, it goes.
func (p *place) check() {
	for {
		r, l := p.a.now(), p.lease()
		switch {
		case l != nil && l.Address == r.Granted && r.Ours:
			// We have set it ourselves.
		case l != nil && l.Address == r.Granted:
			found, err := p.link.Limit(l)
			if err != nil {
				p.log.Warn("the address does not end with its lease", "err", err)
			}
			p.note(r.Granted, found && err == nil)
			p.look(r)
		case r.Ours:
			p.late(r)
		}
		p.mu.Lock()
		p.checking = p.again && !p.closed
		p.again = false
		more := p.checking
		p.mu.Unlock()
		if !more {
			return
		}
	}
}

// late takes off an address that the plugin has set when its lease was lost.
func (p *place) late(r record) {
	p.mu.Lock()
	ours := p.set == r.Granted
	p.mu.Unlock()
	if ours || !p.a.isFresh() {
		return // of an agent before this one no plugin sets anything any more
	}
	if p.takeOff(r) {
		p.log.Warn("the address was set when its lease was lost: it was taken off", "address", r.Granted)
	}
}

// resume goes on from what an agent before this one has left: the lease may have
// ended, or the address have been taken away, while nobody was there.
func (p *place) resume(now client.LinkState) {
	r := p.a.now()
	switch {
	case p.a.isFresh() || !r.Granted.IsValid() || r.Ours || r.Taken:
	case p.a.file.leaseOver(0):
		p.takeOff(r)
		p.a.change(func(r *record) { r.Ours = true })
	case holds(now, r.Granted):
	case p.a.file.leaseOver(kernelRounding):
		p.a.change(func(r *record) { r.Ours = true })
	default:
		p.take(r)
	}
}

// takeOff removes the address that the runtime was given.
func (p *place) takeOff(r record) (done bool) {
	all, err := p.link.Found()
	i := slices.IndexFunc(all, func(f netcfg.Found) bool { return f.Address.Addr() == r.Granted })
	if err == nil && i < 0 {
		return false
	}
	if err == nil {
		p.link.Adopt(netcfg.Found{Address: all[i].Address, Router: r.Gateway})
		gone := &lease.Lease{Address: r.Granted, Bits: all[i].Address.Bits()}
		err = p.link.Apply(context.Background(), nil, []*lease.Lease{gone})
	}
	if err != nil {
		p.log.Error("an address without a lease is on the link", "address", r.Granted, "err", err)
	}
	return err == nil
}

// close waits for what runs.
func (p *place) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.running.Wait()
}

func holds(s client.LinkState, addr netip.Addr) bool {
	return slices.ContainsFunc(s.Addresses, func(p netip.Prefix) bool { return p.Addr() == addr })
}

// subscribed is a place whose link needs no goroutine to be watched.
type subscribed struct {
	*place
	inner client.LinkSubscriber
}

// Subscribe is Watch that returns at once.
func (p subscribed) Subscribe(f func(client.LinkState)) (cancel func(), err error) {
	return p.inner.Subscribe(func(s client.LinkState) {
		p.saw(s)
		f(p.shown(s))
	})
}

// watcher is the place for client.Config.LinkWatcher.
func (p *place) watcher() client.LinkWatcher {
	if inner, ok := p.link.(client.LinkSubscriber); ok {
		return subscribed{p, inner}
	}
	return p
}
