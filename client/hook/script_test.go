package hook

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

var (
	_ client.ReasonConfigurator = (*Script)(nil)
	_ client.Configurator       = (*Script)(nil)
)

// Programs that do not configure the link are run when there is news, which times
// are not.
func TestNews(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]map[uint8][]byte{
		"the mask":               {1: {255, 255, 0, 0}},
		"the routers":            {3: {10, 9, 0, 2}},
		"the routes":             {121: {16, 10, 1, 10, 9, 0, 1}},
		"the name servers":       {6: {10, 9, 0, 2, 10, 9, 0, 1}},
		"the domain":             {15: []byte("example.net")},
		"the search list":        {119: []byte("\x01a\x07example\x00")},
		"the host name":          {12: []byte("tub")},
		"the MTU":                {26: {5, 220}},
		"the time servers":       {42: {10, 9, 0, 4}},
		"the server":             {54: {10, 9, 0, 2}},
		"an option":              {245: {1, 2, 4}},
		"an option that is new":  {246: {1}},
		"an option that is gone": {245: nil},
		"":                       {51: {0, 0, 0, 60}, 58: {0, 0, 0, 20}, 59: {0, 0, 0, 50}, 53: {2}},
	} {
		a := sample(t, 5)
		b := with(t, a, options)
		b.Start = b.Start.Add(time.Hour)
		if got := changed(a, b); got != (name != "") {
			t.Errorf("%s: changed is %v", name, got)
		}
	}
	r := record(t)
	s, _ := newScript(t, Config{Programs: []string{r.path}})
	a := sample(t, 5)
	later := with(t, a, map[uint8][]byte{51: {0, 0, 0, 60}, 58: nil, 59: nil})
	apply(t, s, client.ReasonExpire, nil) // there was nothing
	apply(t, s, client.ReasonBound, a)
	apply(t, s, client.ReasonRenew, later, a)
	apply(t, s, client.ReasonRebind, with(t, later, map[uint8][]byte{245: {9}}), later)
	apply(t, s, client.ReasonExpire, nil, later)
	apply(t, s, client.ReasonExpire, nil)
	runs := r.runs(t)
	if got := words(runs); got != "bound rebind expire" {
		t.Errorf("ran %s", got)
	}
	if old := `"old_lease":{"address":"10.9.0.5/24","server":"10.9.0.1","start":"2027-01-15T08:00:00Z","expires_at":"2027-01-15T08:01:00Z"`; !strings.Contains(runs[1].stdin, old) {
		t.Errorf("the old lease is not the one before: %s", runs[1].stdin)
	}
}

// How programs end that have only been told is theirs: the others are told all the
// same, it is logged, and nobody tells them again.
func TestNews_Failures(t *testing.T) {
	t.Parallel()
	first, second := record(t, "exit 3"), record(t)
	s, j := newScript(t, Config{Programs: []string{first.path, second.path}})
	apply(t, s, client.ReasonBound, sample(t, 5))
	apply(t, s, client.ReasonBound, sample(t, 5))
	if a, b := words(first.runs(t)), words(second.runs(t)); a != "bound" || b != "bound" {
		t.Errorf("ran %q and %q", a, b)
	}
	if want := "script=" + first.path + ` event=bound err="ended with status 3"`; !strings.Contains(j.String(), want) {
		t.Errorf("not logged: %s\n%v", want, j)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	third := record(t)
	s, _ = newScript(t, Config{Programs: []string{missing, third.path}})
	err := s.ApplyFor(t.Context(), client.ReasonBound, sample(t, 5), nil)
	if err == nil || !strings.Contains(err.Error(), missing) || !strings.Contains(err.Error(), "bound") || words(third.runs(t)) != "bound" {
		t.Errorf("a program that is not there: %v, and the one behind it ran %q", err, words(third.runs(t)))
	}
}

// The order of programs that configure the link ends with the first that fails.
func TestConfigures_Order(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	trace := filepath.Join(dir, "trace")
	one := program(t, "echo 1 $reason >>"+trace)
	two := program(t, "sleep 0.1; echo 2 $reason >>"+trace, `[ "$reason" != RENEW ]`)
	three := program(t, "echo 3 $reason >>"+trace)
	var after []*lease.Lease
	s, _ := newScript(t, Config{Programs: []string{one, two, three}, Dialect: Dhclient, Configures: true,
		After: func(_ context.Context, l *lease.Lease) error { after = append(after, l); return nil }})
	l := sample(t, 5)
	apply(t, s, client.ReasonBound, l)
	err := s.ApplyFor(t.Context(), client.ReasonRenew, l, nil)
	if err == nil || errors.Is(err, client.ErrDecline) || !strings.Contains(err.Error(), two+" for RENEW: ended with status 1") {
		t.Errorf("a renewal that fails: %v", err)
	}
	apply(t, s, client.ReasonRelease, nil, l)
	if got, want := readFile(t, trace), "1 BOUND\n2 BOUND\n3 BOUND\n1 RENEW\n2 RENEW\n1 RELEASE\n2 RELEASE\n3 RELEASE\n"; got != want {
		t.Errorf("ran %q, want %q", got, want)
	}
	// After what has failed too: it may have been done all the same.
	if len(after) != 2 || after[0] != l || after[1] != l {
		t.Errorf("After was called with %v", after)
	}
	failing := errors.New("no lifetimes")
	s, _ = newScript(t, Config{Programs: []string{one}, Dialect: Dhclient, Configures: true,
		After: func(context.Context, *lease.Lease) error { return failing }})
	if err := s.ApplyFor(t.Context(), client.ReasonBound, l, nil); !errors.Is(err, failing) {
		t.Errorf("After fails: %v", err)
	}
}

// TestDecline: a status of dhclient's script at BOUND and REBOOT refuses the
// address; a signal does not, nor another reason, nor an address in use.
func TestDecline(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		dialect Dialect
		why     client.Reason
		body    string
		used    byte // the address that the script has taken before
		fails   bool
		decline bool
	}{
		{"at BOUND", Dhclient, client.ReasonBound, "exit 1", 0, true, true},
		{"at REBOOT", Dhclient, client.ReasonReboot, "exit 2", 0, true, true},
		{"at BOUND after another", Dhclient, client.ReasonBound, "exit 1", 9, true, true},
		{"at REBOOT of what is used", Dhclient, client.ReasonReboot, "exit 1", 5, true, false},
		{"at TIMEOUT", Dhclient, client.ReasonStored, "exit 1", 0, true, false},
		{"at RENEW", Dhclient, client.ReasonRenew, "exit 1", 5, true, false},
		{"by a signal", Dhclient, client.ReasonBound, "kill -SEGV $$", 0, true, false},
		{"not at all", Dhclient, client.ReasonBound, "exit 0", 0, false, false},
		{"of udhcpc", Udhcpc, client.ReasonBound, "exit 1", 0, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// The second run is the one that counts.
			ran := filepath.Join(t.TempDir(), "ran")
			s, _ := newScript(t, Config{Dialect: tt.dialect, Configures: true,
				Programs: []string{program(t, "[ -e "+ran+" ] || { >"+ran+"; exit 0; }", tt.body)}})
			if tt.used != 0 {
				apply(t, s, client.ReasonBound, sample(t, tt.used))
			} else if err := s.Preinit(t.Context()); err != nil {
				t.Fatal(err)
			}
			err := s.ApplyFor(t.Context(), tt.why, sample(t, 5), nil)
			if (err != nil) != tt.fails || errors.Is(err, client.ErrDecline) != tt.decline {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// After a lease that failed the scripts take it off again, and the next one has no
// old one.
func TestConfigures_TakesOffWhatFailed(t *testing.T) {
	t.Parallel()
	r := record(t, `[ "$reason$new_ip_address" != BOUND10.9.0.5 ]`)
	s, _ := newScript(t, Config{Programs: []string{r.path}, Dialect: Dhclient, Configures: true})
	bad := sample(t, 5)
	if err := s.ApplyFor(t.Context(), client.ReasonBound, bad, nil); !errors.Is(err, client.ErrDecline) {
		t.Fatalf("the error is %v", err)
	}
	apply(t, s, client.ReasonConflict, nil, bad)
	apply(t, s, client.ReasonBound, sample(t, 6))
	runs := r.runs(t)
	if words(runs) != "BOUND EXPIRE PREINIT BOUND" {
		t.Fatalf("ran %s", words(runs))
	}
	if runs[1].env["old_ip_address"] != "10.9.0.5" || runs[3].env["new_ip_address"] != "10.9.0.6" || runs[3].env["old_ip_address"] != "" {
		t.Errorf("EXPIRE of %q, and BOUND after %q", runs[1].env["old_ip_address"], runs[3].env["old_ip_address"])
	}
}

// What is told is told before what is applied after it, and at the end.
func TestTell_InOrder(t *testing.T) {
	t.Parallel()
	r := record(t, "sleep 0.05")
	s, _ := newScript(t, Config{Programs: []string{r.path}, Dialect: Dhclient, Configures: true})
	for range 3 {
		s.Tell(client.ReasonFail, "")
	}
	apply(t, s, client.ReasonBound, sample(t, 5))
	s.Tell(client.ReasonFail, "")
	s.Close()
	s.Tell(client.ReasonFail, "")
	if got := words(r.runs(t)); got != "FAIL FAIL FAIL BOUND FAIL" {
		t.Errorf("ran %s", got)
	}
}

func TestNew_Refuses(t *testing.T) {
	t.Parallel()
	for problem, cfg := range map[string]Config{
		"no program":         {Interface: "eth0"},
		"name of a link":     {Programs: []string{"/x"}},
		`"$(id)"`:            {Interface: "$(id)", Programs: []string{"/x"}},
		`"../x"`:             {Interface: "../x", Programs: []string{"/x"}},
		"the limit":          {Interface: "eth0", Programs: []string{"/x"}, Limit: -1},
		`"a\x00b"`:           {Interface: "eth0", Programs: []string{"a\x00b"}},
		`"" is not the path`: {Interface: "eth0", Programs: []string{""}},
		`"x"`:                {Interface: "eth0", Programs: []string{"/x"}, Env: []string{"x"}},
		`"a b=c"`:            {Interface: "eth0", Programs: []string{"/x"}, Env: []string{"a b=c"}},
		`"=c"`:               {Interface: "eth0", Programs: []string{"/x"}, Env: []string{"=c"}},
		`"1x=c"`:             {Interface: "eth0", Programs: []string{"/x"}, Env: []string{"1x=c"}},
		`"x=\x00"`:           {Interface: "eth0", Programs: []string{"/x"}, Env: []string{"x=\x00"}},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v", problem, err)
		}
	}
	for text, want := range map[string]Dialect{"dhclient": Dhclient, "udhcpc": Udhcpc, "json": JSON} {
		if d, err := ParseDialect(text); err != nil || d != want || d.String() != text {
			t.Errorf("%s is %v, %v", text, d, err)
		}
	}
	if _, err := ParseDialect("dhcpcd"); err == nil || !strings.Contains(err.Error(), "json, dhclient or udhcpc") {
		t.Errorf("dhcpcd: %v", err)
	}
}
