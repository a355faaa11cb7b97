package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/examples/internal/site"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

func TestMain(m *testing.M) {
	nettest.Enter()
	testscript.Main(m, map[string]func(){"acquire": main})
}

// The lease is on standard output, and nothing of it anywhere else.
func TestAcquire_PrintsTheLease(t *testing.T) {
	ns, _ := site.New(t)
	p := site.Start(t, ns, "acquire", "eth0")
	p.Exit(t, 0)
	var l lease.Lease
	if err := json.Unmarshal([]byte(p.Stdout.String()), &l); err != nil {
		t.Fatal(err)
	}
	if got := l.Prefix().String(); got != "192.0.2.5/24" {
		t.Errorf("the lease is for %s", got)
	}
	if addr := ns.IP(t, "-4", "addr", "show", "dev", "eth0"); addr != "" {
		t.Errorf("addresses: %s", addr)
	}
	if routes := ns.IP(t, "route"); routes != "" {
		t.Errorf("routes: %s", routes)
	}
	if p.Stderr.String() != "" {
		t.Errorf("it says %q", &p.Stderr)
	}
}

func TestAcquire_Errors(t *testing.T) {
	ns := nettest.NewNS(t, "alone")
	for _, tt := range []struct {
		argv []string
		code int
		want string
	}{
		{[]string{"acquire"}, 64, "usage: acquire IF"},
		{[]string{"acquire", "eth7"}, 1, "acquire: eth7: "},
		{[]string{"acquire", "lo"}, 1, "acquire: lo is not an Ethernet link"},
	} {
		p := site.Start(t, ns, tt.argv...)
		p.Exit(t, tt.code)
		if !strings.HasPrefix(p.Stderr.String(), tt.want) {
			t.Errorf("%q: %q, want %q", tt.argv, &p.Stderr, tt.want)
		}
	}
}

// A client is made in the network namespace of its link, and runs anywhere.
func TestAcquire_NobodyAnswers(t *testing.T) {
	a, b := nettest.NewNS(t, "a"), nettest.NewNS(t, "b")
	nettest.Veth(t, a, "eth0", b, "eth0")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	a.Do(t, func() {
		if l, err := acquire(ctx, "eth0"); l != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, %v", l, err)
		}
	})
}
