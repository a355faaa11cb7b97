package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// A screen prints what happens, each on its line with its time.
type screen struct {
	mu    sync.Mutex
	began time.Time
}

// say prints a line of 80 columns at most: seconds, who, and what.
func (s *screen) say(who, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := fmt.Sprintf("%6.3f  %-7s %s", time.Since(s.began).Seconds(), who, fmt.Sprintf(format, args...))
	if r := []rune(line); len(r) > 80 {
		line = string(r[:79]) + "…"
	}
	fmt.Fprintln(os.Stdout, line)
}

// lines is a writer that says whole lines.
type lines struct {
	s   *screen
	who string
	buf []byte
}

func (l *lines) Write(b []byte) (int, error) {
	l.buf = append(l.buf, b...)
	for {
		line, rest, found := bytes.Cut(l.buf, []byte("\n"))
		if !found {
			return len(b), nil
		}
		l.s.say(l.who, "%s", line)
		l.buf = rest
	}
}

// watchCable shows the DHCP and ARP frames at the server's end of the cable.
func watchCable(ctx context.Context, wait *sync.WaitGroup, s *screen) error {
	ifi, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	conn, err := packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil)
	if err != nil {
		return fmt.Errorf("watch the cable: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	wait.Go(func() {
		defer stop()
		buf := make([]byte, 1<<16)
		for {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				return // closed
			}
			s.show(frame.Decode(buf[:n]))
		}
	})
	return nil
}

// show explains a frame.
func (s *screen) show(f frame.Frame) {
	switch {
	case f.DHCP != nil:
		from, arrow := "client", "-->"
		if f.DHCP.OpCode == dhcpv4.OpcodeBootReply {
			from, arrow = "server", "<--"
		}
		s.say(from, "%s %-8s %v to %v%s", arrow, f.DHCP.MessageType(), f.IPv4.Src, f.IPv4.Dst, detail(f.DHCP))
	case f.ARP != nil && f.ARP.Probe:
		s.say("client", "--> ARP      who has %v? (probe)", f.ARP.TargetIP)
	case f.ARP != nil && f.ARP.Announcement:
		s.say("client", "--> ARP      %v is mine (announcement)", f.ARP.TargetIP)
	}
}

// detail is what of a message tells where the client is.
func detail(m *dhcpv4.DHCPv4) (text string) {
	add := func(name string, ip net.IP) {
		if a, ok := netip.AddrFromSlice(ip.To4()); ok && !a.IsUnspecified() {
			text += fmt.Sprintf(", %s %v", name, a)
		}
	}
	if m.OpCode == dhcpv4.OpcodeBootReply {
		add("you get", m.YourIPAddr)
		return text
	}
	add("I have", m.ClientIPAddr)
	add("I want", m.RequestedIPAddress())
	return text
}

// watchLink shows the addresses and routes that come and go.
func watchLink(ctx context.Context, wait *sync.WaitGroup, s *screen) error {
	ns, err := netns.GetFromName(clientNS)
	if err != nil {
		return fmt.Errorf("open namespace %s: %w", clientNS, err)
	}
	defer func() { _ = ns.Close() }()
	addrs, routes := make(chan netlink.AddrUpdate, 16), make(chan netlink.RouteUpdate, 16)
	if err := netlink.AddrSubscribeWithOptions(addrs, ctx.Done(), netlink.AddrSubscribeOptions{Namespace: &ns}); err != nil {
		return fmt.Errorf("watch addresses: %w", err)
	}
	if err := netlink.RouteSubscribeWithOptions(routes, ctx.Done(), netlink.RouteSubscribeOptions{Namespace: &ns}); err != nil {
		return fmt.Errorf("watch routes: %w", err)
	}
	wait.Go(func() {
		for ctx.Err() == nil {
			select {
			case u := <-addrs:
				s.address(u)
			case u := <-routes:
				s.route(u)
			case <-ctx.Done():
			}
		}
	})
	return nil
}

func (s *screen) address(u netlink.AddrUpdate) {
	switch {
	case u.LinkAddress.IP.To4() == nil || u.LinkAddress.IP.IsLoopback():
	case u.NewAddr:
		s.say("link", "    address %v, for %d s", &u.LinkAddress, u.ValidLft)
	default:
		s.say("link", "    address %v is gone", &u.LinkAddress)
	}
}

func (s *screen) route(u netlink.RouteUpdate) {
	if u.Table != unix.RT_TABLE_MAIN || u.Gw == nil || u.Type != unix.RTM_NEWROUTE {
		return
	}
	s.say("link", "    route to %v via %v", u.Dst, u.Gw)
}
