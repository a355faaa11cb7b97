package places_test

import (
	"context"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
	"github.com/dhclient-go/dhclient-go/internal/places/oci"
)

// A site is a network with a DHCP and DNS server that nobody here wrote, and a
// namespace with a link to it, eth0, which is down.
type site struct {
	here, there *nettest.NS
	server      *servers.Server
}

// What the server of a site says. The container's address is the first of its
// range, or the second.
var (
	serverAddr = netip.MustParsePrefix("192.0.2.1/24")
	firstAddr  = netip.MustParseAddr("192.0.2.10")
)

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{here: nettest.NewNS(t, "box"), there: nettest.NewNS(t, "server")}
	nettest.Veth(t, s.there, "eth0", s.here, "eth0")
	s.here.IP(t, "link", "set", "dev", "eth0", "down")
	s.here.IP(t, "link", "set", "dev", "lo", "down")
	s.server = servers.Start(t, servers.Dnsmasq, servers.Options{
		NS: s.there, Interface: "eth0", ServerAddr: serverAddr, PoolFirst: firstAddr, PoolLast: firstAddr,
		Router: serverAddr.Addr(), DNS: []netip.Addr{serverAddr.Addr()}, Domain: "example.org",
	})
	s.serveNames(t)
	return s
}

// serveNames has another dnsmasq answer for www.example.org.
func (s *site) serveNames(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := s.there.Command(ctx, "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
		"--bind-interfaces", "--listen-address="+serverAddr.Addr().String(), "--address=/www.example.org/192.0.2.80")
	must(t, cmd.Start())
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
}

// isBare fails the test unless nothing is left of the lease, here and in the
// server's database.
func (s *site) isBare(t *testing.T) {
	t.Helper()
	s.server.WaitLease(t, firstAddr, false)
	if got := s.here.IP(t, "-4", "address", "show", "dev", "eth0"); got != "" {
		t.Errorf("addresses are left: %s", got)
	}
}

// has says that ip(8) says so of eth0 here.
func (s *site) has(t *testing.T, what string) bool {
	t.Helper()
	return strings.Contains(s.here.IP(t, "-4", "address", "show", "dev", "eth0"), what)
}

// A box is a container at a site.
type box struct {
	*site
	oci.Bundle
	out output // what the program prints
	log output // what the client prints
	run *oci.Container
}

// newBox makes a container of the example's configuration that runs guest with
// these steps.
func newBox(t *testing.T, steps ...string) *box {
	t.Helper()
	nettest.Require(t)
	if !oci.Installed() {
		missing(t, "package runc is not installed")
	}
	spec, err := oci.Load(filepath.Join(root, "examples", "container", "config.json"))
	must(t, err)
	b := &box{site: newSite(t), Bundle: oci.Bundle{Dir: t.TempDir(), Spec: spec}}
	spec.Join(filepath.Join("/run/netns", b.here.Name))
	spec.Process.Args = slices.Replace(spec.Process.Args, len(spec.Process.Args)-1, len(spec.Process.Args), append([]string{"/guest"}, steps...)...)
	b.put(t, "rootfs/dhclient-go", 0o755, programs["dhclient-go"])
	b.put(t, "rootfs/guest", 0o755, programs["guest"])
	b.put(t, "resolv.conf", 0o644, nil)
	return b
}

func (b *box) put(t *testing.T, path string, mode os.FileMode, content []byte) {
	t.Helper()
	put(t, filepath.Join(b.Dir, path), mode, content)
}

// start runs the container. It is removed when the test ends, however that ends.
func (b *box) start(t *testing.T) {
	t.Helper()
	must(t, b.Write())
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	var err error
	b.run, err = b.Start(ctx, b.here.Name, &b.out, &b.log)
	must(t, err)
	t.Cleanup(func() {
		cancel()
		_, _ = b.run.Wait() // it says so where it was waited for
		if t.Failed() {
			t.Logf("the program:\n%s\nthe client:\n%s", &b.out, &b.log)
		}
	})
}

// isReady waits until the program has come to that step.
func (b *box) isReady(t *testing.T) {
	t.Helper()
	b.out.isReady(t, b.run.Done())
}

// ends waits for the end of the container and wants that code.
func (b *box) ends(t *testing.T, want int) {
	t.Helper()
	code, err := b.run.Wait()
	must(t, err)
	if code != want {
		t.Errorf("exit code %d, want %d", code, want)
	}
}

// stop has the container end as podman-stop(1) does, with that code.
func (b *box) stop(t *testing.T, want int) {
	t.Helper()
	start := time.Now()
	must(t, b.run.Kill("TERM"))
	b.ends(t, want)
	took := time.Since(start)
	t.Logf("SIGTERM to the end: %v", took.Round(time.Millisecond))
	// A second is meant; the rest is for a busy machine.
	if took > 5*time.Second {
		t.Errorf("SIGTERM to the end took %v", took)
	}
}

// nobody is the user that no file belongs to.
const nobody = 65534

// asNobody has the container run without root.
func (b *box) asNobody(t *testing.T) {
	t.Helper()
	needsNobody(t)
	b.Spec.Process.User.UID, b.Spec.Process.User.GID = nobody, nobody
}

// needsNobody skips a test where nobody is no user.
func needsNobody(t *testing.T) {
	t.Helper()
	// "0 0 4294967295": all users there are.
	if m, err := os.ReadFile("/proc/self/uid_map"); err != nil || len(strings.Fields(string(m))) != 3 || strings.HasSuffix(string(m), " 1\n") {
		missing(t, "there is no other user in this user namespace: %s, %v", m, err)
	}
}

// setCapabilities does what `setcap cap_net_bind_service,cap_net_admin,cap_net_raw=ep`
// does with a file of the bundle (capabilities(7), "File capability extended
// attribute versioning").
func (b *box) setCapabilities(t *testing.T, path string) {
	t.Helper()
	const version2Effective = 0x02000001
	const set = 1<<unix.CAP_NET_BIND_SERVICE | 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW
	var value []byte
	for _, word := range []uint32{version2Effective, set, 0, 0, 0} {
		value = binary.LittleEndian.AppendUint32(value, word)
	}
	must(t, unix.Setxattr(filepath.Join(b.Dir, path), "security.capability", value, 0))
}
