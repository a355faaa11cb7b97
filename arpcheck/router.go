package arpcheck

import (
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/arp"
)

const (
	routerTries = 3
	// Between two tries; a router answers in less, or was not there.
	routerMin = 50 * time.Millisecond
	routerMax = 100 * time.Millisecond
	// routerWait is how long after the last try an answer counts: one that is
	// busy may take its time.
	routerWait = time.Second

	asRouterCheck = "router check"
)

// A query asks a router who it is.
type query struct {
	task
	source, router netip.Addr
	to             mac
	found          func(by net.HardwareAddr)
	tries          int
}

// CheckRouter asks, from the IPv4 address source, who has the address router:
// the station mac, or all if mac is nil (RFC 4436 2.1). It asks three times in
// about 150 ms, and if mac has not answered the first time, then all others too:
// who is the router instead. Those are asked as a probe asks (RFC 5227 1.1),
// since source may be somebody else's on this network, and nobody's ARP cache
// may have it from us. found is called at most once, with the station that
// answered first; silence is no answer, and neither are arguments that are no
// addresses. With Config.Turns the question to all waits for its turn.
//
// It ends a CheckRouter before it, whose callback does not come any more; a
// Probe or Defend goes on.
func (d *Detector) CheckRouter(source, router netip.Addr, mac net.HardwareAddr, found func(by net.HardwareAddr)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.halt(kindQuery)
	defer d.tune()
	source, router = source.Unmap(), router.Unmap()
	if !source.Is4() || d.refuses(router) != nil || len(mac) != 0 && len(mac) != len(broadcast) {
		return
	}
	q := &query{task: task{d: d}, source: source, router: router, to: broadcast, found: found}
	copy(q.to[:], mac)
	d.query = q
	if q.to == broadcast {
		q.inTurn(q.ask)
		return
	}
	q.ask()
}

func (q *query) ask() {
	_ = q.d.transmit(request{spa: q.source, tpa: q.router, to: q.to, as: asRouterCheck}, &q.d.count.routerRequests)
	if q.tries > 0 && q.to != broadcast {
		all := probeFor(q.router)
		all.as = asRouterCheck
		_ = q.d.transmit(all, &q.d.count.routerRequests)
	}
	q.tries++
	if q.tries < routerTries {
		q.after(between(routerMin, routerMax), q.ask)
		return
	}
	q.after(routerWait, q.finish)
}

// isAnswer says that m is a reply to our request.
func (q *query) isAnswer(m message) bool {
	return m.op == arp.OperationReply && m.spa == q.router &&
		(m.tpa == q.source || m.tpa == netip.IPv4Unspecified())
}

func (q *query) answer(by mac) {
	q.finish()
	q.d.later(kindQuery, func() { q.found(by.addr()) })
}

func (q *query) finish() {
	q.end()
	q.d.query = nil
	q.d.tune()
}
