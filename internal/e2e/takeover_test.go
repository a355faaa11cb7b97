package e2e_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A transfer is octets that go from a station to the leased address through one
// TCP connection, as many as that takes, with a sum at both ends.
type transfer struct {
	// enough ends it, when it is large enough.
	enough chan struct{}
	sent   chan result
	got    chan result
}

type result struct {
	octets int64
	sum    []byte
	err    error
}

// A transfer has at least transferSize octets, a few each streamEvery, so that it
// runs when something happens.
const (
	transferSize  = 4 << 20
	transferChunk = 16 << 10
)

// transfer begins one from far, which has the address to.
func (s *station) transfer(t *testing.T, from, to netip.Addr, far *station) *transfer {
	t.Helper()
	var l net.Listener
	var conn net.Conn
	var err error
	far.Do(t, func() { l, err = net.Listen("tcp4", netip.AddrPortFrom(to, 8).String()) })
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	s.Do(t, func() {
		d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: from.AsSlice()}}
		conn, err = d.Dial("tcp4", l.Addr().String())
	})
	must(t, err)
	peer, err := l.Accept()
	must(t, err)
	t.Cleanup(func() { _, _ = conn.Close(), peer.Close() })
	x := &transfer{make(chan struct{}), make(chan result, 1), make(chan result, 1)}
	go func() { x.sent <- x.send(peer) }()
	go func() {
		sum := sha256.New()
		n, err := io.Copy(sum, conn)
		x.got <- result{n, sum.Sum(nil), err}
	}()
	return x
}

func (x *transfer) send(conn net.Conn) result {
	defer conn.Close()
	sum := sha256.New()
	for n := int64(0); ; n += transferChunk {
		select {
		case <-x.enough:
			if n >= transferSize {
				return result{n, sum.Sum(nil), nil}
			}
		default:
			time.Sleep(streamEvery)
		}
		if err := sendChunk(conn, sum); err != nil {
			return result{n, nil, err}
		}
	}
}

func sendChunk(conn net.Conn, sum hash.Hash) error {
	chunk := make([]byte, transferChunk)
	_, _ = rand.Read(chunk) // which never fails
	_, _ = sum.Write(chunk)
	_, err := conn.Write(chunk)
	return err
}

// arrives ends the transfer: all of it must have come.
func (x *transfer) arrives(t *testing.T) {
	t.Helper()
	close(x.enough)
	var sent, got result
	for range 2 {
		select {
		case sent = <-x.sent:
		case got = <-x.got:
		case <-time.After(patience):
			t.Fatal("the transfer hangs")
		}
	}
	if sent.err != nil || got.err != nil || sent.octets != got.octets || !bytes.Equal(sent.sum, got.sum) {
		t.Errorf("sent %d octets (%v), and %d came (%v)", sent.octets, sent.err, got.octets, got.err)
	}
}

// A new process takes over from the one before: not for an instant is the address,
// a route or a name server missing, a transfer goes on, and no message is sent that
// gives the lease up. Both are in the sandbox.
func TestTakeover_FromTheClientBefore(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	peer.lie(t, func(c *dhcptest.Config) { c.MTU = 1400 })
	n := sniff(t, cli)
	dir := stateDir(t)
	pidFile := filepath.Join(dir, "pid")
	flags := []string{"--control-dir", filepath.Join(dir, "control"), "--pid-file", pidFile, "--on-exit=release"}
	old := start(t, cli, dir, flags...)
	held := old.bound(t)
	eventually(t, "the name server", func() bool { return old.resolver() != "" })
	eventually(t, "the control socket", func() bool { return sockets(t, dir) == 1 })
	m, before := watch(t, cli), fileID(t, old.resolv)
	x := cli.transfer(t, held.Addr(), router, peer)

	next := start(t, cli, dir, append(flags, "--takeover")...)
	next.stdout.wait(t, "whom it was taken from", func(line string) bool {
		return line == fmt.Sprintf("eth0: taken over from process %d (dhclient-go), with %v", old.cmd.Process.Pid, held)
	})
	if got := next.bound(t); got != held {
		t.Errorf("bound to %v, before to %v", got, held)
	}
	if code := old.exit(t); code != 0 {
		t.Errorf("the old one ends with exit code %d", code)
	}
	old.stdout.wait(t, "whom it is handed over to", func(line string) bool {
		return line == fmt.Sprintf("eth0: handed over to process %d (dhclient-go)", next.cmd.Process.Pid)
	})
	x.arrives(t)
	m.steady(t)
	if gone := n.Matching(sent(cli, dhcpv4.MessageTypeRelease)); len(gone) > 0 {
		t.Errorf("%d RELEASEs", len(gone))
	}
	if again := n.Matching(sent(cli, dhcpv4.MessageTypeDiscover)); len(again) != 1 {
		t.Errorf("%d DISCOVERs, not the first alone", len(again))
	}
	if after := fileID(t, next.resolv); after != before {
		t.Errorf("resolv.conf was written again")
	}
	if r := cli.IP(t, "route", "show", "default"); !strings.Contains(r, "mtu 1400") {
		t.Errorf("the MTU is another: %s", r)
	}
	pid := strconv.Itoa(next.cmd.Process.Pid)
	if b, _ := os.ReadFile(pidFile); string(b) != pid+"\n" {
		t.Errorf("the pid file has %q, not %s", b, pid)
	}
	if got := sockets(t, dir); got != 1 {
		t.Errorf("%d control sockets", got)
	}
	if out := tell(t, cli, 0, "status", "--json", "--control-dir", filepath.Join(dir, "control")); !strings.Contains(out, `"pid":`+pid) {
		t.Errorf("status, with process %s: %s", pid, out)
	}
	// It is a client like any: it gives the lease back.
	next.end(t)
	n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeRelease))
	cli.bare(t)
}

// sockets is how many control sockets there are.
func sockets(t *testing.T, dir string) int {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "control", "*.sock"))
	must(t, err)
	return len(all)
}

// fileID changes when a file is replaced or written.
func fileID(t *testing.T, path string) string {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Lstat(path, &st))
	return fmt.Sprint(st.Ino, st.Mtim)
}
