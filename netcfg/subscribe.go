package netcfg

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink/nl"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// watchRetry is how long to wait when the kernel cannot say how the links are.
const watchRetry = time.Second

// many is how many links are looked at one by one in any case, with two requests
// each. More, if they are half of the links that there are, are found in a list of
// all links and one of all addresses: a link in a list costs somewhat less than
// half of what its own two requests do (BenchmarkLook).
const many = 16

// A subscription is somebody who wants to hear of a link.
type subscription struct {
	watcher
	link *Link
	f    func(lease.LinkState)
	// dirty says that it is to be looked at; the monitor's lock guards it.
	dirty bool

	over atomic.Bool

	// mu is held while it is looked at, and guards these. last is what f was told,
	// if known.
	mu    sync.Mutex
	last  lease.LinkState
	known bool
}

// Subscribe has f called with the state of the link, soon, and again after each
// change of it, as Watch does. It costs no goroutine while nothing changes: f is
// called by one of the namespace's, which serves all links, so f must not block
// or call cancel. It is not called any more when cancel has returned or the
// namespace is closed.
func (l *Link) Subscribe(f func(lease.LinkState)) (cancel func(), err error) {
	s := &subscription{link: l, f: f}
	s.who = s
	if err := l.ns.mon.add(&s.watcher, l.topic()); err != nil {
		return nil, err
	}
	l.ns.mon.look(s)
	return s.cancel, nil
}

func (s *subscription) cancel() {
	s.over.Store(true)
	s.link.ns.mon.remove(&s.watcher)
	s.mu.Lock() // f may be running
	defer s.mu.Unlock()
}

// topic is what may be news of the link: of one that is not there, what gets its
// name.
func (l *Link) topic() topic {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.index == 0 {
		return topic{name: l.name}
	}
	return topic{index: int32(l.index)}
}

// wake has the link looked at; the monitor's lock is held.
func (s *subscription) wake() {
	m := s.link.ns.mon
	if s.dirty || m.closed {
		return // is about to be looked at anyway
	}
	s.dirty = true
	m.dirty = append(m.dirty, s)
	if !m.looking {
		m.looking = true
		m.looker.Go(m.lookOn)
	}
}

// look has links looked at.
func (m *monitor) look(subs ...*subscription) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range subs {
		s.wake()
	}
}

// lookOn looks at links until none is to be looked at.
func (m *monitor) lookOn() {
	for {
		subs := m.takeDirty()
		if len(subs) == 0 {
			return
		}
		m.lookAt(subs)
	}
}

func (m *monitor) takeDirty() []*subscription {
	m.mu.Lock()
	defer m.mu.Unlock()
	subs := m.dirty
	m.dirty = nil
	for _, s := range subs {
		s.dirty = false
	}
	m.looking = len(subs) > 0
	return subs
}

// lookAt tells subscribers what has become of their links, as the kernel says it.
func (ns *Namespace) lookAt(subs []*subscription) {
	from, err := ns.source(subs)
	if err != nil {
		ns.lookAgain(err, subs...)
		return
	}
	for _, s := range subs {
		if err := s.lookAt(from); err != nil {
			ns.lookAgain(err, s)
		}
	}
}

// source is where is found how the links of subs are. A list that others change
// faster than it can be read may lack what is there: so it is not used.
func (ns *Namespace) source(subs []*subscription) (links, error) {
	if n := int64(len(subs)); n <= many || 2*n <= ns.listed.Load() {
		return ns, nil
	}
	all, err := ns.snapshot()
	if errors.Is(err, nl.ErrDumpInterrupted) {
		return ns, nil
	}
	return all, err
}

// lookAgain is what follows when the kernel did not say how links are.
func (ns *Namespace) lookAgain(why error, subs ...*subscription) {
	if errors.Is(why, ErrClosed) {
		return
	}
	ns.log.Warn("link state is unknown", "link", subs[0].link.name, "links", len(subs), "err", why)
	time.AfterFunc(watchRetry, func() { ns.mon.look(subs...) })
}

// lookAt tells the subscriber how the link is, unless it knows.
func (s *subscription) lookAt(from links) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over.Load() {
		return nil
	}
	now, err := s.link.look(from)
	if err != nil {
		return err
	}
	if mon := s.link.ns.mon; mon.turn(&s.watcher, s.link.topic()) {
		mon.look(s) // nobody has listened to this link while it was looked for
	}
	if !s.known || !sameState(s.last, now) {
		s.known, s.last = true, now
		s.f(now)
	}
	return nil
}
