package main

import (
	"fmt"
	"net/netip"
	"runtime"
	"syscall"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// An arrival is when an address came, by CLOCK_MONOTONIC, or why none did.
type arrival struct {
	at   time.Duration
	addr netip.Addr
	err  error
}

// watchArrival waits for the first IPv4 address in a namespace, for runLimit.
func watchArrival(namespace string) (<-chan arrival, error) {
	var fd int
	err := inNamespace(namespace, func() (err error) {
		if fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE); err != nil {
			return fmt.Errorf("open a netlink socket: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	limit := unix.NsecToTimeval(int64(runLimit))
	err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_IPV4_IFADDR})
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("watch addresses: %w", err)
	}
	arrivals := make(chan arrival, 1)
	go func() {
		// A thread that waits in the kernel is woken sooner than a goroutine.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer func() { _ = unix.Close(fd) }()
		arrivals <- awaitArrival(fd)
	}()
	return arrivals, nil
}

func awaitArrival(fd int) arrival {
	buf := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		var now unix.Timespec
		if clock := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); clock != nil {
			return arrival{err: clock}
		}
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return arrival{err: fmt.Errorf("%w in %v", errNoAddress, runLimit)}
		}
		if addr := newAddress(buf[:n]); addr.IsValid() {
			return arrival{at: time.Duration(now.Nano()), addr: addr}
		}
	}
}

// newAddress is the IPv4 address that a message announces; not valid if it does
// not.
func newAddress(b []byte) netip.Addr {
	messages, _ := syscall.ParseNetlinkMessage(b)
	for _, m := range messages {
		attrs, err := syscall.ParseNetlinkRouteAttr(&m)
		if m.Header.Type != unix.RTM_NEWADDR || err != nil {
			continue
		}
		for _, a := range attrs {
			if addr, ok := netip.AddrFromSlice(a.Value); ok && addr.Is4() && a.Attr.Type == unix.IFA_LOCAL {
				return addr
			}
		}
	}
	return netip.Addr{}
}

// inNamespace does something in a network namespace.
func inNamespace(name string, do func() error) error {
	runtime.LockOSThread()
	here, err := netns.Get()
	if err != nil {
		return fmt.Errorf("open the current namespace: %w", err)
	}
	defer here.Close()
	there, err := netns.GetFromName(name)
	if err != nil {
		return fmt.Errorf("open namespace %s: %w", name, err)
	}
	defer there.Close()
	if err := netns.Set(there); err != nil {
		return fmt.Errorf("enter namespace %s: %w", name, err)
	}
	err = do()
	if back := netns.Set(here); back != nil {
		return fmt.Errorf("leave namespace %s: %w", name, back)
	}
	runtime.UnlockOSThread() // a thread that could not go back stays locked
	return err
}
