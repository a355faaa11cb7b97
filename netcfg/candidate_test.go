package netcfg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// candidates is the list as text: name, kind, port.
func (b *bench) candidates(t *testing.T) string {
	t.Helper()
	all, err := b.handle.Candidates()
	must(t, err)
	var out []string
	for _, c := range all {
		if c.Index == 0 || c.HardwareAddr.IsZero() {
			t.Errorf("candidate %+v", c)
		}
		out = append(out, strings.TrimSpace(fmt.Sprint(c.Name, " ", c.Kind, " ", c.Port)))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// Neither lo nor a tunnel is one; a port of a bridge says so.
func TestCandidates(t *testing.T) {
	b := newBench(t)
	b.tun(t, "tun0")
	b.IP(t, "link", "add", "br0", "type", "bridge")
	b.IP(t, "link", "add", "c0", "type", "veth", "peer", "name", "c1")
	b.IP(t, "link", "set", "dev", "c1", "master", "br0")
	if got, want := b.candidates(t), "br0 bridge, c0 veth, c1 veth bridge, eth0 veth"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCandidates_PermanentAddress(t *testing.T) {
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Type, msg.Index = unix.ARPHRD_ETHER, 7
	b := msg.Serialize()
	for _, a := range []*nl.RtAttr{
		nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated("eth0")),
		nl.NewRtAttr(unix.IFLA_PERM_ADDRESS, []byte{2, 0, 0, 0, 0, 9}),
	} {
		b = append(b, a.Serialize()...)
	}
	l, err := parseLink(b)
	if err != nil || string(l.permanent) != "\x02\x00\x00\x00\x00\x09" || l.kind != "" || l.port != "" {
		t.Errorf("%+v, %v", l, err)
	}
}

// The driver is that of a link in the namespace of the handle, whatever /sys and
// the thread are in.
func TestDriver(t *testing.T) {
	b := newBench(t)
	b.IP(t, "link", "add", "br0", "type", "bridge")
	for name, want := range map[string]string{"eth0": "veth", "br0": "bridge", "lo": "", "gone": ""} {
		if got, err := b.handle.Driver(name); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestWaitUntil(t *testing.T) {
	b := newBench(t)
	looks := make(chan string, 100)
	done := make(chan error, 1)
	look := func() (bool, error) {
		got := b.candidates(t)
		looks <- got
		return strings.Contains(got, "wl0"), nil
	}
	go func() { done <- b.handle.WaitUntil(t.Context(), look) }()
	<-looks
	b.IP(t, "link", "add", "x0", "type", "veth", "peer", "name", "x1")
	b.IP(t, "link", "set", "dev", "x0", "name", "wl0")
	select {
	case err := <-done:
		must(t, err)
	case <-time.After(deadline):
		t.Fatal("a link that got its name is not seen")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	never := func() (bool, error) { return false, nil }
	if err := b.handle.WaitUntil(ctx, never); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without such a link: %v", err)
	}
	broken := errors.New("broken")
	if err := b.handle.WaitUntil(t.Context(), func() (bool, error) { return false, broken }); err != broken {
		t.Errorf("what look says: %v", err)
	}
}
