package helper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

const (
	// maxLinks bounds what is open at a time, and maxQueued what waits for one:
	// a client asks for one thing after the other.
	maxLinks  = 4096
	maxQueued = 64
	// maxLimit is the longest time that a request may name.
	maxLimit = 1000 * time.Hour
)

// A link is what is done for one. The requests for it are done in their order.
type link struct {
	resolver, hostname client.Configurator
	script             *hook.Script

	mu      sync.Mutex
	waiting []func()
	busy    bool
}

// open makes what a link is to have of what the configuration allows.
func (s *server) open(r *request) error {
	l := s.links[r.Link]
	switch {
	case r.Open == nil:
		return errors.New("it does not say what")
	case l == nil && len(s.links) >= maxLinks:
		return fmt.Errorf("more than %d links", maxLinks)
	case l == nil:
		l = &link{}
		s.links[r.Link] = l
	}
	name, o := string(r.Open.Name), r.Open
	var err error
	switch {
	case o.Resolver != nil && s.cfg.resolver(o.Resolver.Row) == nil || o.Hostname && s.cfg.Hostname == nil:
		return errors.New("it was not named at the start")
	case o.Resolver != nil:
		c := s.cfg.resolver(o.Resolver.Row)
		l.resolver, err = netcfg.NewResolver(netcfg.ResolverConfig{
			Interface: name, Path: string(c.Path), StateDir: string(c.StateDir), Method: c.Method,
			Metric: o.Resolver.Metric, Elsewhere: o.Resolver.Elsewhere, Logger: s.log,
		})
	case o.Hostname:
		c := s.cfg.Hostname
		l.hostname = netcfg.NewHostname(netcfg.HostnameConfig{Always: c.Always, State: string(c.State), Logger: s.log.With("if", name)})
	case o.Script != nil && l.script == nil:
		l.script, err = s.newScript(name, o.Script)
	default:
		return errors.New("it does not say what, or it is open")
	}
	return err
}

func (s *server) newScript(name string, w *wireLinkScript) (*hook.Script, error) {
	if w.Row < 0 || w.Row >= len(s.cfg.Scripts) {
		return nil, fmt.Errorf("there are no scripts %d", w.Row)
	}
	c, err := s.cfg.Scripts[w.Row].config()
	if err != nil {
		return nil, err
	}
	c.Interface, c.Requested, c.Pid, c.Logger = name, w.Requested, s.parent, s.log
	return hook.New(c)
}

// tell tells the scripts of a link. They keep a bounded queue of that.
func (s *server) tell(r *request) error {
	l := s.links[r.Link]
	if l == nil || l.script == nil || r.Why != client.ReasonFail && r.Why != client.ReasonNak {
		return errors.New("there is nobody to tell, or nothing")
	}
	l.script.Tell(r.Why, string(r.Message))
	return nil
}

// queue has the request done when those before it are.
func (s *server) queue(r *request) error {
	l := s.links[r.Link]
	if l == nil || r.ID == 0 || r.Limit < 0 || r.Limit > maxLimit {
		return errors.New("there is no such link or limit")
	}
	do, err := l.job(r)
	if err != nil {
		return err
	}
	if r.Op == opClose {
		delete(s.links, r.Link)
	}
	ctx, cancel := s.begin(r)
	return l.add(&s.working, func() {
		defer cancel()
		s.answer(r, do(ctx))
	})
}

// job is what a request asks for.
func (l *link) job(r *request) (func(context.Context) error, error) {
	configure := func(c client.Configurator) func(context.Context) error {
		return func(ctx context.Context) error { return r.apply(ctx, c.Apply) }
	}
	switch {
	case r.Op == opResolver && l.resolver != nil:
		return configure(l.resolver), nil
	case r.Op == opHostname && l.hostname != nil:
		return configure(l.hostname), nil
	case r.Op == opScript && l.script != nil && applicable(r.Why):
		return func(ctx context.Context) error {
			return r.apply(ctx, func(ctx context.Context, next *lease.Lease, prev []*lease.Lease) error {
				return l.script.ApplyFor(ctx, r.Why, next, prev)
			})
		}, nil
	case r.Op == opPreinit && l.script != nil:
		return l.script.Preinit, nil
	case r.Op == opClose:
		return func(context.Context) error { l.end(); return nil }, nil
	}
	return nil, errors.New("the link has nothing of that")
}

// applicable says that a reason is one of ApplyFor.
func applicable(why client.Reason) bool {
	return why != client.ReasonPreinit && why != client.ReasonFail && why <= client.ReasonStop
}

// apply reads the leases and calls f. Those that no server can have given are
// refused here: nothing is done for them.
func (r *request) apply(ctx context.Context, f func(context.Context, *lease.Lease, []*lease.Lease) error) error {
	next, err := leaseOf(r.Next)
	if err != nil {
		return fmt.Errorf("the helper process refuses the lease: %w", err)
	}
	prev, err := leaseOf(r.Prev)
	if err != nil {
		return fmt.Errorf("the helper process refuses the lease before: %w", err)
	}
	if prev == nil {
		return f(ctx, next, nil)
	}
	return f(ctx, next, []*lease.Lease{prev})
}

// leaseOf decodes and checks a lease; nil for none.
func leaseOf(text json.RawMessage) (*lease.Lease, error) {
	if text == nil {
		return nil, nil
	}
	l := &lease.Lease{}
	if err := l.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	return l, nil
}

// begin is the context of a request.
func (s *server) begin(r *request) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(s.jobs)
	stop := func() {}
	if r.Limit > 0 {
		ctx, stop = context.WithTimeout(ctx, r.Limit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancels[r.ID] = cancel
	return ctx, func() {
		stop()
		cancel(nil)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.cancels, r.ID)
	}
}

// cancelOne cuts a request short. One that has ended meanwhile is none.
func (s *server) cancelOne(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.cancels[id]; cancel != nil {
		cancel(context.Canceled)
	}
}

// add has f called after all that waits. The goroutine that does it lives only
// while there is something to do.
func (l *link) add(working *sync.WaitGroup, f func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) >= maxQueued {
		return errors.New("too much is asked for at a time")
	}
	l.waiting = append(l.waiting, f)
	if !l.busy {
		l.busy = true
		working.Go(l.work)
	}
	return nil
}

func (l *link) work() {
	for {
		l.mu.Lock()
		if len(l.waiting) == 0 {
			l.busy, l.waiting = false, nil
			l.mu.Unlock()
			return
		}
		f := l.waiting[0]
		l.waiting = l.waiting[1:]
		l.mu.Unlock()
		f()
	}
}

// end brings what the scripts were told to its end.
func (l *link) end() {
	if l.script != nil {
		l.script.Close()
	}
}
