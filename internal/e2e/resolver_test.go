package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// kills is how often a client is killed while it writes the resolver file.
const kills = 100

// Whoever reads the resolver file while a client is killed that writes it has
// what stood there or what the client wrote, whole (HST-06). The client is killed
// when the first change of the file is seen, or a moment after.
func TestResolverFileIsWhole_HST_06(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, mounted := range []bool{false, true} {
		t.Run(fmt.Sprintf("mounted=%t", mounted), func(t *testing.T) {
			t.Parallel()
			cli, peer := cable(t)
			srv := peer.lie(t, func(*dhcptest.Config) {})
			dir := stateDir(t)
			file := filepath.Join(dir, "resolv.conf")
			writeFile(t, file, theirText)
			must(t, os.Mkdir(filepath.Join(dir, "leases"), 0o755))
			watched := dir
			if mounted {
				must(t, unix.Mount(file, file, "", unix.MS_BIND, ""))
				t.Cleanup(func() { must(t, unix.Unmount(file, 0)) })
				watched = file
			}
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 0))
			var k counter
			defer k.files(t, watched)()
			for i := range kills {
				name := fmt.Sprintf("nameserver 203.0.113.%d\n", i+1)
				must(t, srv.Configure(func(c *dhcptest.Config) {
					c.DNS = []netip.Addr{netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)})}
				}))
				c := start(t, cli, dir, "--acd=off")
				after := rng.IntN(3)
				k.arm(c, 1+after)
				eventually(t, "the end of a client", func() bool {
					if k.quiet() > 50*time.Millisecond && strings.Contains(c.resolver(), name) {
						_ = c.cmd.Process.Kill() // it had fewer steps
					}
					return c.hasEnded()
				})
				k.disarm()
				// Where it was cut off between two steps in place there are empty
				// lines behind the text.
				got := strings.TrimRight(c.resolver(), "\n") + "\n"
				ours := strings.HasPrefix(got, "# Written by dhclient-go") && strings.Contains(got, "\nnameserver 203.0.113.") &&
					strings.HasSuffix(got, "#~ # by hand\n#~ nameserver 203.0.113.53\n")
				if got != theirText && !ours {
					t.Fatalf("client %d left %q", i, got)
				}
			}
			c := start(t, cli, dir, "--acd=off", "--on-exit=remove")
			c.bound(t)
			eventually(t, "the last name server", func() bool { return strings.Contains(c.resolver(), "nameserver 203.0.113.100\n") })
			c.end(t)
			if got := c.resolver(); got != theirText {
				t.Errorf("left is %q", got)
			}
			if got := listing(dir); got != "leases d---------, resolv.conf regular" {
				t.Errorf("in the directory is %q", got)
			}
		})
	}
}

// Where the resolver file cannot be written it stays as it is, and the lease is
// none the worse; when it can, the next renewal writes it.
func TestResolverFileCannotBeWritten_HST_06(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, c := range []struct {
		name, disk string
		full       bool
		says       string
	}{
		{"disk full", "size=8k", true, "no space left on device"},
		{"read-only", "size=64k", false, "read-only file system"},
	} {
		t.Run(c.name, func(t *testing.T) {
			turn(t)
			cli, peer := cable(t)
			peer.lie(t, func(*dhcptest.Config) {})
			n := sniff(t, cli)
			dir := stateDir(t)
			etc := filepath.Join(dir, "etc")
			smallDisk(t, etc, c.disk)
			file := filepath.Join(etc, "resolv.conf")
			writeFile(t, file, theirText)
			if c.full {
				writeFile(t, filepath.Join(etc, "other"), strings.Repeat("x", 4096))
			} else {
				readOnly(t, etc)
			}
			before := listing(etc)
			p := start(t, cli, dir, "--resolv-conf", file, "--on-exit=remove")
			a := p.bound(t).Addr()
			p.stderr.wait(t, "the warning", func(line string) bool { return strings.Contains(line, "warning: ") })
			if got := cli.one(t); got.Local != a || len(cli.routes(t)) != 2 {
				t.Errorf("address %+v, routes %q", got, cli.routes(t))
			}
			if b, err := os.ReadFile(file); string(b) != theirText {
				t.Errorf("the file is %q, %v", b, err)
			}
			if got := listing(etc); got != before {
				t.Errorf("in the directory is %q, before %q", got, before)
			}
			renewNow(t, n, cli, p)
			if c.full {
				must(t, os.Remove(filepath.Join(etc, "other")))
				renewNow(t, n, cli, p)
				eventually(t, "name servers in the file", func() bool {
					b, _ := os.ReadFile(file)
					return strings.Contains(string(b), "nameserver "+dns.String())
				})
			}
			p.end(t)
			wantWarnings(t, p, "warning: after the lease was applied: ")
			if !strings.Contains(p.stderr.String(), c.says) {
				t.Errorf("no %q", c.says)
			}
			if b, err := os.ReadFile(file); string(b) != theirText {
				t.Errorf("left is %q, %v", b, err)
			}
		})
	}
}

// The notes about the file are on another disk, which is full: without a note of
// what stands there nothing is written over it.
func TestResolverNotesCannotBeWritten_HST_06(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	peer.lie(t, func(*dhcptest.Config) {})
	n := sniff(t, cli)
	dir := stateDir(t)
	file := filepath.Join(dir, "resolv.conf")
	writeFile(t, file, theirText)
	// The mount is that of `ip netns exec`. One page for the note of the name
	// servers, none for what stood there.
	c := launch(t, cli, "/bin/sh", "-c", `mkdir -p /run/dhclient-go/resolv && mount -t tmpfs -o size=4k none /run/dhclient-go/resolv && exec "$@"`, "sh",
		program(t), "eth0", "-vv", "--lease-dir", filepath.Join(dir, "leases"), "--resolv-conf", file, "--on-exit=remove")
	c.resolv = file
	c.bound(t)
	c.stderr.wait(t, "the warning", func(line string) bool { return strings.Contains(line, "warning: ") })
	renewNow(t, n, cli, c)
	if got := c.resolver(); got != theirText {
		t.Errorf("the file is %q", got)
	}
	c.end(t)
	if got := c.resolver(); got != theirText {
		t.Errorf("left is %q", got)
	}
	cli.bare(t)
}
