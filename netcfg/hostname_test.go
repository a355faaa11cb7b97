package netcfg

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// named gives the host of the test a name, for the length of the test.
func named(t *testing.T, name string) {
	t.Helper()
	before := hostnameNow(t)
	must(t, unix.Sethostname([]byte(name)))
	t.Cleanup(func() { must(t, unix.Sethostname([]byte(before))) })
}

func hostnameNow(t *testing.T) string {
	t.Helper()
	name, err := currentHostname()
	must(t, err)
	return name
}

// A host that has no name gets the one of its lease; what an administrator
// called it stays, unless that is to be replaced.
func TestHostname_OnlyWhereThereIsNone_RFC2132_3_14(t *testing.T) {
	nettest.Require(t)
	long := strings.Repeat("a", 63) + ".c.project.internal"
	for name, c := range map[string]struct {
		was, sent, want string
		always          bool
	}{
		"none yet":             {was: "(none)", sent: "box", want: "box"},
		"empty":                {was: "", sent: "box", want: "box"},
		"localhost":            {was: "localhost", sent: "box.example", want: "box.example"},
		"long localhost":       {was: "localhost.localdomain", sent: "box", want: "box"},
		"an administrator's":   {was: "srv1", sent: "box", want: "srv1"},
		"like one of those":    {was: "localhost1", sent: "box", want: "localhost1"},
		"always":               {was: "srv1", sent: "box", want: "box", always: true},
		"no name":              {was: "localhost", sent: "", want: "localhost", always: true},
		"a dot at the end":     {was: "localhost", sent: "box.", want: "box"},
		"too long":             {was: "localhost", sent: long, want: strings.Repeat("a", 63)},
		"as long as may be":    {was: "localhost", sent: strings.Repeat("a", 61) + ".bc", want: strings.Repeat("a", 61) + ".bc"},
		"with a space":         {was: "localhost", sent: "a b", want: "localhost", always: true},
		"with a line break":    {was: "localhost", sent: "a\nb", want: "localhost", always: true},
		"for a shell":          {was: "localhost", sent: "$(id)", want: "localhost", always: true},
		"an option":            {was: "localhost", sent: "-F", want: "localhost", always: true},
		"a path":               {was: "localhost", sent: "../x", want: "localhost", always: true},
		"an address":           {was: "localhost", sent: "10.0.0.1", want: "localhost", always: true},
		"a label of 64 octets": {was: "localhost", sent: strings.Repeat("a", 64), want: "localhost", always: true},
	} {
		t.Run(name, func(t *testing.T) {
			named(t, c.was)
			state := filepath.Join(t.TempDir(), "run", "hostname")
			l := newLease(t, "10.0.0.5/24")
			l.Hostname = c.sent
			for range 2 { // a renewal changes nothing
				must(t, NewHostname(HostnameConfig{Always: c.always, State: state}).Apply(t.Context(), l, nil))
				if got := hostnameNow(t); got != c.want {
					t.Errorf("the host is %q, want %q", got, c.want)
				}
			}
			if _, err := os.Stat(state); (err == nil) != (c.want != c.was) {
				t.Errorf("the note: %v", err)
			}
		})
	}
}

// The name that a lease gave follows the lease, in a later process too. It is
// the administrator's from when he changes it, and stays when the lease ends.
func TestHostname_OursFollowsTheLease(t *testing.T) {
	nettest.Require(t)
	named(t, "localhost")
	state, log := filepath.Join(t.TempDir(), "hostname"), &logBuffer{}
	apply := func(name, want string) {
		t.Helper()
		var l *lease.Lease
		if name != "" {
			l = newLease(t, "10.0.0.5/24")
			l.Hostname = name
		}
		h := NewHostname(HostnameConfig{State: state, Logger: log.logger(slog.LevelInfo)})
		must(t, h.Apply(t.Context(), l, []*lease.Lease{newLease(t, "10.0.0.5/24")}))
		if got := hostnameNow(t); got != want {
			t.Errorf("the host is %q, want %q", got, want)
		}
	}
	apply("one", "one")
	apply("two", "two")
	apply("", "two")
	must(t, unix.Sethostname([]byte("srv1")))
	apply("three", "srv1")
	if got := strings.Count(log.String(), "named the host"); got != 2 {
		t.Errorf("log:\n%s", log)
	}
	expired := newLease(t, "10.0.0.5/24 for 0s")
	expired.Hostname = "four"
	must(t, NewHostname(HostnameConfig{Always: true, State: state}).Apply(t.Context(), expired, nil))
	if got := hostnameNow(t); got != "srv1" {
		t.Errorf("a lease that is over named the host %q", got)
	}
}

// What cannot be done is an error that says what; a note that is none names
// nobody.
func TestHostname_Fails(t *testing.T) {
	nettest.Require(t)
	named(t, "srv1")
	dir := t.TempDir()
	l := newLease(t, "10.0.0.5/24")
	l.Hostname = "box"
	must(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	must(t, NewHostname(HostnameConfig{State: filepath.Join(dir, "fifo")}).Apply(t.Context(), l, nil))
	if got := hostnameNow(t); got != "srv1" {
		t.Errorf("the host is %q", got)
	}
	writeFile(t, filepath.Join(dir, "file"), "")
	err := NewHostname(HostnameConfig{Always: true, State: filepath.Join(dir, "file", "x")}).Apply(t.Context(), l, nil)
	if err == nil || !strings.Contains(err.Error(), "note that the host's name box is ours") || hostnameNow(t) != "box" {
		t.Errorf("no place for the note: %v", err)
	}
	must(t, unix.Sethostname([]byte("srv1")))
	capabilities(t, 1<<unix.CAP_NET_ADMIN, func() {
		err = NewHostname(HostnameConfig{Always: true, State: filepath.Join(dir, "note")}).Apply(t.Context(), l, nil)
	})
	if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "name the host box") {
		t.Errorf("without the right to: %v", err)
	}
}
