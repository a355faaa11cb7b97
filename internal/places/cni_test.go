package places_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// A container on a macvlan link, as CNI's own tool adds it: it keeps its address
// over renewals and the death of the agent, and gives it back at the end.
func TestCNI_Macvlan(t *testing.T) {
	t.Parallel()
	l := newLab(t, servers.Options{T1: 2 * time.Second, T2: 3 * time.Second, Lease: 20 * time.Second})
	defer l.show()
	l.network("mv", "1.0.0", `{"type": "macvlan", "master": "br0", IPAM}`)
	l.start()
	box := nettest.NewNS(t, "box")
	addr := l.add("mv", box)
	l.pings(box)
	l.do("check", "mv", box)
	kept, _ := filepath.Glob(filepath.Join(l.leases, "cni", "*.attachment"))
	if len(kept) != 1 {
		t.Fatalf("kept are %v", kept)
	}
	// In its sandbox, too, it sees the container's end.
	if b, err := os.ReadFile(kept[0]); err != nil || !strings.Contains(string(b), `"seen":true`) {
		t.Errorf("%v: %s", err, b)
	}
	lost := watchAddresses(t, box)
	eventually(t, "renewal", func() bool { return strings.Contains(l.log.String(), "renewed") })
	l.kill()
	l.start()
	eventually(t, "CHECK that is content", func() bool { _, ok := l.tool("check", "mv", box); return ok })
	if !strings.Contains(l.log.String(), "attached as before") {
		t.Error("the second agent knows nothing of the first one's lease")
	}
	l.pings(box)
	if lost() {
		t.Error("the address was taken off the link meanwhile")
	}
	if got := box.IP(t, "-4", "address", "show", "dev", "eth0"); strings.Count(got, "inet ") != 1 || !strings.Contains(got, "inet "+addr.String()+"/24 ") {
		t.Errorf("addresses:\n%s", got)
	}
	if leases := l.server.Leases(t); len(leases) != 1 {
		t.Errorf("leases: %v", leases)
	}
	if got := l.node.IP(t, "-4", "address", "show", "scope", "global"); got != "" {
		t.Errorf("the host has got addresses:\n%s", got)
	}
	l.do("del", "mv", box)
	l.server.WaitLease(t, addr, false)
	l.do("del", "mv", box)
	if out, ok := l.tool("check", "mv", box); ok {
		t.Errorf("CHECK after DEL succeeds: %s", out)
	}
	if left, _ := filepath.Glob(filepath.Join(l.leases, "cni", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The plugin bridge deletes the link before it asks for the address to be given
// back: that takes us behind it in the network's list too.
func TestCNI_Bridge(t *testing.T) {
	t.Parallel()
	l := newLab(t, servers.Options{})
	defer l.show()
	bridge := `{"type": "bridge", "bridge": "br0", IPAM}`
	l.network("once", "1.0.0", bridge)
	l.network("twice", "1.0.0", bridge+`, {"type": "dhclient-go-cni", IPAM}`)
	l.start()
	box := nettest.NewNS(t, "box")
	addr := l.add("twice", box)
	l.pings(box)
	l.do("check", "twice", box)
	l.do("del", "twice", box)
	l.server.WaitLease(t, addr, false)
	addr = l.add("once", box)
	l.pings(box)
	l.do("del", "once", box)
	eventually(t, "word that the lease runs out", func() bool { return strings.Contains(l.log.String(), "the server keeps the lease until it runs out") })
	if !l.server.Leases(t)[addr].Active {
		t.Error("the lease was given back from a link that is gone")
	}
}

// GC, STATUS and what a result looks like, for each version of the specification.
func TestCNI_Plugin(t *testing.T) {
	t.Parallel()
	l := newLab(t, servers.Options{})
	defer l.show()
	conf := func(version, more string) string {
		return fmt.Sprintf(`{"cniVersion": %q, "name": "lan", "type": "macvlan", IPAM%s}`, version, more)
	}
	l.refused(call{command: "STATUS", conf: conf("1.1.0", "")}, 50, "no agent listens")
	box := nettest.NewNS(t, "box")
	netns := "/run/netns/" + box.Name
	if out, code := l.plugin(call{"DEL", "c1", "eth0", netns, conf("1.0.0", "")}); code != 0 {
		t.Errorf("DEL without an agent: %s", out)
	}
	l.start()
	eventually(t, "agent", func() bool { _, code := l.plugin(call{command: "STATUS", conf: conf("1.1.0", "")}); return code == 0 })
	l.node.IP(t, "link", "add", "link", "br0", "name", "mv0", "type", "macvlan", "mode", "bridge")
	l.node.IP(t, "link", "set", "dev", "mv0", "netns", box.Name, "name", "eth0")
	for version, word := range map[string]string{"0.1.0": `"ip4": {`, "0.3.1": `"version": "4"`, "0.4.0": `"version": "4"`, "1.0.0": `"ips": [`, "1.1.0": `"ips": [`} {
		out, code := l.plugin(call{"ADD", "c1", "eth0", netns, conf(version, "")})
		if code != 0 || !strings.Contains(out, `"cniVersion": "`+version+`"`) || !strings.Contains(out, word) || strings.Contains(out, "interface") {
			t.Errorf("ADD of %s: %s", version, out)
		}
		if old := strings.HasPrefix(version, "0."); !old && strings.Contains(out, `"version"`) {
			t.Errorf("ADD of %s: %s", version, out)
		}
	}
	if n := len(l.server.Leases(t)); n != 1 {
		t.Errorf("%d leases for one link", n)
	}
	// Another link of the same container has a life of its own.
	l.node.IP(t, "link", "add", "link", "br0", "name", "mv1", "type", "macvlan", "mode", "bridge")
	l.node.IP(t, "link", "set", "dev", "mv1", "netns", box.Name, "name", "eth1")
	for _, command := range []string{"ADD", "DEL"} {
		if out, code := l.plugin(call{command, "c1", "eth1", netns, conf("1.0.0", "")}); code != 0 {
			t.Errorf("%s of another link: %s", command, out)
		}
	}
	eventually(t, "one lease", func() bool { return len(l.server.Leases(t)) == 1 })
	gc := func(valid string) {
		t.Helper()
		if out, code := l.plugin(call{command: "GC", conf: conf("1.1.0", `, "cni.dev/valid-attachments": [`+valid+`]`)}); code != 0 || out != "" {
			t.Errorf("GC: %d, %s", code, out)
		}
	}
	gc(`{"containerID": "c1", "ifname": "eth0"}`)
	check := call{"CHECK", "c1", "eth0", netns, conf("1.0.0", "")}
	l.refused(check, 102, "is leased, but not on eth0")
	gc("")
	l.refused(check, 100, "lan/c1/eth0")
}

// What a runtime must not say is refused, with the specification's codes.
func TestCNI_BadInput(t *testing.T) {
	t.Parallel()
	l := newLab(t, servers.Options{})
	defer l.show()
	l.start()
	box := nettest.NewNS(t, "box")
	file := filepath.Join(l.dir, "file")
	put(t, file, 0o644, nil)
	good := call{"ADD", "c1", "eth0", "/run/netns/" + box.Name, `{"cniVersion": "1.0.0", "name": "lan", "type": "macvlan", IPAM}`}
	for _, tt := range []struct {
		name  string
		edit  func(*call)
		code  int
		words string
	}{
		{"container", func(c *call) { c.container = "../../etc" }, 4, "containerID"},
		{"no container", func(c *call) { c.container = "" }, 4, "CNI_CONTAINERID"},
		{"link", func(c *call) { c.ifname = "a/b" }, 4, "interface name"},
		{"link of another kind of name", func(c *call) { c.ifname = "a\u00a0b" }, 4, "interface name"},
		{"no such link", func(c *call) { c.ifname = "net7" }, 4, "CNI_IFNAME: there is no link net7"},
		{"no namespace", func(c *call) { c.netns = "/run/netns/nowhere" }, 4, "CNI_NETNS"},
		{"a file", func(c *call) { c.netns = file }, 4, "is not a network namespace"},
		{"another namespace", func(c *call) { c.netns = "/proc/self/ns/mnt" }, 4, "not one of the network"},
		{"the host's", func(c *call) { c.netns = "/proc/self/ns/net" }, 8, "network namespace of the host"},
		{"no JSON", func(c *call) { c.conf = "{" }, 6, ""},
		{"no name", func(c *call) { c.conf = `{"cniVersion": "1.0.0", IPAM}` }, 7, "name"},
		{"a path for a name", func(c *call) { c.conf = `{"cniVersion": "1.0.0", "name": "../x", IPAM}` }, 7, "name"},
		{"no ipam", func(c *call) { c.conf = `{"cniVersion": "1.0.0", "name": "x", "type": "macvlan"}` }, 7, "ipam"},
		{"a later version", func(c *call) { c.conf = `{"cniVersion": "9.0.0", "name": "x", IPAM}` }, 1, "incompatible"},
		{"too much", func(c *call) { c.conf = strings.Repeat(" ", 5<<20) }, 7, "octets"},
		{"a command", func(c *call) { c.command = "MAKE" }, 4, "MAKE"},
	} {
		c := good
		tt.edit(&c)
		t.Run(tt.name, func(t *testing.T) { l.refused(c, tt.code, tt.words) })
	}
	if left, _ := filepath.Glob(filepath.Join(l.leases, "cni", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if st, err := os.Stat(l.socket); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", st, err)
	}
}
