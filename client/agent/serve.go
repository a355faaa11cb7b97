package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// Serve serves the link called name by plan, whatever Config.Plan says of it, and
// returns its lease when that is in use. It goes on to be served when Serve has
// failed, as when ctx has ended, until Drop or until the link is gone: a name that
// is used again is another link. A second Serve of the same link has the new plan
// take the place of the old one.
//
// A namespace that the agent does not know is opened, and closed when nothing is
// served there any more; one of the same Name is used as it is, and ns closed. A
// link that does not exist is an ErrNoLink.
func (a *Agent) Serve(ctx context.Context, ns Namespace, name string, plan Plan) (*lease.Lease, error) {
	s, err := a.use(&ns)
	if err != nil {
		return nil, err
	}
	defer a.leave(s)
	m, err := s.find(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := a.ask(m, plan); err != nil {
		return nil, err
	}
	return m.await(ctx)
}

// ask has m be served by plan, if it is there still: nothing takes back what is asked
// of a link that is gone.
func (a *Agent) ask(m *member, plan Plan) error {
	a.planning.Lock()
	defer a.planning.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if m.gone {
		return m.errGone()
	}
	if !m.asked {
		m.space.users++
	}
	m.asked, m.plan = true, plan
	m.settle()
	return nil
}

func (m *member) errGone() error {
	return fmt.Errorf("%s%s: %w", m.link.Name, inNetns(m.link.Netns), ErrNoLink)
}

// use returns the space of ns, which leave gives back.
func (a *Agent) use(ns *Namespace) (*space, error) {
	a.planning.Lock()
	defer a.planning.Unlock()
	a.mu.Lock()
	s, phase := a.spaces[ns.Name], a.phase
	if s != nil && phase == begun {
		s.users++
	}
	a.mu.Unlock()
	switch {
	case phase != begun:
		ns.close()
		return nil, ErrStopped
	case s != nil:
		ns.close()
		return s, nil
	}
	s, err := a.openSpace(ns, false)
	if err != nil {
		return nil, err
	}
	s.follow()
	return s, nil
}

// leave closes the space if nobody uses it any more.
func (a *Agent) leave(s *space) {
	a.mu.Lock()
	s.users--
	over := s.users == 0 && !s.configured && a.phase == begun
	if over {
		delete(a.spaces, s.ns.Name)
	}
	a.mu.Unlock()
	if over {
		s.close()
	}
}

// find returns the link called name. One that has just been made may be there
// before the kernel's word of it has come.
func (s *space) find(ctx context.Context, name string) (*member, error) {
	select {
	case <-s.ready:
	case <-s.ctx.Done():
		return nil, ErrStopped
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", name, context.Cause(ctx))
	}
	if m := s.called(name); m != nil {
		return m, nil
	}
	all, err := s.kernel.Candidates()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i := range all {
		if all[i].Name == name {
			s.changed(false, []netcfg.LinkChange{{Candidate: all[i]}})
		}
	}
	if m := s.called(name); m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("%s%s: %w", name, inNetns(s.ns.Name), ErrNoLink)
}

func (s *space) called(name string) *member {
	s.a.mu.Lock()
	defer s.a.mu.Unlock()
	for _, m := range s.members {
		if m.link.Name == name {
			return m
		}
	}
	return nil
}

// await waits until m has a lease.
func (m *member) await(ctx context.Context) (*lease.Lease, error) {
	for {
		m.a.mu.Lock()
		served, changed, why, gone, phase := m.served, m.change(), m.err, m.gone, m.phase
		name, stops := m.link.Name, m.a.phase == stopping
		m.a.mu.Unlock()
		switch {
		case gone:
			return nil, fmt.Errorf("%s: %w", name, ErrNoLink)
		case stops:
			return nil, fmt.Errorf("%s: %w", name, ErrStopped)
		case phase == Left:
			return nil, fmt.Errorf("%s: another process has taken it over", name)
		case phase == Running:
			l, err := served.Client.Wait(ctx)
			if err == nil || !errors.Is(err, client.ErrClosed) {
				return l, err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if why != nil {
				return nil, why
			}
			return nil, fmt.Errorf("%s: no lease: %w", name, context.Cause(ctx))
		}
	}
}

// Drop ends what Serve has begun, and returns when it has ended: as the client's
// configuration says or, with release, with the lease given back. A link that is
// served by Config.Plan too goes on to be. What is not there is no error.
func (a *Agent) Drop(ctx context.Context, netns, name string, release bool) error {
	return a.drop(ctx, netns, func(m *member) bool { return m.link.Name == name }, release)
}

// DropPlan is Drop of the link that Serve was last asked to serve by that plan, or one
// that is the Same, whatever it is called by now.
func (a *Agent) DropPlan(ctx context.Context, netns string, plan Plan, release bool) error {
	return a.drop(ctx, netns, func(m *member) bool { return same(plan, m.plan) }, release)
}

func (a *Agent) drop(ctx context.Context, netns string, meant func(*member) bool, release bool) error {
	a.planning.Lock()
	a.mu.Lock()
	m := a.askedFor(netns, meant)
	if m == nil {
		a.mu.Unlock()
		a.planning.Unlock()
		return nil
	}
	if release && m.phase == Running {
		m.served.Client.Release() // it is done before the client ends
	}
	link := m.link
	a.mu.Unlock()
	plan := a.planFor(m.space, link)
	a.mu.Lock()
	m.asked, m.plan = false, plan
	m.settle()
	a.mu.Unlock()
	a.planning.Unlock()
	defer a.leave(m.space)
	return m.awaitEnd(ctx)
}

// askedFor is the link that is meant and that Serve has begun; nil for none. mu is held.
func (a *Agent) askedFor(netns string, meant func(*member) bool) *member {
	s := a.spaces[netns]
	if s == nil {
		return nil
	}
	for _, m := range s.members {
		if m.asked && meant(m) {
			return m
		}
	}
	return nil
}

// awaitEnd waits until m is not busy with what is not wanted any more.
func (m *member) awaitEnd(ctx context.Context) error {
	for {
		m.a.mu.Lock()
		over, changed, name := !m.isBusy() || m.isWanted() && m.phase != Ending, m.change(), m.link.Name
		m.a.mu.Unlock()
		if over {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%s: the client has not ended: %w", name, context.Cause(ctx))
		}
	}
}
