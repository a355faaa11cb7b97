package hook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A Script runs the programs of one link. It is a client.ReasonConfigurator: the
// Configurator of a client, where the programs configure the link, or else one of
// its AfterApply. All that it runs it runs one at a time.
type Script struct {
	cfg  Config
	told warned
	// relays counts the outputs that outlive their programs.
	relays atomic.Int32

	// running is held while programs run; last is the lease that they were
	// given last, nil for none.
	running sync.Mutex
	last    *lease.Lease
	// nak is what the server said with the NAK that takes that lease away, and
	// nakTold says that udhcpc's scripts have heard of it.
	nak     string
	nakTold bool

	mu     sync.Mutex
	queue  []news
	closed bool
	idle   sync.WaitGroup
	// ended ends what Tell has begun.
	ended  context.Context
	finish context.CancelFunc
}

// news is what programs are told.
type news struct {
	why       client.Reason
	next, old *lease.Lease
	message   string
	// told says that it comes by Tell.
	told bool
}

const (
	// maxQueue is how much news may wait for a program that takes its time.
	maxQueue = 16
	// maxEvents is how many events a dialect has for one Reason.
	maxEvents = 2
	// closeGrace is how long what Tell has begun may go on when the client ends.
	closeGrace = 10 * time.Second
)

// New returns a Script. It runs nothing yet.
func New(cfg Config) (*Script, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Script{cfg: cfg}
	s.ended, s.finish = context.WithCancel(context.Background())
	return s, nil
}

// Limit is how long ApplyFor may take.
func (s *Script) Limit() time.Duration {
	return maxEvents*time.Duration(len(s.cfg.Programs))*(s.cfg.Limit+killGrace) + time.Second
}

// Apply is ApplyFor by a caller that does not know why.
func (s *Script) Apply(ctx context.Context, next *lease.Lease, prev []*lease.Lease) error {
	why := client.ReasonBound
	if next == nil {
		why = client.ReasonLost
	}
	return s.ApplyFor(ctx, why, next, prev)
}

// ApplyFor runs the programs for next, which takes the place of what they were
// given last; of prev only the last counts, and only for programs that have not
// been given anything yet.
//
// Programs that configure the link are run for each lease, and ApplyFor fails if
// one of them does: with client.ErrDecline where dhclient's script refuses an
// address that is not in use yet. Others are run when more has changed than
// times, and how they end is theirs, and is logged: it fails only if one of them
// could not be run at all.
func (s *Script) ApplyFor(ctx context.Context, why client.Reason, next *lease.Lease, prev []*lease.Lease) error {
	s.running.Lock()
	defer s.running.Unlock()
	s.drain(ctx)
	n := news{why: why, next: next, old: s.last}
	if n.old == nil && next == nil && len(prev) > 0 {
		n.old = prev[len(prev)-1] // left by a process before this one
	}
	if why == client.ReasonNak {
		n.message = s.nak
	}
	defer func() { s.nak, s.nakTold = "", false }()
	if !s.concerns(n) {
		s.last = next
		return nil
	}
	err := s.run(ctx, n)
	if err != nil && next == nil && s.cfg.Configures {
		// It is not known what is left; the next lease comes with no old one.
		s.last = nil
	}
	if next != nil && s.cfg.After != nil {
		// A script that was cut short may have done its work all the same.
		err = errors.Join(err, s.cfg.After(context.WithoutCancel(ctx), next))
	}
	if err == nil {
		s.last = next
	}
	return err
}

// concerns says that the programs are run for n.
func (s *Script) concerns(n news) bool {
	switch {
	case n.next == nil && n.old == nil:
		// udhcpc's scripts are told to clean the link whatever is there;
		// dhclient's are not told to take off nothing.
		return s.cfg.Configures && s.cfg.Dialect == Udhcpc
	case s.cfg.Configures || n.next == nil:
		return true
	}
	return changed(n.old, n.next)
}

// Preinit tells the programs that the link will be used, which those that
// configure it answer by bringing it up.
func (s *Script) Preinit(ctx context.Context) error {
	s.running.Lock()
	defer s.running.Unlock()
	return s.run(ctx, news{why: client.ReasonPreinit})
}

// Tell tells the programs what comes without a lease: client.ReasonFail, or
// client.ReasonNak with the server's message. Of a NAK that takes a lease away
// they hear by the ApplyFor that follows. It does not wait for them.
func (s *Script) Tell(why client.Reason, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.queue) >= maxQueue {
		s.cfg.Logger.Debug("the scripts are not told", "if", s.cfg.Interface, "event", why)
		return
	}
	s.queue = append(s.queue, news{why: why, message: message, told: true})
	s.idle.Go(func() {
		s.running.Lock()
		defer s.running.Unlock()
		ctx, cancel := context.WithTimeout(s.ended, s.Limit())
		defer cancel()
		s.drain(ctx)
	})
}

// drain runs the programs for what waits; running is held.
func (s *Script) drain(ctx context.Context) {
	for {
		s.mu.Lock()
		if len(s.queue) == 0 {
			s.mu.Unlock()
			return
		}
		n := s.queue[0]
		s.queue = s.queue[1:]
		s.mu.Unlock()
		if n.why == client.ReasonNak {
			if s.nak = n.message; s.last != nil {
				continue
			}
			s.nakTold = true
		}
		if err := s.run(ctx, n); err != nil {
			s.cfg.Logger.Warn("a script has failed", "if", s.cfg.Interface, "err", err)
		}
	}
}

// Close waits for what Tell has begun, for 10 s and what it takes to end it, and
// begins nothing more.
func (s *Script) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	t := time.AfterFunc(closeGrace, s.finish)
	defer t.Stop()
	s.idle.Wait()
	s.finish()
}

// run runs each program, for each of the events that the dialect has for n. The
// first that fails is the last where they configure the link.
func (s *Script) run(ctx context.Context, n news) error {
	var errs []error
	for _, event := range s.events(n) {
		call, err := s.call(n, event)
		if err != nil {
			return err
		}
		for _, program := range s.cfg.Programs {
			if err := s.judge(n, s.execute(ctx, program, call)); err != nil {
				errs = append(errs, fmt.Errorf("%s for %s: %w", program, event, err))
			}
			if len(errs) > 0 && s.cfg.Configures {
				return errs[0]
			}
		}
	}
	return errors.Join(errs...)
}

// judge is what the end of a program means.
func (s *Script) judge(n news, err error) error {
	var ended *endError
	if !errors.As(err, &ended) {
		return err
	}
	log := s.cfg.Logger.With("if", s.cfg.Interface, "script", ended.program, "event", ended.event)
	switch {
	case !s.cfg.Configures:
		// It has had the news, and would end no better with the same again.
		log.Warn("a script has failed", "err", ended)
		return nil
	case s.cfg.Dialect == Udhcpc && ended.status():
		// udhcpc has never looked at it, and its scripts end with anything.
		log.Debug("a script has failed", "err", ended)
		return nil
	case s.cfg.Dialect == Dhclient && ended.code > 0 && s.refusable(n):
		return fmt.Errorf("%w: %w", err, client.ErrDecline)
	}
	return err
}

// refusable says that a script may refuse the address (dhclient-script(8), BOUND
// and REBOOT): one that it has not been given before.
func (s *Script) refusable(n news) bool {
	return n.next != nil && (n.why == client.ReasonBound || n.why == client.ReasonReboot) &&
		(s.last == nil || s.last.Address != n.next.Address)
}

// A call is what a program is given.
type call struct {
	event string
	args  []string
	env   []string
	input []byte
}

// events are the words that the dialect has for n, in their order.
func (s *Script) events(n news) []string {
	switch s.cfg.Dialect {
	case Dhclient:
		return s.dhclientEvents(n)
	case Udhcpc:
		return s.udhcpcEvents(n)
	}
	return []string{n.why.String()}
}

func (s *Script) call(n news, event string) (*call, error) {
	switch s.cfg.Dialect {
	case Dhclient:
		return s.dhclientCall(n, event), nil
	case Udhcpc:
		return s.udhcpcCall(n, event), nil
	}
	return s.jsonCall(n, event)
}
