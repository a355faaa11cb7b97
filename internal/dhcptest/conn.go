package dhcptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// pendingLimit is how many delayed answers a Conn holds.
const pendingLimit = 1000

// A Conn is a link with servers on it. It sends by packet socket: to an address
// that no ARP request would find, and in a frame for one station.
type Conn struct {
	link *net.Interface
	conn *packet.Conn
	// mute holds UDP port 67, so that the kernel does not answer renewals
	// with port unreachable. It hears nothing.
	mute net.PacketConn

	closing sync.Once
	pending atomic.Int64
}

// Listen opens the sockets of a link, in the network namespace of the calling
// thread. The addresses of the servers must be on the link, or squatted on, for
// clients to find them by ARP.
func Listen(ifname string) (*Conn, error) {
	link, err := net.InterfaceByName(ifname)
	if err != nil {
		return nil, fmt.Errorf("serve on %s: %w", ifname, err)
	}
	if len(link.HardwareAddr) != 6 {
		return nil, fmt.Errorf("serve on %s: not an Ethernet link", ifname)
	}
	mute, err := listenMute(ifname)
	if err != nil {
		return nil, fmt.Errorf("serve on %s: %w", ifname, err)
	}
	conn, err := packet.Listen(link, packet.Raw, unix.ETH_P_IP, &packet.Config{Filter: serverFilter()})
	if err != nil {
		mute.Close()
		return nil, fmt.Errorf("serve on %s: %w", ifname, err)
	}
	return &Conn{link: link, conn: conn, mute: mute}, nil
}

// serverFilter passes untagged datagrams for port 67. When this socket gets a
// frame of another VLAN the kernel has taken the tag off, and has marked the
// frame as another host's.
func serverFilter() []bpf.RawInstruction {
	const drop = 10 // the last instruction
	program := []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PACKET_OTHERHOST, SkipTrue: drop - 2},
		bpf.LoadAbsolute{Off: 23, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_UDP, SkipTrue: drop - 4},
		bpf.LoadAbsolute{Off: 20, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x3fff, SkipTrue: drop - 6},
		bpf.LoadMemShift{Off: 14},
		bpf.LoadIndirect{Off: 16, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: serverPort, SkipTrue: drop - 9},
		bpf.RetConstant{Val: 1 << 18},
		bpf.RetConstant{Val: 0},
	}
	raw, err := bpf.Assemble(program)
	if err != nil {
		panic(err) // the program is the same each time
	}
	return raw
}

func listenMute(ifname string) (net.PacketConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
		ctlErr := c.Control(func(fd uintptr) {
			err = errors.Join(
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
				unix.BindToDevice(int(fd), ifname),
				unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop}))
		})
		return errors.Join(ctlErr, err)
	}}
	return lc.ListenPacket(context.Background(), "udp4", "0.0.0.0:67")
}

// Close ends Serve. Closing twice is harmless.
func (c *Conn) Close() (err error) {
	c.closing.Do(func() { err = errors.Join(c.conn.Close(), c.mute.Close()) })
	return err
}

// Serve answers for the servers until ctx is done, which is no error. It closes
// c.
func (c *Conn) Serve(ctx context.Context, servers ...*Server) error {
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel()
	wait.Go(func() {
		<-ctx.Done()
		c.Close()
	})
	buf := make([]byte, 1<<16)
	for {
		n, _, err := c.conn.ReadFrom(buf)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.ENETDOWN): // the link may come up again
			continue
		case err != nil:
			return fmt.Errorf("serve on %s: %w", c.link.Name, err)
		}
		if f := frame.Decode(buf[:n]); f.UDP != nil && f.UDP.DstPort == serverPort {
			c.handle(ctx, &wait, servers, f)
		}
	}
}

// handle gives a request to the servers that it is for.
func (c *Conn) handle(ctx context.Context, wait *sync.WaitGroup, servers []*Server, f frame.Frame) {
	for _, s := range servers {
		if f.IPv4.Dst != everybody && f.IPv4.Dst != s.ID() {
			continue
		}
		for _, r := range s.Handle(time.Now(), slices.Clone(f.UDP.Payload)) {
			if r.MAC.IsZero() {
				r.MAC = f.Src
			}
			c.sendLater(ctx, wait, r)
		}
	}
}

// sendLater sends an answer when its time has come.
func (c *Conn) sendLater(ctx context.Context, wait *sync.WaitGroup, r Reply) {
	if r.Delay <= 0 {
		c.send(r)
		return
	}
	if c.pending.Add(1) > pendingLimit {
		c.pending.Add(-1)
		return
	}
	wait.Go(func() {
		defer c.pending.Add(-1)
		timer := time.NewTimer(r.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
			c.send(r)
		case <-ctx.Done():
		}
	})
}

// send is as reliable as the network is: a link that is down loses the answer.
func (c *Conn) send(r Reply) {
	mac := [6]byte(c.link.HardwareAddr)
	b := frame.EncodeUDP(r.MAC, mac, r.Dst, r.Src, r.Payload)
	for _, part := range frame.Fragment(b, c.link.MTU) {
		_, _ = c.conn.WriteTo(part, &packet.Addr{HardwareAddr: r.MAC[:]})
	}
}
