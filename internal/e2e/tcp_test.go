package e2e_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"
)

// A stream is a TCP connection in which a number a few milliseconds goes each
// way, from a client's address to a server, so that nothing can be lost unseen.
type stream struct {
	conn net.Conn
	// got is the last number that has come back.
	got  atomic.Uint64
	done chan error
}

const streamEvery = 5 * time.Millisecond

// stream connects the leased address of s with a station.
func (s *station) stream(t *testing.T, from, to netip.Addr, far *station) *stream {
	t.Helper()
	var l net.Listener
	var err error
	far.Do(t, func() { l, err = net.Listen("tcp4", netip.AddrPortFrom(to, 7).String()) })
	if err != nil {
		t.Fatal(err)
	}
	go echo(l)
	x := &stream{done: make(chan error, 1)}
	s.Do(t, func() {
		d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: from.AsSlice()}}
		x.conn, err = d.Dial("tcp4", l.Addr().String())
	})
	if err != nil {
		t.Fatalf("connect from %v: %v", from, err)
	}
	go func() { x.done <- x.run() }()
	t.Cleanup(func() {
		_ = x.conn.Close()
		_ = l.Close()
		<-x.done
	})
	x.flows(t)
	return x
}

// echo serves one connection.
func echo(l net.Listener) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.Copy(conn, conn)
}

// run sends and receives until the connection ends.
func (x *stream) run() error {
	sent := make(chan error, 1)
	go func() {
		for i := uint64(1); ; i++ {
			if err := binary.Write(x.conn, binary.BigEndian, i); err != nil {
				sent <- err
				return
			}
			time.Sleep(streamEvery)
		}
	}()
	err := x.receive()
	_ = x.conn.Close()
	return errors.Join(err, <-sent)
}

func (x *stream) receive() error {
	for want := uint64(1); ; want++ {
		var n uint64
		if err := binary.Read(x.conn, binary.BigEndian, &n); err != nil {
			return err
		}
		if n != want {
			return fmt.Errorf("%d came, want %d", n, want)
		}
		x.got.Store(n)
	}
}

// flows waits until more has come back than had when it was called, and what
// was under way then.
func (x *stream) flows(t *testing.T) {
	t.Helper()
	before := x.got.Load()
	eventually(t, "data that comes back", func() bool {
		select {
		case err := <-x.done:
			x.done <- err
			t.Fatalf("the connection has ended: %v", err)
		default:
		}
		return x.got.Load() > before+100
	})
}
