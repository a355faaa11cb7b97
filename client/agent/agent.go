package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Config says what an Agent serves. Plan alone is needed.
type Config struct {
	// Namespaces are those whose links are served; none is that of the caller of
	// Run. Their names differ.
	Namespaces []Namespace
	// Plan says how a link is to be served; nil for not at all. It is called for
	// one link at a time, when the link appears, when its name, its hardware
	// address or the link that has it as a port changes, and by Reload. It must
	// not call the Agent. Nil serves what Serve asks for, and nothing else.
	Plan func(Link) Plan
	// Begun is called by Run when it takes orders, as Serve is one; nil is fine.
	Begun func()
	// Logger has a line for each fault of a link; nil logs nothing.
	Logger *slog.Logger

	// Starting is how many clients may be on their way to their first lease at
	// the same time: what a server has to answer at once. There are fewer where
	// leases take longer than they need. 0 is DefaultStarting.
	Starting int
	// Turn is how long one of them keeps the next waiting if it gets no lease, or
	// twice as long as a lease takes, up to 4 s. 0 is DefaultTurn.
	Turn time.Duration
}

const (
	// DefaultStarting and DefaultTurn are the figures for Starting and Turn.
	DefaultStarting = 64
	DefaultTurn     = 250 * time.Millisecond

	// maxOpening is how many links are put together at the same time, and
	// maxClosing how many are taken apart: each has a system call that waits for
	// the kernel, with a thread.
	maxOpening = 4
	maxClosing = 32
)

// An Agent serves links. Make one with New; its methods may be called from any
// goroutine.
type Agent struct {
	cfg Config
	log *slog.Logger
	// open opens a namespace; replaced in tests.
	open func(*Namespace, *slog.Logger) (kernel, error)

	// planning is held while it is decided what is wanted, which is in plan: that
	// calls functions of others. It is taken before mu.
	planning sync.Mutex
	plan     func(Link) Plan

	mu     sync.Mutex
	phase  runPhase
	spaces map[string]*space
	// idle is closed when the last member has ended, once the agent ends.
	idle chan struct{}
	// queue are the members that wait to be opened; opening of them are just
	// being opened, and starting on their way to their first lease.
	queue             []*member
	opening, starting int
	// returning are the links that have carrier again and wait for their turn.
	returning []*carrier
	pace      pacer
	// busy are the members that have not ended.
	busy map[*member]bool
	// restarts and panics are those of all members that there ever were.
	restarts, panics uint64
	// ended wait for one of the closing that take members apart.
	ended   []func()
	closing int
	running sync.WaitGroup
}

// runPhase is what has become of Run.
type runPhase uint8

const (
	notBegun runPhase = iota
	begun
	stopping
)

// ErrStopped is returned by methods of an Agent that does not run.
var ErrStopped = errors.New("the agent does not run")

// New returns an Agent that does nothing before Run.
func New(cfg Config) (*Agent, error) {
	a := &Agent{cfg: cfg, log: cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)), open: openKernel, plan: cfg.Plan,
		spaces: map[string]*space{}, busy: map[*member]bool{}, idle: make(chan struct{})}
	if cfg.Starting < 0 || cfg.Turn < 0 {
		return nil, errors.New("agent: Starting and Turn are not negative")
	}
	a.cfg.Starting, a.cfg.Turn = cmp.Or(cfg.Starting, DefaultStarting), cmp.Or(cfg.Turn, DefaultTurn)
	if len(cfg.Namespaces) == 0 {
		a.cfg.Namespaces = []Namespace{{}}
	}
	a.pace = newPacer(a.cfg.Starting)
	names := map[string]bool{}
	for _, ns := range a.cfg.Namespaces {
		if names[ns.Name] {
			return nil, fmt.Errorf("agent: two namespaces are called %q", ns.Name)
		}
		names[ns.Name] = true
	}
	return a, nil
}

// Run serves links until ctx ends, then ends every client, as its own
// configuration says, and returns nil. It fails at once if one of the namespaces
// cannot be opened, and when one cannot be followed any more. An Agent runs once.
func (a *Agent) Run(ctx context.Context) error {
	a.mu.Lock()
	if a.phase != notBegun {
		a.mu.Unlock()
		return errors.New("the agent was run before")
	}
	a.phase = begun
	a.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := a.openAll(cancel)
	if err == nil {
		if a.cfg.Begun != nil {
			a.cfg.Begun()
		}
		<-ctx.Done()
		err = context.Cause(ctx)
		if !errors.As(err, new(*FollowError)) {
			err = nil // it was meant to end
		}
	}
	a.stop()
	return err
}

// openAll opens the namespaces of the configuration and follows them.
func (a *Agent) openAll(failed context.CancelCauseFunc) error {
	a.planning.Lock() // Serve finds those of the configuration
	defer a.planning.Unlock()
	var all []*space
	for i := range a.cfg.Namespaces {
		s, err := a.openSpace(&a.cfg.Namespaces[i], true)
		if err != nil {
			return err
		}
		s.failed = func(err error) { failed(err) }
		all = append(all, s)
	}
	for _, s := range all {
		s.follow()
	}
	return nil
}

// stop ends what runs.
func (a *Agent) stop() {
	a.planning.Lock()
	a.mu.Lock()
	a.phase = stopping
	a.queue = nil
	for _, s := range a.spaces {
		for _, m := range s.members {
			m.settle()
		}
	}
	a.checkIdle()
	a.mu.Unlock()
	a.planning.Unlock()
	<-a.idle
	a.mu.Lock()
	var all []*space
	for _, s := range a.spaces {
		all = append(all, s)
	}
	a.mu.Unlock()
	for _, s := range all {
		s.close()
	}
	a.running.Wait()
}

// checkIdle notes that the last member has ended; mu is held.
func (a *Agent) checkIdle() {
	if a.phase == stopping && len(a.busy) == 0 {
		select {
		case <-a.idle:
		default:
			close(a.idle)
		}
	}
}

// Reload puts plan in the place of Config.Plan, and touches no link but those
// whose Plan is not the Same any more.
func (a *Agent) Reload(plan func(Link) Plan) {
	a.planning.Lock()
	defer a.planning.Unlock()
	a.plan = plan
	a.mu.Lock()
	var all []*member
	for _, s := range a.spaces {
		for _, m := range s.members {
			all = append(all, m)
		}
	}
	a.mu.Unlock()
	for _, m := range all {
		a.replan(m)
	}
}

// replan decides anew how m is to be served; planning is held.
func (a *Agent) replan(m *member) {
	a.mu.Lock()
	link, asked := m.link, m.asked
	a.mu.Unlock()
	if asked {
		return
	}
	plan := a.planFor(m.space, link)
	a.mu.Lock()
	defer a.mu.Unlock()
	m.plan = plan
	m.settle()
}

// planFor is what the plan function says; planning is held. One that panics has
// the link left alone.
func (a *Agent) planFor(s *space, link Link) (plan Plan) {
	if a.plan == nil || !s.configured {
		return nil
	}
	err := contain(link.Name, func() error {
		plan = a.plan(link)
		return nil
	})
	if err != nil {
		a.log.Error("the link is left alone: its plan cannot be made", "if", link.Name, "netns", link.Netns, "err", err)
		return nil
	}
	return plan
}
