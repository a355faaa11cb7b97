package helper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/option"
)

// A life of a lease, with all that a script is told of it, in its order.
func TestScript_TellsAllInOrder(t *testing.T) {
	t.Parallel()
	k := hooks(t, hook.Dhclient, `echo "$pid" >$D/pid; echo "$new_ip_address $old_ip_address $new_expiry" >>$D/leases`)
	h, _ := start(t, Config{Scripts: []hook.Config{k.cfg}})
	s := open(t, h, k.on("eth0"))
	if err := s.Preinit(soon(t)); err != nil {
		t.Fatal(err)
	}
	a, b := sample(t, 5), sample(t, 6)
	for _, step := range []struct {
		why  client.Reason
		next *lease.Lease
	}{
		{client.ReasonBound, a}, {client.ReasonRenew, a}, {client.ReasonRebind, b}, {client.ReasonRelease, nil},
	} {
		if err := s.ApplyFor(soon(t), step.why, step.next, nil); err != nil {
			t.Fatal(err)
		}
	}
	s.Tell(client.ReasonFail, "")
	s.Close() // waits for what it has begun
	if got, want := k.events(), "PREINIT BOUND RENEW REBIND RELEASE FAIL"; got != want {
		t.Errorf("events %q, want %q", got, want)
	}
	if got, want := k.file("pid"), fmt.Sprintln(os.Getpid()); got != want {
		t.Errorf("the script is told process %q, want %q", got, want)
	}
	expiry := fmt.Sprint(a.ExpireAt().Unix())
	if got := k.file("leases"); !strings.Contains(got, "10.9.0.5 10.9.0.5 "+expiry+"\n") || !strings.Contains(got, "10.9.0.6 10.9.0.5 ") {
		t.Errorf("leases:\n%s", got)
	}
}

// What is fixed at the start is as it was said, to the octet, and what the
// configuration defines has its name.
func TestScript_HasItsEnvironmentAndNoMore(t *testing.T) {
	t.Parallel()
	k := hooks(t, hook.Dhclient, `cat /proc/$$/environ >$D/env; ls /proc/self/fd >$D/fds; grep -E 'Sig(Blk|Ign)' /proc/self/status >$D/signals; pwd >$D/cwd`)
	table := new(option.Table)
	if err := table.Define(option.Row{Code: 245, Name: "local", Kind: option.U8s}); err != nil {
		t.Fatal(err)
	}
	k.cfg.Options, k.cfg.Env = table, []string{"IF_METRIC=7 \xff"}
	h, _ := start(t, Config{Scripts: []hook.Config{{Programs: []string{"/bin/false"}}, k.cfg}})
	on := k.on("eth0")
	on.Requested = []uint8{3, 245}
	apply(t, open(t, h, on), sample(t, 5))
	env := k.file("env")
	for _, want := range []string{"IF_METRIC=7 \xff\x00", "new_local=1 2 3\x00", "requested_local=1\x00", "interface=eth0\x00", "new_domain_search=lab.example.org"} {
		if !strings.Contains(env, want) {
			t.Errorf("no %q in %q", want, env)
		}
	}
	if strings.Contains(env, "DHCLIENT_GO") {
		t.Errorf("a mark in %q", env)
	}
	if got := strings.Join(strings.Fields(k.file("fds")), " "); got != "0 1 2 3" { // one is ls's own
		t.Errorf("descriptors %q", got)
	}
	if got := settable(k.file("signals")); got != "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n" {
		t.Errorf("signals:\n%s", got)
	}
	if got := k.file("cwd"); got != "/\n" {
		t.Errorf("in %q", got)
	}
}

// A script of dhclient that fails refuses the address: the client has to know.
func TestScript_ErrorsKeepTheirMeaning(t *testing.T) {
	t.Parallel()
	k := hooks(t, hook.Dhclient, `exit 2`)
	h, _ := start(t, Config{Scripts: []hook.Config{k.cfg}})
	s := open(t, h, k.on("eth0"))
	err := s.ApplyFor(soon(t), client.ReasonBound, sample(t, 5), nil)
	if !errors.Is(err, client.ErrDecline) || !strings.Contains(err.Error(), "ended with status 2") {
		t.Errorf("%v", err)
	}
	if err := s.ApplyFor(soon(t), client.ReasonExpire, nil, []*lease.Lease{sample(t, 5)}); err == nil || errors.Is(err, client.ErrDecline) {
		t.Errorf("%v", err)
	}
}

func TestScript_LifetimesAreSetHere(t *testing.T) {
	t.Parallel()
	k := hooks(t, hook.Dhclient)
	h, _ := start(t, Config{Scripts: []hook.Config{k.cfg}})
	on, after := k.on("eth0"), 0
	broken := errors.New("no such address")
	on.After = func(_ context.Context, l *lease.Lease) error { after++; return broken }
	s := open(t, h, on)
	if err := s.ApplyFor(soon(t), client.ReasonBound, sample(t, 5), nil); !errors.Is(err, broken) || after != 1 || k.events() != "BOUND" {
		t.Errorf("%v, called %d times, after %s", err, after, k.events())
	}
	if err := s.ApplyFor(soon(t), client.ReasonStop, nil, nil); err != nil || after != 1 {
		t.Errorf("%v, called %d times", err, after)
	}
}

// A context that ends cuts short what runs, and what comes next begins after
// that.
func TestScript_CutShort(t *testing.T) {
	t.Parallel()
	k := hooks(t, hook.Udhcpc, `[ $1 = deconfig ] || { echo $$ >$D/pid; trap 'echo >$D/ended; exit 0' TERM; while :; do sleep 0.01; done; }
[ ! -e $D/pid ] || [ -e $D/ended ] || echo early >>$D/events`)
	h, _ := start(t, Config{Scripts: []hook.Config{k.cfg}})
	s := open(t, h, k.on("eth0"))
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		number(t, k.dir+"/pid")
		cancel()
	}()
	within(t, patience, func() {
		if err := s.ApplyFor(ctx, client.ReasonBound, sample(t, 5), nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
	gone(t, number(t, k.dir+"/pid"))
	if err := s.ApplyFor(soon(t), client.ReasonLost, nil, nil); err != nil {
		t.Error(err)
	}
	if got := k.events(); got != "bound deconfig" {
		t.Errorf("events %q", got)
	}
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := s.ApplyFor(ctx, client.ReasonBound, sample(t, 5), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestScript_EndsAtItsLimit(t *testing.T) {
	t.Parallel()
	k := hooks(t, hook.Dhclient, `trap '' TERM; echo $$ >$D/pid; while :; do sleep 0.01; done`)
	k.cfg.Limit = 100 * time.Millisecond
	h, _ := start(t, Config{Scripts: []hook.Config{k.cfg}})
	s := open(t, h, k.on("eth0"))
	err := s.ApplyFor(soon(t), client.ReasonBound, sample(t, 5), nil)
	if err == nil || !strings.Contains(err.Error(), "did not end within 100ms") {
		t.Errorf("%v", err)
	}
	gone(t, number(t, k.dir+"/pid"))
}

// One link does not wait for another.
func TestScript_LinksSideBySide(t *testing.T) {
	t.Parallel()
	k := hooks(t, hook.Dhclient, `echo >$D/$interface; until [ -e $D/eth0 -a -e $D/eth1 ]; do sleep 0.01; done`)
	h, _ := start(t, Config{Scripts: []hook.Config{k.cfg}})
	var both sync.WaitGroup
	for _, link := range []string{"eth0", "eth1"} {
		s := open(t, h, k.on(link))
		both.Go(func() { apply(t, s, sample(t, 5)) })
	}
	both.Wait()
}

// What a script prints is in the log before its end is known, at the levels that
// it has here.
func TestScript_Log(t *testing.T) {
	t.Parallel()
	k := hooks(t, hook.JSON, `echo "hello	there"; exit 3`)
	h, j := start(t, Config{Scripts: []hook.Config{k.cfg}})
	apply(t, open(t, h, k.on("eth0")), sample(t, 5))
	got := j.String()
	for _, want := range []string{`level=INFO msg="a script says" if=eth0 script=` + k.cfg.Programs[0] + ` text="hello there"`,
		`level=WARN msg="a script has failed" if=eth0`, `err="ended with status 3"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}

func TestScript_RefusesOtherPrograms(t *testing.T) {
	t.Parallel()
	k := hooks(t, hook.Dhclient)
	h, _ := start(t, Config{Scripts: []hook.Config{k.cfg}})
	for name, change := range map[string]func(*hook.Config){
		"program":   func(c *hook.Config) { c.Programs = []string{"/bin/true"} },
		"dialect":   func(c *hook.Config) { c.Dialect = hook.Udhcpc },
		"variables": func(c *hook.Config) { c.Env = []string{"A=b"} },
		"limit":     func(c *hook.Config) { c.Limit = time.Second },
		"link":      func(c *hook.Config) { c.Interface = "a/b" },
	} {
		on := k.on("eth0")
		change(&on)
		if s, err := h.Script(on); err == nil || s != nil {
			t.Errorf("another %s: %v, %v", name, s, err)
		}
	}
}

func TestResolver_WritesAndRestores(t *testing.T) {
	t.Parallel()
	cfg, path := resolving(t)
	h, j := start(t, Config{Resolver: cfg})
	before := text(path)
	r := resolver(t, h, cfg, "eth0")
	apply(t, r, sample(t, 5))
	if got := text(path); !strings.Contains(got, "nameserver 10.9.0.1\nnameserver 10.9.0.2\nsearch lab.example.org\n") {
		t.Errorf("file:\n%s", got)
	}
	if got := j.String(); !strings.Contains(got, `msg="wrote name servers"`) || !strings.Contains(got, "link=eth0") {
		t.Errorf("log:\n%s", got)
	}
	apply(t, r, nil)
	if got := text(path); got != before {
		t.Errorf("file:\n%s", got)
	}
	// Of a process before this one, which was killed.
	apply(t, r, sample(t, 5))
	h.Close(patience)
	h, _ = start(t, Config{Resolver: cfg})
	apply(t, resolver(t, h, cfg, "eth0"), nil, &lease.Lease{}, sample(t, 5))
	if got := text(path); got != before {
		t.Errorf("file:\n%s", got)
	}
}

// What no server can have given is refused in the helper too, and does no harm.
func TestResolver_RefusesWhatIsNoLease(t *testing.T) {
	t.Parallel()
	cfg, path := resolving(t)
	h, _ := start(t, Config{Resolver: cfg})
	r := resolver(t, h, cfg, "eth0")
	before := text(path)
	bad := sample(t, 5)
	bad.Search = []string{"evil\nnameserver 6.6.6.6"}
	if err := r.Apply(soon(t), bad, nil); err == nil || !strings.Contains(err.Error(), "refuses the lease") {
		t.Errorf("%v", err)
	}
	if got := text(path); got != before {
		t.Errorf("file:\n%s", got)
	}
	apply(t, r, sample(t, 5)) // it lives
}

// The link's namespace is this process's to know.
func TestResolver_OfAnotherNamespace(t *testing.T) {
	nettest.Require(t)
	t.Parallel()
	ns := nettest.NewNS(t, "other")
	cfg, _ := resolving(t)
	cfg.Path = "" // and the usual file is not touched
	before := text("/etc/resolv.conf")
	h, j := start(t, Config{Resolver: cfg})
	ns.Do(t, func() { apply(t, resolver(t, h, cfg, "eth0"), sample(t, 5)) })
	if got := j.String(); !strings.Contains(got, "the link is in another network namespace than the process") {
		t.Errorf("log:\n%s", got)
	}
	if got := text("/etc/resolv.conf"); got != before {
		t.Errorf("it was touched:\n%s", got)
	}
}

func TestHelper_RefusesWhatItWasNotStartedFor(t *testing.T) {
	t.Parallel()
	h, _ := start(t, Config{})
	cfg, _ := resolving(t)
	on := *cfg
	on.Interface = "eth0"
	if _, err := h.Resolver(on); err == nil {
		t.Error("a resolver")
	}
	if _, err := h.Script(hooks(t, hook.JSON).on("eth0")); err == nil {
		t.Error("a script")
	}
	if _, err := h.Run(Program{Path: "/bin/true", Args: []string{"true"}}); err == nil {
		t.Error("a program")
	}
}

// The helper dies while a script runs: that and what follows fails, once it is
// told why, and the lifetime is set all the same.
func TestScript_HelperDies(t *testing.T) {
	t.Parallel()
	k := hooks(t, hook.Dhclient, `echo $$ >$D/pid; exec sleep 1000`)
	cfg, _ := resolving(t)
	h, j := start(t, Config{Scripts: []hook.Config{k.cfg}, Resolver: cfg})
	on, after := k.on("eth0"), false
	on.After = func(context.Context, *lease.Lease) error { after = true; return nil }
	s, r := open(t, h, on), resolver(t, h, cfg, "eth0")
	pid := h.PID()
	go func() {
		number(t, k.dir+"/pid")
		_ = unix.Kill(pid, unix.SIGKILL)
	}()
	within(t, patience, func() {
		if err := s.ApplyFor(context.Background(), client.ReasonBound, sample(t, 5), nil); !errors.Is(err, ErrLost) || errors.Is(err, client.ErrDecline) {
			t.Errorf("%v", err)
		}
		if err := r.Apply(context.Background(), sample(t, 5), nil); !errors.Is(err, ErrLost) || err.Error() != "resolver for eth0: the helper process has ended" {
			t.Errorf("%v", err)
		}
		s.Tell(client.ReasonFail, "")
		s.Close()
		h.Close(patience)
	})
	if !after {
		t.Error("no lifetime for what the script may have put there")
	}
	if got := j.String(); strings.Count(got, "level=ERROR") != 1 {
		t.Errorf("log:\n%s", got)
	}
	_ = unix.Kill(number(t, k.dir+"/pid"), unix.SIGKILL)
}

// A helper that is stopped holds nobody up for ever.
func TestHelper_Close_KillsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	h, _ := start(t, Config{})
	if err := h.LeaveStdio(true); err != nil { // it is ready
		t.Fatal(err)
	}
	pid := h.PID()
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	within(t, patience, func() { h.Close(10 * time.Millisecond) })
	gone(t, pid)
}
