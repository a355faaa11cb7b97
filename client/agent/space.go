package agent

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/dhclient-go/dhclient-go/netcfg"
)

// A kernel is what is wanted of a namespace: a *netcfg.Namespace.
type kernel interface {
	FollowLinks(ctx context.Context, f func(all bool, changes []netcfg.LinkChange)) error
	Candidates() ([]netcfg.Candidate, error)
	Driver(name string) (string, error)
	Close() error
}

func openKernel(ns *Namespace, log *slog.Logger) (k kernel, err error) {
	err = ns.do(func() error {
		k, err = netcfg.Open(log)
		return err
	})
	return k, err
}

// A FollowError says that the links of a namespace can no longer be followed.
type FollowError struct {
	// Netns is the Name of the Namespace.
	Netns string
	Err   error
}

// Error names the namespace.
func (e *FollowError) Error() string {
	return fmt.Sprintf("links%s cannot be followed: %v", inNetns(e.Netns), e.Err)
}

// Unwrap is what the kernel said.
func (e *FollowError) Unwrap() error { return e.Err }

func inNetns(name string) string {
	if name == "" {
		return ""
	}
	return " of " + name
}

// A space is a namespace and its links.
type space struct {
	a      *Agent
	ns     *Namespace
	kernel kernel
	// configured says that the plan function is asked about its links; else Serve
	// has named it, for users links.
	configured bool
	users      int
	cancel     context.CancelFunc
	ctx        context.Context
	failed     func(error)
	// ready is closed when the links are known.
	ready chan struct{}
	known bool

	// a.mu is held for these. members are the links that there are, by index;
	// leaving are those that are gone and have not ended, by index and by name:
	// what comes after them waits for them.
	members map[int]*member
	leaving map[any]*member
}

// openSpace opens a namespace; planning need not be held.
func (a *Agent) openSpace(ns *Namespace, configured bool) (*space, error) {
	k, err := a.open(ns, a.log)
	if err != nil {
		ns.close()
		return nil, fmt.Errorf("open the network namespace%s: %w", inNetns(ns.Name), err)
	}
	s := &space{a: a, ns: ns, kernel: k, configured: configured, ready: make(chan struct{}), failed: func(error) {},
		members: map[int]*member{}, leaving: map[any]*member{}}
	if !configured {
		s.users = 1
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	a.mu.Lock()
	defer a.mu.Unlock()
	a.spaces[ns.Name] = s
	return s, nil
}

// follow follows the links until the space is closed.
func (s *space) follow() {
	s.a.running.Go(func() {
		err := s.kernel.FollowLinks(s.ctx, s.changed)
		if s.ctx.Err() == nil {
			err = &FollowError{s.ns.Name, err}
			s.a.log.Error(err.Error())
			s.failed(err)
		}
	})
}

// close ends what was opened.
func (s *space) close() {
	s.cancel()
	if err := s.kernel.Close(); err != nil {
		s.a.log.Debug("close the network namespace", "netns", s.ns.Name, "err", err)
	}
	s.ns.close()
}

// changed takes what the kernel has said.
func (s *space) changed(all bool, changes []netcfg.LinkChange) {
	a := s.a
	a.planning.Lock()
	defer a.planning.Unlock()
	if all {
		there := map[int]bool{}
		for i := range changes {
			there[changes[i].Index] = true
		}
		a.mu.Lock()
		for index, m := range s.members {
			if !there[index] {
				s.vanish(m)
			}
		}
		a.mu.Unlock()
	}
	for i := range changes {
		s.change(&changes[i])
	}
	if all && !s.known {
		s.known = true
		close(s.ready)
	}
}

// change takes news of one link; planning is held.
func (s *space) change(c *netcfg.LinkChange) {
	a := s.a
	a.mu.Lock()
	m := s.members[c.Index]
	if m != nil && (c.Gone || isAnother(&m.link.Candidate, &c.Candidate)) {
		s.vanish(m)
		m = nil
	}
	if c.Gone || m != nil && m.link.Candidate == c.Candidate || a.phase == stopping {
		a.mu.Unlock()
		return
	}
	link := Link{s.ns.Name, c.Candidate, s.kernel.Driver}
	if m == nil {
		m = s.appear(link)
	}
	was := m.link
	m.link = link
	tell := m.renamed(was)
	plan, asked := m.plan, m.asked
	a.mu.Unlock()
	if !asked {
		plan = a.planFor(s, link)
	}
	if plan != nil {
		tell() // before another client looks for the lease by the new name
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	m.plan = plan
	m.settle()
}

// isAnother says that what has this index now is not the link that had it: a link
// may get another name or another address, and what gets both is as good as new.
func isAnother(was, now *netcfg.Candidate) bool {
	return was.Kind != now.Kind || was.Permanent != now.Permanent || was.Name != now.Name && was.HardwareAddr != now.HardwareAddr
}

// appear is a new link; mu is held.
func (s *space) appear(link Link) *member {
	m := &member{a: s.a, space: s, link: link}
	s.members[link.Index] = m
	for _, key := range []any{link.Index, link.Name} {
		if before := s.leaving[key]; before != nil && m.before != before {
			if m.before == nil {
				m.before = before
			}
			before.after = append(before.after, m)
			m.waits++
		}
	}
	return m
}

// vanish is the end of a link; mu is held.
func (s *space) vanish(m *member) {
	delete(s.members, m.link.Index)
	m.gone = true
	if m.isBusy() {
		s.leaving[m.link.Index], s.leaving[m.link.Name] = m, m
		m.settle()
		return
	}
	m.settle()
	s.left(m)
}

// left notes that m, which is gone, has ended; mu is held.
func (s *space) left(m *member) {
	if m.asked {
		m.asked = false
		s.a.running.Go(func() { s.a.leave(s) })
	}
	for _, key := range []any{m.link.Index, m.link.Name} {
		if s.leaving[key] == m {
			delete(s.leaving, key)
		}
	}
}
