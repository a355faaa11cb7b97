package relay_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/relay"
)

// A kernel sends a datagram over a veth with its checksum not filled in. The
// relay keeps that, fills it in, or takes away the word of it.
func TestRelay_UnfilledChecksums(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	unflag := func(p relay.Packet) []relay.Packet { return []relay.Packet{{Raw: p.Raw}} }
	tagged := func(p relay.Packet) []relay.Packet { return []relay.Packet{p.Tagged(0)} }
	filled := func(p relay.Packet) []relay.Packet { return []relay.Packet{p.Tagged(0).Filled()} }
	for _, c := range []struct {
		name        string
		faults      relay.Faults
		pending, ok bool
	}{
		{"as they are", relay.Faults{}, true, false},
		{"filled", relay.Faults{FillChecksums: true}, false, true},
		{"unflagged", relay.Faults{Rewrite: unflag}, false, false},
		{"tagged", relay.Faults{Rewrite: tagged}, true, false},
		{"tagged and filled", relay.Faults{Rewrite: filled}, false, true},
	} {
		for _, text := range []string{"even", "odd"} {
			r.SetBoth(c.faults)
			r.datagram(t, c.name+text)
			f := r.atB.WaitFor(t, patience, func(f frame.Frame) bool {
				return !f.Outgoing && f.UDP != nil && string(f.UDP.Payload) == c.name+text
			})
			if f.ChecksumPending != c.pending || f.UDP.ChecksumOK != c.ok {
				t.Errorf("%s, %s: pending %v, right %v, want %v, %v", c.name, text, f.ChecksumPending, f.UDP.ChecksumOK, c.pending, c.ok)
			}
		}
	}
}

// datagram has the kernel of a send one to port 9 of b.
func (r *rig) datagram(t *testing.T, text string) {
	t.Helper()
	r.a.Do(t, func() {
		c, err := net.Dial("udp4", net.JoinHostPort(addrB.String(), "9"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
	})
}

// TCP crosses, which comes in frames longer than any MTU; with bad luck too.
func TestRelay_TCP(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	text := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	for i, f := range []relay.Faults{{}, {FillChecksums: true}, {Loss: 0.01, Reorder: 0.02, Duplicate: 0.02}} {
		r.SetBoth(f)
		if got, err := r.stream(t, fmt.Sprint(4000+i), text); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%+v: %d octets came (%v), of %d", f, len(got), err, len(text))
		}
	}
	longest := 0
	for _, f := range r.atB.Matching(func(f frame.Frame) bool { return !f.Outgoing && f.IPv4 != nil }) {
		longest = max(longest, len(f.Raw))
	}
	if longest <= 1514 {
		t.Errorf("the longest frame had %d octets: the kernel cut them, and the test shows less than it should", longest)
	}
}

// stream sends a text from a to b, and returns what came.
func (r *rig) stream(t *testing.T, port string, text []byte) (got []byte, err error) {
	t.Helper()
	var l net.Listener
	var c net.Conn
	r.b.Do(t, func() {
		if l, err = net.Listen("tcp4", ":"+port); err != nil {
			t.Fatal(err)
		}
	})
	defer l.Close()
	r.a.Do(t, func() {
		// No Timeout: with one the dialler would work on another thread.
		if c, err = net.Dial("tcp4", net.JoinHostPort(addrB.String(), port)); err != nil {
			t.Fatal(err)
		}
	})
	defer c.Close()
	in, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	deadline := time.Now().Add(3 * patience)
	c.SetDeadline(deadline)
	in.SetDeadline(deadline)
	wrote := make(chan error)
	go func() {
		_, err := c.Write(text)
		wrote <- err
	}()
	got = make([]byte, len(text))
	n, err := io.ReadFull(in, got)
	if werr := <-wrote; err == nil {
		err = werr
	}
	return got[:n], err
}
