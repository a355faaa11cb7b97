// Package servers runs the DHCP servers that Debian packages, inside namespaces
// of package nettest, for tests of what real servers say.
//
// All of them are authoritative as far as they can be told to (they send NAK
// for an address that they know to be wrong), probe no address before they
// offer it, and grant leases of a few seconds where that is asked for. What
// they write goes to a directory of the test.
package servers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// Kind is one of the servers.
type Kind string

// The servers, named as their programs are.
const (
	Dnsmasq Kind = "dnsmasq"
	ISC     Kind = "dhcpd"
	Kea     Kind = "kea-dhcp4"
	Udhcpd  Kind = "udhcpd"
)

// Kinds lists them all.
func Kinds() []Kind { return []Kind{Dnsmasq, ISC, Kea, Udhcpd} }

// Installed says that the program is there.
func (k Kind) Installed() bool {
	_, err := exec.LookPath(string(k))
	return err == nil
}

// Require skips the test if the server is not installed; with CI=true in the
// environment it fails it.
func Require(t testing.TB, k Kind) {
	t.Helper()
	switch {
	case k.Installed():
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is not installed", k)
	default:
		t.Skipf("%s is not installed", k)
	}
}

// Options is what a server serves. NS, Interface, ServerAddr, PoolFirst and
// PoolLast are needed.
type Options struct {
	// NS and Interface are where it serves. The link is there and up.
	NS        *nettest.NS
	Interface string
	// ServerAddr is the server's own address and its network. Start sets it
	// on the link.
	ServerAddr netip.Prefix
	// PoolFirst and PoolLast are the ends of the range of addresses.
	PoolFirst, PoolLast netip.Addr
	// Port is where dnsmasq listens, and answers clients at the port after it;
	// 0 is 67. The others have no other.
	Port uint16
	// Lease is the lease time, whole seconds up to lease.Infinite; 0 is an
	// hour. With less than two minutes dnsmasq needs nft(8), and its own
	// database holds on to the lease for two. Infinite is too much for ISC,
	// which grants years, and for the database of udhcpd.
	Lease time.Duration
	// T1 and T2 are options 58 and 59, whole seconds; 0 leaves them to the
	// server: dnsmasq sends ½ and ⅞ of the lease, ISC, Kea and udhcpd none.
	T1, T2 time.Duration
	// Router is option 3, DNS option 6, Domain option 15, MTU option 26; the
	// zero value sends none.
	Router netip.Addr
	DNS    []netip.Addr
	Domain string
	MTU    int
	// Reserved are addresses for the stations with these hardware addresses.
	// ISC dhcpd keeps no lease of these in its database.
	Reserved map[string]netip.Addr
	// Extra are more lines of the server's own language: dnsmasq
	// configuration lines, ISC statements of the subnet, Kea JSON members of
	// the subnet (`"next-server": "192.0.2.9"`), udhcpd configuration lines.
	Extra []string
}

// LeaseInfo is a row of a server's lease database.
type LeaseInfo struct {
	// Active says that the address is leased: not freed, expired or declined.
	Active bool
	// State is the server's own word for it.
	State string
	// MAC is the station, nil if the database does not say.
	MAC net.HardwareAddr
	// ClientID is option 61, nil if the database does not say.
	ClientID []byte
	// Hostname is what the client calls itself, as the database has it.
	Hostname string
	// Expires is the end of the lease, to the second; the zero Time for never.
	Expires time.Time
}

// driver is what differs between the servers.
type driver struct {
	// configure writes the files of a server and returns its arguments.
	configure func(dir string, o Options) ([]string, error)
	// before does in the namespace what the server needs; may be nil.
	before func(Options) error
	// env is added to the environment.
	env func(dir string) []string
	// ready is in the log when the server has read its configuration.
	ready string
	// flush makes the server write its database; nil where it always does.
	flush func(*Server) error
	// leases reads the database. Rows that are gone from it are free.
	leases func(dir string) (map[netip.Addr]LeaseInfo, error)
}

var drivers = map[Kind]driver{
	Dnsmasq: {configure: dnsmasqConfigure, before: dnsmasqShorten, ready: "DHCP, IP range", leases: dnsmasqLeases},
	ISC:     {configure: iscConfigure, ready: "Server starting service.", leases: iscLeases},
	Kea:     {configure: keaConfigure, env: keaEnv, ready: "DHCP4_STARTED", leases: keaLeases},
	Udhcpd:  {configure: udhcpdConfigure, ready: "started, v", flush: udhcpdFlush, leases: udhcpdLeases},
}

// A Server is a running server.
type Server struct {
	Kind    Kind
	Options Options

	dir  string
	log  *logBuffer
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

const (
	startLimit = 20 * time.Second
	stopLimit  = 10 * time.Second
	pollEvery  = 5 * time.Millisecond
)

// Start starts a server and waits until it serves. It is stopped when the test
// ends.
func Start(t testing.TB, k Kind, o Options) *Server {
	t.Helper()
	Require(t, k)
	s := &Server{Kind: k, dir: t.TempDir(), log: &logBuffer{}}
	t.Cleanup(func() {
		s.Stop(t)
		if t.Failed() {
			t.Logf("log of %s:\n%s", k, s.Log())
		}
	})
	s.start(t, o)
	return s
}

func (s *Server) start(t testing.TB, o Options) {
	t.Helper()
	if o.Lease == 0 {
		o.Lease = time.Hour
	}
	if err := o.check(); err != nil {
		t.Fatalf("start %s: %v", s.Kind, err)
	}
	s.Options = o
	o.NS.IP(t, "addr", "replace", o.ServerAddr.String(), "dev", o.Interface)
	cmd, err := s.command()
	if err != nil {
		t.Fatalf("configure %s: %v", s.Kind, err)
	}
	mark := len(s.log.String())
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", s.Kind, err)
	}
	s.cmd, s.done = cmd, make(chan struct{})
	go func(done chan struct{}) {
		_ = cmd.Wait() // how it ended is in the log
		close(done)
	}(s.done)
	if err := s.waitReady(mark); err != nil {
		t.Fatalf("start %s: %v; its log:\n%s", s.Kind, err, s.Log())
	}
}

// command prepares the server's process.
func (s *Server) command() (*exec.Cmd, error) {
	d, o := drivers[s.Kind], s.Options
	args, err := d.configure(s.dir, o)
	if err != nil {
		return nil, err
	}
	if d.before != nil {
		if err := d.before(o); err != nil {
			return nil, err
		}
	}
	program, err := s.program()
	if err != nil {
		return nil, err
	}
	cmd := o.NS.Command(context.Background(), program, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = s.log, s.log, s.dir
	cmd.WaitDelay = stopLimit
	if d.env != nil {
		cmd.Env = append(os.Environ(), d.env(s.dir)...)
	}
	return cmd, nil
}

func (o *Options) check() error {
	p := o.ServerAddr.Masked()
	switch {
	case o.NS == nil || o.Interface == "":
		return errors.New("no link is named")
	case !p.IsValid() || !p.Contains(o.PoolFirst) || !p.Contains(o.PoolLast) || o.PoolLast.Less(o.PoolFirst):
		return fmt.Errorf("the pool %v to %v is not a range of %v", o.PoolFirst, o.PoolLast, o.ServerAddr)
	}
	for _, d := range []time.Duration{o.Lease, o.T1, o.T2} {
		if d < 0 || d > lease.Infinite || d%time.Second != 0 {
			return fmt.Errorf("%v is not a time in seconds that an option can hold", d)
		}
	}
	return nil
}

// program is the path of the server. Where AppArmor is on, distributions
// confine these programs, by their path, to the files of a system service: a
// copy is not confined.
func (s *Server) program() (string, error) {
	path, err := exec.LookPath(string(s.Kind))
	if err != nil {
		return "", err
	}
	if b, err := os.ReadFile("/sys/module/apparmor/parameters/enabled"); err != nil || !strings.HasPrefix(string(b), "Y") {
		return path, nil
	}
	return unconfined(path, s.dir)
}

func unconfined(path, dir string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("copy %s: %w", path, err)
	}
	// The name stays: busybox goes by it.
	to := filepath.Join(dir, filepath.Base(path))
	if _, err := os.Stat(to); err == nil {
		return to, nil
	}
	if err := os.WriteFile(to, b, 0o755); err != nil {
		return "", fmt.Errorf("copy %s: %w", path, err)
	}
	return to, nil
}

// waitReady waits for the server's word in what it logs after mark, and for its
// socket on port 67, which some open later.
func (s *Server) waitReady(mark int) error {
	deadline := time.Now().Add(startLimit)
	for {
		select {
		case <-s.done:
			return errors.New("it ended")
		default:
		}
		log := s.log.String()[mark:]
		if strings.Contains(log, drivers[s.Kind].ready) && s.listens() {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not ready in %v", startLimit)
		}
		time.Sleep(pollEvery)
	}
}

// listens looks for the server's port among the UDP sockets of its namespace.
func (s *Server) listens() bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(s.cmd.Process.Pid) + "/net/udp")
	return err == nil && strings.Contains(string(b), fmt.Sprintf(":%04X ", cmp.Or(s.Options.Port, 67)))
}

// Stop ends the server as a system would, and keeps its database. Stopping
// twice is harmless.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.done == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-s.done:
	case <-time.After(stopLimit):
		_ = s.cmd.Process.Kill()
		<-s.done
		t.Errorf("%s did not stop in %v", s.Kind, stopLimit)
	}
	s.done = nil
}

// Restart stops the server and starts it with other options, on the database
// that it has.
func (s *Server) Restart(t testing.TB, o Options) {
	t.Helper()
	s.Stop(t)
	s.start(t, o)
}

// Log returns what the server has printed so far.
func (s *Server) Log() string { return s.log.String() }

// Leases reads the server's database. A server that forgets leases that ended
// has no row for them.
func (s *Server) Leases(t testing.TB) map[netip.Addr]LeaseInfo {
	t.Helper()
	d := drivers[s.Kind]
	if d.flush != nil && s.done != nil {
		if err := d.flush(s); err != nil {
			t.Fatalf("have %s write its leases: %v", s.Kind, err)
		}
	}
	leases, err := d.leases(s.dir)
	if err != nil {
		t.Fatalf("leases of %s: %v", s.Kind, err)
	}
	// Some servers notice only when they want the address for another.
	for addr, l := range leases {
		if l.Active && !l.Expires.IsZero() && !time.Now().Before(l.Expires) {
			l.Active = false
			leases[addr] = l
		}
	}
	return leases
}

// WaitLease waits until addr is leased, or until it no longer is.
func (s *Server) WaitLease(t testing.TB, addr netip.Addr, active bool) LeaseInfo {
	t.Helper()
	deadline := time.Now().Add(stopLimit)
	for {
		l := s.Leases(t)[addr]
		if l.Active == active {
			return l
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: the lease of %v is %+v after %v, want active=%v", s.Kind, addr, l, stopLimit, active)
		}
		time.Sleep(pollEvery)
	}
}

// seconds is d in seconds, as configuration files write it.
func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
