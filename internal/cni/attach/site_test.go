package attach

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/arpcheck"
	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/internal/cni"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// patience is how long anything may take on a busy machine.
const patience = 30 * time.Second

var (
	serverAddr = netip.MustParsePrefix("192.0.2.1/24")
	firstAddr  = netip.MustParseAddr("192.0.2.10")
	lastAddr   = netip.MustParseAddr("192.0.2.11")
	key        = cni.Attachment{Network: "lan", Container: "c1", Interface: "eth0"}
)

// A site is a container with a link to a network with a server.
type site struct {
	t      *testing.T
	box    *nettest.NS
	there  *nettest.NS
	server *servers.Server
	dir    string
	path   string // of the container's namespace
	log    *logged
	*running
}

// running is an agent.
type running struct {
	keeper *Keeper
	stop   func()
}

func newSite(t *testing.T, o servers.Options) *site {
	t.Helper()
	nettest.Require(t)
	s := &site{t: t, box: nettest.NewNS(t, "box"), there: nettest.NewNS(t, "server"), dir: filepath.Join(t.TempDir(), "cni"), log: &logged{t: t}}
	s.path = "/run/netns/" + s.box.Name
	nettest.Veth(t, s.there, "eth0", s.box, "eth0")
	s.box.IP(t, "link", "set", "dev", "eth0", "down")
	o.NS, o.Interface, o.ServerAddr, o.Router = s.there, "eth0", serverAddr, serverAddr.Addr()
	o.PoolFirst, o.PoolLast = firstAddr, lastAddr
	s.server = servers.Start(t, servers.Dnsmasq, o)
	s.start()
	return s
}

// start starts an agent, which ends with the test or by stop.
func (s *site) start() {
	s.t.Helper()
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	begun := make(chan struct{})
	a, err := agent.New(agent.Config{Logger: log, Begun: func() { close(begun) }})
	if err != nil {
		s.t.Fatal(err)
	}
	k := New(Config{Agent: a, Dir: s.dir, Open: func(o *agent.Opening, f Fitting) (*agent.Served, *client.Client, error) { return open(o, f, log) }, Logger: log})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	s.running = &running{keeper: k, stop: sync.OnceFunc(func() {
		k.Stop()
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("the agent: %v", err)
		}
		k.Wait()
	})}
	s.t.Cleanup(s.running.stop)
	if err := k.Load(); err != nil {
		s.t.Fatal(err)
	}
	<-begun
	k.Begin(ctx)
}

// open puts a client together, with a quick probe.
func open(o *agent.Opening, f Fitting, log *slog.Logger) (*agent.Served, *client.Client, error) {
	link, err := o.Namespace.Link(o.Link.Name, o.Config)
	if err != nil {
		return nil, nil, err
	}
	now, err := link.State()
	if err != nil {
		return nil, nil, err
	}
	detector, err := arpcheck.Open(now.Index, now.HardwareAddr[:], arpcheck.Config{Duration: 60 * time.Millisecond, Logger: log})
	if err != nil {
		return nil, nil, err
	}
	cfg := client.Config{Interface: o.Link.Name, Logger: log, OnEvent: o.OnEvent, ConflictDetector: detector, RouterChecker: detector}
	if err := f.Fit(&cfg, link); err != nil {
		return nil, nil, err
	}
	c, err := client.New(cfg)
	return &agent.Served{Client: c, Close: func() { _ = detector.Close() }}, c, err
}

func (s *site) eventually(what string, done func() bool) {
	s.t.Helper()
	for limit := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			s.t.Fatalf("no %s in %v", what, patience)
		}
	}
}

// request is one for the container's link.
func (s *site) request(c cni.Command) *cni.Request {
	s.t.Helper()
	r := &cni.Request{Version: cni.Version, Command: c, Attachment: key, Netns: s.path, Limit: patience}
	if c == cni.Add {
		var err error
		if r.Namespace, err = cni.OpenNetns(s.path); err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() {
			if r.Namespace != nil {
				r.Namespace.Close()
			}
		})
	}
	return r
}

// add adds the link, as a runtime would.
func (s *site) add() *cni.Grant {
	s.t.Helper()
	g, err := s.keeper.Handle(s.t.Context(), s.request(cni.Add))
	if err != nil {
		s.t.Fatalf("ADD: %v", err)
	}
	return g
}

// set does what the plugin does that has made the link.
func (s *site) set(g *cni.Grant) {
	s.t.Helper()
	s.box.IP(s.t, "address", "add", g.Address.String(), "dev", "eth0")
	for _, r := range g.Routes {
		s.box.IP(s.t, "route", "add", r.Dst.String(), "via", r.Gateway.String(), "dev", "eth0")
	}
}

func (s *site) addresses() string { return s.box.IP(s.t, "-4", "address", "show", "dev", "eth0") }

func (s *site) has(addr netip.Addr) bool {
	return strings.Contains(s.addresses(), "inet "+addr.String()+"/24 ")
}

// isLimited waits until the address ends with its lease.
func (s *site) isLimited(addr netip.Addr) {
	s.t.Helper()
	s.eventually("address with an end", func() bool { return s.has(addr) && !strings.Contains(s.addresses(), "forever") })
}

// refuse has the server know nothing of an address but another, which it returns.
func (s *site) refuse(addr netip.Addr) netip.Addr {
	s.t.Helper()
	o := s.server.Options
	if o.PoolFirst, o.PoolLast = firstAddr, firstAddr; addr == firstAddr {
		o.PoolFirst, o.PoolLast = lastAddr, lastAddr
	}
	s.server.Restart(s.t, o)
	s.keeper.find(key).client.Rebind()
	return o.PoolFirst
}

func (s *site) handle(r *cni.Request) error {
	_, err := s.keeper.Handle(s.t.Context(), r)
	return err
}

// isEmpty says that nothing is kept any more.
func (s *site) isEmpty() {
	s.t.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil || len(entries) > 0 {
		s.t.Errorf("left in the folder: %v, %v", entries, err)
	}
}

// A logged collects the log, and shows it if the test fails.
type logged struct {
	t    *testing.T
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

func (l *logged) show() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.t.Failed() {
		l.t.Logf("the agent:\n%s", l.text.String())
	}
}
