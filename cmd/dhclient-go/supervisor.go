package main

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/internal/daemon"
)

// A supervisor tells systemd how the command is (sd_notify(3)): that it has
// started when there is a lease in place, so that what needs the network can be
// ordered behind it; a line for `systemctl status`; and that its clients
// answer, if the unit has a watchdog. It is nil where nobody wants to know, and
// its methods do nothing then.
//
// With --wait-link and no limit it has started at once: what is ordered behind
// it must not wait for an interface that may never come.
type supervisor struct {
	systemd *daemon.Notifier
	f       *fleet
	log     *slog.Logger
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu sync.Mutex
	// speaking is false until the service manager knows this process.
	speaking bool
	// started is set when it was told so.
	started bool
	// up are the links that have had a lease in place.
	up     map[string]bool
	status map[string]string
	told   string
}

// newSupervisor returns nil unless the environment speaks of systemd.
func newSupervisor(f *fleet, log *slog.Logger) *supervisor {
	systemd := daemon.NewNotifier()
	if systemd == nil {
		return nil
	}
	s := &supervisor{systemd: systemd, f: f, log: log, up: map[string]bool{}, status: map[string]string{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// speak has it say what there is to say. A process that is to go to the
// background is not the service before it is there.
func (s *supervisor) speak() {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.speaking = true
	s.mu.Unlock()
	s.tell()
	s.tellStarted()
	s.running.Go(func() {
		s.systemd.Guard(s.ctx, s.f.alive, func(err error) { s.log.Error("the watchdog is not told that all is well", "err", err) })
	})
}

// event is news of the link called name, and status a line about it.
func (s *supervisor) event(name string, ev client.Event, status string) {
	if s == nil {
		return
	}
	_, bound := ev.(client.Bound)
	s.mu.Lock()
	s.status[name] = status
	bound = bound && !s.up[name] && s.ctx.Err() == nil
	s.mu.Unlock()
	s.tell()
	if bound {
		s.running.Go(func() { s.settle(name) })
	}
}

// settle waits until the lease of a link is in place with all that hangs on it,
// as the name servers.
func (s *supervisor) settle(name string) {
	if s.f.settled(s.ctx, name) != nil {
		return // there will be another event
	}
	s.mu.Lock()
	s.up[name] = true
	s.mu.Unlock()
	s.tellStarted()
}

// tell sends the line if it is another, and never waits: a client's loop does
// not either.
func (s *supervisor) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := s.line()
	if !s.speaking || line == s.told {
		return
	}
	if err := s.systemd.Status(line); err != nil {
		s.log.Debug(err.Error())
		return // the next event tries again
	}
	s.told = line
}

// tellStarted says once that it has started, if it has.
func (s *supervisor) tellStarted() {
	s.mu.Lock()
	now := s.speaking && !s.started && s.hasStarted()
	s.started = s.started || now
	s.mu.Unlock()
	if !now {
		return
	}
	if err := s.systemd.Ready(); err != nil {
		s.log.Error("systemd is not told that there is a lease", "err", err)
	}
}

// hasStarted says so; mu is held.
func (s *supervisor) hasStarted() bool {
	o := s.f.o
	n := len(s.up)
	return n == len(o.links) || n > 0 && o.waitAny || o.waitLink == forever && o.timeout == forever
}

// line has all links, in the order of the command line; mu is held.
func (s *supervisor) line() string {
	var parts []string
	for _, name := range s.f.o.links {
		if text := s.status[name]; text != "" {
			parts = append(parts, name+": "+text)
		}
	}
	return strings.Join(parts, "; ")
}

// stopping says that the end has begun.
func (s *supervisor) stopping() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.speaking {
		if err := s.systemd.Stopping(); err != nil {
			s.log.Debug(err.Error())
		}
	}
}

// close ends what it runs.
func (s *supervisor) close() {
	if s == nil {
		return
	}
	s.cancel()
	s.running.Wait()
}

// alive says whether each client that runs answers.
func (f *fleet) alive(ctx context.Context) error {
	for _, b := range f.roll() {
		select {
		case <-b.ended:
			continue
		case <-b.ready:
		default:
			continue
		}
		if err := b.link.client.Alive(ctx); err != nil {
			return err
		}
	}
	return nil
}

// settled waits until the lease of the link called name is in place.
func (f *fleet) settled(ctx context.Context, name string) error {
	for _, b := range f.berths {
		if b.name == name {
			_, err := b.link.client.Wait(ctx)
			return err
		}
	}
	return nil
}
