package netcfg

import (
	"strings"
	"testing"
)

// A new namespace has its loopback link down. It is brought up, whatever it is
// called, and that again is no error.
func TestLoopbackUp(t *testing.T) {
	b := newBench(t)
	b.IP(t, "link", "set", "lo", "down")
	b.IP(t, "link", "set", "lo", "name", "loop")
	for range 2 {
		must(t, b.handle.LoopbackUp())
		if out := b.IP(t, "link", "show", "dev", "loop"); !strings.Contains(out, "LOOPBACK,UP") {
			t.Fatalf("it is not up: %s", out)
		}
	}
}
