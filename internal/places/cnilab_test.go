package places_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// cnitool is that of the CNI project, and yamljson writes YAML as JSON: in memory;
// nil if they cannot be built.
var cnitool, yamljson []byte

// buildTools builds them, from a module of their own: what they take is none of ours.
func buildTools(dir string) {
	cmd := exec.Command("go", "build", "-o", dir, "github.com/containernetworking/cni/cnitool", "./yamljson")
	cmd.Dir = filepath.Join(root, "internal", "places", "tools")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		_, _ = os.Stderr.Write(out) // tests that need them say so
	}
}

// What the server of a lab says.
var (
	labServer = netip.MustParsePrefix("192.0.2.1/24")
	labFirst  = netip.MustParseAddr("192.0.2.10")
	labLast   = netip.MustParseAddr("192.0.2.250")
)

// A lab is a node whose bridge br0 leads to a network with a DHCP server, and who
// runs an agent for containers.
type lab struct {
	t              *testing.T
	node           *nettest.NS
	server         *servers.Server
	dir, bin, conf string
	socket, leases string
	agent          *exec.Cmd
	log            output
	ended          chan struct{}
}

func newLab(t *testing.T, o servers.Options) *lab {
	t.Helper()
	nettest.Require(t)
	plugins := filepath.Join(unpacked(t, "containernetworking-plugins"), "usr", "lib", "cni")
	if cnitool == nil {
		missing(t, "cnitool could not be built")
	}
	dir := t.TempDir()
	l := &lab{t: t, node: nettest.NewNS(t, "node"), dir: dir, bin: filepath.Join(dir, "bin"), conf: filepath.Join(dir, "net.d"),
		socket: filepath.Join(dir, "run", "agent.sock"), leases: filepath.Join(dir, "lib")}
	there := nettest.NewNS(t, "server")
	nettest.Veth(t, there, "eth0", l.node, "eth0")
	for _, line := range []string{"link add br0 type bridge forward_delay 0", "link set br0 up", "link set eth0 master br0"} {
		l.node.IP(t, strings.Fields(line)...)
	}
	o.NS, o.Interface, o.ServerAddr, o.Router, o.PoolFirst, o.PoolLast = there, "eth0", labServer, labServer.Addr(), labFirst, labLast
	l.server = servers.Start(t, servers.Dnsmasq, o)
	must(t, os.MkdirAll(l.bin, 0o755))
	for _, name := range []string{"bridge", "macvlan"} {
		must(t, os.Symlink(filepath.Join(plugins, name), filepath.Join(l.bin, name)))
	}
	put(t, filepath.Join(l.bin, "dhclient-go-cni"), 0o755, programs["dhclient-go-cni"])
	put(t, filepath.Join(dir, "dhclient-go"), 0o755, programs["dhclient-go"])
	put(t, filepath.Join(dir, "cnitool"), 0o755, cnitool)
	return l
}

// network writes the configuration of a network: plugins are JSON objects, in
// which IPAM stands for what has us called.
func (l *lab) network(name, version, plugins string) {
	l.t.Helper()
	ipam := `"ipam": {"type": "dhclient-go-cni", "socket": "` + l.socket + `"}`
	text := `{"cniVersion": "` + version + `", "name": "` + name + `", "plugins": [` + strings.ReplaceAll(plugins, "IPAM", ipam) + `]}`
	put(l.t, filepath.Join(l.conf, name+".conflist"), 0o644, []byte(text))
}

// agentCapabilities are all that an agent for containers needs.
var agentCapabilities = []string{"net_admin", "net_raw", "net_bind_service", "sys_admin"}

// start starts the agent, which is ended with the test.
func (l *lab) start() {
	l.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l.agent = l.node.Command(ctx, "setpriv", "--no-new-privs", "--bounding-set=-all,+"+strings.Join(agentCapabilities, ",+"),
		filepath.Join(l.dir, "dhclient-go"), "agent", "--cni="+l.socket, "-v",
		"--lease-dir", l.leases, "--control-dir", filepath.Join(l.dir, "control"))
	l.agent.Stdout, l.agent.Stderr = &l.log, &l.log
	must(l.t, l.agent.Start())
	ended := make(chan struct{})
	go func(cmd *exec.Cmd) { _ = cmd.Wait(); close(ended) }(l.agent)
	l.ended = ended
	l.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// kill ends the agent without a word.
func (l *lab) kill() {
	l.t.Helper()
	must(l.t, l.agent.Process.Signal(syscall.SIGKILL))
	<-l.ended
}

// show has the log of the agent shown if the test fails.
func (l *lab) show() {
	if l.t.Failed() {
		l.t.Logf("the agent:\n%s", &l.log)
	}
}

// tool runs cnitool for a container, and returns what it prints and whether it
// succeeds.
func (l *lab) tool(command, network string, box *nettest.NS) (string, bool) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	cmd := l.node.Command(ctx, filepath.Join(l.dir, "cnitool"), command, network, "/run/netns/"+box.Name)
	cmd.Env = append(os.Environ(), "CNI_PATH="+l.bin, "NETCONFPATH="+l.conf)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// do is tool that has to succeed.
func (l *lab) do(command, network string, box *nettest.NS) string {
	l.t.Helper()
	out, ok := l.tool(command, network, box)
	if !ok {
		l.t.Fatalf("cnitool %s %s: %s", command, network, out)
	}
	return out
}

// A cniResult is what an ADD prints.
type cniResult struct {
	CNIVersion string `json:"cniVersion"`
	IPs        []struct {
		Version string       `json:"version"`
		Address netip.Prefix `json:"address"`
		Gateway netip.Addr   `json:"gateway"`
	} `json:"ips"`
	Routes []struct {
		Dst netip.Prefix `json:"dst"`
		GW  netip.Addr   `json:"gw"`
	} `json:"routes"`
	DNS struct {
		Nameservers []netip.Addr `json:"nameservers"`
	} `json:"dns"`
}

// add adds a container to a network, and returns its address.
func (l *lab) add(network string, box *nettest.NS) netip.Addr {
	l.t.Helper()
	var r cniResult
	out := l.do("add", network, box)
	if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.IPs) != 1 {
		l.t.Fatalf("ADD has printed %s: %v", out, err)
	}
	return r.IPs[0].Address.Addr()
}

// A call is one of the plugin itself, as a runtime would make it.
type call struct {
	command, container, ifname, netns, conf string
}

// plugin calls it, and returns what it prints and its exit code.
func (l *lab) plugin(c call) (string, int) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	cmd := l.node.Command(ctx, filepath.Join(l.bin, "dhclient-go-cni"))
	cmd.Env = append(os.Environ(), "CNI_PATH="+l.bin, "CNI_COMMAND="+c.command, "CNI_CONTAINERID="+c.container, "CNI_IFNAME="+c.ifname, "CNI_NETNS="+c.netns)
	cmd.Stdin = strings.NewReader(strings.ReplaceAll(c.conf, "IPAM", `"ipam": {"type": "dhclient-go-cni", "socket": "`+l.socket+`"}`))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	_ = cmd.Run()
	return out.String(), cmd.ProcessState.ExitCode()
}

// refused fails the test unless the call is refused with that code, in words that
// have that in them.
func (l *lab) refused(c call, code int, words string) {
	l.t.Helper()
	out, exit := l.plugin(c)
	var e struct {
		CNIVersion string `json:"cniVersion"`
		Code       int    `json:"code"`
		Msg        string `json:"msg"`
	}
	err := json.Unmarshal([]byte(out), &e)
	if err != nil || exit != 1 || e.Code != code || e.CNIVersion == "" || !strings.Contains(out, words) {
		l.t.Errorf("%+v: exit code %d, %s: want code %d with %q", c, exit, out, code, words)
	}
}

// pings says that the server answers the container.
func (l *lab) pings(box *nettest.NS) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	if out, err := box.Command(ctx, "ping", "-c1", "-W5", labServer.Addr().String()).CombinedOutput(); err != nil {
		l.t.Errorf("ping: %v\n%s", err, out)
	}
}

// watchAddresses notes what becomes of the addresses of a container. What it returns
// says, once, whether one was taken away.
func watchAddresses(t *testing.T, box *nettest.NS) (lost func() bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := box.Command(ctx, "ip", "-o", "-4", "monitor", "address")
	var out output
	cmd.Stdout = &out
	must(t, cmd.Start())
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	lo := func() { box.IP(t, "address", "replace", "192.0.2.254/32", "dev", "lo") }
	eventually(t, "word of addresses", func() bool { lo(); return strings.Contains(out.String(), "192.0.2.254") })
	return func() bool {
		// What it says of another address comes behind what was before.
		box.IP(t, "address", "add", "192.0.2.253/32", "dev", "lo")
		eventually(t, "word of addresses", func() bool { return strings.Contains(out.String(), "192.0.2.253") })
		return strings.Contains(out.String(), "Deleted")
	}
}
