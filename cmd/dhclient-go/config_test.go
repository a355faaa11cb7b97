package main

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/arpcheck"
	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// want is the options of a command line with no flag but one interface.
func want(change func(*options)) *options {
	o := newOptions()
	o.links = []string{"eth0"}
	change(o)
	return o
}

func TestParse(t *testing.T) {
	once := func(o *options) { o.oneshot, o.timeout = true, time.Minute }
	for _, tt := range []struct {
		args   string
		change func(*options)
	}{
		{"", func(*options) {}},
		{"-1", once},
		{"--oneshot --timeout 5", func(o *options) { once(o); o.timeout, o.timeoutSet = 5*time.Second, true }},
		{"--oneshot --timeout 0", func(o *options) { once(o); o.timeout, o.timeoutSet = forever, true }},
		{"--timeout 1m30s", func(o *options) { o.timeout, o.timeoutSet = 90*time.Second, true }},
		{"--dry-run", func(o *options) { o.dryRun, o.timeout = true, time.Minute }},
		{"-i eth1 -i eth2", func(o *options) { o.links = []string{"eth1", "eth2", "eth0"} }},
		{"-i release", func(o *options) { o.links = []string{"release", "eth0"} }},
		{"-i en* driver:virtio_net", func(o *options) {
			o.links = []string{"en*", "driver:virtio_net", "eth0"}
			o.selectors = []*selector{{text: "en*", names: "en*"}, {text: "driver:virtio_net", drivers: "virtio_net"}}
		}},
		{"--wait any", func(o *options) { o.waitAny = true }},
		{"--netns blue", func(o *options) { o.netns = &netns{text: "blue", path: "/run/netns/blue", name: "blue"} }},
		{"--wait first", func(o *options) { o.waitAny, o.waitFirst = true, true }},
		{"--wait first --wait any", func(o *options) { o.waitAny = true }},
		{"--wait any --wait all", func(*options) {}},
		{"--wait-link", func(o *options) { o.waitLink = forever }},
		{"--wait-link=10", func(o *options) { o.waitLink = 10 * time.Second }},
		{"--wait-link=300ms", func(o *options) { o.waitLink = 300 * time.Millisecond }},
		{"--on-exit keep --oneshot", func(o *options) { once(o); o.exitSet = true }},
		{"--on-exit remove", func(o *options) { o.exitSet, o.client.OnExit = true, client.Remove }},
		{"--on-exit=release", func(o *options) { o.exitSet, o.client.OnExit = true, client.Release }},
		{"--start-delay 3", func(o *options) { o.client.StartDelay = 3 * time.Second }},
		{"--hostname box.example.org", func(o *options) { o.client.Hostname = "box.example.org" }},
		{"--client-id mac", func(*options) {}},
		{"--client-id none", func(o *options) { o.client.ClientID = []byte{} }},
		{"--client-id 01:02:aF", func(o *options) { o.client.ClientID = []byte{1, 2, 0xaf} }},
		{"--client-id box", func(o *options) { o.client.ClientID = []byte("\x00box") }},
		{"--client-id 01:0", func(o *options) { o.client.ClientID = []byte("\x0001:0") }},
		{"--vendor-class udhcp", func(o *options) { o.client.VendorClass = "udhcp" }},
		{"--request-ip 192.0.2.7", func(o *options) { o.client.RequestIP = netip.MustParseAddr("192.0.2.7") }},
		{"-O 66,ntp-servers -O tftp -O66", func(o *options) { o.client.RequestOptions = []uint8{66, 42} }},
		{"--broadcast", func(o *options) { o.client.Broadcast = true }},
		{"--retransmit rfc2131", func(o *options) { o.client.Retransmit = client.RFC2131 }},
		{"--retransmit fast", func(*options) {}},
		{"--acd off", func(o *options) { o.client.ACD = client.NoProbe }},
		{"--acd optimistic", func(o *options) { o.client.ACD = client.Optimistic }},
		{"--acd rfc5227", func(o *options) { o.probe = arpcheck.RFC5227 }},
		{"--acd 1s", func(o *options) { o.probe = time.Second }},
		{"--metric 5", func(o *options) { o.netcfg.Metric = 5 }},
		{"--routes subnet", func(o *options) { o.netcfg.Routes = netcfg.RoutesSubnet }},
		{"--max-routes 20 --min-mtu 1280 --max-mtu 1400", func(o *options) {
			o.netcfg.MaxRoutes, o.netcfg.MinMTU, o.netcfg.MaxMTU = 20, 1280, 1400
		}},
		{"--select-timeout 3 --prefer longest --require-option 66,6", func(o *options) {
			o.client.SelectTimeout, o.client.Prefer = 3*time.Second, client.PreferLongest
			o.client.RequireOptions, o.client.RequestOptions = []uint8{66, 6}, []uint8{66, 6}
		}},
		{"--select-timeout 1 --prefer server", func(o *options) { o.client.SelectTimeout, o.client.Prefer = time.Second, client.PreferServer }},
		{"--prefer address", func(*options) {}},
		{"--allow-server 192.0.2.1 --allow-server 198.51.100.0/24 --allow-server 02:00:00:00:00:09", func(o *options) {
			o.client.AllowServers = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("198.51.100.0/24")}
			o.client.AllowStations = []net.HardwareAddr{{2, 0, 0, 0, 0, 9}}
		}},
		{"--deny-server 192.0.2.1 --deny-server 02:00:00:00:00:09", func(o *options) {
			o.client.RejectServers, o.client.RejectStations = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}, []net.HardwareAddr{{2, 0, 0, 0, 0, 9}}
		}},
		{"--table 100", func(o *options) { o.netcfg.Table = 100 }},
		{"--table main", func(o *options) { o.netcfg.Table = 254 }},
		{"--no-routes", func(o *options) { o.netcfg.Routes = netcfg.RoutesNone }},
		{"--no-dns", func(o *options) { o.noDNS = true }},
		{"--no-mtu", func(o *options) { o.netcfg.NoMTU = true }},
		{"--resolv-conf /run/resolv.conf", func(o *options) { o.resolvConf = "/run/resolv.conf" }},
		{"--lease-dir /run/leases", func(o *options) { o.leaseDir = "/run/leases" }},
		{"--script a --script=/b,c", func(o *options) { o.hooks.Programs = []string{"a", "/b,c"} }},
		{"--script a --script-env json", func(o *options) { o.hooks.Programs, o.scriptSet = []string{"a"}, true }},
		{"--script a --script-env dhclient --script-timeout 5", func(o *options) {
			o.hooks = hook.Config{Programs: []string{"a"}, Dialect: hook.Dhclient, Configures: true, Limit: 5 * time.Second}
			o.scriptSet = true
		}},
		{"--script a --script-env udhcpc --metric 9", func(o *options) {
			o.hooks = hook.Config{Programs: []string{"a"}, Dialect: hook.Udhcpc, Configures: true}
			o.scriptSet, o.netcfg.Metric = true, 9
		}},
		{"--script a --script-env udhcpc --script-env json --no-dns", func(o *options) {
			o.hooks.Programs, o.scriptSet, o.noDNS = []string{"a"}, true, true
		}},
		{"-v", func(o *options) { o.verbosity = 1 }},
		{"-vv", func(o *options) { o.verbosity = 2 }},
		{"--verbose -v --verbose", func(o *options) { o.verbosity = 3 }},
		{"-q --json --log-format json", func(o *options) { o.quiet, o.json, o.logJSON = true, true, true }},
	} {
		got, err := parse(append(strings.Fields(tt.args), "eth0"))
		if err != nil {
			t.Errorf("parse(%q): %v", tt.args, err)
			continue
		}
		if w := want(tt.change); !reflect.DeepEqual(got, w) {
			t.Errorf("parse(%q)\n is %+v\nnot %+v", tt.args, got, w)
		}
	}
}

// What is wrong is named, with its value, in one line.
func TestParse_Errors(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "no interface named (--help lists the flags)"},
		{[]string{"eth0", "eth0"}, "interface eth0 is named twice"},
		{[]string{"-i", "eth0", "eth0"}, "interface eth0 is named twice"},
		{[]string{""}, "the name of an interface is empty"},
		{[]string{"eth0/1"}, `"eth0/1" cannot be the name of an interface`},
		{[]string{"a name"}, `"a name" cannot be the name of an interface`},
		{[]string{"sixteen-octets--"}, `"sixteen-octets--" cannot be the name of an interface`},
		{[]string{"-i", ".."}, `--interface: ".." cannot be the name of an interface`},
		{[]string{"en*", "en*"}, "en* is named twice"},
		{[]string{"en[0"}, `"en[0" is not a pattern like en*, eth[0-3] or driver:virtio*`},
		{[]string{"-i", "driver:"}, `--interface: "driver:" is not a pattern like en*, eth[0-3] or driver:virtio*`},
		{[]string{"*/*"}, `"*/*" is not a pattern like en*, eth[0-3] or driver:virtio*`},
		{[]string{long + "*"}, `"` + long + `*" is not a pattern like en*, eth[0-3] or driver:virtio*`},
		{[]string{"mac:52:54:00:12:34"}, `"mac:52:54:00:12:34" is not a hardware address like mac:52:54:00:12:34:56`},
		{[]string{"mac:52:54:00:12:34:56:78:9a"}, `"mac:52:54:00:12:34:56:78:9a" is not a hardware address like mac:52:54:00:12:34:56`},
		{[]string{"eth0\n"}, `"eth0\n" cannot be the name of an interface`},
		{[]string{"release", "eth0"}, `"release" is a command and stands first; for an interface of that name: -i release`},
		{[]string{"eth0", "--wait-link", "5s"}, "--wait-link: takes its value with an equals sign: --wait-link=5s"},
		{[]string{"eth0", "--wait-link=0"}, `--wait-link: "0" is no time at all`},
		{[]string{"eth0", "--wait-link=soon"}, `--wait-link: "soon" is not a duration like 300ms, 5s, 1m30s or 30 (seconds)`},
		{[]string{"eth0", "--timeout", "foo"}, `--timeout: "foo" is not a duration like 300ms, 5s, 1m30s or 30 (seconds)`},
		{[]string{"eth0", "--timeout", "-5s"}, `--timeout: "-5s" is not a duration like 300ms, 5s, 1m30s or 30 (seconds)`},
		{[]string{"eth0", "--timeout", "99999999999"}, `--timeout: "99999999999" is not a duration like 300ms, 5s, 1m30s or 30 (seconds)`},
		{[]string{"eth0", "--max-routes", "0"}, `--max-routes: "0" is not a number from 1 to 512`},
		{[]string{"eth0", "--min-mtu", "67"}, `--min-mtu: "67" is not a number from 68 to 65535`},
		{[]string{"eth0", "--max-mtu", "x"}, `--max-mtu: "x" is not a number from 68 to 65535`},
		{[]string{"eth0", "--max-mtu", "500"}, "--max-mtu: 500 is less than the least MTU, 576 (--min-mtu)"},
		{[]string{"eth0", "--prefer", "best"}, `--prefer: "best" is not address, server or longest`},
		{[]string{"eth0", "--prefer", "longest"}, "--prefer: needs --select-timeout: without it the first offer is taken"},
		{[]string{"eth0", "--select-timeout", "61"}, `--select-timeout: "61" is longer than 1m, for which servers keep an offer`},
		{[]string{"eth0", "--select-timeout", "1", "--rapid-commit"}, "--select-timeout: contradicts --rapid-commit, which takes the first answer"},
		{[]string{"eth0", "--require-option", "0"}, `--require-option: "0" is neither the number of an option, 1 to 254, nor a name like ntp-servers`},
		{[]string{"eth0", "--allow-server", "box"}, `--allow-server: "box" is not an IPv4 address or network like 192.0.2.0/24, nor an Ethernet address`},
		{[]string{"eth0", "--deny-server", "2001:db8::1"}, `--deny-server: "2001:db8::1" is not an IPv4 address or network like 192.0.2.0/24, nor an Ethernet address`},
		{[]string{"eth0", "--deny-server", "192.0.2.1/24"}, "--deny-server: 192.0.2.1/24 is not a network: did you mean 192.0.2.0/24?"},
		{[]string{"eth0", "--table", "blue"}, `--table: "blue" is not a number from 1 to 2147483647, nor main`},
		{[]string{"eth0", "--table", "255"}, `--table: "255" is the table of the host's own addresses`},
		{[]string{"eth0", "--wait", "some"}, `--wait: "some" is not any, all or first`},
		{[]string{"eth0", "--on-exit", "die"}, `--on-exit: "die" is not keep, remove or release`},
		{[]string{"eth0", "-1", "--on-exit", "release"}, "--on-exit: with --oneshot and --dry-run there is nothing to take back at the end"},
		{[]string{"eth0", "--start-delay", "x"}, `--start-delay: "x" is not a duration like 300ms, 5s, 1m30s or 30 (seconds)`},
		{[]string{"eth0", "--hostname", "a_b"}, `--hostname: "a_b" is not a host name of 63 octets at most`},
		{[]string{"eth0", "--hostname", ""}, `--hostname: "" is not a host name of 63 octets at most`},
		{[]string{"eth0", "--client-id", ""}, "--client-id: is empty: none sends no client id"},
		{[]string{"eth0", "--client-id", long}, "--client-id: has 257 octets, more than the 255 that an option can hold"},
		{[]string{"eth0", "--vendor-class", ""}, "--vendor-class: has 0 octets, not 1 to 255"},
		{[]string{"eth0", "--vendor-class", long}, "--vendor-class: has 256 octets, not 1 to 255"},
		{[]string{"eth0", "--request-ip", "::1"}, `--request-ip: "::1" is not an IPv4 address that a host can have`},
		{[]string{"eth0", "--request-ip", "255.255.255.255"}, `--request-ip: "255.255.255.255" is not an IPv4 address that a host can have`},
		{[]string{"eth0", "-O", "255"}, `--request-option: "255" is neither the number of an option, 1 to 254, nor a name like ntp-servers`},
		{[]string{"eth0", "-O", "3,,6"}, `--request-option: "" is neither the number of an option, 1 to 254, nor a name like ntp-servers`},
		{[]string{"eth0", "--retransmit", "slow"}, `--retransmit: "slow" is not fast or rfc2131`},
		{[]string{"eth0", "--acd", "foo"}, `--acd: "foo" is neither off, optimistic, rfc5227 nor a duration like 200ms`},
		{[]string{"eth0", "--acd", "200"}, `--acd: "200" is neither off, optimistic, rfc5227 nor a duration like 200ms`},
		{[]string{"eth0", "--acd", "0s"}, `--acd: "0s" is neither off, optimistic, rfc5227 nor a duration like 200ms`},
		{[]string{"eth0", "--acd", "1h"}, `--acd: "1h" is longer than the 30s that a probe may take`},
		{[]string{"eth0", "--metric", "0"}, `--metric: "0" is not a number from 1 to 2147483647`},
		{[]string{"eth0", "--metric", "4294967295"}, `--metric: "4294967295" is not a number from 1 to 2147483647`},
		{[]string{"eth0", "--routes", "some"}, `--routes: "some" is not all, subnet, default or none`},
		{[]string{"eth0", "--resolv-conf", ""}, "--resolv-conf: the path is empty"},
		{[]string{"eth0", "--set-hostname=yes"}, `--set-hostname: "yes" is not unnamed or always`},
		{[]string{"eth0", "--set-hostname", "--dry-run"}, "--set-hostname: contradicts --dry-run"},
		{[]string{"eth0", "--resolv-conf", "x", "--no-dns"}, "--resolv-conf: contradicts --no-dns"},
		{[]string{"eth0", "--lease-dir", ""}, "--lease-dir: the path is empty"},
		{[]string{"eth0", "--log-format", "xml"}, `--log-format: "xml" is not text or json`},
		{[]string{"eth0", "--trace", "--log-format", "json"}, "--log-format: contradicts --trace, which takes the place of the log"},
		{[]string{"eth0", "--pcap", ""}, "--pcap: the path is empty"},
		{[]string{"eth0", "--pcap", "-", "--json"}, "--pcap: standard output is that of --json and --dry-run: name a file"},
		{[]string{"eth0", "--pcap", "-", "--dry-run"}, "--pcap: standard output is that of --json and --dry-run: name a file"},
		{[]string{"eth0", "--trace", "-b"}, "--trace: contradicts --background: there is nobody to follow it"},
		{[]string{"eth0", "--pcap", "-", "-b"}, "--pcap: there is no standard output in the background: name a file"},
		{[]string{"eth0", "--script", ""}, "--script: the path is empty"},
		{slices.Concat([]string{"eth0"}, slices.Repeat([]string{"--script=x"}, 33)), "--script: more than 32 programs"},
		{[]string{"eth0", "--script-env", "json"}, "--script: is needed with --script-env and --script-timeout"},
		{[]string{"eth0", "--script-timeout", "5"}, "--script: is needed with --script-env and --script-timeout"},
		{[]string{"eth0", "--script", "x", "--script-env", "sh"}, `--script-env: "sh" is not json, dhclient or udhcpc`},
		{[]string{"eth0", "--script", "x", "--script-timeout", "0"}, `--script-timeout: "0" is no time at all`},
		{[]string{"eth0", "--script", "x", "--script-timeout", "2h"}, `--script-timeout: "2h" is longer than the 1h that a script may take`},
		{[]string{"eth0", "--script", "x", "--script-env", "udhcpc", "--no-dns"}, "--no-dns: contradicts --script-env udhcpc: the script configures the link"},
		{[]string{"eth0", "--script", "x", "--script-env", "udhcpc", "--no-routes"}, "--routes: contradicts --script-env udhcpc: the script configures the link"},
		{[]string{"eth0", "--script", "x", "--script-env", "dhclient", "--no-mtu"}, "--no-mtu: contradicts --script-env dhclient: the script configures the link"},
		{[]string{"eth0", "--script", "x", "--script-env", "dhclient", "--resolv-conf", "y"}, "--resolv-conf: contradicts --script-env dhclient: the script configures the link"},
		{[]string{"eth0", "--script", "x", "--script-env", "udhcpc", "--netns", "blue"}, "--netns: contradicts --script-env udhcpc: the script would look for the link here; use ip netns exec"},
		{[]string{"eth0", "--netns", ""}, `--netns: "" is not a name, the number of a process, or a path`},
		{[]string{"eth0", "--netns", ".."}, `--netns: ".." cannot be the name of a network namespace`},
		{[]string{"eth0", "--netns", "0"}, `--netns: "0" is not the number of a process`},
		{[]string{"eth0", "-q", "-v"}, "--quiet: contradicts --verbose"},
	} {
		_, err := parse(tt.args)
		var usage *usageError
		if !errors.As(err, &usage) || err.Error() != tt.want {
			t.Errorf("parse(%.60q): %v\nwant %s", tt.args, err, tt.want)
		}
	}
}

// --help and --version need nothing else to be right but what stands before.
func TestParse_HelpAndVersion(t *testing.T) {
	for _, args := range []string{"--help", "-h", "eth0 -h eth0", "--version", "--version eth0"} {
		o, err := parse(strings.Fields(args))
		if err != nil || !o.help && !o.version {
			t.Errorf("parse(%q): %+v, %v", args, o, err)
		}
	}
}

func TestHelp_FitsATerminal(t *testing.T) {
	var b bytes.Buffer
	printHelp(&b)
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) > 130 {
		t.Errorf("%d lines, more than 130", len(lines))
	}
	for _, line := range lines {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	for _, row := range allFlags() {
		if !strings.Contains(b.String(), row.usage()+" ") {
			t.Errorf("%s is not in the help, or touches its text", row.usage())
		}
	}
}

// Every row can be used, and no two are written the same.
func TestFlags_AreDistinct(t *testing.T) {
	var names []string
	for _, row := range allFlags() {
		if row.set == nil || row.help == "" {
			t.Errorf("--%s is not complete", row.name)
		}
		for _, name := range []string{row.name, row.short} {
			if name != "" && slices.Contains(names, name) {
				t.Errorf("%s is there twice", name)
			}
			names = append(names, name)
		}
	}
}
