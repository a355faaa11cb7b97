package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// A fakeKernel is a namespace with links that tests make.
type fakeKernel struct {
	mu     sync.Mutex
	links  map[int]netcfg.Candidate
	news   chan news
	closed bool
	fail   error
}

type news struct {
	all     bool
	changes []netcfg.LinkChange
}

func newKernel(names ...string) *fakeKernel {
	k := &fakeKernel{links: map[int]netcfg.Candidate{}, news: make(chan news)}
	for i, name := range names {
		k.links[i+1] = candidate(i+1, name)
	}
	return k
}

func candidate(index int, name string) netcfg.Candidate {
	return netcfg.Candidate{Name: name, Index: index, Kind: "veth", HardwareAddr: lease.HardwareAddr{2, 0, 0, 0, byte(index >> 8), byte(index)}}
}

func (k *fakeKernel) FollowLinks(ctx context.Context, f func(bool, []netcfg.LinkChange)) error {
	f(true, k.list())
	for {
		select {
		case n := <-k.news:
			if k.fail != nil {
				return k.fail
			}
			f(n.all, n.changes)
		case <-ctx.Done():
			return nil
		}
	}
}

func (k *fakeKernel) list() (all []netcfg.LinkChange) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.links {
		all = append(all, netcfg.LinkChange{Candidate: c})
	}
	slices.SortFunc(all, func(a, b netcfg.LinkChange) int { return cmp.Compare(a.Index, b.Index) })
	return all
}

func (k *fakeKernel) Candidates() (all []netcfg.Candidate, err error) {
	for _, c := range k.list() {
		all = append(all, c.Candidate)
	}
	return all, nil
}

func (k *fakeKernel) Driver(name string) (string, error) { return "driver of " + name, nil }

func (k *fakeKernel) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return errors.New("closed twice")
	}
	k.closed = true
	return nil
}

// make makes a link, or changes it; it is told unless quiet.
func (k *fakeKernel) make(c netcfg.Candidate) {
	k.mu.Lock()
	k.links[c.Index] = c
	k.mu.Unlock()
	k.news <- news{changes: []netcfg.LinkChange{{Candidate: c}}}
	synctest.Wait()
}

func (k *fakeKernel) remove(index int) {
	k.mu.Lock()
	delete(k.links, index)
	k.mu.Unlock()
	k.news <- news{changes: []netcfg.LinkChange{{Candidate: netcfg.Candidate{Index: index}, Gone: true}}}
	synctest.Wait()
}

// A fakeClient is a client that the test tells what to do.
type fakeClient struct {
	w           *world
	name        string
	on          func(client.Event)
	end         chan error
	bound, gone chan struct{}
	stop        chan struct{} // closed by the first Stop
	stopped     sync.Once
	mu          sync.Mutex
	lease       *lease.Lease
}

func (c *fakeClient) Start(_ context.Context, ended func(error)) error {
	c.w.note("start " + c.name)
	if err := c.w.startErr; err != nil {
		return err
	}
	go func() {
		var err error
		select {
		case <-c.stop:
			if c.w.ending != nil {
				<-c.w.ending
			}
		case err = <-c.end:
		}
		close(c.gone)
		c.w.note("end " + c.name)
		ended(err)
	}()
	if c.w.lease != nil {
		c.w.lease(c)
	}
	return nil
}

func (c *fakeClient) Stop() { c.stopped.Do(func() { close(c.stop) }) }

// get gives the client a lease.
func (c *fakeClient) get() {
	c.mu.Lock()
	c.lease = &lease.Lease{Address: netip.MustParseAddr("10.0.0.5")}
	close(c.bound)
	c.mu.Unlock()
	c.on(client.Transition{To: stateCalled("CHECKING")})
	c.on(client.Bound{Lease: c.lease})
}

// stateCalled is the state of that name.
func stateCalled(name string) client.State {
	for s := client.State(0); s < 32; s++ {
		if s.String() == name {
			return s
		}
	}
	panic("no state " + name)
}

func (c *fakeClient) Wait(ctx context.Context) (*lease.Lease, error) {
	select {
	case <-c.bound:
		return c.Lease(), nil
	case <-c.gone:
		return nil, client.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (c *fakeClient) Lease() *lease.Lease {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lease
}

func (c *fakeClient) State() client.State { return 0 }
func (c *fakeClient) Renew()              {}
func (c *fakeClient) Release()            { c.w.note("release " + c.name) }
func (c *fakeClient) Close() error        { c.w.note("close " + c.name); return nil }

// A fakePlan is the Same as one of the same text.
type fakePlan struct {
	w    *world
	text string
}

func (p fakePlan) Same(other Plan) bool {
	q, ok := other.(fakePlan)
	return ok && q.text == p.text
}

func (p fakePlan) Open(o *Opening) (*Served, error) {
	p.w.note("open " + o.Link.Name + " by " + p.text)
	if p.w.opens != nil {
		if err := p.w.opens(o); err != nil {
			return nil, err
		}
	}
	c := &fakeClient{w: p.w, name: o.Link.Name, on: o.OnEvent, end: make(chan error), bound: make(chan struct{}), gone: make(chan struct{}), stop: make(chan struct{})}
	p.w.mu.Lock()
	p.w.clients[o.Link.Name] = c
	p.w.mu.Unlock()
	return &Served{Client: c, Close: func() { p.w.note("apart " + c.name) },
		Renamed: func(l Link) { p.w.note("renamed " + c.name + " to " + l.Name) }}, nil
}

// A world is an agent among fakes, and what has happened.
type world struct {
	*testing.T
	a       *Agent
	stop    context.CancelFunc
	result  chan error
	kernels map[string]*fakeKernel

	mu      sync.Mutex
	notes   []string
	clients map[string]*fakeClient
	// opens and lease are called with each Open and Start; startErr is what Start
	// returns, and a client that is to end waits for ending.
	opens    func(*Opening) error
	lease    func(*fakeClient)
	startErr error
	ending   chan struct{}
}

// newWorld has an agent run in a bubble. Links are served by a plan that is the
// first letter of their name; x leaves them alone.
func newWorld(t *testing.T, kernels map[string]*fakeKernel, change func(*world, *Config)) *world {
	t.Helper()
	w := &world{T: t, kernels: kernels, clients: map[string]*fakeClient{}, result: make(chan error, 1)}
	cfg := Config{Plan: w.byLetter, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, name := range []string{"", "blue"} {
		if kernels[name] != nil {
			cfg.Namespaces = append(cfg.Namespaces, Namespace{Name: name})
		}
	}
	if change != nil {
		change(w, &cfg)
	}
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	a.open = func(ns *Namespace, _ *slog.Logger) (kernel, error) {
		if k := kernels[ns.Name]; k != nil {
			return k, nil
		}
		return nil, errors.New("no such namespace")
	}
	w.a = a
	var ctx context.Context
	ctx, w.stop = context.WithCancel(t.Context())
	go func() { w.result <- a.Run(ctx) }()
	synctest.Wait()
	return w
}

func (w *world) byLetter(l Link) Plan {
	if l.Name[0] == 'x' {
		return nil
	}
	return fakePlan{w, l.Name[:1]}
}

func (w *world) note(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, text)
}

// happened wants these to have happened since it was asked last, those of each name
// in that order.
func (w *world) happened(want ...string) {
	w.Helper()
	synctest.Wait()
	w.mu.Lock()
	got := w.notes
	w.notes = nil
	w.mu.Unlock()
	for _, list := range [][]string{got, want} {
		slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(strings.Fields(a)[1], strings.Fields(b)[1]) })
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.Errorf("it happened\n %q, not\n %q", got, want)
	}
}

func (w *world) client(name string) *fakeClient {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clients[name]
}

// end stops the agent, which is to end well with nothing left.
func (w *world) end() {
	w.Helper()
	w.stop()
	if err := <-w.result; err != nil {
		w.Error(err)
	}
	for name, k := range w.kernels {
		if !k.closed {
			w.Errorf("the namespace %q is still open", name)
		}
	}
	if n := len(w.a.busy); n > 0 || w.a.starting != 0 || w.a.opening != 0 || w.a.closing != 0 {
		w.Errorf("left over: %d busy, %d starting, %d opening, %d closing", n, w.a.starting, w.a.opening, w.a.closing)
	}
}

func (w *world) status(name string) Status {
	w.Helper()
	for _, st := range w.a.Links() {
		if st.Link.Name == name {
			return st
		}
	}
	w.Errorf("%s is not among the links", name)
	return Status{}
}
