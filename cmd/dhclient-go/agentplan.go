package main

import (
	"context"
	"errors"
	"sync"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// An agentPlan is how links of one section are served in one namespace.
type agentPlan struct {
	a     *agency
	place *place
	plan  *linkPlan
	// o is what the plan says, and what the process and the place say.
	o *options
}

// A planKey is what an agentPlan is made of.
type planKey struct {
	plan  *linkPlan
	netns string
}

// plan is how a link is to be served; nil for not at all.
func (a *agency) plan(l agent.Link) agent.Plan {
	var plan *linkPlan
	a.reloading.Lock()
	defer a.reloading.Unlock()
	meant, err := a.means(&l)
	if meant && err == nil {
		plan, err = a.sectionOf(&l)
	}
	switch {
	case err != nil:
		a.log.Warn("the link is left alone", "if", l.Name, "netns", l.Netns, "err", err)
		return nil
	case plan == nil:
		return nil
	}
	key := planKey{plan, l.Netns}
	if a.plans[key] == nil {
		a.plans[key] = a.newPlan(plan, a.places[l.Netns])
	}
	if plan.options.hooks.Configures {
		return namedPlan{a.plans[key], l.Name}
	}
	return a.plans[key]
}

// A namedPlan is of links that scripts configure, which go by their names: a client that
// was made for the old one would have them configure what has that name by now.
type namedPlan struct {
	*agentPlan
	name string
}

// Same says that nothing has to be done for the link to be served by the other.
func (p namedPlan) Same(other agent.Plan) bool {
	q, ok := other.(namedPlan)
	return ok && p.name == q.name && p.agentPlan.Same(q.agentPlan)
}

// means says that --match means the link; without any, all are meant. reloading is
// held.
func (a *agency) means(l *agent.Link) (bool, error) {
	if l.Name == "lo" {
		return false, nil
	}
	if len(a.match.links) == 0 {
		return true, nil
	}
	driver := func(string) (string, error) { return l.Driver() }
	for _, text := range a.match.links {
		s := a.match.selectorCalled(text)
		if s == nil && text == l.Name {
			return true, nil
		}
		if s == nil {
			continue
		}
		if is, err := s.matches(&l.Candidate, driver); is || err != nil {
			return is, err
		}
	}
	return false, nil
}

// selectorCalled is the selector of that text; nil for the name of a link.
func (o *options) selectorCalled(text string) *selector {
	for _, s := range o.selectors {
		if s.text == text {
			return s
		}
	}
	return nil
}

// sectionOf is the section of the config file for the link, or the command line;
// reloading is held.
func (a *agency) sectionOf(l *agent.Link) (*linkPlan, error) {
	if a.file != nil {
		return a.file.planOf(l.Netns, &l.Candidate, func(string) (string, error) { return l.Driver() })
	}
	return a.o.agent.flags(a.o), nil
}

// flags are the flags of links on the command line as a plan.
func (g *agentOptions) flags(o *options) *linkPlan {
	if g.plan == nil {
		g.plan = &linkPlan{options: o, source: "the command line"}
	}
	return g.plan
}

// newPlan adds what the process and the namespace say.
func (a *agency) newPlan(plan *linkPlan, at *place) *agentPlan {
	o := *plan.options
	p := a.o
	o.agent, o.links, o.selectors = nil, nil, nil
	o.verbosity, o.json, o.logJSON, o.controlDir, o.noSandbox = p.verbosity, p.json, p.logJSON, p.controlDir, p.noSandbox
	// A thousand links have nothing to say to a terminal unless that is asked for.
	o.quiet = p.quiet || p.verbosity == 0 && !p.json
	if at != nil {
		o.netns = at.netns
	}
	o.resolveFor(at, a.log)
	return &agentPlan{a: a, place: at, plan: plan, o: &o}
}

// Same says that nothing has to be done for the link to be served by the other.
func (p *agentPlan) Same(other agent.Plan) bool {
	q, ok := other.(*agentPlan)
	return ok && (p == q || p.place == q.place && p.plan.same(q.plan))
}

// Open puts the client of a link together.
func (p *agentPlan) Open(o *agent.Opening) (*agent.Served, error) {
	served, _, err := p.open(o, nil)
	return served, err
}

// open is Open with a link that is a container's, if fit is not nil: its lease is
// kept elsewhere.
func (p *agentPlan) open(o *agent.Opening, fit func(*client.Config, *netcfg.Link) error) (*agent.Served, *berth, error) {
	f := p.a.fleet
	b := &berth{name: o.Link.Name, o: p.o, place: p.place, netns: o.Link.Netns, ns: o.Namespace, fixed: true, index: o.Link.Index,
		ready: p.a.opened, ended: make(chan struct{}), abandon: func(error) {},
		// It is the agent that ends the client.
		halted: context.Background(), halt: func() {}}
	b.story = &story{name: b.name, netns: b.netns, news: &f.news, length: agentStory}
	b.paced = o.Paced
	tell := o.OnEvent // and not all of o is kept
	b.heard = func(ev client.Event) {
		tell(ev)
		p.a.told.event(ev)
		p.a.tidy.event(ev)
	}
	if b.fit = fit; fit == nil {
		b.store = &movableStore{}
	}
	var done func()
	b.aides, done = p.a.aidesOf()
	link, err := f.openLink(b)
	b.paced = nil // it has been asked, and leads to all of o
	if err != nil {
		done()
		return nil, nil, err
	}
	b.link = link
	f.meter.join(link)
	served := &agent.Served{
		Client: link.client, Info: b,
		Close: func() {
			f.logCounted(b)
			f.meter.retire(link)
			close(b.ended)
			link.closeOthers()
			done()
		},
		Renamed: func(l agent.Link) { p.a.renamed(b, l) },
	}
	return served, b, nil
}

// called is the name of the link, which may be another than the client knows.
func (b *berth) called() string {
	if b.story == nil {
		return b.name
	}
	b.story.mu.Lock()
	defer b.story.mu.Unlock()
	return b.story.name
}

// watcher is what the client hears of its link from.
func (b *berth) watcher(on client.LinkSubscriber) client.LinkWatcher {
	if b.paced == nil {
		return on
	}
	return b.paced(on)
}

// renamed has what is kept of the link be found under its new name.
func (a *agency) renamed(b *berth, l agent.Link) {
	b.story.rename(l.Name)
	if b.store == nil {
		return
	}
	dir, err := lease.NewDir(b.o.leases(), l.Name)
	if err == nil {
		err = b.store.move(dir, b.link.client.Lease(), l.HardwareAddr)
	}
	if err != nil {
		a.log.Warn("the lease is not kept under the new name", "if", l.Name, "err", err)
	}
}

// A movableStore keeps the lease of a link that may be renamed.
type movableStore struct {
	mu sync.Mutex
	is client.LeaseStore
	// has is what was read from it or written to it last.
	has *lease.Lease
}

// Load is that of the store.
func (s *movableStore) Load(ctx context.Context) (*lease.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.is.Load(ctx)
	s.has = l
	return l, err
}

// Save is that of the store.
func (s *movableStore) Save(ctx context.Context, l *lease.Lease) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.has = l
	return s.is.Save(ctx, l)
}

// move has another store be used from now on, with l, which is in use; nil for none:
// then with what there is of the station. The old one forgets only what was of that:
// two links may have changed their names with one another, and what this one had may
// have been overwritten since its client has ended.
func (s *movableStore) move(to client.LeaseStore, l *lease.Lease, station lease.HardwareAddr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.is
	s.is = to
	ctx := context.Background()
	old, err := from.Load(ctx)
	for _, other := range []*lease.Lease{s.has, old} {
		if l == nil && other != nil && other.HardwareAddr == station {
			l = other
		}
	}
	if l == nil || err != nil {
		return err
	}
	err = to.Save(ctx, l)
	if old != nil && old.HardwareAddr == l.HardwareAddr {
		err = errors.Join(err, from.Save(ctx, nil))
	}
	return err
}
