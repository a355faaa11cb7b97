package netcfg

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A followed has what FollowLinks tells, one change at a time.
type followed struct {
	told  chan string
	known map[int]string
}

// followAll follows the links of the bench until the test ends.
func followAll(t *testing.T, b *bench) *followed {
	t.Helper()
	f := &followed{told: make(chan string, 1000), known: map[int]string{}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.handle.FollowLinks(ctx, func(all bool, changes []LinkChange) {
			if all {
				f.told <- fmt.Sprint("all ", len(changes))
			}
			for _, c := range changes {
				text := strings.TrimSpace(fmt.Sprint(c.Name, " ", c.Kind, " ", c.Port))
				if c.Gone {
					text = f.known[c.Index] + " gone"
					delete(f.known, c.Index)
				} else if f.known[c.Index] = c.Name; c.HardwareAddr == (lease.HardwareAddr{}) {
					text += " without an address"
				}
				f.told <- text
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	return f
}

// until waits until something was told, whatever comes before.
func (f *followed) until(t *testing.T, want string) (before []string) {
	t.Helper()
	limit := time.After(deadline)
	for {
		select {
		case got := <-f.told:
			if got == want {
				return before
			}
			before = append(before, got)
		case <-limit:
			t.Fatalf("no %q among %q", want, before)
		}
	}
}

// A link comes, gets another name, becomes a port, is none any more, and goes. What
// a bridge says of its ports (AF_BRIDGE) is no news, above all not that one is gone.
func TestFollowLinks(t *testing.T) {
	b := newBench(t)
	f := followAll(t, b)
	f.until(t, "all 1")
	f.until(t, "eth0 veth")
	b.IP(t, "link", "add", "br0", "type", "bridge")
	b.IP(t, "link", "add", "c0", "type", "veth", "peer", "name", "c1")
	f.until(t, "br0 bridge")
	f.until(t, "c0 veth")
	b.IP(t, "link", "set", "dev", "c0", "name", "d0")
	f.until(t, "d0 veth")
	b.IP(t, "link", "set", "dev", "d0", "master", "br0")
	f.until(t, "d0 veth bridge")
	b.IP(t, "link", "set", "dev", "d0", "nomaster")
	for _, told := range f.until(t, "d0 veth") {
		if strings.HasSuffix(told, "gone") {
			t.Errorf("a port that leaves its bridge: %s", told)
		}
	}
	b.tun(t, "tun0") // which is nothing for DHCP
	b.IP(t, "link", "del", "d0")
	for _, told := range f.until(t, "d0 gone") {
		if strings.HasPrefix(told, "tun0") {
			t.Errorf("it was told of %s", told)
		}
	}
	b.IP(t, "link", "set", "dev", "eth0", "netns", b.far.Name, "name", "moved0")
	f.until(t, "eth0 gone")
}

// What a wireless link tells of its network, as that a scan has ended, has its name and
// not its address (net/wireless/wext-core.c): it is no news of the link, above all not
// that it is none for DHCP any more.
func TestFollowLinks_WirelessEvent(t *testing.T) {
	const iflaWireless = 11 // linux/if_link.h
	head := nl.NewIfInfomsg(unix.AF_UNSPEC)
	head.Type, head.Index, head.Flags = unix.ARPHRD_ETHER, 3, unix.IFF_UP|unix.IFF_RUNNING
	event := append(head.Serialize(), nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated("wlan0")).Serialize()...)
	event = append(event, nl.NewRtAttr(iflaWireless, make([]byte, 16)).Serialize()...)
	news := &linkNews{}
	if news.add(unix.RTM_NEWLINK, event) {
		_, changes := news.take()
		t.Errorf("it is taken for news of the link: %+v", changes)
	}
}

// Only the kernel's word counts: a process of the namespace has links that there are
// not, and says of one that there is that it is gone.
func TestFollowLinks_ForgedNews(t *testing.T) {
	b := newBench(t)
	f := followAll(t, b)
	f.until(t, "eth0 veth")
	var port unix.Sockaddr
	var err error
	if control := b.handle.mon.raw.Control(func(fd uintptr) { port, err = unix.Getsockname(int(fd)) }); err != nil || control != nil {
		t.Fatal(err, control)
	}
	eth0, err := b.link(t, "eth0", Config{}).State()
	if err != nil {
		t.Fatal(err)
	}
	b.Do(t, func() {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		head := nl.NewIfInfomsg(unix.AF_UNSPEC)
		head.Type, head.Index = unix.ARPHRD_ETHER, int32(eth0.Index)
		forged := &nl.NetlinkRequest{Data: []nl.NetlinkRequestData{head}}
		forged.Type = unix.RTM_DELLINK
		if err := unix.Sendto(fd, forged.Serialize(), 0, port); err != nil {
			t.Fatal(err)
		}
	})
	b.IP(t, "link", "add", "c0", "type", "veth", "peer", "name", "c1") // comes after it
	for _, told := range f.until(t, "c0 veth") {
		if told == "eth0 gone" {
			t.Error("it was told that eth0 is gone, which it is not")
		}
	}
}

// When the kernel drops news (ENOBUFS) there is a list of all.
func TestFollowLinks_LostNews(t *testing.T) {
	b := newBench(t)
	f := followAll(t, b)
	f.until(t, "eth0 veth")
	m := b.handle.mon
	var err error
	if control := m.raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1) }); err != nil || control != nil {
		t.Fatal(err, control)
	}
	m.mu.Lock() // the reader stops at its next message
	b.storm(t)
	b.IP(t, "link", "add", "c0", "type", "veth", "peer", "name", "c1")
	b.IP(t, "link", "del", "eth0")
	m.mu.Unlock()
	f.until(t, "all 2")
	if !strings.Contains(b.log.String(), "changes were lost") {
		t.Error("nothing was lost: the test tests nothing")
	}
}

// More news than anybody takes are a list, not memory.
func TestLinkNews_AreBounded(t *testing.T) {
	n := &linkNews{}
	msg := func(index int) []byte {
		body := make([]byte, unix.SizeofIfInfomsg)
		body[4], body[5] = byte(index), byte(index>>8)
		return body
	}
	for i := range 3 * maxNews {
		n.add(unix.RTM_DELLINK, msg(i+1))
		n.add(unix.RTM_DELLINK, msg(i+1)) // said twice
	}
	if all, changes := n.take(); !all || len(changes) != 0 {
		t.Errorf("%v, %d changes", all, len(changes))
	}
	n.add(unix.RTM_DELLINK, msg(7))
	n.add(unix.RTM_DELLINK, msg(7))
	for _, bad := range [][]byte{nil, {1, 2, 3}, make([]byte, unix.SizeofIfInfomsg+3)} {
		n.add(unix.RTM_NEWLINK, bad)
	}
	n.add(unix.RTM_NEWADDR, msg(8))
	if all, changes := n.take(); all || len(changes) == 0 || changes[0] != (LinkChange{Candidate{Index: 7}, true}) || changes[len(changes)-1].Index == 8 {
		t.Errorf("%v, %+v", all, changes)
	}
}

// A Fixed link ends with its index: one of its name that comes later is not it.
func TestLink_Fixed(t *testing.T) {
	b := newBench(t)
	fixed, follows := b.link(t, "eth0", Config{Fixed: true}), b.link(t, "eth0", Config{})
	b.IP(t, "link", "del", "eth0")
	b.IP(t, "link", "add", "eth0", "type", "veth", "peer", "name", "c1")
	if s, err := fixed.State(); err != nil || s.Index != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := follows.State(); err != nil || s.Index == 0 {
		t.Errorf("%+v, %v", s, err)
	}
}
