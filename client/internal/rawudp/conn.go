package rawudp

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/packetsocket"
	"github.com/dhclient-go/dhclient-go/internal/poll"
)

// Config says what Open opens.
type Config struct {
	// Link is the link. Index 0 is a link that does not exist: Follow tells
	// when it does.
	Link lease.LinkState
	// ClientPort is where replies are heard and messages come from, ServerPort
	// where they go to; 0 is 68 and 67 (RFC 2131 4.1).
	ClientPort, ServerPort uint16
	// Everybody is the IP destination of what is sent to 255.255.255.255, in
	// the same broadcast frame; the zero Addr leaves it as it is.
	Everybody netip.Addr
	// Stations says of the Ethernet address that a frame comes from whether it is
	// delivered; nil delivers all. It is called as receive is.
	Stations func(lease.HardwareAddr) bool
	// Takeover asks another client that serves the link to leave it, once all
	// else is open; Inherited has what that left.
	Takeover bool
	// Asked is called when a process that may do so asks for the link: from any
	// goroutine, and it must not block. Nil hands over to nobody.
	Asked func(*Ask)
	// OnPanic gets what receive, Asked, the Logger or the Conn itself has panicked
	// with, in a goroutine that no caller of it has, and the stack of that. Nothing
	// is delivered any more then; the Conn is still to be closed. Nil lets the
	// panic end the process.
	OnPanic func(value any, stack []byte)
	// Logger gets what is wrong and not fatal, and at debug level each frame
	// that is dropped; it is to name the link. Nil logs nothing.
	Logger *slog.Logger
}

// A Conn carries the DHCP messages of one link. Its methods may be called by
// any goroutine.
type Conn struct {
	receive func(payload []byte, from netip.Addr)
	count   counters
	packet  *packetsocket.Socket
	reading func(fd int) error // readFrom, made once
	log     *slog.Logger
	onPanic func(value any, stack []byte)
	broken  atomic.Bool // by a panic
	ports   ports
	all     netip.Addr                    // Config.Everybody
	station func(lease.HardwareAddr) bool // Config.Stations
	reg     *poll.Registration
	once    sync.Once // closes, with ended
	ended   error
	closed  atomic.Bool

	// rx is held while what has come is read and delivered, and guards these.
	// Who holds both took it first: receive may call Send.
	rx  sync.Mutex
	on  bool
	mac lease.HardwareAddr // of the link

	// claiming is held while the claim is changed, and no other lock is taken
	// before it: the poller takes them, and a claim waits for the poller.
	claiming  sync.Mutex
	claim     *claim // nil if it could not be had
	desk      *desk  // of the claim
	inherited *Inheritance

	// tx is held while something is sent, and guards these; index changes with both
	// locks held.
	tx    sync.Mutex
	index int         // 0: no link
	udp   *udpSockets // nil if the port could not be had
	via   *udpSocket  // of udp: the one that was sent through; nil for none yet
	hops  *neighbours // without udp only; nil if that failed as well
}

// ipv4 is ETH_P_IP in network byte order, as packet(7) wants it.
var ipv4 = packetsocket.NetworkOrder(unix.ETH_P_IP)

// Open opens every socket that a Conn needs, in the network namespace of the
// calling thread: none is opened later, no thread is held, and the Conn can be
// used from other namespaces. Nothing is received before Receive.
//
// receive gets the payload of each UDP datagram to ClientPort that is well formed
// and may be a BOOTREPLY to the link's hardware address, valid during the call,
// and the IP source address. It is called by one goroutine of the process: it
// must not block, and must not call the Conn except for Send and Stats.
//
// A missing capability is a *CapabilityError; a link that another client serves
// is a *HeldError, also with Takeover if it does not leave, or is of another kind.
// That ClientPort cannot be bound is none: it is logged, and unicasts leave another
// way.
func Open(cfg Config, receive func(payload []byte, from netip.Addr)) (*Conn, error) {
	c := &Conn{receive: receive, onPanic: cfg.OnPanic, index: cfg.Link.Index, ports: portsOf(&cfg), all: broadcast}
	c.mac = cfg.Link.HardwareAddr
	if cfg.Everybody.IsValid() {
		c.all = cfg.Everybody.Unmap()
	}
	c.reading, c.station = c.readFrom, cfg.Stations
	if c.log = cfg.Logger; c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.desk = &desk{asked: cfg.Asked, contain: c.contain}
	if !cfg.Takeover {
		if err := c.openClaim(); err != nil {
			return nil, err
		}
	}
	if err := c.openPacket(); err != nil {
		c.claim.close()
		return nil, needs("CAP_NET_RAW", "open the packet socket", err)
	}
	c.openUnicast()
	if err := c.register(); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for packets on %s: %w", cfg.Link.Name, err), c.Close())
	}
	if cfg.Takeover {
		// Last: a client that is ended for our sake must not be so in vain.
		if err := c.takeOver(cfg.Link); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}

// openClaim keeps other clients off the link. Without it, where there are no
// unix sockets or a stranger has the name, the link is served all the same.
func (c *Conn) openClaim() (err error) {
	if c.index == 0 {
		return nil
	}
	c.claim, err = takeClaim(c.index, c.desk)
	if held := (*HeldError)(nil); errors.As(err, &held) {
		return err
	}
	if err != nil {
		c.log.Warn("nothing keeps a second client off the link", "err", err)
	}
	return nil
}

// openPacket opens the packet socket, deaf.
func (c *Conn) openPacket() (err error) {
	if c.packet, err = packetsocket.Open(unix.SOCK_DGRAM, unix.ETH_P_IP, c.index, dropAll); err != nil {
		return err
	}
	err = c.packet.Control(func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1) })
	if err != nil {
		return errors.Join(err, c.packet.Close())
	}
	return nil
}

// openUnicast opens what unicasts leave through.
func (c *Conn) openUnicast() {
	err := c.packet.Control(func(fd int) (err error) {
		c.udp, err = useUDP(fd, c.ports)
		return err
	})
	if err == nil {
		return
	}
	var noHops error
	c.hops, noHops = openNeighbours()
	c.log.Warn("unicasts leave through the packet socket", "err", errors.Join(err, noHops))
}

func (c *Conn) register() error {
	return c.packet.Control(func(fd int) (err error) {
		c.reg, err = poll.Register(fd, c.ready)
		return err
	})
}

// Follow goes on with the link of that index and hardware address, on the same
// sockets; index 0 is none. What came in over the link before it is forgotten.
func (c *Conn) Follow(index int, addr net.HardwareAddr) error {
	var mac lease.HardwareAddr
	if len(addr) != len(mac) && (index != 0 || len(addr) != 0) {
		return fmt.Errorf("follow link %d: hardware address of %d octets, not of %d", index, len(addr), len(mac))
	}
	copy(mac[:], addr)
	c.followClaim(index)
	c.rx.Lock()
	defer c.rx.Unlock()
	c.tx.Lock()
	defer c.tx.Unlock()
	if err := c.follow(index, mac); err != nil {
		return fmt.Errorf("follow link %d: %w", index, err)
	}
	return nil
}

// followClaim claims the link with that index, in the place of the one before.
func (c *Conn) followClaim(index int) {
	c.claiming.Lock()
	defer c.claiming.Unlock()
	if c.closed.Load() {
		return
	}
	var err error
	if c.claim, err = c.claim.follow(index); err != nil {
		c.log.Warn("nothing keeps a second client off the link", "err", err)
	}
}

// follow is Follow with both locks held. If it fails there is no link.
func (c *Conn) follow(index int, mac lease.HardwareAddr) error {
	c.index = 0
	if c.closed.Load() {
		return net.ErrClosed
	}
	if err := c.packet.SetFilter(dropAll); err != nil {
		return fmt.Errorf("set filter: %w", err)
	}
	if index != 0 {
		// Also if the index is the same: a link that was removed and made
		// again with its old index is another one.
		if err := c.packet.Bind(unix.ETH_P_IP, index); err != nil {
			return err
		}
	}
	c.drain()
	c.index, c.mac = index, mac
	return c.setFilter()
}

// setFilter makes the kernel filter as on says.
func (c *Conn) setFilter() error {
	prog := dropAll
	if c.on {
		// It is made anew each time: a lease needs it for a moment, and a process
		// with a thousand links would keep a thousand.
		prog = filterFor(c.index, c.mac, c.ports.client)
	}
	if err := c.packet.SetFilter(prog); err != nil {
		return fmt.Errorf("set filter: %w", err)
	}
	return nil
}

// Close closes the sockets. When it returns, receive is not running and will
// not be called again. Closing twice is harmless.
func (c *Conn) Close() error {
	c.once.Do(func() { c.ended = c.close() })
	return c.ended
}

func (c *Conn) close() error {
	c.closed.Store(true)
	// Not with a lock held: ready takes them, and this waits for it.
	if c.reg != nil {
		c.reg.Close()
	}
	c.claiming.Lock()
	c.claim.close()
	c.claiming.Unlock()
	c.tx.Lock() // not under the feet of a Send
	defer c.tx.Unlock()
	err := c.packet.Close()
	if c.udp != nil {
		err = errors.Join(err, c.udp.release())
	}
	if c.hops != nil {
		c.hops.close()
	}
	return err
}

// Stats returns what was counted until now.
func (c *Conn) Stats() Stats {
	// The kernel starts anew after each reading. It fails only when closed.
	if _, dropped, err := c.packet.Counted(); err == nil {
		c.count.overrun.Add(uint64(dropped))
	}
	return c.count.stats()
}
