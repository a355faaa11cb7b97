package dhcptest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// A Squatter is a host that uses an address: it answers ARP requests for it,
// probes and announcements of others among them (RFC 5227 2.4).
type Squatter struct {
	addr  netip.Addr
	mac   lease.HardwareAddr
	conn  *packet.Conn
	done  sync.WaitGroup
	asked atomic.Int64
	ended atomic.Bool
}

// Squat puts a host with an address and a hardware address on a link, in the
// network namespace of the calling thread. It is there until Close.
func Squat(ifname string, addr netip.Addr, mac lease.HardwareAddr) (*Squatter, error) {
	q := &Squatter{addr: addr, mac: mac}
	if err := q.open(ifname); err != nil {
		return nil, fmt.Errorf("squat on %v at %s: %w", addr, ifname, err)
	}
	q.done.Go(q.serve)
	return q, nil
}

func (q *Squatter) open(ifname string) error {
	if !q.addr.Is4() {
		return errors.New("not an IPv4 address")
	}
	link, err := net.InterfaceByName(ifname)
	if err != nil {
		return err
	}
	q.conn, err = packet.Listen(link, packet.Raw, unix.ETH_P_ARP, nil)
	return err
}

func (q *Squatter) serve() {
	buf := make([]byte, 1<<16)
	for {
		n, _, err := q.conn.ReadFrom(buf)
		switch {
		case err == nil:
			q.answer(frame.Decode(buf[:n]))
		case q.ended.Load() || !errors.Is(err, unix.ENETDOWN):
			return
		}
	}
}

func (q *Squatter) answer(f frame.Frame) {
	a := f.ARP
	if a == nil || a.Op != 1 || a.TargetIP != q.addr || a.SenderMAC == q.mac {
		return
	}
	// An error is a link that is down: the answer is lost, as on any network.
	_ = q.send(f.Src, frame.ARP{Op: 2, SenderMAC: q.mac, SenderIP: q.addr, TargetMAC: a.SenderMAC, TargetIP: a.SenderIP})
	q.asked.Add(1)
}

func (q *Squatter) send(to lease.HardwareAddr, a frame.ARP) error {
	_, err := q.conn.WriteTo(frame.EncodeARP(to, q.mac, a), &packet.Addr{HardwareAddr: to[:]})
	return err
}

// Asked counts the requests that it answered.
func (q *Squatter) Asked() int { return int(q.asked.Load()) }

// Announce tells everybody that the address is its own (RFC 5227 2.3).
func (q *Squatter) Announce() error {
	return q.send(frame.Broadcast, frame.ARP{Op: 1, SenderMAC: q.mac, SenderIP: q.addr, TargetIP: q.addr})
}

// Close takes the host off the link.
func (q *Squatter) Close() error {
	q.ended.Store(true)
	err := q.conn.Close()
	q.done.Wait()
	return err
}
