// Package site is where the examples are tested: a network namespace whose eth0
// has a DHCP server at its other end.
package site

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// patience is how long a program may take.
const patience = 30 * time.Second

// New returns the namespace and the server, which has 192.0.2.1 and gives
// 192.0.2.5 to who asks first.
func New(t *testing.T) (*nettest.NS, *dhcptest.Server) {
	t.Helper()
	here, there := nettest.NewNS(t, "client"), nettest.NewNS(t, "server")
	nettest.Veth(t, there, "eth0", here, "eth0")
	router := netip.MustParseAddr("192.0.2.1")
	there.IP(t, "addr", "add", "192.0.2.1/24", "dev", "eth0")
	server, err := dhcptest.NewServer(dhcptest.Config{
		ServerID: router, Network: netip.MustParsePrefix("192.0.2.0/24"),
		First: netip.MustParseAddr("192.0.2.5"), Last: netip.MustParseAddr("192.0.2.9"),
		Routers: []netip.Addr{router}, DNS: []netip.Addr{router},
	})
	if err != nil {
		t.Fatal(err)
	}
	var conn *dhcptest.Conn
	there.Do(t, func() { conn, err = dhcptest.Listen("eth0") })
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
	return here, server
}

// A Program is one that runs, or has run, in a namespace.
type Program struct {
	*exec.Cmd
	Stdout, Stderr Output
}

// Output is what a program prints.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write takes what the program prints.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String is all that was printed until now.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// WaitFor waits until text was printed.
func (o *Output) WaitFor(t *testing.T, text string) {
	t.Helper()
	WaitFor(t, fmt.Sprintf("output %q", text), func() bool { return strings.Contains(o.String(), text) })
}

// WaitFor waits for what gives no sign by itself.
func WaitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("no %s in %v", what, patience)
		}
	}
}

// Start starts a program in the namespace.
func Start(t *testing.T, ns *nettest.NS, argv ...string) *Program {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	p := &Program{Cmd: ns.Command(ctx, argv[0], argv[1:]...)}
	p.Cmd.Stdout, p.Cmd.Stderr = &p.Stdout, &p.Stderr
	// The race detector waits a second before a program ends, else.
	p.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	if err := p.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if p.ProcessState == nil {
			_ = p.Cmd.Wait()
		}
		if t.Failed() {
			t.Logf("%q: %v\nstdout:\n%s\nstderr:\n%s", argv, p.ProcessState, &p.Stdout, &p.Stderr)
		}
	})
	return p
}

// Exit waits for the end of the program, and wants that exit code.
func (p *Program) Exit(t *testing.T, want int) {
	t.Helper()
	_ = p.Cmd.Wait() // how it ended is in ProcessState
	if got := p.ProcessState.ExitCode(); got != want {
		t.Fatalf("exit code %d, want %d", got, want)
	}
}
