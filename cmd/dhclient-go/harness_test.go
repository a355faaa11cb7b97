package main

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// patience is the limit of what no protocol gives a time to: two cores may be
// shared by many tests.
const patience = 30 * time.Second

// A site is a client's namespace with links eth0, eth1 ..., and a server at the
// other end of each.
type site struct {
	*nettest.NS
	dir string
	far []*nettest.NS
}

func newSite(t *testing.T) *site {
	t.Helper()
	t.Parallel()
	return &site{NS: nettest.NewNS(t, "client"), dir: t.TempDir()}
}

// link adds a link. The server at its other end has 192.0.N.1 and serves .5 and
// what follows.
func (s *site) link(t *testing.T, change func(*dhcptest.Config)) *dhcptest.Server {
	t.Helper()
	n := len(s.far)
	far := nettest.NewNS(t, "server")
	s.far = append(s.far, far)
	nettest.Veth(t, far, "eth0", s.NS, "eth"+string(rune('0'+n)))
	at := func(last byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, byte(n), last}) }
	far.IP(t, "addr", "add", at(1).String()+"/24", "dev", "eth0")
	cfg := dhcptest.Config{
		ServerID: at(1), Network: netip.PrefixFrom(at(0), 24), First: at(5), Last: at(20),
		Routers: []netip.Addr{at(1)}, DNS: []netip.Addr{at(1)}, Lease: time.Hour,
	}
	if change != nil {
		change(&cfg)
	}
	server, err := dhcptest.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var conn *dhcptest.Conn
	far.Do(t, func() { conn, err = dhcptest.Listen("eth0") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := conn.Serve(ctx, server); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); serving.Wait() })
	return server
}

// squat puts a station on the far end of a link that has addr.
func (s *site) squat(t *testing.T, link int, addr string, mac lease.HardwareAddr) {
	t.Helper()
	var q *dhcptest.Squatter
	var err error
	s.far[link].Do(t, func() { q, err = dhcptest.Squat("eth0", netip.MustParseAddr(addr), mac) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
}

// addresses is what `ip` shows of a link's IPv4 addresses.
func (s *site) addresses(t *testing.T, link string) string {
	t.Helper()
	return s.IP(t, "-4", "-o", "addr", "show", "dev", link)
}

// leaseFile is where the lease of a link is kept.
func (s *site) leaseFile(link string) string { return filepath.Join(s.dir, "leases", link+".json") }

// resolvConf is what was written for the resolver, empty for nothing.
func (s *site) resolvConf() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "resolv.conf"))
	return string(b)
}

// A process is one run of the command.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr *lines
	ended          chan struct{}
}

// start runs the command, with state and resolver in the site's directory.
func (s *site) start(t *testing.T, args ...string) *process {
	t.Helper()
	args = append([]string{"--lease-dir", filepath.Join(s.dir, "leases")}, args...)
	if !slices.Contains(args, "--no-dns") {
		args = append(args, "--resolv-conf", filepath.Join(s.dir, "resolv.conf"))
	}
	return s.exec(t, append([]string{"dhclient-go"}, args...)...)
}

// exec runs a program in the client's namespace.
func (s *site) exec(t *testing.T, argv ...string) *process {
	t.Helper()
	return runProcess(t, s.Command(context.Background(), argv[0], argv[1:]...), argv)
}

// runProcess runs cmd, which is called argv.
func runProcess(t *testing.T, cmd *exec.Cmd, argv []string) *process {
	t.Helper()
	p := &process{cmd: cmd, stdout: newLines(), stderr: newLines(), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	p.cmd.WaitDelay = patience // a program that it has left behind may have them
	// The race detector waits a second before a program ends, else.
	p.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("%q: %v\nstdout:\n%s\nstderr:\n%s", argv, p.cmd.ProcessState, p.stdout, p.stderr)
		}
	})
	return p
}

// exit waits for the end, and wants that exit code.
func (p *process) exit(t *testing.T, want int) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("it still runs after %v", patience)
	}
	if got := p.cmd.ProcessState.ExitCode(); got != want {
		t.Fatalf("exit code %d, want %d", got, want)
	}
}

// attends waits until the process takes signals, which it does when its first
// messages have left. The last is USR2, for which package signal has a thread that
// all others are blocked for.
func (p *process) attends(t *testing.T) {
	t.Helper()
	waitFor(t, "it takes signals", func() bool {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.cmd.Process.Pid))
		return slices.ContainsFunc(files, func(file string) bool {
			b, _ := os.ReadFile(file)
			_, rest, _ := strings.Cut(string(b), "\nSigBlk:\t")
			mask, _, _ := strings.Cut(rest, "\n")
			blocked, err := strconv.ParseUint(mask, 16, 64)
			return err == nil && blocked != 0 && blocked&(1<<(syscall.SIGUSR2-1)) == 0
		})
	})
}

func (p *process) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// lines is what a process prints.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	news chan struct{} // closed when there is more
}

func newLines() *lines { return &lines{news: make(chan struct{})} }

// Write takes what the process prints.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.news)
	l.news = make(chan struct{})
	return l.text.Write(p)
}

// String is all that was printed.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait waits until text was printed.
func (l *lines) wait(t *testing.T, text string) {
	t.Helper()
	limit := time.After(patience)
	for {
		l.mu.Lock()
		found, news := strings.Contains(l.text.String(), text), l.news
		l.mu.Unlock()
		if found {
			return
		}
		select {
		case <-news:
		case <-limit:
			t.Fatalf("no %q in %v", text, patience)
		}
	}
}

// contains fails the test unless each text was printed.
func (l *lines) contains(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(l.String(), text) {
			t.Errorf("no %q in:\n%s", text, l)
		}
	}
}
