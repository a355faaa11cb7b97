package client

import (
	"net/netip"
	"slices"
	"sync"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/internal/wire"
)

// maxServers is how many servers of a link are remembered, and so how many more
// than one are told of: who makes servers up must not fill a log.
const maxServers = 8

// knownServers are those that have made offers on the link.
type knownServers struct {
	mu   sync.Mutex
	list []netip.Addr
}

// add notes a server and returns the first, if the server is another and new.
func (k *knownServers) add(server netip.Addr) (first netip.Addr) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.list) == maxServers || slices.Contains(k.list, server) {
		return first
	}
	if k.list = append(k.list, server); len(k.list) > 1 {
		first = k.list[0]
	}
	return first
}

// knows says that server would be no news.
func (k *knownServers) knows(server netip.Addr) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.list) == maxServers || slices.Contains(k.list, server)
}

// overheard looks at a message that was not awaited: the OFFER of a server that
// was not chosen comes when the chosen one was asked already.
func (c *Client) overheard(payload []byte, err error) {
	if !wire.IsNotAwaited(err) {
		return
	}
	if server, ok := wire.OfferedBy(payload); ok && !c.servers.knows(server) {
		c.inbox.put(job{packet: true, do: func() { c.meet(server) }})
	}
}

// meet notes, in the loop, that server has made an offer, and tells once of each
// that is not the first. Who is not heard is known to whoever has said so.
func (c *Client) meet(server netip.Addr) {
	if !c.hears(server) {
		return
	}
	if first := c.servers.add(server); first.IsValid() {
		c.tell(OtherServer{Server: server, First: first})
	}
}

// hears says that the configuration lets messages of server count.
func (c *Client) hears(server netip.Addr) bool {
	cfg := fsm.Config{RejectServers: c.cfg.RejectServers, AllowServers: c.cfg.AllowServers}
	return cfg.Hears(server)
}
