package hook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
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

	// running is held while programs run; last is the lease that they were
	// given last, nil for none.
	running sync.Mutex
	last    *lease.Lease

	mu     sync.Mutex
	queue  []news
	closed bool
	idle   sync.WaitGroup
}

// news is what programs are told.
type news struct {
	why       client.Reason
	next, old *lease.Lease
	message   string
}

// maxQueue is how much news may wait for a program that takes its time.
const maxQueue = 16

// New returns a Script. It runs nothing yet.
func New(cfg Config) (*Script, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Script{cfg: cfg}, nil
}

// Limit is how long ApplyFor may take.
func (s *Script) Limit() time.Duration {
	return time.Duration(len(s.cfg.Programs))*(s.cfg.Limit+killGrace) + time.Second
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
// been given anything yet. It fails if one of them does; with client.ErrDecline
// where dhclient's script refuses an address that is not in use yet.
func (s *Script) ApplyFor(ctx context.Context, why client.Reason, next *lease.Lease, prev []*lease.Lease) error {
	s.running.Lock()
	defer s.running.Unlock()
	s.drain(ctx)
	n := news{why: why, next: next, old: s.last}
	if n.old == nil && next == nil && len(prev) > 0 {
		n.old = prev[len(prev)-1] // left by a process before this one
	}
	if !s.cfg.Configures && (next == nil && n.old == nil || next != nil && !changed(n.old, next)) {
		s.last = next
		return nil
	}
	err := s.run(ctx, n)
	if err != nil && next == nil && s.cfg.Configures {
		// It is not known what is left; the next lease comes with no old one.
		s.last = nil
	}
	if err != nil {
		return err
	}
	s.last = next
	if next != nil && s.cfg.After != nil {
		return s.cfg.After(ctx, next)
	}
	return nil
}

// Preinit tells the programs that the link will be used, which those that
// configure it answer by bringing it up.
func (s *Script) Preinit(ctx context.Context) error {
	s.running.Lock()
	defer s.running.Unlock()
	return s.run(ctx, news{why: client.ReasonPreinit})
}

// Tell tells the programs what comes without a lease: client.ReasonFail, or
// client.ReasonNak with the server's message. It does not wait for them.
func (s *Script) Tell(why client.Reason, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.queue) >= maxQueue {
		return
	}
	s.queue = append(s.queue, news{why: why, message: message})
	s.idle.Go(func() {
		s.running.Lock()
		defer s.running.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), s.Limit())
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
		if err := s.run(ctx, n); err != nil {
			s.cfg.Logger.Warn("a script has failed", "if", s.cfg.Interface, "err", err)
		}
	}
}

// Close waits for what runs, and runs nothing more.
func (s *Script) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.idle.Wait()
}

// run runs each program, for each of the events that the dialect has for n, until
// one fails.
func (s *Script) run(ctx context.Context, n news) error {
	for _, event := range s.events(n) {
		call, err := s.call(n, event)
		if err != nil {
			return err
		}
		for _, program := range s.cfg.Programs {
			if err := s.judge(n, s.execute(ctx, program, call)); err != nil {
				return fmt.Errorf("%s for %s: %w", program, event, err)
			}
		}
	}
	return nil
}

// judge is what the end of a program means.
func (s *Script) judge(n news, err error) error {
	var status *statusError
	switch {
	case !errors.As(err, &status):
		return err
	case s.cfg.Dialect == Udhcpc:
		// udhcpc has never looked at it, and its scripts end with anything.
		s.cfg.Logger.Debug("a script has ended with a status", "if", s.cfg.Interface, "err", err)
		return nil
	case s.cfg.Configures && s.cfg.Dialect == Dhclient && status.signal == 0 && s.last == nil && n.next != nil && slices.Contains(refusable, n.why):
		return fmt.Errorf("%w: %w", err, client.ErrDecline)
	}
	return err
}

// refusable are the reasons at which a script may refuse the address
// (dhclient-script(8), BOUND and REBOOT).
var refusable = []client.Reason{client.ReasonBound, client.ReasonReboot}

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
		return []string{dhclientReasons[n.why]}
	case Udhcpc:
		if n.why == client.ReasonNak && n.old == nil {
			return []string{"nak"}
		}
		return udhcpcEvents[n.why]
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
