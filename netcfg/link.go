package netcfg

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A Link is one Ethernet link of a namespace. It is followed by its index: a
// new name changes nothing. When it is deleted, a later link with the
// configured name takes its place, unless it is Config.Fixed.
type Link struct {
	ns   *Namespace
	name string
	cfg  Config

	// applying is held by Apply.
	applying sync.Mutex
	notes    string // of the last plan, so that each is logged once
	drawn    string // the same of its routes that draw traffic
	mtu      heldMTU
	foreign  netip.Prefix // permanent address of a lease that is not ours
	adopted  adoption

	mu      sync.Mutex
	index   int // of the link as it was last seen
	upped   int // index of the link that was brought up, so that it is done once
	strange int // index of a link with our name that was found unusable
}

// Link returns the link with that name. It fails with a *LinkError when there
// is none, or when DHCP cannot run on it.
func (ns *Namespace) Link(name string, cfg Config) (*Link, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("link %s: %w", name, err)
	}
	info, found, err := ns.linkByName(name)
	if err != nil {
		return nil, fmt.Errorf("link %s: %w", name, err)
	}
	if !found {
		all, err := ns.links()
		if err != nil {
			return nil, fmt.Errorf("link %s: %w", name, err)
		}
		return nil, noLink(name, all)
	}
	if cfg.Index != 0 && info.index != cfg.Index {
		return nil, &LinkError{Name: name, Err: ErrNoLink, text: fmt.Sprintf("%s is another link by now, with index %d and not %d", name, info.index, cfg.Index)}
	}
	if err := usable(info); err != nil {
		return nil, err
	}
	return &Link{ns: ns, name: name, cfg: cfg, index: info.index}, nil
}

// log names the link in each line. It is made when it is needed, which is seldom: a
// thousand of them are a third of a MiB.
func (l *Link) log() *slog.Logger { return l.ns.log.With("link", l.name) }

// State is what the kernel says of the link now; Index is 0 if it is gone.
func (l *Link) State() (lease.LinkState, error) {
	info, found, err := l.find(l.ns)
	if err == nil && !found {
		return lease.LinkState{}, nil
	}
	var s lease.LinkState
	if err == nil {
		s, err = linkState(l.ns, info)
	}
	if err != nil {
		return lease.LinkState{}, fmt.Errorf("state of %s: %w", l.name, err)
	}
	return s, nil
}

// Up brings the link up, unless it is.
func (l *Link) Up() error {
	info, found, err := l.find(l.ns)
	if err == nil && !found {
		err = ErrNoLink
	}
	if err == nil {
		err = l.bringUp(info)
	}
	if err != nil {
		return fmt.Errorf("bring %s up: %w", l.name, err)
	}
	return nil
}

func (l *Link) bringUp(info linkInfo) error {
	l.mu.Lock()
	l.upped = info.index
	l.mu.Unlock()
	if info.up() {
		return nil
	}
	return l.ns.setUp(info.index)
}

// firstSight says that nobody has brought this link up yet, and that we may.
func (l *Link) firstSight(info linkInfo) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.cfg.LeaveDown && l.upped != info.index
}

// find looks the link up by its index or, once that is gone, by its name.
func (l *Link) find(from links) (linkInfo, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	info, found, err := from.linkByIndex(l.index)
	if err != nil || found {
		return info, found, err
	}
	// The next one, which may have the same index, is another: nobody has
	// brought it up, or taken it down.
	l.index, l.upped = 0, 0
	if l.cfg.Fixed {
		return linkInfo{}, false, nil
	}
	info, found, err = from.linkByName(l.name)
	if err != nil || !found {
		return linkInfo{}, false, err
	}
	if err := usable(info); err != nil {
		if l.strange != info.index {
			l.log().Warn("link is not followed", "err", err)
		}
		l.strange = info.index
		return linkInfo{}, false, nil
	}
	l.index = info.index
	return info, true, nil
}
