package helper

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// Two links of one name are two, and what is closed is gone: one after the other
// there may be more than the helper has at a time.
func TestScope_LinksOfOneName(t *testing.T) {
	t.Parallel()
	k := hooks(t, hook.Dhclient, `echo "$reason $new_ip_address" >>$D/told`)
	h, _ := start(t, Config{Scripts: []hook.Config{k.cfg}})
	one, two := h.Scope(), h.Scope()
	for i, scope := range []*Scope{one, two} {
		s, err := scope.Script(k.on("eth0"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.ApplyFor(soon(t), client.ReasonBound, sample(t, byte(5+i)), nil); err != nil {
			t.Fatal(err)
		}
	}
	one.Close()
	one.Close()
	s, err := h.Scope().Script(k.on("eth0")) // once more, while two goes on
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ApplyFor(soon(t), client.ReasonBound, sample(t, 9), nil); err != nil {
		t.Fatal(err)
	}
	if got := k.file("told"); got != "BOUND 10.9.0.5\nBOUND 10.9.0.6\nBOUND 10.9.0.9\n" {
		t.Errorf("told:\n%s", got)
	}
	for range maxLinks + 10 {
		scope := h.Scope()
		if _, err := scope.Script(k.on("veth0")); err != nil {
			t.Fatal(err)
		}
		scope.Close()
	}
	if err := s.ApplyFor(soon(t), client.ReasonRenew, sample(t, 9), nil); err != nil {
		t.Errorf("the helper has had enough: %v", err)
	}
}

// Each link has its own of several files for name servers, and no other.
func TestScope_SeveralResolvers(t *testing.T) {
	t.Parallel()
	a, pathA := resolving(t)
	b, pathB := resolving(t)
	h, _ := start(t, Config{Resolver: a, MoreResolvers: []netcfg.ResolverConfig{*b}})
	for i, cfg := range []*netcfg.ResolverConfig{a, b} {
		c := *cfg
		c.Interface = "eth0"
		r, err := h.Scope().Resolver(c)
		if err != nil {
			t.Fatal(err)
		}
		l := sample(t, 5)
		l.Search = []string{fmt.Sprintf("net%d.example", i)}
		apply(t, r, l)
	}
	if got := text(pathA) + text(pathB); !strings.Contains(text(pathA), "net0.example") || !strings.Contains(text(pathB), "net1.example") {
		t.Errorf("%s", got)
	}
	other := *a
	other.Interface, other.Path = "eth0", pathA+".other"
	if _, err := h.Scope().Resolver(other); err == nil {
		t.Error("it takes a file that it was not started for")
	}
}
