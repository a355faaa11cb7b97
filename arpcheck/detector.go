package arpcheck

import (
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Detector checks the addresses of one Ethernet link. Its methods may be
// called by any goroutine.
//
// Callbacks come from a goroutine of the Detector's, one at a time, and hold
// no lock: a callback may call any method of the Detector, but must not wait
// for another callback of it. The methods that end something wait for its
// callback if that runs just then, so they must not be called with a lock that
// the callback takes.
type Detector struct {
	log     *slog.Logger
	onPanic func(value any, stack []byte)
	turns   *Turns
	ours    func(net.HardwareAddr) bool
	length  time.Duration
	clock   func() time.Duration // time since some moment, suspend included
	link    link
	sock    *socket // what link is, unless in tests
	shut    func() error
	once    sync.Once // closes, with ended
	ended   error
	count   counters

	mu sync.Mutex
	// index and mac are the link's, index 0 if there is none.
	index  int
	mac    mac
	closed bool
	broken bool // by a panic
	calls  calls
	// hears is what the link's filter lets pass.
	hears wanted

	job   job // nil for none
	query *query

	// conflicts counts those on this link (RFC 5227 2.1.1); probed is when
	// the last probe began; defended says that there was a defence, and
	// defendedAt when the last one was.
	conflicts  int
	probed     time.Duration
	defended   bool
	defendedAt time.Duration
}

// Open opens a Detector for the link of that index and hardware address, in
// the network namespace of the calling thread. No thread is held: the Detector
// can be used from other namespaces. Index 0 is a link that does not exist;
// Follow tells when it does.
//
// It needs CAP_NET_RAW: without, the error wraps unix.EPERM.
func Open(index int, addr net.HardwareAddr, cfg Config) (*Detector, error) {
	d, err := newDetector(index, addr, cfg)
	if err != nil {
		return nil, fmt.Errorf("open ARP on link %d: %w", index, err)
	}
	// A link that is down makes the socket readable at once: ready waits.
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := openSocket(index, d.ready)
	if err != nil {
		return nil, fmt.Errorf("open ARP on link %d: %w", index, err)
	}
	d.link, d.sock = s, s
	d.shut = s.close
	return d, nil
}

// newDetector is a Detector without a link.
func newDetector(index int, addr net.HardwareAddr, cfg Config) (*Detector, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &Detector{log: cfg.Logger, onPanic: cfg.OnPanic, turns: cfg.Turns, ours: cfg.IsOurs, length: cfg.Duration, clock: sinceBoot, index: index}
	if d.mac, err = station(index, addr); err != nil {
		return nil, err
	}
	d.calls.changed.L = &d.mu
	return d, nil
}

// station returns the hardware address of a link; that of none does not matter.
func station(index int, addr net.HardwareAddr) (m mac, err error) {
	if len(addr) != len(m) && (index != 0 || len(addr) != 0) {
		return m, fmt.Errorf("hardware address of %d octets, not of %d", len(addr), len(m))
	}
	copy(m[:], addr)
	return m, nil
}

// sinceBoot is CLOCK_BOOTTIME: time.Now stands still while the machine sleeps.
func sinceBoot() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) // it cannot fail
	return time.Duration(ts.Nano())
}

// Stop ends what runs. When it returns no callback is running or will come,
// but the one that called it if one did. The Detector can be used again.
func (d *Detector) Stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.halt(kindAll)
	d.tune()
}

// Close is Stop for good. Closing twice is harmless.
func (d *Detector) Close() error {
	d.mu.Lock()
	d.closed = true
	d.halt(kindAll)
	for d.calls.active && d.calls.by != goroutine() {
		d.calls.changed.Wait()
	}
	d.mu.Unlock()
	// Without the lock: the reader that it waits for may want it.
	d.once.Do(func() {
		if err := d.shut(); err != nil {
			d.ended = fmt.Errorf("close ARP: %w", err)
		}
	})
	return d.ended
}

// Stats returns what was counted until now.
func (d *Detector) Stats() Stats {
	if d.sock != nil {
		d.count.overrun.Add(d.sock.overrun())
	}
	return d.count.stats()
}
