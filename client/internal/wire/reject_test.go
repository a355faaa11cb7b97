package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestReasons_AreDenseAndNamed(t *testing.T) {
	all := Reasons()
	var counters [NumReasons]uint64
	seen := map[string]Reason{}
	for i, r := range all {
		counters[r]++
		name := r.String()
		if int(r) != i || name == "" {
			t.Errorf("reason %d is %d, %q", i, r, name)
		}
		if other, ok := seen[name]; ok {
			t.Errorf("reasons %d and %d are both %q", other, r, name)
		}
		seen[name] = r
	}
	for i, n := range counters {
		if n != 1 {
			t.Errorf("reason %d stands %d times in Reasons", i, n)
		}
	}
	if got := Reason(NumReasons).String(); got != fmt.Sprint("reason ", NumReasons) {
		t.Errorf("a reason that does not exist is %q", got)
	}
}

func TestReject_ErrorSaysWhatWasFound(t *testing.T) {
	for _, tt := range []struct {
		b    []byte
		want string
	}{
		{yiaddr(offer(), "127.0.0.5"), "message rejected: bad address: 127.0.0.5/24"},
		{at(offer(), 0, 1), "message rejected: not a reply"},
		{offer(optAddrs(1, "255.0.255.0")), "message rejected: bad subnet mask: 255.0.255.0"},
	} {
		_, err := Parse(tt.b, testIdentity())
		if err == nil || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
	// SEC-01: what the network wrote is not in it.
	_, err := Parse(offer(opts(61, "evil\n\x1b[2J")), testIdentity())
	var r *Reject
	if !errors.As(err, &r) || strings.Contains(err.Error(), "evil") {
		t.Errorf("got %v", err)
	}
}
