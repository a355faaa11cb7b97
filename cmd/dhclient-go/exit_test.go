package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
)

func TestExitCode(t *testing.T) {
	noLease := &noLeaseError{"eth0", 5 * time.Second, "no server answered"}
	conflict := &client.ConflictError{Interface: "eth0", By: station, Times: 1}
	capability := needs("CAP_NET_RAW", "open the packet socket", syscall.EPERM)
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("it broke"), 1},
		{errStopped, 1},
		{context.DeadlineExceeded, 1},
		{noLease, 2},
		{fmt.Errorf("wrapped: %w", conflict), 3},
		{fmt.Errorf("wrapped: %w", capability), 4},
		{badUsage("x"), 64},
		{errors.Join(conflict, noLease), 3},
		{errors.Join(noLease, errStopped), 2},
	} {
		if got := exitCode(tt.err); got != tt.want {
			t.Errorf("exitCode(%v) = %d, want %d", tt.err, got, tt.want)
		}
	}
}

func TestComplain(t *testing.T) {
	var b bytes.Buffer
	complain(&b, errors.Join(
		&noLeaseError{"eth0", 90 * time.Second, "no server answered (3 DISCOVERs sent)"},
		&client.ConflictError{Interface: "eth1", Addr: gateway, By: station, Times: 3, Same: true},
		errors.New("two\nlines")))
	want := "dhclient-go: eth0: no lease within 1m30s: no server answered (3 DISCOVERs sent)\n" +
		"dhclient-go: " + (&client.ConflictError{Interface: "eth1", Addr: gateway, By: station, Times: 3, Same: true}).Error() + " (then use --acd=off)\n" +
		"dhclient-go: two?lines\n"
	if b.String() != want {
		t.Errorf("%q\nwant\n%q", b.String(), want)
	}
}

// The kernel's refusals name the capability, once.
func TestRefused_NamesTheCapability(t *testing.T) {
	eperm := fmt.Errorf("bring eth0 up: %w", syscall.EPERM)
	if err := refused("CAP_NET_ADMIN", "bring links up", eperm); exitCode(err) != exitCapability || err.Error() != "needs CAP_NET_ADMIN to bring links up: "+eperm.Error() {
		t.Errorf("%v", err)
	}
	raw := needs("CAP_NET_RAW", "open the packet socket", syscall.EPERM)
	if err := refused("CAP_NET_ADMIN", "bring links up", raw); err != raw {
		t.Errorf("%v", err)
	}
	if other := errors.New("it broke"); refused("x", "y", other) != other || refused("x", "y", nil) != nil {
		t.Error("other errors change")
	}
}

func TestVersion_IsTheLinkers(t *testing.T) {
	if got := versionLine(); !strings.HasPrefix(got, "dhclient-go ") || strings.Contains(got, "  ") {
		t.Errorf("%q", got)
	}
	version = "v1.2.3"
	defer func() { version = "" }()
	if got, want := versionLine(), "dhclient-go v1.2.3 "+runtime.Version(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
