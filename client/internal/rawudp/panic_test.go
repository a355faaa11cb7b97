package rawudp

import (
	"net/netip"
	"strings"
	"testing"
)

// A panic in what the goroutine of all links does is the end of one link: the others
// are heard as before.
func TestOnPanic(t *testing.T) {
	r := newRig(t)
	told := make(chan any, 10)
	onPanic := func(value any, stack []byte) {
		if !strings.Contains(string(stack), "panic_test.go") {
			t.Errorf("the stack does not say where:\n%s", stack)
		}
		told <- value
	}
	c := r.openAs(t, Config{Link: r.link(t), OnPanic: onPanic, Asked: func(*Ask) { panic("asked") }},
		func([]byte, netip.Addr) { panic("heard") })
	mustBe(t, "receive", c.Receive(true), nil)
	r.say(t, "a reply")
	if v := <-told; v != "heard" {
		t.Errorf("told %v", v)
	}
	r.say(t, "another") // and nobody is told
	if _, err := r.takes(t, r.link(t)); err == nil {
		t.Error("who panics when it is asked has handed the link over")
	}
	if v := <-told; v != "asked" {
		t.Errorf("told %v", v)
	}
	mustBe(t, "close", c.Close(), nil)
	again, got := r.open(t)
	r.say(t, "to the next")
	hear(t, got, "to the next")
	mustBe(t, "close", again.Close(), nil)
	if len(told) != 0 {
		t.Errorf("told %v more", <-told)
	}
}
