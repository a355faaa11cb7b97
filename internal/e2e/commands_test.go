package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// tell runs a command beside the client, which must end with that exit code.
func tell(t *testing.T, s *station, code int, args ...string) string {
	t.Helper()
	c := launch(t, s, program(t), args...)
	if got := c.exit(t); got != code {
		t.Fatalf("%q: exit code %d, not %d; %s%s", args, got, code, c.stdout, c.stderr)
	}
	out := c.stdout.String()
	if errs := c.stderr.String(); errs != "" {
		out += errs
	}
	return out + "\n"
}

// The commands beside the client, before a server that nobody here wrote: what
// they say is what is seen on the wire and in the server's database.
func TestCommands(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	servers.Require(t, servers.Dnsmasq)
	cli, peer := cable(t)
	o := peer.short(1)
	o.Lease, o.T1, o.T2 = time.Hour, 0, 0
	o.Extra = []string{"dhcp-option-force=224,a\x1b[2Jb"}
	srv := servers.Start(t, servers.Dnsmasq, o)
	n := sniff(t, peer)
	c := start(t, cli, stateDir(t))
	a := c.bound(t)
	srv.WaitLease(t, a.Addr(), true)
	is := fmt.Sprintf("eth0: %v from %v, lease 1h", a, router)

	for _, want := range []string{"eth0  BOUND  " + a.String() + " for ", "\n  server     192.0.2.1\n", "\n  routes     default via 192.0.2.1\n"} {
		if out := tell(t, cli, 0, "status"); !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	watcher := launch(t, cli, program(t), "watch", "eth0")
	watcher.stdout.wait(t, "the state", func(line string) bool { return strings.Contains(line, " eth0: BOUND, "+a.String()) })

	if out := tell(t, cli, 0, "renew"); !strings.HasPrefix(out, is) || !strings.HasSuffix(out, ", renewed\n") {
		t.Errorf("renew says %q", out)
	}
	renewal := n.WaitFor(t, patience, extends(cli))
	expect(t, renewal, message{Type: dhcpv4.MessageTypeRequest, Src: a.Addr(), Dst: router, To: peer.mac, Client: a.Addr()})
	if out := tell(t, cli, 0, "rebind", "eth0"); !strings.HasPrefix(out, is) {
		t.Errorf("rebind says %q", out)
	}
	n.WaitFor(t, patience, func(f frame.Frame) bool { return extends(cli)(f) && f.IPv4.Dst == all1 })

	out := tell(t, cli, 0, "lease")
	if !strings.Contains(out, "\n    224") || !strings.Contains(out, " 61 1b 5b 32 4a 62\n") || strings.Contains(out, "\x1b") {
		t.Errorf("the lease is\n%q", out)
	}
	if out := tell(t, cli, 0, "lease", "--json"); !strings.Contains(out, `"224": "611b5b324a62"`) {
		t.Errorf("the lease is\n%s", out)
	}

	if out := tell(t, cli, 0, "release"); out != fmt.Sprintf("eth0: %v released\n", a) {
		t.Errorf("release says %q", out)
	}
	n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeRelease))
	srv.WaitLease(t, a.Addr(), false)
	cli.bare(t)
	tell(t, cli, 2, "status", "eth0")
	if out := tell(t, cli, 0, "renew"); !strings.HasPrefix(out, is) {
		t.Errorf("renew after release says %q", out)
	}
	if out := tell(t, cli, 0, "stop"); !strings.HasPrefix(out, fmt.Sprintf("eth0: stopped; %v stays", a)) {
		t.Errorf("stop says %q", out)
	}
	for _, c := range []*client{c, watcher} {
		if code := c.exit(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
	for _, want := range []string{" eth0: BOUND → RENEWING: asked to renew", fmt.Sprintf(" eth0: %v released", a), fmt.Sprintf(" eth0: stopped; %v stays", a)} {
		if log := strings.ReplaceAll(watcher.stdout.String(), " -> ", " → "); !strings.Contains(log, want) {
			t.Errorf("watch has no %q:\n%s", want, log)
		}
	}
	tell(t, cli, 1, "status")
}
