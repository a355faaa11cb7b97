package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest/hostile"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A watcher hears what the kernel says of the addresses and routes of a link.
type watcher struct {
	index int
	file  *os.File
	done  chan struct{}

	mu        sync.Mutex
	err       error
	addresses []report[hostile.Address]
	routes    []report[hostile.Route]
}

// A report is something and when it was heard.
type report[T any] struct {
	at time.Time
	of T
}

// watch listens until the test ends.
func watch(t testing.TB, ns *nettest.NS) *watcher {
	t.Helper()
	w := &watcher{done: make(chan struct{})}
	ns.Do(t, func() {
		if err := w.open(); err != nil {
			t.Fatalf("watch %s: %v", ns.Name, err)
		}
	})
	go w.listen()
	t.Cleanup(func() {
		w.file.Close()
		<-w.done
	})
	return w
}

// groups are the notifications wanted (rtnetlink(7)).
const groups = 1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV4_ROUTE-1)

func (w *watcher) open() error {
	link, err := net.InterfaceByName(ifname)
	if err != nil {
		return err
	}
	w.index = link.Index
	fd, err := netlink(groups)
	if err != nil {
		return err
	}
	w.file = os.NewFile(uintptr(fd), "netlink")
	return nil
}

// netlink opens a socket in the namespace of this thread.
func netlink(groups uint32) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, fmt.Errorf("netlink socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("bind netlink socket: %w", err)
	}
	return fd, nil
}

func (w *watcher) listen() {
	defer close(w.done)
	buf := make([]byte, 1<<16)
	for {
		n, err := w.file.Read(buf)
		if err == nil {
			err = w.hear(time.Now(), buf[:n])
		}
		if err != nil {
			w.mu.Lock()
			w.err = err
			w.mu.Unlock()
			return
		}
	}
}

func (w *watcher) hear(at time.Time, b []byte) error {
	messages, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		return fmt.Errorf("parse what the kernel says: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range messages {
		switch m.Header.Type {
		case unix.RTM_NEWADDR, unix.RTM_DELADDR:
			if a, ok := w.address(m); ok {
				w.addresses = append(w.addresses, report[hostile.Address]{at, a})
			}
		case unix.RTM_NEWROUTE:
			if r, ok := route(m, w.index); ok {
				w.routes = append(w.routes, report[hostile.Route]{at, r})
			}
		}
	}
	return nil
}

// address reads a report of an address of the link.
func (w *watcher) address(m syscall.NetlinkMessage) (a hostile.Address, ok bool) {
	if len(m.Data) < unix.SizeofIfAddrmsg || int(binary.NativeEndian.Uint32(m.Data[4:])) != w.index {
		return a, false
	}
	attrs, err := syscall.ParseNetlinkRouteAttr(&m)
	if err != nil {
		return a, false
	}
	a = hostile.Address{Gone: m.Header.Type == unix.RTM_DELADDR, Valid: lease.Infinite}
	for _, at := range attrs {
		switch {
		case at.Attr.Type == unix.IFA_LOCAL && len(at.Value) == 4:
			a.Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte(at.Value)), int(m.Data[1]))
		case at.Attr.Type == unix.IFA_CACHEINFO && len(at.Value) >= 8:
			a.Valid = time.Duration(binary.NativeEndian.Uint32(at.Value[4:])) * time.Second
		}
	}
	return a, a.Prefix.IsValid()
}

// route reads a unicast route of the main table that leaves by a link.
func route(m syscall.NetlinkMessage, index int) (r hostile.Route, ok bool) {
	if len(m.Data) < unix.SizeofRtMsg || m.Data[4] != unix.RT_TABLE_MAIN || m.Data[7] != unix.RTN_UNICAST {
		return r, false
	}
	attrs, err := syscall.ParseNetlinkRouteAttr(&m)
	if err != nil {
		return r, false
	}
	r.Dst = netip.PrefixFrom(netip.IPv4Unspecified(), int(m.Data[1]))
	for _, at := range attrs {
		switch v := at.Value; {
		case at.Attr.Type == unix.RTA_DST && len(v) == 4:
			r.Dst = netip.PrefixFrom(netip.AddrFrom4([4]byte(v)), int(m.Data[1]))
		case at.Attr.Type == unix.RTA_GATEWAY && len(v) == 4:
			r.Via = netip.AddrFrom4([4]byte(v))
		case at.Attr.Type == unix.RTA_OIF && len(v) == 4:
			ok = int(binary.NativeEndian.Uint32(v)) == index
		case at.Attr.Type == unix.RTA_METRICS:
			r.MTU = mtuOf(v)
		}
	}
	return r, ok
}

// mtuOf reads the metrics of a route, attributes in an attribute.
func mtuOf(v []byte) int {
	for len(v) >= 8 {
		size := int(binary.NativeEndian.Uint16(v))
		if size < 8 || size > len(v) {
			return 0
		}
		if binary.NativeEndian.Uint16(v[2:]) == unix.RTAX_MTU {
			return int(binary.NativeEndian.Uint32(v[4:]))
		}
		v = v[min((size+3)&^3, len(v)):]
	}
	return 0
}

// now returns the routes and the MTU of the link as they are.
func (w *watcher) now(t testing.TB, ns *nettest.NS) (routes []hostile.Route, mtu int) {
	t.Helper()
	ns.Do(t, func() {
		link, err := net.InterfaceByName(ifname)
		if err != nil {
			t.Fatalf("look at %s: %v", ns.Name, err)
		}
		mtu = link.MTU
		rib, err := syscall.NetlinkRIB(unix.RTM_GETROUTE, unix.AF_INET)
		if err != nil {
			t.Fatalf("read the routes of %s: %v", ns.Name, err)
		}
		messages, err := syscall.ParseNetlinkMessage(rib)
		if err != nil {
			t.Fatalf("read the routes of %s: %v", ns.Name, err)
		}
		for _, m := range messages {
			if r, ok := route(m, w.index); ok && m.Header.Type == unix.RTM_NEWROUTE {
				routes = append(routes, r)
			}
		}
	})
	return routes, mtu
}

// into adds what was heard to a record that starts at a time.
func (w *watcher) into(t testing.TB, rec *hostile.Record, start time.Time) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil && !errors.Is(w.err, os.ErrClosed) {
		t.Fatalf("watching %s ended: %v", ifname, w.err)
	}
	for _, a := range w.addresses {
		a.of.At = a.at.Sub(start)
		rec.Report(a.of)
	}
	for _, r := range w.routes {
		r.of.At = r.at.Sub(start)
		rec.Routes = append(rec.Routes, r.of)
	}
}
