package e2e_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// A crashTurn is something that happens to a client, during which it is killed.
type crashTurn struct {
	name  string
	flags []string
	// lease is what the server gives at first; 0 is an hour. A shorter one has
	// T1 and T2 of one and two seconds.
	lease time.Duration
	// bound says that it begins with a lease.
	bound bool
	// cause sets it off, and done says that it is over.
	cause func(t *testing.T, g *grave, c *client)
	done  func(c *client) bool
	// moved says that the server has another address for the client afterwards.
	moved bool
}

// movedTo is the address of a client that the server gave another.
var movedTo = host(60)

func says(text string) func(*client) bool {
	return func(c *client) bool { return strings.Contains(c.stdout.String(), text) }
}

func logs(text string) func(*client) bool {
	return func(c *client) bool { return strings.Contains(c.stderr.String(), text) }
}

// signalled sends a signal, which may come too late: the client is killed at its
// first step.
func signalled(sig syscall.Signal) func(*testing.T, *grave, *client) {
	return func(_ *testing.T, _ *grave, c *client) { _ = c.cmd.Process.Signal(sig) }
}

var crashTurns = []crashTurn{
	{name: "acquire", done: says(" from ")},
	{name: "renew", bound: true, cause: signalled(syscall.SIGUSR1), done: says(", renewed")},
	{name: "rebind", bound: true, lease: 8 * time.Second, done: says(", renewed"), cause: func(t *testing.T, g *grave, c *client) {
		g.configure(t, func(cfg *dhcptest.Config) { cfg.Silent = true })
		eventually(t, "REBINDING", func() bool { return logs("to REBINDING")(c) || c.hasEnded() })
		g.configure(t, func(cfg *dhcptest.Config) { cfg.Silent = false })
	}},
	{name: "expire", bound: true, lease: 3 * time.Second, done: logs("the lease expired"), cause: func(t *testing.T, g *grave, _ *client) {
		g.configure(t, func(cfg *dhcptest.Config) { cfg.Silent = true })
	}},
	{name: "NAK", bound: true, moved: true, done: says(movedTo.String()), cause: func(t *testing.T, g *grave, c *client) {
		g.configure(t, g.move)
		signalled(syscall.SIGUSR1)(t, g, c)
	}},
	{name: "another address", bound: true, moved: true, done: says(movedTo.String()), cause: anotherAddress},
	{name: "another address, no probe", flags: []string{"--acd=off"}, bound: true, moved: true, done: says(movedTo.String()), cause: anotherAddress},
	{name: "another mask", bound: true, done: says("/25"), cause: func(t *testing.T, g *grave, c *client) {
		g.configure(t, func(cfg *dhcptest.Config) { cfg.Options = map[uint8][]byte{1: {255, 255, 255, 128}} })
		signalled(syscall.SIGUSR1)(t, g, c)
	}},
	{name: "release", bound: true, cause: signalled(syscall.SIGUSR2), done: says(" released")},
	{name: "remove", flags: []string{"--on-exit=remove"}, bound: true, cause: signalled(syscall.SIGTERM), done: says("stopped")},
}

// anotherAddress has the server acknowledge another address than that renewed.
func anotherAddress(t *testing.T, g *grave, c *client) {
	g.configure(t, func(cfg *dhcptest.Config) {
		g.move(cfg)
		cfg.Mutate = func(req, reply *dhcpv4.DHCPv4) {
			if reply.MessageType() == dhcpv4.MessageTypeNak {
				for _, o := range []dhcpv4.Option{dhcpv4.OptMessageType(dhcpv4.MessageTypeAck), dhcpv4.OptIPAddressLeaseTime(time.Hour),
					dhcpv4.OptSubnetMask([]byte{255, 255, 255, 0}), dhcpv4.OptRouter(router.AsSlice()), dhcpv4.OptDNS(dns.AsSlice())} {
					reply.UpdateOption(o)
				}
				reply.YourIPAddr, reply.ClientIPAddr = movedTo.AsSlice(), req.ClientIPAddr
			}
		}
	})
	signalled(syscall.SIGUSR1)(t, g, c)
}

// A grave is where clients are killed again and again.
type grave struct {
	cli, peer *station
	srv       *liar
	n         *nettest.Sniffer
	m         *monitor
	k         counter
	steps     []string // of the last life
}

func (g *grave) configure(t *testing.T, change func(*dhcptest.Config)) {
	t.Helper()
	if err := g.srv.Configure(change); err != nil {
		t.Fatal(err)
	}
}

// move gives the client another address: what it has is refused.
func (g *grave) move(cfg *dhcptest.Config) {
	cfg.Reserved = map[lease.HardwareAddr]netip.Addr{g.cli.mac: movedTo}
}

const (
	theirAddress = "198.51.100.7/24"
	theirRoute   = "203.0.113.0/24"
	theirText    = "# by hand\nnameserver 203.0.113.53\n"
)

// A client that is killed at any step of anything leaves what the next one makes
// whole again: one address, one default route, the administrator's untouched, and
// a lease that is asked for where there was one (RFC 2131 3.2, LIF-10, RBT-01).
// A run takes a third of the steps, another third each time.
func TestKilledAtEveryStep_LIF_10(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	third := rand.IntN(3)
	for _, turn := range crashTurns {
		// Most of a life is waiting: several graves share the steps.
		for from := range graves {
			if from%3 != third && !*allSteps {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", turn.name, from), func(t *testing.T) {
				t.Parallel()
				digging <- struct{}{}
				defer func() { <-digging }()
				g := newGrave(t)
				at, took := 1+from, time.Duration(0)
				for killed := true; killed; at += graves {
					if at > 200 {
						t.Fatalf("no end after %d steps", at)
					}
					killed, took = g.life(t, &turn, at, 0)
				}
				seed := rand.Uint64()
				t.Logf("%d steps in %v; random instants from seed %d", len(g.steps), took, seed)
				for rng := rand.New(rand.NewPCG(seed, 0)); at > 0 && !t.Failed(); at -= 2 * graves {
					g.life(t, &turn, 0, time.Duration(rng.Int64N(int64(took))))
				}
			})
		}
	}
}

// graves is how many there are for each turn; not all are at work at a time.
const graves = 12

var allSteps = flag.Bool("every-step", false, "kill a client at all steps, and not at a third of them")

var digging = make(chan struct{}, 20)

func newGrave(t *testing.T) *grave {
	t.Helper()
	g := &grave{}
	g.cli, g.peer = cable(t)
	g.srv = g.peer.lie(t, func(*dhcptest.Config) {})
	g.cli.IP(t, "address", "add", theirAddress, "dev", "eth0")
	g.cli.IP(t, "route", "add", theirRoute, "via", "198.51.100.1", "dev", "eth0")
	g.m = watch(t, g.cli)
	g.n = nettest.Follow(t, g.cli.NS, "eth0", func(f frame.Frame) {
		if f.Src == g.cli.mac {
			g.k.step("frame: %v", f)
		}
	})
	ended := make(chan struct{})
	g.k.lines("kernel", g.m.lines, ended)
	t.Cleanup(func() { close(ended) })
	return g
}

// life is that of one client, which is killed at a step or after a time, and of
// the one after it. killed is false if it came to the end of the turn, and took
// is how long that was.
func (g *grave) life(t *testing.T, turn *crashTurn, at int, after time.Duration) (killed bool, took time.Duration) {
	t.Helper()
	g.srv.Forget()
	g.configure(t, func(cfg *dhcptest.Config) {
		*cfg = g.srv.honest
		if turn.lease > 0 {
			cfg.Lease, cfg.T1, cfg.T2 = turn.lease, time.Second, 2*time.Second
		}
	})
	dir := stateDir(t)
	if err := os.WriteFile(filepath.Join(dir, "resolv.conf"), []byte(theirText), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "leases"), 0o755); err != nil {
		t.Fatal(err)
	}
	defer g.k.files(t, dir, filepath.Join(dir, "leases"))()
	flags := append([]string{"--metric=1007", "--acd=50ms"}, turn.flags...)
	c := start(t, g.cli, dir, flags...)
	if turn.bound {
		c.bound(t)
		eventually(t, "the client is at rest", func() bool { return c.resolver() != theirText })
	}
	g.k.arm(c, at)
	g.k.lines("log", c.stderr, c.ended)
	g.k.lines("output", c.stdout, c.ended)
	began := time.Now()
	if after > 0 {
		time.AfterFunc(after, func() { _ = c.cmd.Process.Kill() })
	}
	if turn.cause != nil {
		turn.cause(t, g, c)
	}
	eventually(t, "an end of "+turn.name, func() bool {
		return c.hasEnded() || after == 0 && turn.done(c) && g.k.quiet() > 100*time.Millisecond
	})
	took = time.Since(began)
	g.steps, killed = g.k.disarm()
	_ = c.cmd.Process.Kill() // unless it has ended
	<-c.ended
	g.restart(t, turn, dir, fmt.Sprintf("killed at step %d of %q, after %v: %s", len(g.steps), turn.name, after, strings.Join(g.steps[max(0, len(g.steps)-3):], " | ")))
	return killed, took
}

// restart looks at what a killed client has left, and at what the next one makes
// of it.
func (g *grave) restart(t *testing.T, turn *crashTurn, dir, how string) {
	t.Helper()
	before := time.Now()
	g.wantResolverWhole(t, dir, how)
	stored := g.stored(t, dir, how)
	g.configure(t, func(cfg *dhcptest.Config) {
		*cfg = g.srv.honest
		if turn.moved && cfg.Reserved == nil && (stored == nil || stored.Address == movedTo) {
			g.move(cfg)
		}
	})
	c := start(t, g.cli, dir, append([]string{"--metric=1007", "--acd=50ms", "--on-exit=remove"}, turn.flags...)...)
	var first frame.Frame
	eventually(t, "a message of the next client", func() bool {
		list := g.n.Matching(func(f frame.Frame) bool { return sent(g.cli)(f) && f.Time.After(before) })
		if len(list) > 0 {
			first = list[0]
		}
		return len(list) > 0
	})
	if stored != nil && stored.Remaining(lease.Now()) > time.Second {
		expect(t, first, message{Type: dhcpv4.MessageTypeRequest, Requested: stored.Address})
	}
	p := c.bound(t)
	if stored != nil && stored.Remaining(lease.Now()) > time.Second && stored.Address != p.Addr() {
		t.Errorf("%s: bound to %v, stored was %v", how, p, stored.Address)
	}
	g.wantLink(t, p, how)
	if l := g.stored(t, dir, how); l == nil || l.Address != p.Addr() {
		t.Errorf("%s: stored is %+v", how, l)
	}
	eventually(t, "name servers in the file", func() bool { return strings.Contains(c.resolver(), dns.String()) })
	g.wantResolverWhole(t, dir, how)
	c.end(t)
	g.wantNothing(t, dir, how)
	if t.Failed() {
		t.Fatal(how)
	}
}

// stored is the lease in the file, which must be readable; nil for none.
func (g *grave) stored(t *testing.T, dir, how string) *lease.Lease {
	t.Helper()
	store, err := lease.NewDir(filepath.Join(dir, "leases"), "eth0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := store.Load(t.Context())
	if err != nil {
		t.Errorf("%s: %v", how, err)
	}
	return l
}

// wantResolverWhole fails the test unless the file is the administrator's, or ours
// with all that stood there.
func (g *grave) wantResolverWhole(t *testing.T, dir, how string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "resolv.conf"))
	ours := strings.HasPrefix(string(b), "# Written by dhclient-go") && strings.Contains(string(b), "\nnameserver "+dns.String()+"\n") &&
		strings.HasSuffix(string(b), "#~ # by hand\n#~ nameserver 203.0.113.53\n")
	if err != nil || !ours && string(b) != theirText {
		t.Errorf("%s: resolver file %q, %v", how, b, err)
	}
}

// wantLink fails the test unless the link has the lease and what was there before.
func (g *grave) wantLink(t *testing.T, p netip.Prefix, how string) {
	t.Helper()
	var all []string
	for _, a := range g.cli.addresses(t) {
		all = append(all, netip.PrefixFrom(a.Local, a.Bits).String())
	}
	slices.Sort(all)
	if want := []string{p.String(), theirAddress}; !slices.Equal(all, want) {
		t.Errorf("%s: addresses %q, want %q", how, all, want)
	}
	wantRoutes(t, g.cli, append(theirRoutes(), plain(p.Addr().String())...)...)
}

func theirRoutes() []string {
	return []string{"198.51.100.0/24 dev eth0 proto kernel scope link src 198.51.100.7", theirRoute + " via 198.51.100.1 dev eth0"}
}

// wantNothing fails the test if anything is left of a client that has stopped but
// its lease file.
func (g *grave) wantNothing(t *testing.T, dir, how string) {
	t.Helper()
	if a := g.cli.addresses(t); len(a) != 1 || a[0].Local.String() != "198.51.100.7" {
		t.Errorf("%s: at the end there are addresses %+v", how, a)
	}
	wantRoutes(t, g.cli, theirRoutes()...)
	if b, err := os.ReadFile(filepath.Join(dir, "resolv.conf")); string(b) != theirText {
		t.Errorf("%s: resolver file left as %q, %v", how, b, err)
	}
	for at, want := range map[string][]string{dir: {"leases", "resolv.conf"}, filepath.Join(dir, "leases"): {"eth0.json"}} {
		files, err := os.ReadDir(at)
		var names []string
		for _, f := range files {
			names = append(names, f.Name())
		}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("%s: files %q, %v, want %q", how, names, err, want)
		}
	}
}
