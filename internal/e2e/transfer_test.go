package e2e_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// Programs do not notice a renewal (conformance REN-22): a TCP connection from
// the leased address goes on through ten, and nothing is taken off the link for
// a moment.
func TestConnectionLivesOn_RFC2131_4_4_5(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	peer.lie(t, func(c *dhcptest.Config) { c.Lease, c.T1, c.T2 = 6*time.Second, time.Second, 4*time.Second })
	m := watch(t, cli)
	c := start(t, cli, stateDir(t))
	a := c.bound(t).Addr()
	conn := echoes(t, cli, peer, a)
	renewals := func() (n int) {
		all, _ := c.stdout.get()
		for _, line := range all {
			if strings.HasSuffix(line, ", renewed") {
				n++
			}
		}
		return n
	}
	var word [8]byte
	for said := uint64(0); renewals() < 10; said++ {
		binary.BigEndian.PutUint64(word[:], said)
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(word[:]); err != nil {
			t.Fatalf("after %d renewals: %v", renewals(), err)
		}
		if _, err := io.ReadFull(conn, word[:]); err != nil || binary.BigEndian.Uint64(word[:]) != said {
			t.Fatalf("after %d renewals: got % x back for %d: %v", renewals(), word, said, err)
		}
		time.Sleep(5 * time.Millisecond) // a slow talk, all the time
	}
	m.steady(t)
	c.stop(t)
}

// echoes connects the client's station, from an address, to a server on the
// peer's that says again what it is told.
func echoes(t *testing.T, cli, peer *station, from netip.Addr) net.Conn {
	t.Helper()
	var (
		server net.Listener
		conn   net.Conn
		err    error
	)
	peer.Do(t, func() { server, err = net.Listen("tcp4", netip.AddrPortFrom(router, 7).String()) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		if c, err := server.Accept(); err == nil {
			defer c.Close()
			_, _ = io.Copy(c, c) // until the test ends
		}
	}()
	cli.Do(t, func() {
		d := net.Dialer{Timeout: patience, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
		conn, err = d.DialContext(context.Background(), "tcp4", netip.AddrPortFrom(router, 7).String())
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
