package e2e_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// storm makes thousands of changes of addresses and routes of a link.
func (s *station) storm(t *testing.T, dev string) {
	t.Helper()
	var b strings.Builder
	for i := range 1000 {
		where := fmt.Sprintf("%d.%d/32 dev %s", i/250, i%250, dev)
		fmt.Fprintf(&b, "address add 10.66.%s noprefixroute\nroute add 10.67.%s\n", where, where)
		fmt.Fprintf(&b, "route delete 10.67.%s\naddress delete 10.66.%s\n", where, where)
	}
	cmd := s.Command(t.Context(), "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(b.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ip: %v: %s", err, out)
	}
}

// resident is the memory of the process.
func (c *client) resident(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", c.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// A client that does not come to read while the kernel reports thousands of
// changes, and drops reports for that (ENOBUFS), knows afterwards that the cable
// was out. Meanwhile nothing is kept that was not read.
func TestCarrierLostInAStorm(t *testing.T) {
	turn(t)
	s := newScene(t)
	s.client.storm(t, "eth0") // while it does read
	s.c.idles(t, time.Second)
	before := s.c.resident(t)

	s.c.signal(t, syscall.SIGSTOP)
	s.client.storm(t, "lo") // so that no report that is kept is about eth0
	count, down := s.client.carrierChanges(t), time.Now()
	s.client.pull(t)
	s.link.wait(t, false, down)
	up := s.client.plug(t)
	s.link.wait(t, true, up)
	s.client.storm(t, "lo")
	if n := s.client.carrierChanges(t); n != count+2 {
		t.Fatalf("%d carrier changes, %d before", n, count)
	}
	resumed := time.Now()
	s.c.signal(t, syscall.SIGCONT)
	s.c.stderr.wait(t, "that reports were lost", said("link changes were lost"))
	request := s.n.WaitFor(t, patience, sent(s.client, dhcpv4.MessageTypeRequest))
	soon(t, "INIT-REBOOT", resumed, request.Time, time.Second)
	s.n.WaitFor(t, patience, answers(request, dhcpv4.MessageTypeAck))
	s.again(t)
	for _, c := range s.m.changes() {
		if c.deleted && strings.Contains(c.text, s.p.text) {
			t.Errorf("removed at %v: %s", c.at, c.text)
		}
	}
	s.holds(t)
	s.c.idles(t, time.Second)
	grown := s.c.resident(t) - before
	t.Logf("%d octets before, %d more afterwards", before, grown)
	if grown > 4<<20 {
		t.Errorf("the client has grown by %d octets, from %d", grown, before)
	}
	s.c.stop(t)
}
