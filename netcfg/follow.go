package netcfg

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A LinkChange is news of a link: how it is or, if it is Gone, that there is no
// such link any more, or none that DHCP can run on; of that only the Index counts.
type LinkChange struct {
	Candidate
	Gone bool
}

// FollowLinks calls f with the links that DHCP can run on, as Candidates lists
// them, and then with each change of any, from the goroutine that called it. With
// all, changes are all links that there are: so it begins, and so it is when the
// kernel has lost some news (ENOBUFS). A change may be told that was told before.
// It returns nil when ctx is done, and ErrClosed when the namespace is closed.
//
// What it costs does not depend on how many links there are, but on how many
// change: the news say all that there is to know.
func (ns *Namespace) FollowLinks(ctx context.Context, f func(all bool, changes []LinkChange)) error {
	woken, news := newBell(), &linkNews{lost: true} // nothing is known yet
	w := &watcher{who: woken, news: news}
	if err := ns.mon.add(w, topic{}); err != nil {
		return err
	}
	defer ns.mon.remove(w)
	for {
		all, changes := news.take()
		var err error
		if all {
			changes, err = ns.allLinks()
		}
		switch {
		case errors.Is(err, ErrClosed):
			return err
		case err != nil:
			ns.log.Warn("the links are not known", "err", err)
			news.lose()
			time.AfterFunc(watchRetry, woken.wake)
		case all || len(changes) > 0:
			f(all, changes)
		}
		if err := ns.wait(ctx, woken); errors.Is(err, ErrClosed) {
			return err
		} else if err != nil {
			return nil // ctx is done
		}
	}
}

func (ns *Namespace) allLinks() (all []LinkChange, err error) {
	links, err := ns.Candidates()
	for _, c := range links {
		all = append(all, LinkChange{Candidate: c})
	}
	return all, err
}

// maxNews is how many changes wait for who takes them; more are as good as a list
// of all links.
const maxNews = 4096

// linkNews are changes of links that have come, in order.
type linkNews struct {
	mu      sync.Mutex
	lost    bool
	changes []LinkChange
}

// lose says that some are missing.
func (n *linkNews) lose() {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lost, n.changes = true, nil
}

// take takes what there is; all says that it is not all.
func (n *linkNews) take() (all bool, changes []LinkChange) {
	n.mu.Lock()
	defer n.mu.Unlock()
	all, changes = n.lost, n.changes
	n.lost, n.changes = false, nil
	return all, changes
}

// add takes a message, as it follows the nlmsghdr, and says whether it is about a
// link.
func (n *linkNews) add(kind uint16, body []byte) bool {
	c, ok := linkChange(kind, body)
	if !ok {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.lost: // a list of all is to come
	case len(n.changes) == maxNews:
		n.lost, n.changes = true, nil
	case len(n.changes) > 0 && n.changes[len(n.changes)-1] == c: // as while a link comes up
	default:
		n.changes = append(n.changes, c)
	}
	return true
}

// linkChange reads a message; ok is false for one that is not about a link. What
// a bridge says of its ports is not (AF_BRIDGE, which has an RTM_DELLINK for a
// port that has left it), nor what a wireless link has to tell of its network.
func linkChange(kind uint16, body []byte) (c LinkChange, ok bool) {
	if kind != unix.RTM_NEWLINK && kind != unix.RTM_DELLINK || len(body) < unix.SizeofIfInfomsg {
		return c, false
	}
	if head := nl.DeserializeIfInfomsg(body); head.Family != unix.AF_UNSPEC {
		return c, false
	}
	l, err := parseLink(body)
	if err != nil || kind == unix.RTM_NEWLINK && !saysAll(body) {
		return c, false
	}
	if kind == unix.RTM_DELLINK || usable(l) != nil {
		return LinkChange{Candidate{Index: l.index}, true}, true
	}
	return LinkChange{Candidate: candidate(l)}, true
}

// saysAll says that a message tells how a link is: the kernel puts the MTU into each
// that does (rtnl_fill_ifinfo of net/core/rtnetlink.c). An event of the wireless
// extensions, as the end of a scan, has the link's name and no more of it
// (rtnetlink_ifinfo_prep of net/wireless/wext-core.c).
func saysAll(body []byte) bool {
	return attribute(body[unix.SizeofIfInfomsg:], unix.IFLA_MTU) != nil
}
