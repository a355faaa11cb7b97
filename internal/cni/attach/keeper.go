package attach

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/cni"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

const (
	// dropTime is how long a client may take to give its lease back and to end.
	dropTime = 5 * time.Second
	// dropsAtOnce is how many do at the same time, for GC.
	dropsAtOnce = 16
)

// An Agent is an *agent.Agent.
type Agent interface {
	Serve(ctx context.Context, ns agent.Namespace, name string, plan agent.Plan) (*lease.Lease, error)
	DropPlan(ctx context.Context, netns string, plan agent.Plan, release bool) error
}

// Config says how attachments are served.
type Config struct {
	// Agent serves their links.
	Agent Agent
	// Dir is where they are kept over restarts of the agent, below the directory
	// of the leases. It is made when it is needed.
	Dir string
	// Open puts the client of a link together, as that of any other of the agent's
	// links, and has it fitted before it is made. It is a Plan's Open in all else.
	Open func(*agent.Opening, Fitting) (*agent.Served, *client.Client, error)
	// Logger gets what becomes of attachments; nil logs nothing.
	Logger *slog.Logger
}

// A Fitting is what is special about the link of a container.
type Fitting struct {
	Attachment cni.Attachment
	// ACD is how the address is to be probed, and Metric that of routes; empty and
	// 0 as for other links.
	ACD    cni.ACD
	Metric int
	// Fit changes what the client is to be made of. No resolver and no program
	// hears of its lease.
	Fit func(*client.Config, *netcfg.Link) error
}

// A Keeper has all attachments of an agent.
type Keeper struct {
	cfg Config
	log *slog.Logger

	// begun is closed by Begin, and ended when the agent ends. kept is what Begin
	// has to serve.
	begun, ended chan struct{}
	kept         []kept

	mu  sync.Mutex
	all map[cni.Attachment]*attachment
	// busy are those that an operation is under way for, and what is closed when
	// it is over.
	busy    map[cni.Attachment]chan struct{}
	running sync.WaitGroup
}

// New returns a Keeper without attachments.
func New(cfg Config) *Keeper {
	return &Keeper{cfg: cfg, log: cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)),
		begun: make(chan struct{}), ended: make(chan struct{}),
		all: map[cni.Attachment]*attachment{}, busy: map[cni.Attachment]chan struct{}{}}
}

// Handle does what a request wants. What comes before Begin waits for it.
func (k *Keeper) Handle(ctx context.Context, r *cni.Request) (*cni.Grant, error) {
	select {
	case <-k.begun:
	case <-k.ended:
		return nil, errEnding()
	case <-ctx.Done():
		return nil, cni.Errorf(cni.TryAgain, "the agent has not begun")
	}
	switch r.Command {
	case cni.Add:
		return k.add(ctx, r)
	case cni.Del:
		return nil, k.del(ctx, r.Attachment)
	case cni.Check:
		return k.check(r)
	case cni.GC:
		return nil, k.collect(ctx, r)
	case cni.Status:
		return nil, nil
	}
	return nil, cni.Errorf(cni.Undecodable, "%q is no command", r.Command)
}

// Stop is called when the agent begins to end: what it ends then has not ended for
// good. It is called once.
func (k *Keeper) Stop() { close(k.ended) }

// Wait returns when nothing runs any more; the agent has to be stopped before.
func (k *Keeper) Wait() { k.running.Wait() }

func (k *Keeper) isEnding() bool {
	select {
	case <-k.ended:
		return true
	default:
		return false
	}
}

func errEnding() error { return cni.Errorf(cni.TryAgain, "the agent ends") }

// claim has operations for one attachment follow each other.
func (k *Keeper) claim(ctx context.Context, key cni.Attachment) (done func(), err error) {
	for {
		k.mu.Lock()
		other := k.busy[key]
		if other == nil {
			mine := make(chan struct{})
			k.busy[key] = mine
			k.mu.Unlock()
			return func() {
				k.mu.Lock()
				delete(k.busy, key)
				k.mu.Unlock()
				close(mine)
			}, nil
		}
		k.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, cni.Errorf(cni.TryAgain, "another operation for %v is under way", key)
		}
	}
}

func (k *Keeper) find(key cni.Attachment) *attachment {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.all[key]
}

// on are the attachments but key that have the same link: it has one client.
func (k *Keeper) on(ns cni.NetnsID, key cni.Attachment) (all []*attachment) {
	k.mu.Lock()
	others := slices.Collect(maps.Values(k.all))
	k.mu.Unlock()
	for _, a := range others {
		if r := a.now(); a.key != key && r.ID == ns && r.Link == key.Interface {
			all = append(all, a)
		}
	}
	return all
}

// add gets a lease for a link.
func (k *Keeper) add(ctx context.Context, r *cni.Request) (*cni.Grant, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.Limit, errLate)
	defer cancel()
	done, err := k.claim(ctx, r.Attachment)
	if err != nil {
		return nil, err
	}
	defer done()
	if a := k.find(r.Attachment); a != nil {
		// The runtime has not heard the answer, or it has made the container
		// again without a word.
		if g := k.again(a, r); g != nil {
			return g, nil
		}
		k.end(ctx, a, "it is added anew")
	}
	ns := r.Namespace
	if ns == nil {
		return nil, cni.Errorf(cni.Undecodable, "the request has no network namespace")
	}
	for _, other := range k.on(ns.ID(), r.Attachment) {
		k.end(ctx, other, fmt.Sprintf("its link is that of %v by now", r.Attachment))
	}
	r.Namespace = nil // it is the agent's from here on
	a := &attachment{keeper: k, key: r.Attachment, file: fileFor(k.cfg.Dir, r.Attachment), fresh: true,
		record: record{Version: recordVersion, Request: *r, ID: ns.ID(), Boot: lease.BootID(), Link: r.Attachment.Interface}}
	if id, err := cni.NetnsAt(r.Netns); err == nil && id == a.record.ID {
		a.record.Seen = true
	}
	// Before anything is asked for, so that whatever happens the next agent knows.
	if err := a.file.save(&a.record); err != nil {
		ns.Close()
		return nil, cni.Errorf(cni.Internal, "the attachment cannot be stored: %v", err)
	}
	return k.begin(ctx, a, ns)
}

// errLate is why an ADD ends without a lease.
var errLate = errors.New("the time is over")

// begin serves a new attachment, and takes it back if nothing comes of that.
func (k *Keeper) begin(ctx context.Context, a *attachment, ns *cni.Netns) (*cni.Grant, error) {
	// What cannot be served now is not tried again: the plugin has made the link.
	ctx, a.failed = context.WithCancelCause(ctx)
	k.put(a)
	start := time.Now()
	l, err := k.serve(ctx, a, ns)
	a.added()
	var g *cni.Grant
	if err == nil {
		a.give(l)
		g, err = k.grant(a, l)
	}
	if err == nil {
		k.log.Info("attached", "attachment", a.key, "netns", a.netns, "address", g.Address, "took", time.Since(start).Round(time.Millisecond))
		return g, nil
	}
	why := a.why()
	k.end(context.WithoutCancel(ctx), a, "ADD failed")
	switch {
	case k.isEnding():
		return nil, errEnding()
	case errors.Is(err, agent.ErrNoLink):
		return nil, cni.Errorf(cni.BadVariable, "CNI_IFNAME: there is no link %s in %s that DHCP could run on", a.key.Interface, a.record.Request.Netns)
	}
	if conflict := (*client.ConflictError)(nil); errors.As(err, &conflict) {
		why = conflict.Error()
	}
	return nil, &cni.Error{Code: cni.TryAgain, Message: fmt.Sprintf("no lease for %s: %s", a.key.Interface, why), Details: err.Error()}
}

// serve has the agent serve it.
func (k *Keeper) serve(ctx context.Context, a *attachment, ns *cni.Netns) (*lease.Lease, error) {
	a.netns = namespaceName(a.record.Request.Netns, ns.ID())
	space := agent.Namespace{Name: a.netns, Do: ns.Do, Close: ns.Close}
	return k.cfg.Agent.Serve(ctx, space, a.link(), a)
}

func (k *Keeper) put(a *attachment) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all[a.key] = a
}

// grant is what the runtime is told.
func (k *Keeper) grant(a *attachment, l *lease.Lease) (*cni.Grant, error) {
	_, p := a.serving()
	if p == nil {
		return nil, errors.New("the client has ended")
	}
	return grantOf(l, p.link)
}

// again is the grant of an attachment that is there already, if it is what r asks
// for.
func (k *Keeper) again(a *attachment, r *cni.Request) *cni.Grant {
	had, l := a.now(), a.lease()
	if had.Request.Netns != r.Netns || r.Namespace == nil || had.ID != r.Namespace.ID() || l == nil || had.Ours || l.Address != had.Granted {
		return nil
	}
	g, err := k.grant(a, l)
	if err != nil {
		return nil
	}
	return g
}

// del gives a lease back.
func (k *Keeper) del(ctx context.Context, key cni.Attachment) error {
	done, err := k.claim(ctx, key)
	if err != nil {
		return err
	}
	defer done()
	a := k.find(key)
	if a == nil {
		// There may be a file that could not be read.
		if err := fileFor(k.cfg.Dir, key).remove(); err != nil {
			k.log.Warn("what is left of an attachment stays", "attachment", key, "err", err)
		}
		return nil
	}
	k.end(context.WithoutCancel(ctx), a, "DEL")
	return nil
}

// end gives the lease of an attachment back, if the link is there still, and
// forgets it. What cannot be done is no reason to keep it: the lease runs out.
func (k *Keeper) end(ctx context.Context, a *attachment, why string) {
	a.mu.Lock()
	a.ending = true
	a.mu.Unlock()
	a.begins.end() // else it could be asked for after that
	ctx, cancel := context.WithTimeout(ctx, dropTime)
	defer cancel()
	if _, p := a.serving(); p != nil {
		if l := a.lease(); l != nil {
			p.prepare(ctx, l)
		}
	}
	if err := k.cfg.Agent.DropPlan(ctx, a.netns, a, true); err != nil && !errors.Is(err, agent.ErrStopped) {
		k.log.Warn("the client has not ended", "attachment", a.key, "err", err)
	}
	k.forget(a)
	if lost := a.lost(); lost.IsValid() {
		k.log.Warn("detached, but the link was deleted before: "+runsOut, "attachment", a.key, "why", why, "address", lost)
		return
	}
	k.log.Info("detached", "attachment", a.key, "why", why)
}

// runsOut is what becomes of a lease that is not given back. From another link, or
// another address, no server would believe it.
const runsOut = "the server keeps the lease until it runs out"

func (k *Keeper) forget(a *attachment) {
	k.mu.Lock()
	if k.all[a.key] == a {
		delete(k.all, a.key)
	}
	k.mu.Unlock()
	if err := a.file.remove(); err != nil {
		k.log.Warn("what is left of an attachment stays", "attachment", a.key, "err", err)
	}
}

// abandon forgets an attachment whose link or namespace is gone. Nothing can be
// sent from there any more, and from nowhere else would a server believe it.
func (k *Keeper) abandon(a *attachment, why string) {
	k.running.Go(func() {
		done, err := k.claim(context.Background(), a.key)
		if err != nil || k.find(a.key) != a || k.isEnding() {
			if done != nil {
				done()
			}
			return
		}
		defer done()
		a.mu.Lock()
		a.ending = true
		a.mu.Unlock()
		k.forget(a)
		k.log.Warn("detached without DEL: "+runsOut, "attachment", a.key, "why", why)
	})
}

// lookAfter ends an attachment whose container has ended without a word. The link is
// there still, since the agent's sockets are in its namespace: so the lease can be
// given back.
func (k *Keeper) lookAfter(a *attachment) {
	r := a.now()
	if !r.isGone() {
		return
	}
	k.running.Go(func() {
		done, err := k.claim(context.Background(), a.key)
		if err != nil {
			return
		}
		defer done()
		if k.find(a.key) == a && !k.isEnding() {
			k.end(context.Background(), a, "its network namespace was removed without DEL")
		}
	})
}

// check says what is wrong with an attachment.
func (k *Keeper) check(r *cni.Request) (*cni.Grant, error) {
	a := k.find(r.Attachment)
	if a == nil {
		return nil, cni.Errorf(cni.NotAttached, "the agent knows of no attachment %v", r.Attachment)
	}
	l := a.lease()
	_, p := a.serving()
	if l == nil || p == nil {
		return nil, cni.Errorf(cni.NoLease, "%s has no lease: %s", r.Attachment.Interface, a.why())
	}
	s, err := p.link.State()
	switch {
	case err != nil:
		return nil, err
	case !holds(s, l.Address):
		return nil, cni.Errorf(cni.NoAddress, "%v is leased, but not on %s", l.Address, a.link())
	}
	return grantOf(l, p.link)
}

// collect ends the attachments of a network that are not valid any more.
func (k *Keeper) collect(ctx context.Context, r *cni.Request) error {
	k.mu.Lock()
	var stale []cni.Attachment
	valid := map[cni.Attachment]bool{}
	for _, v := range r.Valid {
		valid[cni.Attachment{Network: r.Attachment.Network, Container: v.Container, Interface: v.Interface}] = true
	}
	for key := range k.all {
		if key.Network == r.Attachment.Network && !valid[key] {
			stale = append(stale, key)
		}
	}
	k.mu.Unlock()
	errs := make([]error, len(stale))
	places := make(chan struct{}, dropsAtOnce)
	var running sync.WaitGroup
	for i, key := range stale {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			errs[i] = k.del(ctx, key)
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// Load reads what an agent before this one has kept, and opens the namespaces by
// their paths, for which a sandbox may have no right any more.
func (k *Keeper) Load() error {
	all, err := files(k.cfg.Dir)
	if err != nil {
		return fmt.Errorf("attachments of the agent before: %w", err)
	}
	for _, f := range all {
		k.load(f)
	}
	return nil
}

// A kept attachment is one of an agent before.
type kept struct {
	a  *attachment
	ns *cni.Netns
}

func (k *Keeper) load(f file) {
	r, err := f.load()
	switch {
	case passes(err):
		k.log.Error("an attachment cannot be read now: it is left to the next agent", "file", f.path(), "err", err)
		return
	case err != nil:
		k.log.Warn("an attachment cannot be read: it is forgotten, and "+runsOut, "err", err)
		_ = f.remove()
		return
	}
	a := &attachment{keeper: k, key: r.Request.Attachment, file: f, record: *r, begins: newBeginning()}
	ns, err := k.reopen(r)
	if passes(err) {
		k.log.Error("an attachment cannot be served: it is left to the next agent", "attachment", a.key, "err", err)
		return
	}
	if err == nil && !r.Granted.IsValid() {
		err = errors.New("nobody has heard of its address")
		ns.Close()
	}
	if err != nil {
		k.forget(a)
		k.log.Warn("detached without DEL: "+runsOut, "attachment", a.key, "why", err)
		return
	}
	a.netns = namespaceName(r.Request.Netns, ns.ID())
	k.put(a)
	k.kept = append(k.kept, kept{a, ns})
}

// passes says that an error is the machine's, which lacks something just now, and says
// nothing of what could not be read.
func passes(err error) bool {
	return slices.ContainsFunc([]error{unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.EIO}, func(e error) bool { return errors.Is(err, e) })
}

// Begin has what Load has read be served: leases are verified (RFC 2131 3.2). It is
// called once, when the agent runs, and requests are served from then on.
func (k *Keeper) Begin(ctx context.Context) {
	for _, old := range k.kept {
		k.running.Go(func() { k.goOn(ctx, old.a, old.ns) })
	}
	k.kept = nil
	close(k.begun)
}

func (k *Keeper) goOn(ctx context.Context, a *attachment, ns *cni.Netns) {
	defer context.AfterFunc(ctx, a.begins.cancel)()
	l, err := k.serve(a.begins.ctx, a, ns)
	close(a.begins.over)
	switch {
	case errors.Is(err, agent.ErrNoLink) && !k.isEnding():
		k.abandon(a, "its link is gone")
	case err == nil:
		k.log.Info("attached as before", "attachment", a.key, "netns", a.netns, "address", l.Address)
	}
}

// reopen opens the namespace of a record, if it is still the same.
func (k *Keeper) reopen(r *record) (*cni.Netns, error) {
	if boot := lease.BootID(); boot != r.Boot {
		return nil, errors.New("the host was started since")
	}
	ns, err := cni.OpenNetns(r.Request.Netns)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("its network namespace %s is gone", r.Request.Netns)
	case err != nil:
		return nil, err
	case ns.ID() != r.ID:
		ns.Close()
		return nil, fmt.Errorf("%s is another network namespace by now", r.Request.Netns)
	}
	return ns, nil
}
