package nettest

import (
	"strings"
	"testing"
	"time"
)

// Veth joins two namespaces by a cable: ifA in a, ifB in b, both up and with
// carrier when it returns. The names may be the same in different namespaces.
func Veth(t testing.TB, a *NS, ifA string, b *NS, ifB string) {
	t.Helper()
	a.IP(t, "link", "add", "name", ifA, "type", "veth", "peer", "name", ifB, "netns", b.Name)
	a.IP(t, "link", "set", "dev", ifA, "up")
	b.IP(t, "link", "set", "dev", ifB, "up")
	WaitUp(t, a, ifA)
	WaitUp(t, b, ifB)
}

// WaitUp waits until the kernel reports a link as operational. Before that it
// silently drops what is sent on it: the queue is attached by the same
// asynchronous work that changes the state.
func WaitUp(t testing.TB, n *NS, ifname string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		out := n.IP(t, "-o", "link", "show", "dev", ifname)
		if strings.Contains(out, " state UP ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s in %s has no carrier: %s", ifname, n.Name, out)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
