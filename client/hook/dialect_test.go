package hook

import (
	"encoding/json"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// compare holds an environment against what it should be; what the shell sets by
// itself and what counts in no dialect is left out.
func compare(t *testing.T, got, want map[string]string) {
	t.Helper()
	got = maps.Clone(got)
	for _, name := range []string{"PWD", "PATH"} {
		delete(got, name)
	}
	for name := range maps.Keys(got) {
		if _, ok := want[name]; !ok {
			t.Errorf("%s=%s is not expected", name, got[name])
		}
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
}

// dhclientSample is what dhclient 4.4.3 gives its script for sample(5), beside
// what is of the client itself.
var dhclientSample = map[string]string{
	"ip_address": "10.9.0.5", "network_number": "10.9.0.0", "broadcast_address": "10.9.0.255", "subnet_mask": "255.255.255.0",
	"routers": "10.9.0.1", "domain_name_servers": "10.9.0.1 10.9.0.2", "domain_name": "example.org", "host_name": "box",
	"interface_mtu": "1400", "ntp_servers": "10.9.0.3", "dhcp_lease_time": "3600", "dhcp_message_type": "5",
	"dhcp_server_identifier": "10.9.0.1", "dhcp_renewal_time": "1800", "dhcp_rebinding_time": "3150",
	"domain_search": "lab.example.org. example.org.", "unknown_245": "1:2:3", "expiry": "1800003600",
}

func dhclientEnv(reason string, leases map[string]map[string]string) map[string]string {
	env := map[string]string{"reason": reason, "interface": "eth0", "pid": strconv.Itoa(os.Getpid()), "MINE": "yes"}
	for prefix, values := range leases {
		for name, value := range values {
			env[prefix+name] = value
		}
	}
	return env
}

func other(m map[string]string, changes ...string) map[string]string {
	m = maps.Clone(m)
	for i := 0; i < len(changes); i += 2 {
		m[changes[i]] = changes[i+1]
	}
	maps.DeleteFunc(m, func(_, v string) bool { return v == "" })
	return m
}

// TestDhclient is a life of a lease as dhclient-script(8) has it, held against
// what dhclient 4.4.3 gave a script that printed its environment.
func TestDhclient(t *testing.T) {
	t.Setenv("SECRET", "not for scripts")
	r := record(t)
	s, j := newScript(t, Config{Programs: []string{r.path}, Dialect: Dhclient, Configures: true, Env: []string{"MINE=yes"}, Requested: []uint8{1, 121, 245}})
	requested := map[string]string{"subnet_mask": "1", "rfc3442_classless_static_routes": "1", "unknown_245": "1"}
	l := sample(t, 5)
	if err := s.Preinit(t.Context()); err != nil {
		t.Fatal(err)
	}
	apply(t, s, client.ReasonBound, l)
	apply(t, s, client.ReasonRenew, with(t, l, map[uint8][]byte{26: nil, 15: []byte("a.example b.example")}), l)
	apply(t, s, client.ReasonReboot, l)
	apply(t, s, client.ReasonExpire, nil, l)
	apply(t, s, client.ReasonStored, l)
	apply(t, s, client.ReasonRelease, nil, l)
	apply(t, s, client.ReasonStop, nil) // there is nothing to take off
	s.Tell(client.ReasonNak, "of no interest")
	s.Tell(client.ReasonFail, "")
	s.Close()

	sampled, renewed := dhclientSample, other(dhclientSample, "interface_mtu", "", "domain_name", "a.example b.example")
	want := []map[string]string{
		dhclientEnv("PREINIT", nil),
		dhclientEnv("BOUND", map[string]map[string]string{"new_": sampled, "requested_": requested}),
		dhclientEnv("RENEW", map[string]map[string]string{"new_": renewed, "old_": sampled, "requested_": requested}),
		dhclientEnv("REBOOT", map[string]map[string]string{"new_": sampled, "requested_": requested}),
		dhclientEnv("EXPIRE", map[string]map[string]string{"old_": sampled, "requested_": requested}),
		dhclientEnv("PREINIT", nil),
		dhclientEnv("TIMEOUT", map[string]map[string]string{"new_": sampled, "requested_": requested}),
		dhclientEnv("RELEASE", map[string]map[string]string{"old_": sampled, "requested_": requested}),
		dhclientEnv("FAIL", nil),
	}
	runs := r.runs(t)
	if len(runs) != len(want) {
		t.Fatalf("ran %s\n%v", words(runs), j)
	}
	for i, run := range runs {
		if run.arg != "" || run.stdin != "" {
			t.Errorf("%s: arguments %q, input %q", run.env["reason"], run.arg, run.stdin)
		}
		compare(t, run.env, want[i])
	}
}

// What a server leaves out dhclient computes, and what is not from an option has
// names too.
func TestDhclient_Values(t *testing.T) {
	t.Parallel()
	s, _ := newScript(t, Config{Programs: []string{"/bin/true"}, Dialect: Dhclient})
	for name, tt := range map[string]struct {
		change func(*lease.Lease)
		want   map[string]string
	}{
		"a broadcast address that was said": {func(l *lease.Lease) { l.Broadcast = netip.MustParseAddr("10.9.0.0") },
			map[string]string{"new_broadcast_address": "10.9.0.0"}},
		"one address": {func(l *lease.Lease) { *l = *with(t, l, map[uint8][]byte{1: {255, 255, 255, 255}}) },
			map[string]string{"new_network_number": "10.9.0.5", "new_broadcast_address": "10.9.0.5"}},
		"the mask of its class": {func(l *lease.Lease) { *l = *with(t, l, map[uint8][]byte{1: nil}); l.Bits = 8 },
			map[string]string{"new_subnet_mask": "255.0.0.0", "new_broadcast_address": "10.255.255.255"}},
		"for ever": {func(l *lease.Lease) { *l = *with(t, l, map[uint8][]byte{51: {255, 255, 255, 255}}) },
			map[string]string{"new_expiry": "4294967295", "new_dhcp_lease_time": "4294967295"}},
		"boot": {func(l *lease.Lease) {
			l.NextServer, l.ServerName, l.BootFile = l.Server, "srv", "pxe/linux.0"
		}, map[string]string{"new_next_server": "10.9.0.1", "new_server_name": "srv", "new_filename": "pxe/linux.0"}},
		"boot that no script should see": {func(l *lease.Lease) { l.ServerName, l.BootFile = "a b", "$(id)" },
			map[string]string{"new_server_name": "", "new_filename": ""}},
		"classless routes": {func(l *lease.Lease) {
			*l = *with(t, l, map[uint8][]byte{3: nil, 121: {16, 10, 1, 10, 9, 0, 1, 0, 10, 9, 0, 1}})
		}, map[string]string{"new_rfc3442_classless_static_routes": "16 10 1 10 9 0 1 0 10 9 0 1", "new_routers": ""}},
		"what a renewal leaves out": {func(l *lease.Lease) { l.Options = nil },
			map[string]string{"new_routers": "10.9.0.1", "new_domain_name": "example.org", "new_host_name": "box", "new_interface_mtu": "1400",
				"new_dhcp_renewal_time": ""}},
		"a name that is none": {func(l *lease.Lease) { *l = *with(t, l, map[uint8][]byte{12: []byte("a;b")}) }, map[string]string{"new_host_name": ""}},
		"a portal":            {func(l *lease.Lease) { l.CaptivePortal = "https://portal.example/x" }, map[string]string{"new_default_url": "https://portal.example/x"}},
	} {
		l := sample(t, 5)
		tt.change(l)
		env := envOf(s.dhclientCall(news{why: client.ReasonBound, next: l}, "BOUND").env)
		for n, v := range tt.want {
			if env[n] != v {
				t.Errorf("%s: %s is %q, want %q", name, n, env[n], v)
			}
		}
	}
}

// udhcpcSample is what busybox 1.35 gives its script for sample(5), but for
// boot_file and the like.
var udhcpcSample = map[string]string{
	"interface": "eth0", "ip": "10.9.0.5", "mask": "24", "subnet": "255.255.255.0", "router": "10.9.0.1", "dns": "10.9.0.1 10.9.0.2",
	"domain": "example.org", "hostname": "box", "mtu": "1400", "ntpsrv": "10.9.0.3", "lease": "3600", "opt53": "05", "serverid": "10.9.0.1",
	"opt58": "00000708", "opt59": "00000c4e", "search": "lab.example.org example.org", "opt245": "010203",
}

// TestUdhcpc is the same for busybox's: the event is the argument, and a lease
// that is gone leaves no variables.
func TestUdhcpc(t *testing.T) {
	t.Setenv("IF_METRIC", "7")
	t.Setenv("NOTIFY_SOCKET", "/run/x")
	t.Setenv("PATH", os.Getenv("PATH")+":/elsewhere")
	r := record(t, "exit 3") // which udhcpc does not look at
	s, j := newScript(t, Config{Programs: []string{r.path}, Dialect: Udhcpc, Configures: true, Env: []string{"MINE=yes"}})
	l := sample(t, 5)
	renewed := with(t, l, map[uint8][]byte{28: {10, 9, 0, 255}, 33: {10, 7, 0, 0, 10, 9, 0, 1}, 121: {16, 10, 1, 10, 9, 0, 1}})
	renewed.NextServer, renewed.ServerName, renewed.BootFile = l.Server, "srv", "pxe.0"
	if err := s.Preinit(t.Context()); err != nil {
		t.Fatal(err)
	}
	apply(t, s, client.ReasonBound, l)
	apply(t, s, client.ReasonRenew, renewed, l)
	s.Tell(client.ReasonNak, "not yours any more")
	apply(t, s, client.ReasonNak, nil, l)
	s.Tell(client.ReasonNak, "nor this; id")
	s.Tell(client.ReasonFail, "")
	s.Close()
	want := []struct {
		arg string
		env map[string]string
	}{
		{"deconfig", map[string]string{"interface": "eth0"}},
		{"bound", udhcpcSample},
		{"renew", other(udhcpcSample, "broadcast", "10.9.0.255", "routes", "10.7.0.0/10.9.0.1", "staticroutes", "10.1.0.0/16 10.9.0.1",
			"siaddr", "10.9.0.1", "sname", "srv", "boot_file", "pxe.0")},
		{"nak", map[string]string{"interface": "eth0", "message": "not_yours_any_more"}},
		{"deconfig", map[string]string{"interface": "eth0"}},
		{"nak", map[string]string{"interface": "eth0"}},
		{"leasefail", map[string]string{"interface": "eth0"}},
	}
	runs := r.runs(t)
	if len(runs) != len(want) {
		t.Fatalf("ran %s\n%v", words(runs), j)
	}
	ours := envOf(os.Environ())
	for i, run := range runs {
		if run.arg != want[i].arg || run.env["MINE"] != "yes" || run.env["IF_METRIC"] != "7" || run.env["NOTIFY_SOCKET"] != "" || run.env["PATH"] != os.Getenv("PATH") {
			t.Errorf("%s, want %s; environment %v", run.arg, want[i].arg, run.env)
		}
		maps.DeleteFunc(run.env, func(name, _ string) bool { _, ok := ours[name]; return ok || name == "MINE" })
		compare(t, run.env, want[i].env)
	}
	if !strings.Contains(j.String(), "nor_this") {
		t.Errorf("the message that was kept from the script is not in the log: %v", j)
	}
}

// A NAK of which the scripts hear before it is known that it takes a lease is
// told once.
func TestUdhcpc_NakOnce(t *testing.T) {
	t.Parallel()
	r := record(t)
	s, _ := newScript(t, Config{Programs: []string{r.path}, Dialect: Udhcpc, Configures: true})
	s.Tell(client.ReasonNak, "no")
	apply(t, s, client.ReasonNak, nil, sample(t, 5)) // of a process before this one
	apply(t, s, client.ReasonBound, sample(t, 6))
	apply(t, s, client.ReasonNak, nil)
	if got := words(r.runs(t)); got != "nak deconfig bound nak deconfig" {
		t.Errorf("ran %s", got)
	}
}

// TestJSON: one document on the standard input, with the lease as it is stored.
func TestJSON(t *testing.T) {
	t.Setenv("SECRET", "not for scripts")
	r := record(t)
	s, _ := newScript(t, Config{Programs: []string{r.path}, Env: []string{"MINE=yes"}})
	l, next := sample(t, 5), with(t, sample(t, 5), map[uint8][]byte{17: []byte("$(id)\n\x00\xff")})
	apply(t, s, client.ReasonBound, l)
	apply(t, s, client.ReasonRenew, next, l)
	s.Tell(client.ReasonNak, "go \"away\"")
	apply(t, s, client.ReasonNak, nil, next)
	runs := r.runs(t)
	if got := words(runs); got != "bound renew nak" {
		t.Fatalf("ran %s", got)
	}
	for i, run := range runs {
		var d Document
		if err := json.Unmarshal([]byte(run.stdin), &d); err != nil || strings.Count(run.stdin, "\n") != 1 {
			t.Fatalf("%v: %q", err, run.stdin)
		}
		compare(t, run.env, map[string]string{"MINE": "yes", "DHCLIENT_GO_EVENT": d.Event, "DHCLIENT_GO_INTERFACE": "eth0"})
		wantNew := []*lease.Lease{l, next, nil}[i]
		wantOld := []*lease.Lease{nil, l, next}[i]
		if d.Interface != "eth0" || d.Time.IsZero() || !same(d.Lease, wantNew) || !same(d.OldLease, wantOld) || (d.Message != "") != (i == 2) {
			t.Errorf("%s", run.stdin)
		}
	}
}

func same(a, b *lease.Lease) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return slices.Equal(x, y)
}
