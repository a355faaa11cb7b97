package dhcptest

import (
	"container/heap"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

const (
	// latency is how long a message of a Link is under way: not zero, so that
	// what is sent at one moment is in the log before what answers it.
	latency = time.Millisecond
	// logLimit bounds a Link's log; the older half goes first.
	logLimit = 1 << 16
)

// A Link is a network in memory, with clients (Port) and servers on it. It uses
// nothing but time and channels, so that inside a testing/synctest bubble years
// pass in an instant; it has no goroutine that outlives a delivery. Messages
// arrive in the order of their times, and those of one time in the order in
// which they were sent.
type Link struct {
	// turn is held by who delivers.
	turn chan struct{}

	mu      sync.Mutex
	servers []*Server
	ports   []*Port
	fault   func(Message) Fault
	cut     bool
	broken  error
	log     []Message
	queue   queue
	seq     int
}

// A Message is one that was sent on a Link.
type Message struct {
	// Time is when it was sent, on the clock of the bubble.
	Time time.Time
	// Up says that a client sent it.
	Up bool
	// MAC is the client: the sender, or who is to get it (all ones for
	// everybody).
	MAC lease.HardwareAddr
	// Src and Dst are its addresses.
	Src, Dst netip.Addr
	// Payload is the message, and DHCP the same decoded, nil if that fails.
	Payload []byte
	DHCP    *dhcpv4.DHCPv4
	// Lost says that the network swallowed it.
	Lost bool
}

// Is says that the message is of one of these types.
func (m Message) Is(types ...dhcpv4.MessageType) bool {
	return m.DHCP != nil && slices.Contains(types, m.DHCP.MessageType())
}

// A Fault is what the network does to a message. The zero value does nothing.
type Fault struct {
	// Drop loses it.
	Drop bool
	// Delay makes it late.
	Delay time.Duration
	// Copies is how many more arrive.
	Copies int
}

// NewLink makes a link with servers on it.
func NewLink(servers ...*Server) *Link {
	return &Link{turn: make(chan struct{}, 1), servers: servers}
}

// Attach puts one more server on the link.
func (l *Link) Attach(s *Server) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.servers = append(l.servers, s)
}

// Detach takes a server off the link.
func (l *Link) Detach(s *Server) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.servers = slices.DeleteFunc(slices.Clone(l.servers), func(o *Server) bool { return o == s })
}

// SetFault sets what happens to each message from now on; nil is a good network.
// f may be called by several goroutines, one at a time, and must not call l.
func (l *Link) SetFault(f func(Message) Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault = f
}

// Cut takes the cable out: what is sent then, and what is under way, is lost.
func (l *Link) Cut(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
}

// Break makes Send fail with err, as a kernel fails it; nil ends that.
func (l *Link) Break(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = err
}

// Log returns what was sent, in order.
func (l *Link) Log() []Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.log)
}

// Sent returns the messages that clients sent, of the types given, of any type
// if none is.
func (l *Link) Sent(types ...dhcpv4.MessageType) []Message {
	return slices.DeleteFunc(l.Log(), func(m Message) bool { return !m.Up || len(types) != 0 && !m.Is(types...) })
}

// Inject sends a datagram to all clients, as a stranger on the link would.
func (l *Link) Inject(from netip.Addr, payload []byte) {
	l.down(Reply{Payload: payload, Dst: netip.AddrPortFrom(everybody, clientPort), Src: netip.AddrPortFrom(from, serverPort), MAC: everyStation})
}

// up carries a client's message to the servers.
func (l *Link) up(p *Port, payload []byte, src, dst netip.Addr) error {
	l.mu.Lock()
	err := l.broken
	l.mu.Unlock()
	if err != nil {
		return err
	}
	mac := p.address()
	m := Message{Up: true, MAC: mac, Src: src, Dst: dst, Payload: payload}
	l.carry(m, 0, func() {
		for _, s := range l.serversAt(dst) {
			for _, r := range s.Handle(time.Now(), payload) {
				if r.MAC.IsZero() {
					r.MAC = mac
				}
				l.down(r)
			}
		}
	})
	return nil
}

// serversAt are those that hear what is sent to dst.
func (l *Link) serversAt(dst netip.Addr) []*Server {
	l.mu.Lock()
	defer l.mu.Unlock()
	if dst == everybody {
		return l.servers
	}
	return slices.DeleteFunc(slices.Clone(l.servers), func(s *Server) bool { return s.ID() != dst })
}

// heard says that the answer is for a port that somebody hears: a client's, or a
// relay agent's, of whom a client is given it.
func (r Reply) heard() bool { return r.Dst.Port() == clientPort || r.Dst.Port() == serverPort }

// down carries an answer to the clients.
func (l *Link) down(r Reply) {
	from := r.Src.Addr()
	m := Message{MAC: r.MAC, Src: from, Dst: r.Dst.Addr(), Payload: r.Payload}
	l.carry(m, r.Delay, func() {
		l.mu.Lock()
		ports := slices.Clone(l.ports)
		l.mu.Unlock()
		for _, p := range ports {
			if r.heard() && (r.MAC == everyStation || r.MAC == p.address()) {
				p.deliver(r.Payload, from)
			}
		}
	})
}

// carry logs a message when it leaves, after thinking, and has it arrive.
func (l *Link) carry(m Message, thinking time.Duration, arrive func()) {
	if thinking > 0 {
		l.mu.Lock()
		l.after(thinking, func() { l.carry(m, 0, arrive) })
		l.mu.Unlock()
		return
	}
	m.Time = time.Now()
	m.DHCP, _ = dhcpv4.FromBytes(m.Payload) // nil if it is none
	l.mu.Lock()
	defer l.mu.Unlock()
	var f Fault
	if l.fault != nil {
		f = l.fault(m)
	}
	m.Lost = f.Drop || l.cut
	if len(l.log) >= logLimit {
		l.log = slices.Clone(l.log[logLimit/2:])
	}
	l.log = append(l.log, m)
	if m.Lost {
		return
	}
	for range f.Copies + 1 {
		l.after(latency+f.Delay, func() {
			if !l.isCut() {
				arrive()
			}
		})
	}
}

func (l *Link) isCut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut
}

// after has f run when d has passed. The link is locked.
func (l *Link) after(d time.Duration, f func()) {
	l.seq++
	heap.Push(&l.queue, event{at: time.Now().Add(d), seq: l.seq, do: f})
	time.AfterFunc(d, l.run)
}

// run does what is due, in order. The timers of one moment may fire in any: the
// first does the work of all.
func (l *Link) run() {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	for {
		l.mu.Lock()
		if len(l.queue) == 0 || l.queue[0].at.After(time.Now()) {
			l.mu.Unlock()
			return
		}
		e := heap.Pop(&l.queue).(event)
		l.mu.Unlock()
		e.do()
	}
}

// event is what will happen.
type event struct {
	at  time.Time
	seq int
	do  func()
}

// queue is a heap of events by time, then by order.
type queue []event

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q queue) Less(i, j int) bool {
	if c := q[i].at.Compare(q[j].at); c != 0 {
		return c < 0
	}
	return q[i].seq < q[j].seq
}
func (q *queue) Push(x any) { *q = append(*q, x.(event)) }
func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = event{}
	*q = old[:len(old)-1]
	return e
}
