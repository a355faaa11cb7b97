package attach

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"sync"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/cni"
)

// An attachment is a container's link to a network, and its lease.
type attachment struct {
	keeper *Keeper
	key    cni.Attachment
	file   file
	netns  string // the name that the agent has for its namespace

	// begins is nil but for one of an agent before: it has the agent be asked to serve
	// it, until that is not wanted any more.
	begins *beginning

	mu     sync.Mutex
	record record
	// fresh says that this process has added it, and ending that it is on its way
	// to be forgotten.
	fresh, ending bool
	// held is the last lease that there was, and released that it was given back.
	held     *lease.Lease
	released bool
	// client and place serve it; nil while nothing does.
	client *client.Client
	place  *place
	// failure is why there is none, and failed is told so while it is being added.
	failure error
	failed  func(error)
}

// A beginning is what goes on while an attachment of an agent before waits for its
// lease.
type beginning struct {
	ctx    context.Context
	cancel context.CancelFunc
	over   chan struct{} // when the agent was asked, and has answered
}

func newBeginning() *beginning {
	b := &beginning{over: make(chan struct{})}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// end has the agent not be asked any more when it returns. b may be nil.
func (b *beginning) end() {
	if b != nil {
		b.cancel()
		<-b.over
	}
}

// now is what is known of it.
func (a *attachment) now() record {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.record
}

// change changes the record, on disk too. What cannot be written is said, and
// holds for this process.
func (a *attachment) change(f func(*record)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(&a.record)
	if a.ending {
		return
	}
	if err := a.file.save(&a.record); err != nil {
		a.keeper.log.Warn("the next agent will not know what has become of the attachment", "attachment", a.key, "err", err)
	}
}

func (a *attachment) isFresh() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.fresh
}

// serving is who serves it; nil for nobody.
func (a *attachment) serving() (*client.Client, *place) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.client, a.place
}

// lease is the lease in use; nil for none.
func (a *attachment) lease() *lease.Lease {
	if c, _ := a.serving(); c != nil {
		return c.Lease()
	}
	return nil
}

// added says that nobody waits for it any more.
func (a *attachment) added() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed(nil)
	a.failed = nil
}

// give remembers what the runtime is given.
func (a *attachment) give(l *lease.Lease) {
	a.change(func(r *record) { r.Granted, r.Gateway, r.Ours = l.Address, l.Router(), false })
	a.mu.Lock()
	a.fresh = true
	a.mu.Unlock()
}

// link is the name that the link has now.
func (a *attachment) link() string { return a.now().Link }

// renamed follows the link: what the container calls it is its own affair.
func (a *attachment) renamed(l agent.Link) { a.change(func(r *record) { r.Link = l.Name }) }

// event hears of what becomes of the lease.
func (a *attachment) event(ev client.Event) {
	if _, ok := ev.(client.Renewed); ok {
		a.keeper.lookAfter(a)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch ev := ev.(type) {
	case client.Bound:
		a.held, a.released = ev.Lease, false
	case client.Renewed:
		a.held = ev.Lease
	case client.Released:
		a.released = true
	case client.Expired, client.Lost, client.Refused, client.Declined:
		a.held = nil
	default:
	}
}

// lost is the address of a lease that the server keeps; not valid for none.
func (a *attachment) lost() netip.Addr {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held == nil || a.released {
		return netip.Addr{}
	}
	return a.held.Address
}

// why says, in a sentence, what stands between the attachment and a lease.
func (a *attachment) why() string {
	a.mu.Lock()
	c, p, failure := a.client, a.place, a.failure
	a.mu.Unlock()
	if c == nil {
		if failure != nil {
			return failure.Error()
		}
		return "the agent has not come to it yet"
	}
	stats := c.Stats()
	s, err := p.link.State()
	switch {
	case err == nil && s.Index == 0:
		return "the link is gone"
	case err == nil && !s.Carrier:
		return "the link has no carrier"
	case stats.Sent["DISCOVER"]+stats.Sent["REQUEST"] == 0 && stats.SendErrors > 0:
		return "nothing can be sent"
	case stats.Received["NAK"] > 0:
		return "a server refused (NAK)"
	case c.State().String() == "INIT" && stats.Sent["RELEASE"] > 0:
		return "it was released, and is asked for again by renew"
	case stats.Rejected["a server that is to be rejected"] > 0:
		return "a server answered, and is not allowed (--allow-server, --deny-server)"
	case stats.Rejected["offer without an option that is required"] > 0:
		return "there was an offer, but without what --require-option says"
	case stats.Received["OFFER"] > 0:
		return "there was an offer, but it came to nothing: " + c.State().String()
	}
	return fmt.Sprintf("no server answered (%d DISCOVERs sent)", stats.Sent["DISCOVER"])
}

// namespaceName is what a namespace is called in the agent's status: as its file,
// and since another may have that name later, with its number.
func namespaceName(path string, id cni.NetnsID) string {
	return fmt.Sprintf("%s:[%d]", filepath.Base(path), id.Ino)
}
