package netcfg

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

func TestMain(m *testing.M) { nettest.Main(m) }

// deadline is how long a test waits for what must come.
const deadline = 20 * time.Second

// newLease makes a lease of an hour from text: the address and then options,
// as in `10.0.0.5/24 for 2s route 0.0.0.0/0 10.0.0.1 mtu 1400`.
func newLease(t testing.TB, text string) *lease.Lease {
	t.Helper()
	l, err := parseLease(text)
	if err != nil {
		t.Fatalf("lease %q: %v", text, err)
	}
	return l
}

func parseLease(text string) (*lease.Lease, error) {
	f := strings.Fields(text)
	l := &lease.Lease{Start: lease.Now(), Valid: time.Hour}
	addr, bits, _ := strings.Cut(f[0], "/")
	l.Address = netip.MustParseAddr(addr)
	if bits != "" {
		if _, err := fmt.Sscan(bits, &l.Bits); err != nil {
			return nil, err
		}
	}
	for i := 1; i < len(f); i++ {
		var err error
		word := f[i]
		i++
		switch word {
		case "for":
			if f[i] == "ever" {
				l.Valid = lease.Infinite
			} else {
				l.Valid, err = time.ParseDuration(f[i])
			}
		case "route":
			r := lease.Route{Dst: netip.MustParsePrefix(f[i])}
			i++
			if f[i] != "-" {
				r.Gateway = netip.MustParseAddr(f[i])
			}
			l.Routes = append(l.Routes, r)
		case "mtu":
			_, err = fmt.Sscan(f[i], &l.MTU)
		case "brd":
			l.Broadcast = netip.MustParseAddr(f[i])
		case "dns":
			l.DNS = append(l.DNS, netip.MustParseAddr(f[i]))
		case "domain":
			l.Domain = f[i]
		case "search":
			l.Search = append(l.Search, f[i])
		default:
			err = fmt.Errorf("unknown word %q", word)
		}
		if err != nil {
			return nil, err
		}
	}
	return l, nil
}

// lines trims an indented block of text to its lines.
func lines(text string) string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// compare fails the test when two texts differ.
func compare(t *testing.T, what, got, want string) {
	t.Helper()
	if got, want = lines(got), lines(want); got != want {
		t.Errorf("%s\n--- got\n%s\n--- want\n%s", what, got, want)
	}
}

// A logBuffer is a logger whose lines a test can read.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: level}))
}
