package hook

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A stage is a link eth0 in a namespace, with a neighbour, for a script that
// configures it; /etc is the test's own (package nettest), and so is the host name.
type stage struct {
	*Script
	t   *testing.T
	ns  *nettest.NS
	log *journal
}

// onStage gives the distribution's script a link. Not for parallel tests: they
// share /etc/resolv.conf.
func onStage(t *testing.T, script string, cfg Config) *stage {
	t.Helper()
	nettest.Require(t)
	if _, err := os.Stat(script); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("%s is not installed", script)
	}
	ns := nettest.NewNS(t, "client")
	nettest.Veth(t, ns, "eth0", nettest.NewNS(t, "server"), "eth0")
	cfg.Programs, cfg.Configures = []string{script}, true
	st := &stage{t: t, ns: ns}
	st.Script, st.log = newScript(t, cfg)
	write(t, "/etc/resolv.conf", "")
	t.Cleanup(func() { write(t, "/etc/resolv.conf", "") })
	return st
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// do runs f where programs that it starts are in the link's namespace, and in one
// where the host is called localhost.
func (st *stage) do(f func() error) {
	st.t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	uts, err := unix.Open("/proc/thread-self/ns/uts", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		st.t.Fatal(err)
	}
	defer unix.Close(uts)
	if err := errors.Join(unix.Unshare(unix.CLONE_NEWUTS), unix.Sethostname([]byte("localhost"))); err != nil {
		st.t.Fatal(err)
	}
	defer func() {
		if err := unix.Setns(uts, unix.CLONE_NEWUTS); err != nil {
			st.t.Error(err)
		}
	}()
	st.ns.Do(st.t, func() { err = f() })
	if err != nil {
		st.t.Fatalf("%v\n%v", err, st.log)
	}
}

// host is what a host's name is now, in do.
func host(t *testing.T) string {
	t.Helper()
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	return unix.ByteSliceToString(u.Nodename[:])
}

func (st *stage) apply(why client.Reason, next *lease.Lease, prev ...*lease.Lease) {
	st.t.Helper()
	st.do(func() error { return st.ApplyFor(st.t.Context(), why, next, prev) })
}

// lifetime is what a lease of the kernel has left, which goes down.
var lifetime = regexp.MustCompile(`_lft ([0-9]+)sec`)

// addresses are those of the link, one a line, with whether their lifetime is that
// of a lease of seconds.
func (st *stage) addresses(seconds int) string {
	st.t.Helper()
	var list []string
	for line := range strings.Lines(st.ns.IP(st.t, "-4", "-o", "address", "show", "dev", "eth0")) {
		_, line, _ := strings.Cut(line, "inet ")
		address, rest, _ := strings.Cut(line, " scope ")
		for _, m := range lifetime.FindAllStringSubmatch(rest, -1) {
			if n, err := strconv.Atoi(m[1]); err != nil || n > seconds || n < seconds-60 {
				st.t.Errorf("a lifetime of %s s, want %d", m[1], seconds)
			}
		}
		if strings.Count(rest, "sec") != 2 {
			address += " for ever"
		}
		list = append(list, address)
	}
	return strings.Join(list, "\n")
}

func (st *stage) routes() string {
	st.t.Helper()
	var list []string
	for line := range strings.Lines(st.ns.IP(st.t, "-4", "route", "show", "dev", "eth0")) {
		if !strings.Contains(line, "proto kernel") {
			list = append(list, strings.TrimSpace(line))
		}
	}
	return strings.Join(list, "\n")
}

// want holds the link and the resolver against what a script is known to make.
func (st *stage) want(when string, seconds int, addresses, routes, resolver string) {
	st.t.Helper()
	if got := st.addresses(seconds); got != addresses {
		st.t.Errorf("%s: the addresses are %q, want %q\n%v", when, got, addresses, st.log)
	}
	if got := st.routes(); got != routes {
		st.t.Errorf("%s: the routes are %q, want %q\n%v", when, got, routes, st.log)
	}
	if got := strings.TrimSpace(readFile(st.t, "/etc/resolv.conf")); got != resolver {
		st.t.Errorf("%s: resolv.conf is %q, want %q", when, got, resolver)
	}
}

func (st *stage) down() { st.t.Helper(); st.ns.IP(st.t, "link", "set", "dev", "eth0", "down") }

func (st *stage) up(when string) {
	st.t.Helper()
	if !strings.Contains(st.ns.IP(st.t, "-o", "link", "show", "dev", "eth0"), ",UP") {
		st.t.Errorf("%s: the link is not up\n%v", when, st.log)
	}
}

// TestDebianDhclientScript runs /sbin/dhclient-script of isc-dhcp-client as it is,
// with its exit hooks.
func TestDebianDhclientScript(t *testing.T) {
	st := onStage(t, "/sbin/dhclient-script", Config{Dialect: Dhclient})
	const address, resolver = "10.9.0.5/24 brd 10.9.0.255", "domain example.org\nsearch lab.example.org. example.org.\nnameserver 10.9.0.1\nnameserver 10.9.0.2"
	l := sample(t, 5)

	st.down()
	st.do(func() error { return st.Preinit(t.Context()) })
	st.up("PREINIT")
	st.want("PREINIT", 0, "", "", "")

	st.do(func() error {
		err := st.ApplyFor(t.Context(), client.ReasonBound, l, nil)
		if name := host(t); name != "box" {
			t.Errorf("the host is called %s, want box", name)
		}
		return err
	})
	st.want("BOUND", 3600, address, "default via 10.9.0.1", resolver)
	if link := st.ns.IP(t, "-o", "link", "show", "dev", "eth0"); !strings.Contains(link, "mtu 1400 ") {
		t.Errorf("the MTU is not 1400: %s", link)
	}

	longer := with(t, l, map[uint8][]byte{51: {0, 0, 28, 32}, 6: {10, 9, 0, 2}})
	st.apply(client.ReasonRenew, longer, l)
	st.want("RENEW", 7200, address, "default via 10.9.0.1", strings.Replace(resolver, "nameserver 10.9.0.1\n", "", 1))

	classless := with(t, sample(t, 6), map[uint8][]byte{121: {16, 10, 1, 10, 9, 0, 1, 0, 10, 9, 0, 2}})
	st.apply(client.ReasonRebind, classless, longer)
	st.want("REBIND with another address", 3600, "10.9.0.6/24 brd 10.9.0.255", "", resolver)

	st.apply(client.ReasonExpire, nil, classless)
	st.want("EXPIRE", 0, "", "", resolver)
	st.up("EXPIRE")

	st.apply(client.ReasonReboot, classless)
	st.want("REBOOT with classless routes", 3600, "10.9.0.6/24 brd 10.9.0.255", "default via 10.9.0.2\n10.1.0.0/16 via 10.9.0.1", resolver)

	st.apply(client.ReasonRelease, nil, classless)
	st.want("RELEASE", 0, "", "", resolver)

	st.apply(client.ReasonBound, l)
	st.apply(client.ReasonStop, nil, l)
	st.want("STOP", 0, "", "", resolver)

	// The script's ping of the recorded router does not come back.
	st.ns.IP(t, "route", "add", "unreachable", "10.9.0.1")
	st.ns.Do(t, func() {
		if err := st.ApplyFor(t.Context(), client.ReasonStored, l, nil); err == nil || errors.Is(err, client.ErrDecline) || !strings.Contains(err.Error(), "TIMEOUT: ended with status 2") {
			t.Errorf("TIMEOUT of a lease whose router is not there: %v", err)
		}
	})
	st.want("TIMEOUT", 0, "", "", resolver)
}

// A hook of the administrator's that ends the script refuses the address.
func TestDebianDhclientScript_Declines(t *testing.T) {
	const enter = "/etc/dhcp/dhclient-enter-hooks"
	st := onStage(t, "/sbin/dhclient-script", Config{Dialect: Dhclient})
	if _, err := os.Lstat(enter); err == nil {
		t.Skipf("%s is there already", enter)
	}
	write(t, enter, `[ "$new_ip_address" != 10.9.0.5 ] || exit 1`)
	t.Cleanup(func() { _ = os.Remove(enter) })
	st.ns.Do(t, func() {
		if err := st.ApplyFor(t.Context(), client.ReasonBound, without(t, sample(t, 5)), nil); !errors.Is(err, client.ErrDecline) {
			t.Errorf("the error is %v", err)
		}
		if err := st.ApplyFor(t.Context(), client.ReasonBound, without(t, sample(t, 6)), nil); err != nil {
			t.Error(err)
		}
	})
	if got := st.addresses(3600); got != "10.9.0.6/24 brd 10.9.0.255" {
		t.Errorf("the addresses are %q", got)
	}
}

// without is a lease that names no host: the name would be that of the machine.
func without(t testing.TB, l *lease.Lease) *lease.Lease {
	return with(t, l, map[uint8][]byte{12: nil})
}

// TestDebianUdhcpcScript runs /etc/udhcpc/default.script of Debian's udhcpc as it
// is.
func TestDebianUdhcpcScript(t *testing.T) {
	st := onStage(t, "/etc/udhcpc/default.script", Config{Dialect: Udhcpc})
	const address, resolver = "10.9.0.5/24 brd 10.9.0.255 for ever", "domain example.org\nnameserver 10.9.0.1\nnameserver 10.9.0.2"
	l := sample(t, 5)
	l = with(t, l, map[uint8][]byte{28: {10, 9, 0, 255}})

	st.down()
	st.do(func() error { return st.Preinit(t.Context()) })
	st.up("deconfig")
	st.want("deconfig", 0, "", "", "")

	st.apply(client.ReasonBound, l)
	st.want("bound", 0, address, "default via 10.9.0.1", resolver)
	if link := st.ns.IP(t, "-o", "link", "show", "dev", "eth0"); !strings.Contains(link, "mtu 1400 ") {
		t.Errorf("the MTU is not 1400: %s", link)
	}
	renewed := with(t, l, map[uint8][]byte{3: {10, 9, 0, 2}, 15: nil, 6: {10, 9, 0, 2}})
	renewed.Domain = ""
	st.apply(client.ReasonRenew, renewed, l)
	st.want("renew", 0, address, "default via 10.9.0.2", "nameserver 10.9.0.2")

	st.Tell(client.ReasonNak, "no")
	st.apply(client.ReasonNak, nil, renewed)
	st.want("nak", 0, "", "", "nameserver 10.9.0.2")
	st.up("nak")

	st.apply(client.ReasonReboot, l)
	st.want("bound again", 0, address, "default via 10.9.0.1", resolver)
	for _, why := range []client.Reason{client.ReasonExpire, client.ReasonRelease} {
		st.apply(why, nil, l)
		st.want(why.String(), 0, "", "", resolver)
	}
}

// A script is found by its name in the search path, as udhcpc finds it, or from
// where the client was started.
func TestPrograms_AreFound(t *testing.T) {
	path := program(t, "exit 7")
	t.Chdir(filepath.Dir(path))
	for name, d := range map[string]Dialect{"hook": Dhclient, "./hook": Udhcpc} {
		s, _ := newScript(t, Config{Programs: []string{name}, Dialect: d, Configures: true})
		if s.cfg.Programs[0] != path {
			t.Errorf("%s is %s, want %s", name, s.cfg.Programs[0], path)
		}
	}
	t.Setenv("PATH", filepath.Dir(path)+":"+os.Getenv("PATH"))
	s, j := newScript(t, Config{Programs: []string{"hook"}, Dialect: Udhcpc, Configures: true})
	apply(t, s, client.ReasonBound, sample(t, 5))
	if !strings.Contains(j.String(), "ended with status 7") {
		t.Errorf("it was not run: %v", j)
	}
}
