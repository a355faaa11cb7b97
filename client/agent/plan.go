package agent

import (
	"context"
	"errors"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// A Namespace is a network namespace whose links are followed.
type Namespace struct {
	// Name is what it is called in a Link and in Serve; empty for that of the
	// caller of Run.
	Name string
	// Do calls f with its OS thread in the namespace, and returns what f does;
	// nil calls f at once. What f opens stays there. It is called for each link
	// that is served, from any goroutine, also from several at once.
	Do func(f func() error) error
	// Close is called when nothing will be opened there any more; nil is fine.
	Close func()
}

func (ns *Namespace) do(f func() error) error {
	if ns.Do == nil {
		return f()
	}
	return ns.Do(f)
}

func (ns *Namespace) close() {
	if ns.Close != nil {
		ns.Close()
	}
}

// A Link is one that could be served, as it is now.
type Link struct {
	// Netns is the Name of its Namespace.
	Netns string
	netcfg.Candidate

	driver func(name string) (string, error)
}

// Driver is the name of its driver, as `ethtool -i` has it; empty for none.
func (l *Link) Driver() (string, error) {
	if l.driver == nil {
		return "", nil
	}
	return l.driver(l.Name)
}

// A Plan is how a link is to be served. Its methods are called from any goroutine.
type Plan interface {
	// Open puts together what serves the link. It is called with its OS thread
	// in the link's namespace, where client.New must be, and again after each
	// failure. It may last, and others are opened meanwhile.
	Open(*Opening) (*Served, error)
	// Same says that a link that is served by this plan need not be touched to
	// be served by the other.
	Same(other Plan) bool
}

// An Opening is what a Plan is to open.
type Opening struct {
	Link Link
	// Namespace is where the link is.
	Namespace *netcfg.Namespace
	// Config is the netcfg.Config to begin with: the agent follows the link, and
	// the Link that is made of it must be that one, and not go over to another of
	// its name.
	Config netcfg.Config
	// OnEvent is to hear of each event, from client.Config.OnEvent: by that the
	// agent knows when others may be started. It does not block.
	OnEvent func(client.Event)
	// Restarts is how often the client of this link has failed before.
	Restarts uint64

	member *member
}

// Served is what serves a link.
type Served struct {
	// Client is not started yet.
	Client Client
	// Close ends what Client does not end itself, when that has ended or instead
	// of it; nil is fine. Info is whatever the caller wants to find in a Status.
	Close func()
	Info  any
	// Renamed is called when the link has another name and is to be served by that,
	// by this client or, as when this one has ended, by the next; it must not call
	// the Agent. Nil is fine.
	Renamed func(Link)
}

// A Client is a *client.Client.
type Client interface {
	Start(ctx context.Context, ended func(error)) error
	Stop()
	Wait(ctx context.Context) (*lease.Lease, error)
	Lease() *lease.Lease
	State() client.State
	Renew()
	Release()
	Close() error
}

var _ Client = (*client.Client)(nil)

// ErrNoLink says that there is no such link, or that it is gone.
var ErrNoLink = errors.New("there is no such link")
