package e2e_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

const (
	unreadable = "warning: the stored lease cannot be read; starting without it"
	unstorable = "warning: the lease cannot be stored"
)

// sluggish is how long a second can take where 64 tests share two cores. What
// waits for a FIFO or reads a gigabyte takes longer.
const sluggish = 10 * time.Second

// smallDisk mounts a file system in memory on dir.
func smallDisk(t *testing.T, dir, options string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("none", dir, "tmpfs", 0, options); err != nil {
		t.Fatalf("mount %s: %v", dir, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func readOnly(t *testing.T, dir string) {
	t.Helper()
	if err := unix.Mount("none", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatalf("mount %s read-only: %v", dir, err)
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What can be wrong with the directory, or with the file in it.
var brokenStores = []struct {
	name string
	// prepare breaks leases or file, which do not exist. secret is a file that
	// nobody may touch.
	prepare func(t *testing.T, leases, file, secret string)
	// warnings are what is said, each once.
	warnings []string
	// kept says that the directory is as it was afterwards.
	kept bool
}{
	{name: "missing, with what is above it", prepare: func(*testing.T, string, string, string) {}},
	{name: "disk full", warnings: []string{unstorable}, kept: true, prepare: func(t *testing.T, leases, _, _ string) {
		smallDisk(t, leases, "size=4k")
		writeFile(t, filepath.Join(leases, "other"), strings.Repeat("x", 4096))
	}},
	{name: "no file can be made", warnings: []string{unstorable}, kept: true, prepare: func(t *testing.T, leases, _, _ string) {
		smallDisk(t, leases, "size=64k,nr_inodes=2")
		writeFile(t, filepath.Join(leases, "other"), "")
	}},
	{name: "read-only", warnings: []string{unstorable}, kept: true, prepare: func(t *testing.T, leases, _, _ string) {
		smallDisk(t, leases, "size=64k")
		readOnly(t, leases)
	}},
	{name: "a file in its place", warnings: []string{unreadable, unstorable}, prepare: func(t *testing.T, leases, _, _ string) {
		writeFile(t, leases, "a file")
	}},
	{name: "a link to nowhere in its place", warnings: []string{unstorable}, prepare: func(t *testing.T, leases, _, _ string) {
		must(t, os.Symlink(filepath.Join(leases, "..", "nowhere", "at", "all"), leases))
	}},
	{name: "a directory in the place of the file", warnings: []string{unreadable, unstorable}, kept: true, prepare: func(t *testing.T, _, file, _ string) {
		must(t, os.MkdirAll(filepath.Join(file, "full"), 0o755))
	}},
	{name: "a directory in the place of the new file", warnings: []string{unstorable}, kept: true, prepare: func(t *testing.T, leases, _, _ string) {
		must(t, os.MkdirAll(filepath.Join(leases, ".eth0.json.new", "full"), 0o755))
	}},
	{name: "empty", warnings: []string{unreadable}, prepare: func(t *testing.T, leases, file, _ string) {
		must(t, os.Mkdir(leases, 0o755))
		writeFile(t, file, "")
	}},
	{name: "rubbish", warnings: []string{unreadable}, prepare: func(t *testing.T, leases, file, _ string) {
		must(t, os.Mkdir(leases, 0o755))
		b := make([]byte, 5000)
		rng := rand.NewChaCha8([32]byte{1})
		_, _ = rng.Read(b) // it never fails
		writeFile(t, file, string(b))
	}},
	{name: "of a later version", warnings: []string{unreadable}, prepare: func(t *testing.T, leases, file, _ string) {
		must(t, os.Mkdir(leases, 0o755))
		writeFile(t, file, `{"version":2,"lease":{"address":"192.0.2.10/24"}}`)
	}},
	{name: "a gigabyte with a hole", warnings: []string{unreadable}, prepare: func(t *testing.T, leases, file, _ string) {
		must(t, os.Mkdir(leases, 0o755))
		writeFile(t, file, "{")
		must(t, os.Truncate(file, 1<<30))
	}},
	{name: "nested without end", warnings: []string{unreadable}, prepare: func(t *testing.T, leases, file, _ string) {
		must(t, os.Mkdir(leases, 0o755))
		writeFile(t, file, strings.Repeat(`{"lease":`, 20000))
	}},
	{name: "a FIFO", warnings: []string{unreadable}, prepare: func(t *testing.T, leases, file, _ string) {
		must(t, os.Mkdir(leases, 0o755))
		must(t, unix.Mkfifo(file, 0o600))
	}},
	{name: "a link to a secret", warnings: []string{unreadable}, prepare: func(t *testing.T, leases, file, secret string) {
		must(t, os.Mkdir(leases, 0o755))
		must(t, os.Symlink(secret, file))
	}},
	{name: "the new file a link to a secret", prepare: func(t *testing.T, leases, _, secret string) {
		must(t, os.Mkdir(leases, 0o755))
		must(t, os.Symlink(secret, filepath.Join(leases, ".eth0.json.new")))
	}},
	{name: "the new file a FIFO", prepare: func(t *testing.T, leases, _, _ string) {
		must(t, os.Mkdir(leases, 0o755))
		must(t, unix.Mkfifo(filepath.Join(leases, ".eth0.json.new"), 0o600))
	}},
}

// A lease is worth no less for not being remembered: whatever is wrong with the
// store, the client binds and renews, says so once, follows no link and leaves no
// half of a file (LIF-08, LIF-09).
func TestBrokenStore_LIF_08_LIF_09(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, s := range brokenStores {
		t.Run(s.name, func(t *testing.T) {
			turn(t)
			cli, peer := cable(t)
			peer.lie(t, func(*dhcptest.Config) {})
			n := sniff(t, cli)
			dir := stateDir(t)
			leases, secret := filepath.Join(dir, "leases"), filepath.Join(dir, "secret")
			file := filepath.Join(leases, "eth0.json")
			writeFile(t, secret, "secret")
			s.prepare(t, leases, file, secret)
			before := listing(leases)
			began := time.Now()
			c := start(t, cli, dir)
			discover := n.WaitFor(t, patience, sent(cli))
			expect(t, discover, message{Type: dhcpv4.MessageTypeDiscover})
			soon(t, "the DISCOVER", began, discover.Time, sluggish)
			p := c.bound(t)
			renewNow(t, n, cli, c)
			c.end(t)
			wantWarnings(t, c, s.warnings...)
			if b, _ := os.ReadFile(secret); string(b) != "secret" {
				t.Errorf("the secret is now %q", b)
			}
			after := listing(leases)
			switch {
			case s.kept && after != before:
				t.Errorf("in the directory is %q, before %q", after, before)
			case !s.kept && len(s.warnings) < 2 && !strings.Contains(strings.Join(s.warnings, ""), unstorable):
				if after != "eth0.json regular" {
					t.Errorf("in the directory is %q", after)
				}
				wantStored(t, leases, p.Addr().String())
			}
			if a := cli.one(t); a.Local != p.Addr() {
				t.Errorf("address %+v", a)
			}
		})
	}
}

// renewNow has the client renew, on demand.
func renewNow(t *testing.T, n *nettest.Sniffer, s *station, c *client) {
	t.Helper()
	before := strings.Count(c.stdout.String(), ", renewed")
	c.signal(t, syscall.SIGUSR1)
	n.WaitFor(t, patience, extends(s))
	eventually(t, "the renewal", func() bool { return strings.Count(c.stdout.String(), ", renewed") > before })
}

// listing is what is in a directory, with its kind, links not followed.
func listing(dir string) string {
	files, _ := os.ReadDir(dir) // what cannot be read has nothing
	var all []string
	for _, f := range files {
		kind := "regular"
		if f.Type() != 0 {
			kind = f.Type().String()
		}
		all = append(all, f.Name()+" "+kind)
	}
	return strings.Join(all, ", ")
}

// wantWarnings fails the test unless each of these is said once, and no other.
func wantWarnings(t *testing.T, c *client, want ...string) {
	t.Helper()
	log := c.stderr.String()
	if got := strings.Count(log, "warning: ") + strings.Count(log, "error: "); got != len(want) {
		t.Errorf("%d warnings, want %d", got, len(want))
	}
	for _, w := range want {
		if strings.Count(log, w) != 1 {
			t.Errorf("not once: %q", w)
		}
	}
}

func wantStored(t *testing.T, leases, addr string) {
	t.Helper()
	store, err := lease.NewDir(leases, "eth0")
	must(t, err)
	l, err := store.Load(t.Context())
	if err != nil || l == nil || l.Address.String() != addr {
		t.Errorf("stored is %+v, %v, want %s", l, err, addr)
	}
}

// An old file is not lost to a full disk: it stays whole until there is room.
func TestFullDiskKeepsTheOldFile_LIF_08(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	peer.lie(t, func(*dhcptest.Config) {})
	n := sniff(t, cli)
	dir := stateDir(t)
	leases := filepath.Join(dir, "leases")
	smallDisk(t, leases, "size=8k")
	c := start(t, cli, dir)
	a := c.bound(t).Addr()
	n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeRequest))
	// The router's hardware address is noted a moment later.
	eventually(t, "a lease that knows its router", func() bool {
		b, _ := os.ReadFile(filepath.Join(leases, "eth0.json"))
		return bytes.Contains(b, []byte("router_mac"))
	})
	writeFile(t, filepath.Join(leases, "other"), strings.Repeat("x", 4096))
	old, err := os.ReadFile(filepath.Join(leases, "eth0.json"))
	must(t, err)
	renewNow(t, n, cli, c)
	c.stderr.wait(t, "the warning", func(line string) bool { return strings.Contains(line, unstorable) })
	renewNow(t, n, cli, c)
	if now, err := os.ReadFile(filepath.Join(leases, "eth0.json")); err != nil || !bytes.Equal(now, old) {
		t.Errorf("the file is now %q, %v", now, err)
	}
	if got := listing(leases); got != "eth0.json regular, other regular" {
		t.Errorf("in the directory is %q", got)
	}
	must(t, os.Remove(filepath.Join(leases, "other")))
	renewNow(t, n, cli, c)
	eventually(t, "the new lease in the file", func() bool {
		now, _ := os.ReadFile(filepath.Join(leases, "eth0.json"))
		return !bytes.Equal(now, old)
	})
	c.end(t)
	wantWarnings(t, c, unstorable)
	wantStored(t, leases, a.String())
}

// mutants is how many damaged files there are.
const mutants = 64

// A lease file with any damage is a lease or none, and never an end of the
// client (LIF-09).
func TestDamagedFiles_LIF_09(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	const shares = 4
	for share := range shares {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			t.Parallel()
			cli, peer := cable(t)
			srv := peer.lie(t, func(*dhcptest.Config) {})
			n := sniff(t, cli)
			dir := stateDir(t)
			leases := filepath.Join(dir, "leases")
			file := filepath.Join(leases, "eth0.json")
			c := start(t, cli, dir, "--acd=off")
			c.bound(t)
			n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeRequest))
			c.end(t)
			good, err := os.ReadFile(file)
			must(t, err)
			refused := 0
			for i := share; i < mutants; i += shares {
				srv.Forget() // an address that nobody leased is not confirmed, nor refused
				must(t, os.WriteFile(file, damaged(good, uint64(i)), 0o600))
				store, err := lease.NewDir(leases, "eth0")
				must(t, err)
				l, loadErr := store.Load(t.Context())
				began := time.Now()
				c := start(t, cli, dir, "--acd=off", "--on-exit=remove")
				first := n.WaitFor(t, patience, sent(cli))
				soon(t, "the first message", began, first.Time, sluggish)
				if loadErr != nil {
					refused++
					expect(t, first, message{Type: dhcpv4.MessageTypeDiscover})
				} else if typ := first.DHCP.MessageType(); typ == dhcpv4.MessageTypeRequest {
					expect(t, first, message{Type: dhcpv4.MessageTypeRequest, Requested: l.Address})
				}
				p := c.bound(t)
				n.WaitFor(t, patience, frame.IsDHCP(dhcpv4.MessageTypeAck))
				if a := cli.one(t); a.Local != p.Addr() {
					t.Errorf("file %d: address %+v", i, a)
				}
				c.end(t)
				if loadErr != nil {
					wantWarnings(t, c, unreadable)
				}
				if t.Failed() {
					t.Fatalf("file %d: %q", i, damaged(good, uint64(i)))
				}
			}
			if refused < mutants/shares/3 {
				t.Errorf("only %d of %d files were no lease", refused, mutants/shares)
			}
		})
	}
}

// damaged is b with the damage of that number: bits changed, a part cut out,
// doubled, or put elsewhere.
func damaged(b []byte, number uint64) []byte {
	rng := rand.New(rand.NewPCG(number, 9))
	b = bytes.Clone(b)
	from := rng.IntN(len(b))
	to := from + 1 + rng.IntN(min(40, len(b)-from))
	part := bytes.Clone(b[from:to])
	switch number % 5 {
	case 0:
		return b[:from]
	case 1:
		for range 1 + rng.IntN(8) {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
		return b
	case 2:
		return append(b[:from], b[to:]...)
	case 3:
		return append(b[:to:to], append(part, b[to:]...)...)
	}
	at := rng.IntN(len(b))
	return append(b[:at:at], append(part, b[at:]...)...)
}

// A link in the place of the file is not followed, were it to the client's own
// lease: who can write to the directory does not make it read another file, nor
// write it.
func TestLinkIsNotFollowed_LIF_09(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	h := inherit(t)
	elsewhere := filepath.Join(h.dir, "elsewhere")
	must(t, os.Rename(h.file(), elsewhere))
	must(t, os.Symlink(elsewhere, h.file()))
	before, err := os.ReadFile(elsewhere)
	must(t, err)
	c := start(t, h.cli, h.dir)
	expect(t, h.n.WaitFor(t, patience, sent(h.cli)), message{Type: dhcpv4.MessageTypeDiscover})
	c.bound(t)
	renewNow(t, h.n, h.cli, c)
	c.end(t)
	wantWarnings(t, c, unreadable)
	if after, err := os.ReadFile(elsewhere); err != nil || !bytes.Equal(after, before) {
		t.Errorf("what the link led to is now %q, %v", after, err)
	}
	if got := listing(filepath.Dir(h.file())); got != "eth0.json regular" {
		t.Errorf("in the directory is %q", got)
	}
}
