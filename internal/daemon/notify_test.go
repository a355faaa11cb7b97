package daemon

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// listen is a service manager or a log on a unix socket of that name.
func listen(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func receive(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64<<10)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

// systemd gives a path or an abstract name; what is told arrives there, and no
// program that we run sees the variables.
func TestNotifier(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), "@dhclient-go/test/notify"} {
		t.Setenv(notifyEnv, name)
		t.Setenv(watchdogEnv, "60000000")
		t.Setenv(watchdogPidEnv, "")
		c := listen(t, name)
		n := NewNotifier()
		for _, v := range []string{notifyEnv, watchdogEnv, watchdogPidEnv} {
			if _, ok := os.LookupEnv(v); ok {
				t.Errorf("%s is still set", v)
			}
		}
		if err := errors.Join(n.Ready(), n.Status("a\nREADY=0\x00"+strings.Repeat("ä", 5000)), n.Stopping()); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, c); got != "READY=1" {
			t.Errorf("%s: %q", name, got)
		}
		if got := receive(t, c); !strings.HasPrefix(got, "STATUS=a?READY=0?ää") || len(got) > 1100 || strings.ContainsRune(got, '�') {
			t.Errorf("%s: %d octets: %.60q", name, len(got), got)
		}
		if got := receive(t, c); got != "STOPPING=1" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestNotifier_None(t *testing.T) {
	for _, name := range []string{"", "/", "@", "relative", "vsock:2:1234", "/" + strings.Repeat("x", 107)} {
		t.Setenv(notifyEnv, name)
		n := NewNotifier()
		if n != nil {
			t.Errorf("%.20q is a socket", name)
		}
		n.Guard(t.Context(), nil, nil) // returns
		if err := errors.Join(n.Ready(), n.Status("x"), n.Stopping()); err != nil {
			t.Error(err)
		}
	}
	t.Setenv(notifyEnv, filepath.Join(t.TempDir(), "nobody"))
	if err := NewNotifier().Ready(); err == nil {
		t.Error("nobody was told, and that is no error")
	}
}

// A manager that does not read keeps nobody waiting for a status.
func TestNotifier_FullQueue(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	t.Setenv(notifyEnv, name)
	listen(t, name)
	n := NewNotifier()
	full := false
	for range 100_000 {
		if full = n.Status("x") != nil; full {
			break
		}
	}
	if !full {
		t.Fatal("the queue has no end")
	}
	begin := time.Now()
	for range 20 {
		if n.Status("x") == nil {
			t.Error("there was room")
		}
	}
	if d := time.Since(begin); d > 10*notifyLimit {
		t.Errorf("20 lines took %v", d)
	}
	begin = time.Now()
	if err := n.Ready(); err == nil {
		t.Error("READY=1 had room")
	}
	if d := time.Since(begin); d < notifyLimit/2 || d > patience {
		t.Errorf("it waited for %v", d)
	}
}

func TestWatchdogPeriod(t *testing.T) {
	for usec, want := range map[string]time.Duration{
		"": 0, "0": 0, "x": 0, "-5": 0, "99999999999999999999": 0,
		"30000000": 15 * time.Second, "1": shortestPeriod, "9223372036854775807": longestPeriod,
	} {
		if got := watchdogPeriod(usec); got != want {
			t.Errorf("%q: %v, want %v", usec, got, want)
		}
	}
	t.Setenv(notifyEnv, "@x")
	t.Setenv(watchdogEnv, "30000000")
	t.Setenv(watchdogPidEnv, "1")
	if n := NewNotifier(); n.period != 0 {
		t.Error("another process's watchdog is ours")
	}
}

// The watchdog hears of us while all is well, and only then.
func TestGuard(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	t.Setenv(notifyEnv, name)
	t.Setenv(watchdogEnv, "50000")
	c := listen(t, name)
	n := NewNotifier()
	ctx, cancel := context.WithCancel(t.Context())
	well, ill, ended := make(chan struct{}), make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		n.Guard(ctx, func(ctx context.Context) error {
			select {
			case <-well:
				<-ctx.Done() // a loop that hangs
				return ctx.Err()
			default:
				return nil
			}
		}, func(err error) {
			select {
			case ill <- err:
			default:
			}
		})
	}()
	for range 3 {
		if got := receive(t, c); got != "WATCHDOG=1" {
			t.Errorf("%q", got)
		}
	}
	close(well)
	if err := <-ill; !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	cancel()
	<-ended
	// What was sent before is all there is.
	if err := n.Stopping(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if receive(t, c) == "STOPPING=1" {
			return
		}
	}
	t.Error("the watchdog heard of us while all was not well")
}
