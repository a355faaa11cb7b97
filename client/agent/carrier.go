package agent

import (
	"sync"

	"github.com/dhclient-go/dhclient-go/client"
)

// Paced is the watcher of the link for its client: when carrier returns, which has
// the client ask whether its lease is still good, that is told when it is the
// link's turn, as the start of a client is. A switch that is started again has a
// thousand links ask. A loss of carrier, and all else, is told at once.
func (o *Opening) Paced(w client.LinkSubscriber) client.LinkWatcher {
	if o.member == nil {
		return w
	}
	return &pacedLink{w, o.member}
}

// A pacedLink is a client.LinkSubscriber.
type pacedLink struct {
	client.LinkSubscriber
	m *member
}

// Subscribe is that of the link, but for the return of carrier.
func (p *pacedLink) Subscribe(f func(client.LinkState)) (cancel func(), err error) {
	c := &carrier{m: p.m, tell: f}
	unwatch, err := p.LinkSubscriber.Subscribe(c.report)
	if err != nil {
		return nil, err
	}
	return func() { unwatch(); c.end() }, nil
}

// A carrier is what the client of one link is told of it.
type carrier struct {
	m *member
	// telling is held while something is told, so that the last word is the last
	// news. It is taken before Agent.mu.
	telling sync.Mutex
	tell    func(client.LinkState)

	// Agent.mu is held for these. told is the last state that was told, and held
	// the one that waits for its turn; nil for none.
	told, held *client.LinkState
	ended      bool
}

// report takes news of the link.
func (c *carrier) report(s client.LinkState) {
	c.telling.Lock()
	defer c.telling.Unlock()
	if c.take(&s) {
		c.tell(s)
	}
}

// take says that s is to be told now.
func (c *carrier) take(s *client.LinkState) bool {
	a := c.m.a
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case c.ended:
		return false
	case !c.returns(s):
		c.held = nil
	case c.held != nil:
		c.held = s
		return false
	case len(a.returning) > 0 || !a.pace.room(a.starting):
		c.held = s
		a.returning = append(a.returning, c)
		return false
	default:
		c.m.ask()
	}
	c.told = s
	return true
}

// returns says that the link has carrier as it had not when that was told last. A
// loss that was as short as that was never told.
func (c *carrier) returns(s *client.LinkState) bool {
	was := c.told
	return was != nil && s.Index != 0 && s.Carrier && (was.Index != s.Index || !was.Carrier || was.CarrierChanges != s.CarrierChanges)
}

// deliver tells what was held.
func (c *carrier) deliver() {
	c.telling.Lock()
	defer c.telling.Unlock()
	a := c.m.a
	a.mu.Lock()
	s := c.held
	c.held = nil
	if s != nil {
		c.told = s
	}
	a.mu.Unlock()
	if s != nil {
		c.tell(*s)
	}
}

// end has nothing be told any more when it returns.
func (c *carrier) end() {
	c.telling.Lock()
	defer c.telling.Unlock()
	c.m.a.mu.Lock()
	defer c.m.a.mu.Unlock()
	c.ended, c.held = true, nil
}

// ask takes a turn, unless the member has one; mu is held.
func (m *member) ask() {
	if m.turn == nil {
		m.takeTurn()
	}
}

// proceedReturning tells those whose turn it is that they have carrier; mu is held.
func (a *Agent) proceedReturning() {
	for len(a.returning) > 0 && a.pace.room(a.starting) && a.phase == begun {
		c := a.returning[0]
		a.returning[0] = nil
		a.returning = a.returning[1:]
		if c.held == nil {
			continue // carrier is lost again, or the client has ended
		}
		c.m.ask()
		a.running.Go(c.deliver)
	}
}
