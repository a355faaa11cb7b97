package helper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// A Script runs the programs of one link: a *hook.Script does, and the helper.
type Script interface {
	client.ReasonConfigurator
	// Preinit, Tell and Close are those of hook.Script.
	Preinit(ctx context.Context) error
	Tell(why client.Reason, message string)
	Close()
}

// Resolver is Scope.Resolver of the link called so.
func (h *Helper) Resolver(cfg netcfg.ResolverConfig) (client.Configurator, error) {
	return h.called(cfg.Interface).Resolver(cfg)
}

// Hostname is Scope.Hostname of the link called so.
func (h *Helper) Hostname(link string, cfg netcfg.HostnameConfig) (client.Configurator, error) {
	return h.called(link).Hostname(link, cfg)
}

// Script is Scope.Script of the link called so.
func (h *Helper) Script(cfg hook.Config) (Script, error) { return h.called(cfg.Interface).Script(cfg) }

// called is the Scope of the one link that has that name.
func (h *Helper) called(name string) *Scope {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.links[name]
	if s == nil {
		s = h.scope()
		h.links[name] = s
	}
	return s
}

// A Scope is what one link has in the helper. Other links may have the same name,
// in other network namespaces or later.
type Scope struct {
	h    *Helper
	link uint32
	// h.mu is held for these: whether the helper knows of it, and whether it was
	// told to forget it.
	opened, closed bool
}

// Scope returns a Scope in which nothing is open. It must be closed.
func (h *Helper) Scope() *Scope {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.scope()
}

func (h *Helper) scope() *Scope {
	h.lastLink++
	return &Scope{h: h, link: h.lastLink}
}

// Close ends what is open. It may wait for programs, as hook.Script.Close does.
func (s *Scope) Close() {
	s.h.mu.Lock()
	wanted := s.opened && !s.closed
	s.closed = true
	s.h.mu.Unlock()
	if !wanted {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	if _, err := s.h.ask(ctx, &request{Op: opClose, Link: s.link}); err != nil && !errors.Is(err, ErrLost) {
		s.h.log.Warn("what the helper does for a link did not end", "err", err)
	}
}

// LeaveStdio is that of the Helper.
func (s *Scope) LeaveStdio(keepFiles bool) error { return s.h.LeaveStdio(keepFiles) }

// Resolver is netcfg.NewResolver in the helper. The configuration is one of the
// Config, for one link, whose namespace is the calling thread's.
func (s *Scope) Resolver(cfg netcfg.ResolverConfig) (client.Configurator, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	row := s.h.cfg.resolver(cfg)
	if row < 0 {
		return nil, errors.New("resolver: the helper process was started for another")
	}
	r := &wireLinkResolver{cfg.Metric, cfg.Elsewhere || netcfg.Elsewhere(), row}
	err := s.open(cfg.Interface, &wireLink{Resolver: r})
	return &remote{s.h, opResolver, s.link, cfg.Interface}, err
}

// resolver is the row of a resolver, as MoreResolvers follow Resolver; -1 for none.
func (c *Config) resolver(cfg netcfg.ResolverConfig) int {
	is := func(c *netcfg.ResolverConfig) bool {
		return c != nil && c.Path == cfg.Path && c.StateDir == cfg.StateDir && c.Method == cfg.Method
	}
	if is(c.Resolver) {
		return 0
	}
	for i := range c.MoreResolvers {
		if is(&c.MoreResolvers[i]) {
			return i + 1
		}
	}
	return -1
}

// Hostname is netcfg.NewHostname in the helper, with the configuration of the
// Config. The link is for the log.
func (s *Scope) Hostname(link string, cfg netcfg.HostnameConfig) (client.Configurator, error) {
	if c := s.h.cfg.Hostname; c == nil || c.Always != cfg.Always || c.State != cfg.State {
		return nil, errors.New("host name: the helper process was started for another")
	}
	err := s.open(link, &wireLink{Hostname: true})
	return &remote{s.h, opHostname, s.link, link}, err
}

// Script is hook.New in the helper. The configuration is a row of the Config with
// an Interface and what that has of its own. After is called in this process.
func (s *Scope) Script(cfg hook.Config) (Script, error) {
	local, err := hook.New(cfg) // it checks the configuration, and runs nothing
	if err != nil {
		return nil, err
	}
	row := slices.IndexFunc(s.h.cfg.Scripts, func(c hook.Config) bool { return sameScripts(&c, &cfg) })
	if row < 0 {
		return nil, fmt.Errorf("hook: the helper process was started for other programs than %q", cfg.Programs)
	}
	if err := s.open(cfg.Interface, &wireLink{Script: &wireLinkScript{row, cfg.Requested}}); err != nil {
		return nil, err
	}
	return &script{remote{s.h, opScript, s.link, cfg.Interface}, s, local.Limit(), cfg.After}, nil
}

// LeaveStdio is daemon.LeaveStdio in the helper, which has the same as we have.
func (h *Helper) LeaveStdio(keepFiles bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), leaveLimit)
	defer cancel()
	_, err := h.ask(ctx, &request{Op: opLeave, KeepFiles: keepFiles})
	if errors.Is(err, ErrLost) {
		return nil // it has left everything
	}
	return err
}

// leaveLimit is how long LeaveStdio may take: it waits for nothing but a helper
// that has just been started.
const leaveLimit = 5 * time.Second

// open adds to what a link has.
func (s *Scope) open(name string, w *wireLink) error {
	s.h.mu.Lock()
	s.opened = true
	s.h.mu.Unlock()
	w.Name = []byte(name)
	if err := s.h.tell(&request{Op: opOpen, Link: s.link, Open: w}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// A remote is a client.Configurator in the helper.
type remote struct {
	h    *Helper
	op   op
	link uint32
	name string
}

// Apply is that of a client.Configurator. That the helper has ended is an error.
func (r *remote) Apply(ctx context.Context, next *lease.Lease, prev []*lease.Lease) error {
	return r.apply(ctx, 0, next, prev)
}

func (r *remote) apply(ctx context.Context, why client.Reason, next *lease.Lease, prev []*lease.Lease) error {
	q := &request{Op: r.op, Link: r.link, Why: why}
	var err error
	if next != nil {
		q.Next, err = json.Marshal(next)
	}
	if before := r.before(prev); before != nil && err == nil {
		q.Prev, err = json.Marshal(before)
	}
	if err != nil {
		return fmt.Errorf("encode the lease: %w", err)
	}
	return r.ask(ctx, q)
}

// before is the one lease of prev that counts: the last, for scripts, and for the
// resolver any that has name servers.
func (r *remote) before(prev []*lease.Lease) *lease.Lease {
	switch {
	case len(prev) == 0:
		return nil
	case r.op == opScript:
		return prev[len(prev)-1]
	}
	if i := slices.IndexFunc(prev, func(l *lease.Lease) bool { return l != nil && len(l.DNS) > 0 }); i >= 0 {
		return prev[i]
	}
	return nil
}

// ask asks for something that ends with ctx.
func (r *remote) ask(ctx context.Context, q *request) error {
	if at, ok := ctx.Deadline(); ok {
		q.Limit = min(max(time.Until(at), 1), maxLimit)
	}
	_, err := r.h.ask(ctx, q)
	if errors.Is(err, ErrLost) || errors.Is(err, errFull) || errors.Is(err, errSilent) {
		return fmt.Errorf("%s for %s: %w", r.op, r.name, err)
	}
	return err
}

// A script is a Script in the helper.
type script struct {
	remote
	scope *Scope
	limit time.Duration
	after func(context.Context, *lease.Lease) error
}

// Limit is how long ApplyFor may take.
func (s *script) Limit() time.Duration { return s.limit }

// Apply is ApplyFor by a caller that does not know why.
func (s *script) Apply(ctx context.Context, next *lease.Lease, prev []*lease.Lease) error {
	why := client.ReasonBound
	if next == nil {
		why = client.ReasonLost
	}
	return s.ApplyFor(ctx, why, next, prev)
}

// ApplyFor is that of hook.Script. What is to come after it is done here, also
// when the helper has ended meanwhile: its programs may have done their work.
func (s *script) ApplyFor(ctx context.Context, why client.Reason, next *lease.Lease, prev []*lease.Lease) error {
	err := s.apply(ctx, why, next, prev)
	if next != nil && s.after != nil {
		err = errors.Join(err, s.after(context.WithoutCancel(ctx), next))
	}
	return err
}

// Preinit is that of hook.Script.
func (s *script) Preinit(ctx context.Context) error {
	return s.ask(ctx, &request{Op: opPreinit, Link: s.link})
}

// Tell is that of hook.Script.
func (s *script) Tell(why client.Reason, message string) {
	err := s.h.tell(&request{Op: opTell, Link: s.link, Why: why, Message: []byte(message)})
	if err != nil {
		s.h.log.Debug("the scripts are not told", "if", s.name, "event", why, "err", err)
	}
}

// closeLimit is how long Close may take: hook.Script has 13 s.
const closeLimit = 15 * time.Second

// Close is that of hook.Script. The link has nothing in the helper after it.
func (s *script) Close() {
	s.h.mu.Lock()
	if s.h.links[s.name] == s.scope {
		delete(s.h.links, s.name)
	}
	s.scope.closed = true
	s.h.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	err := s.ask(ctx, &request{Op: opClose, Link: s.link})
	if err != nil && !errors.Is(err, ErrLost) {
		s.h.log.Warn("the scripts did not end", "if", s.name, "err", err)
	}
}
