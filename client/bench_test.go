package client

import (
	"context"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// A bench is a Client with a server at hand, and nothing else of a world: what it
// costs is the client's own.
type bench struct {
	client       *Client
	passed       atomic.Int64 // of the clock
	alarm        atomic.Int64 // what it is set to
	receive      func([]byte, netip.Addr)
	bound, ended chan struct{}
}

func newBench(b testing.TB) *bench {
	b.Helper()
	w := &bench{bound: make(chan struct{}), ended: make(chan struct{})}
	c, err := newClient(Config{
		Interface:   "eth0",
		LinkWatcher: still{LinkState{Index: 7, Name: "eth0", HardwareAddr: myMAC, MTU: 1500, Carrier: true}},
		OpenTransport: func(_ LinkState, receive func([]byte, netip.Addr)) (Transport, error) {
			w.receive = receive
			return w, nil
		},
		OnEvent: func(ev Event) {
			switch ev.(type) {
			case Bound, Renewed:
				w.bound <- struct{}{}
			default:
			}
		},
	}, func() time.Time { return time.Unix(1e9, w.passed.Load()) }, func(func(), func(time.Duration)) (alarm, error) { return w, nil })
	if err != nil {
		b.Fatal(err)
	}
	w.client = c
	return w
}

// still is a link where nothing happens.
type still struct{ LinkState }

func (s still) State() (LinkState, error)                              { return s.LinkState, nil }
func (s still) Watch(context.Context, func(LinkState)) error           { panic("it is subscribed to") }
func (s still) Subscribe(f func(LinkState)) (cancel func(), err error) { return func() {}, nil }

// A bench is its own alarm, which never rings.
func (w *bench) set(_, at time.Time) error {
	w.alarm.Store(at.UnixNano())
	return nil
}

func (w *bench) close() {}

// answers are an OFFER and an ACK as servers send them.
var answers = func() (list [2][]byte) {
	m, err := dhcpv4.NewDiscovery(hardware(myMAC))
	if err != nil {
		panic(err)
	}
	for i, kind := range []dhcpv4.MessageType{dhcpv4.MessageTypeOffer, dhcpv4.MessageTypeAck} {
		list[i] = reply(sentMessage{DHCPv4: m}, kind, offered, dhcpv4.OptIPAddressLeaseTime(time.Hour),
			dhcpv4.OptDNS(server1.AsSlice(), server1.AsSlice()), dhcpv4.OptDomainName("example.com")).ToBytes()
	}
	return list
}()

// Send answers at once.
func (w *bench) Send(payload []byte, _, _ netip.Addr) error {
	answer := answers[1]
	if payload[242] == byte(dhcpv4.MessageTypeDiscover) { // option 53 is the first
		answer = answers[0]
	}
	copy(answer[4:8], payload[4:8]) // xid
	w.receive(answer, server1)
	return nil
}

func (w *bench) Receive(bool) error        { return nil }
func (w *bench) Flush(time.Duration) error { return nil }
func (w *bench) Close() error              { return nil }

func (w *bench) start(b testing.TB, ctx context.Context) {
	if err := w.client.Start(ctx, func(error) { close(w.ended) }); err != nil {
		b.Fatal(err)
	}
	<-w.bound
}

// A lease from DISCOVER to BOUND, and the client made for it and ended after it:
// four messages.
func BenchmarkAcquire(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		w := newBench(b)
		ctx, cancel := context.WithCancel(context.Background())
		w.start(b, ctx)
		cancel()
		<-w.ended
	}
}

// A renewal: two messages.
func BenchmarkRenew(b *testing.B) {
	w := newBench(b)
	ctx, cancel := context.WithCancel(context.Background())
	w.start(b, ctx)
	b.ReportAllocs()
	for b.Loop() {
		w.passed.Add(int64(20 * time.Minute))
		w.client.Renew()
		<-w.bound
	}
	cancel()
	<-w.ended
}

// What a client with a lease keeps in memory, of its own.
func BenchmarkHeld(b *testing.B) {
	const clients = 500
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var before, after runtime.MemStats
	for b.Loop() {
		var all []*bench
		runtime.GC()
		runtime.ReadMemStats(&before)
		for range clients {
			w := newBench(b)
			w.start(b, ctx)
			all = append(all, w)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/clients, "B/client")
		runtime.KeepAlive(all)
	}
}
