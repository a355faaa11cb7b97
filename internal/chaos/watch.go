package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

const (
	forever = 0xffffffff
	// lookEvery is how often the judge looks; in between it hears of every
	// address and route that is set.
	lookEvery = 100 * time.Millisecond
	// hearing is the buffer for what the kernel says, in octets.
	hearing = 1 << 20
)

// watch has the judge see the link until the lab is cleaned up.
func (l *lab) watch() {
	nettest.Follow(l.stage, l.station, linkName, l.judge.frame)
	done := make(chan struct{})
	stopped := make(chan struct{})
	l.Cleanup(func() {
		close(done)
		<-stopped
	})
	l.hear(done)
	eyes := l.handle(l.station)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			case <-time.After(lookEvery):
			}
			if now, err := l.tryLook(eyes); err == nil { // else it changed under the look
				l.judge.see(now)
			}
		}
	}()
}

// hear passes on what the kernel says of addresses and routes.
func (l *lab) hear(done chan struct{}) {
	at, err := netns.GetFromName(l.station.Name)
	l.must("open the client's namespace", err)
	defer func() { _ = at.Close() }()
	deaf := func(err error) {
		select {
		case <-done:
		default:
			l.Errorf("what the kernel says is lost: %v", err)
		}
	}
	addrs, routes := make(chan netlink.AddrUpdate, 256), make(chan netlink.RouteUpdate, 256)
	l.must("watch addresses", netlink.AddrSubscribeWithOptions(addrs, done,
		netlink.AddrSubscribeOptions{Namespace: &at, ErrorCallback: deaf, ReceiveBufferSize: hearing}))
	l.must("watch routes", netlink.RouteSubscribeWithOptions(routes, done,
		netlink.RouteSubscribeOptions{Namespace: &at, ErrorCallback: deaf, ReceiveBufferSize: hearing}))
	go func() {
		for u := range addrs {
			l.heardAddress(u)
		}
	}()
	go func() {
		for u := range routes {
			if r, ok := l.routeOf(u.Route); ok {
				l.judge.routed(time.Now(), r, u.Type == unix.RTM_NEWROUTE)
			}
		}
	}()
}

func (l *lab) heardAddress(u netlink.AddrUpdate) {
	p := prefixOf(&u.LinkAddress)
	switch {
	case u.LinkIndex != l.link.Attrs().Index || !p.Addr().Is4():
	case u.NewAddr:
		l.judge.set(time.Now(), address{p, uint32(u.ValidLft)})
	default:
		l.judge.gone(time.Now(), p)
	}
}

// routeOf is a unicast route of the client's link in the main table.
func (l *lab) routeOf(r netlink.Route) (route, bool) {
	if r.LinkIndex != l.link.Attrs().Index || r.Table != unix.RT_TABLE_MAIN || r.Type != unix.RTN_UNICAST || r.Family != unix.AF_INET {
		return route{}, false
	}
	gateway, _ := netip.AddrFromSlice(r.Gw)
	source, _ := netip.AddrFromSlice(r.Src)
	return route{prefixOf(r.Dst), gateway.Unmap(), source.Unmap(), r.Priority, r.Protocol == unix.RTPROT_DHCP}, true
}

// look takes down what there is.
func (l *lab) look(h *netlink.Handle) look {
	for try := 1; ; try++ {
		now, err := l.tryLook(h)
		if err == nil {
			return now
		}
		// A list that changed while it was read is read again.
		if try == 10 {
			l.Fatalf("look at the link: %v", err)
		}
	}
}

func (l *lab) tryLook(h *netlink.Handle) (now look, err error) {
	now.at = time.Now()
	addrs, err := h.AddrList(l.link, unix.AF_INET)
	if err != nil {
		return now, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range addrs {
		now.addresses = append(now.addresses, address{prefixOf(a.IPNet), uint32(a.ValidLft)})
	}
	routes, err := h.RouteListFiltered(unix.AF_INET, &netlink.Route{LinkIndex: l.link.Attrs().Index, Table: unix.RT_TABLE_MAIN},
		netlink.RT_FILTER_OIF|netlink.RT_FILTER_TABLE)
	if err != nil {
		return now, fmt.Errorf("list routes: %w", err)
	}
	for _, r := range routes {
		if r, ok := l.routeOf(r); ok {
			now.routes = append(now.routes, r)
		}
	}
	if b, err := os.ReadFile(l.resolv()); err == nil {
		now.resolver = string(b)
	}
	now.stored, now.store = l.store.Load(context.Background())
	return now, nil
}
